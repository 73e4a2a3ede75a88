"use strict";
// Charts in the colours of the page. Names go into plotly as text: it reads a few tags in texts, so their brackets are replaced.
tfg.plain = (text) => String(text).replace(/</g, "\u2039").replace(/>/g, "\u203a");

tfg.colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
tfg.colours = () => [0, 1, 2, 3, 4, 5].map((i) => tfg.colour(`l${i}`));

tfg.draw = function (element, traces, layout = {}) {
  const axis = { gridcolor: tfg.colour("rule"), zeroline: false, linecolor: tfg.colour("rule"), automargin: true };
  const whole = {
    margin: { l: 48, r: 12, t: layout.title ? 30 : 10, b: 38 },
    height: 230,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    colorway: tfg.colours(),
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: tfg.colour("ink") },
    hoverlabel: { font: { family: getComputedStyle(document.body).fontFamily } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 1, xanchor: "right" },
    ...layout,
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
  if (layout.title) whole.title = { text: tfg.plain(layout.title), x: 0, xanchor: "left", font: { size: 13 } };
  Plotly.react(element, traces, whole, { displayModeBar: false, responsive: true });
};

// Redrawn where the reader switches between light and dark.
tfg.themed = function (draw) {
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
};

"use strict";
// Charts in the colours of the page. Names go into plotly as text: it reads a few tags in texts, so their brackets are replaced.
tfg.plain = (text) => String(text).replace(/</g, "\u2039").replace(/>/g, "\u203a");

tfg.colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
tfg.colours = () => [0, 1, 2, 3, 4, 5].map((i) => tfg.colour(`l${i}`));

const NARROW = 480; // px; below it a legend beside the title would cover it
const LEGEND_ROW = 22; // px

// Width, height and legend for the room that a chart has now.
function fitted(element) {
  const { height, entries } = element.asked;
  const below = entries > 0 && element.clientWidth < NARROW;
  return {
    width: element.clientWidth,
    height: height + (below ? LEGEND_ROW * Math.ceil(entries / 2) : 0),
    legend: below
      ? { orientation: "h", x: 0, xanchor: "left", yref: "container", y: 0, yanchor: "bottom" }
      : { orientation: "h", x: 1, xanchor: "right", yref: "paper", y: 1.02, yanchor: "bottom" },
  };
}

// Charts follow their own room, not the window's: a scroll bar or a column that appears changes it too.
const rooms = new ResizeObserver((changes) =>
  requestAnimationFrame(() => {
    for (const { target } of changes) {
      const room = target.clientWidth;
      if (room && target._fullLayout && target._fullLayout.width !== room) Plotly.relayout(target, fitted(target));
    }
  }),
);

tfg.draw = function (element, traces, layout = {}) {
  element.asked = { height: layout.height || 230, entries: layout.showlegend ? traces.length : 0 };
  const axis = { gridcolor: tfg.colour("rule"), zeroline: false, linecolor: tfg.colour("rule"), automargin: true };
  const whole = {
    margin: { l: 48, r: 12, t: layout.title ? 30 : 10, b: 38 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    colorway: tfg.colours(),
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: tfg.colour("ink") },
    hoverlabel: { font: { family: getComputedStyle(document.body).fontFamily } },
    ...layout,
    ...fitted(element),
    xaxis: { ...axis, ...layout.xaxis },
    yaxis: { ...axis, ...layout.yaxis },
  };
  if (layout.title) whole.title = { text: tfg.plain(layout.title), x: 0, xanchor: "left", font: { size: 13 } };
  Plotly.react(element, traces, whole, { displayModeBar: false });
  rooms.observe(element);
};

// Redrawn where the reader switches between light and dark.
tfg.themed = function (draw) {
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
};

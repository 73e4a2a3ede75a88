"use strict";
// The page of one run: charts of its frames, its selection and its training, and its configuration beside another's.
const by = (id) => document.getElementById(id);
const run = Object.values(tfg.runs)[0];

if (!run) {
  by("main").prepend(tfg.element("p", { class: "hole" }, "The data of this run is missing beside the page; run tfg report again."));
} else {
  const player = by("player") ? tfg.player(run.fps) : null;
  tfg.current = player;
  const charts = run.charts.map((chart) => ({ chart, element: by("frames").appendChild(tfg.element("div", { role: "img", "aria-label": `${chart.title}, frame by frame` })) }));
  const row = (name) => tfg.decode(run.rows[name]).map((value) => (Number.isNaN(value) ? null : value));
  const here = () => (player ? player.frame / run.fps : 0);
  const line = (x) => ({ type: "line", xref: "x", yref: "paper", x0: x, x1: x, y0: 0, y1: 1, line: { color: tfg.colour("bad"), width: 1.5 } });

  function frames() {
    for (const { chart, element } of charts) {
      const traces = chart.lines.map((one) => {
        const y = row(one.row);
        return { type: "scatter", mode: "lines", name: one.label, x: y.map((_, i) => i / run.fps), y, line: { width: 1.5 } };
      });
      tfg.draw(element, traces, { title: chart.title, showlegend: traces.length > 1, height: 190, hovermode: "x", shapes: player ? [line(here())] : [] });
      element.removeAllListeners?.("plotly_click");
      element.on("plotly_click", (event) => player?.seek(Math.round(event.points[0].x * run.fps)));
    }
  }

  // The head of every curve follows the video, a few times a second: plotly takes a moment for each.
  let waiting = null;
  player?.listeners.push(() => {
    waiting ??= setTimeout(() => {
      waiting = null;
      for (const { element } of charts) if (element._fullLayout && inView(element)) Plotly.relayout(element, { "shapes[0].x0": here(), "shapes[0].x1": here() });
    }, 120);
  });
  const inView = (element) => {
    const box = element.getBoundingClientRect();
    return box.bottom > 0 && box.top < innerHeight;
  };

  function timeline() {
    const { candidates, starts, piece_seconds: length } = run.selection;
    if (!by("timeline")) return;
    const span = (value) => `${value} to ${value + length} s`;
    const known = candidates.filter((one) => one[1] !== null);
    const scored = candidates.filter((one) => one[3] !== null);
    const hover = (one) => tfg.plain([span(one[0]), one[1] === null ? null : `diversity ${one[1].toPrecision(4)}`, one[2] === null ? null : `motion ${one[2].toPrecision(4)}`, one[3] === null ? null : `score ${one[3].toPrecision(4)}`, run.selection.notes[one[4]]].filter(Boolean).join(", "));
    const middle = (one) => one[0] + length / 2;
    const drawn = (list, name, y, options) => ({ type: "scatter", name, x: list.map(middle), y: list.map(y), text: list.map(hover), hovertemplate: "%{text}<extra></extra>", ...options });
    const traces = [];
    if (known.length) traces.push(drawn(known, "diversity", (one) => one[1], { mode: "lines+markers", line: { color: tfg.colour("l5"), width: 1 }, marker: { size: 5 } }));
    else traces.push(drawn(candidates, "candidates", () => 0, { mode: "markers", marker: { color: tfg.colour("l5"), size: 7, symbol: "line-ns-open" } }));
    if (scored.length) traces.push(drawn(scored, "score (right)", (one) => one[3], { mode: "markers", yaxis: "y2", marker: { size: 10, color: scored.map((one) => tfg.colour(starts.includes(one[0]) ? "l1" : "l0")), symbol: "diamond" } }));
    const shades = starts.map((start) => ({ type: "rect", xref: "x", yref: "paper", x0: start, x1: start + length, y0: 0, y1: 1, fillcolor: tfg.colour("l1"), opacity: 0.18, line: { width: 0 } }));
    tfg.draw(by("timeline"), traces, {
      height: 260, shapes: shades, showlegend: true, hovermode: "closest", xaxis: { title: { text: "s in the clip, middle of a candidate; shaded: chosen" } },
      yaxis: { title: { text: known.length ? "diversity" : "" }, showticklabels: known.length > 0 },
      yaxis2: { overlaying: "y", side: "right", showgrid: false, zeroline: false, automargin: true, title: { text: scored.length ? "score" : "" }, visible: scored.length > 0 },
    });
  }

  function candidates() {
    const number = (value, digits) => tfg.element("td", {}, value === null ? "-" : value.toFixed(digits));
    const head = ["start s", "diversity", "motion", "score", ""].map((text) => tfg.element("th", { scope: "col" }, text));
    const rows = run.selection.candidates.map(([start, diversity, motion, score, note]) => {
      const chosen = run.selection.starts.includes(start);
      const said = [chosen ? "chosen" : null, run.selection.notes[note]].filter(Boolean).join(": ");
      const cells = [number(diversity, 4), number(motion, 4), number(score, 4), tfg.element("td", { class: "text" }, said)];
      return tfg.element("tr", { class: chosen ? "chosen" : null }, tfg.element("th", { scope: "row" }, start.toFixed(2)), ...cells);
    });
    by("candidates")?.replaceChildren(tfg.element("thead", {}, tfg.element("tr", {}, ...head)), tfg.element("tbody", {}, ...rows));
  }
  candidates();

  const curves = by("curves") ? Object.entries(run.training).sort(([a], [b]) => Number(b.endsWith("loss")) - Number(a.endsWith("loss"))).map(([name, [x, y]]) => ({ name, x, y, element: by("curves").appendChild(tfg.element("div", { role: "img", "aria-label": `${name} over the steps` })) })) : [];
  function training() {
    for (const { name, x, y, element } of curves) tfg.draw(element, [{ type: "scatter", mode: x.length < 40 ? "lines+markers" : "lines", x, y, line: { width: 1.5 } }], { title: name, showlegend: false, height: 220, xaxis: { title: { text: "step" } } });
  }

  tfg.themed(() => {
    frames();
    timeline();
    training();
  });

  let other = null;
  const config = () => {
    const count = tfg.configTable(by("config"), run, other, by("keys").value, by("all").checked);
    by("config-said").textContent = other ? `${count} keys differ.` : "";
  };
  tfg.options(by("against"), [["", "no other run"], ...tfg.named().filter(([id]) => id !== run.id)], "");
  by("keys").addEventListener("input", config);
  by("all").addEventListener("change", config);
  by("against").addEventListener("change", async () => {
    try {
      other = by("against").value ? await tfg.load(by("against").value, "../") : null;
      config();
    } catch (error) {
      by("config-said").textContent = error.message;
    }
  });
  config();
}

"use strict";
// Two runs side by side: differences with intervals, their frames, what differs in their configurations.
const by = (id) => document.getElementById(id);
const ARROWS = { up: " \u2191", down: " \u2193", none: "" };
let pair = null;

function row(name, made) {
  const { entry, low, high, probability } = made;
  const range = low === undefined ? "-" : `${tfg.signed(low, entry)} to ${tfg.signed(high, entry)}`;
  const sure = low !== undefined && low * high > 0 && entry.better !== "none";
  const kind = sure ? ((low > 0) === (entry.better === "up") ? "better" : "worse") : null;
  const values = pair.map((run) => run.metrics[name]).map((metric) => (metric && "value" in metric ? tfg.fixed(Number(metric.value === "inf" ? Infinity : metric.value), entry.digits).replace("Infinity", "inf") : "-"));
  const title = tfg.element("a", { href: `metrics.html#${encodeURIComponent(name)}` }, `${entry.title} ${entry.unit}`.trimEnd());
  return tfg.element(
    "tr",
    { "data-metric": name },
    tfg.element("th", { scope: "row" }, title, ARROWS[entry.better]),
    ...values.map((text) => tfg.element("td", {}, text)),
    tfg.element("td", { class: kind }, tfg.signed(made.difference, entry)),
    tfg.element("td", { class: kind }, range),
    tfg.element("td", {}, probability === null || probability === undefined ? "-" : tfg.fixed(probability, 3)),
  );
}

function differences() {
  const { problem, found } = tfg.compare(...pair);
  by("differences").hidden = Boolean(problem);
  by("apart").hidden = Boolean(problem);
  const names = new Map(tfg.named());
  by("said").textContent = problem || pair.map((run) => names.get(run.id)).join(" minus ");
  if (problem) return;
  const apart = tfg.differing(pair.map((run) => tfg.table.rows.find((row) => row.id === run.id)));
  const same = "Beside their segments nothing differs: settings of training and metrics, commit and machine are the same.";
  by("apart").textContent = apart.size ? `Beside their segments they differ in (first | second): ${tfg.saidOf(apart, " | ")}` : same;
  const head = ["metric", "first", "second", "difference", "95 % interval", "probability of better"];
  const rows = [...found].filter(([name]) => !name.endsWith("_decoded")).concat([...found].filter(([name]) => name.endsWith("_decoded")));
  by("table").replaceChildren(
    tfg.element("thead", {}, tfg.element("tr", {}, ...head.map((text) => tfg.element("th", { scope: "col" }, text)))),
    tfg.element("tbody", {}, ...rows.filter(([, made]) => made.difference !== null).map(([name, made]) => row(name, made))),
  );
  const notes = new Map();
  for (const made of found.values()) {
    const note = made.over ? `95 % interval over ${made.over}` : made.difference === null ? `left out, no difference, ${made.reason}` : made.reason;
    notes.set(note, [...(notes.get(note) || []), made.entry.title]);
  }
  by("notes").replaceChildren(...[...notes].map(([note, titles]) => tfg.element("li", {}, `${note}: ${titles.join("; ")}`)));
  const titles = pair[0].charts.map((chart) => chart.title).filter((title) => pair[1].charts.some((chart) => chart.title === title));
  tfg.options(by("metric"), titles.map((title) => [title, title]), by("metric").value);
  tfg.themed(frames);
}

function frames() {
  const charts = pair.map((run) => run.charts.find((chart) => chart.title === by("metric").value));
  if (charts.includes(undefined)) return;
  const traces = charts.flatMap((chart, i) =>
    chart.lines.filter((line) => i === 0 || line.label !== "ground truth").map((line, place) => {
      const y = tfg.decode(pair[i].rows[line.row]).map((value) => (Number.isNaN(value) ? null : value));
      const colour = line.label === "ground truth" ? tfg.colour("l5") : tfg.colour(`l${i}`);
      const name = tfg.plain(line.label === "ground truth" ? line.label : `${["first", "second"][i]}${chart.lines.length > 1 ? `, ${line.label}` : ""}`);
      return { type: "scatter", mode: "lines", name, x: y.map((_, k) => k / pair[i].fps), y, line: { width: 1.6, color: colour, dash: ["solid", "dot", "dash", "dashdot"][place % 4] } };
    }),
  );
  tfg.draw(by("chart"), traces, { height: 300, showlegend: true, xaxis: { title: { text: "s" } } });
}

function config() {
  const count = tfg.configTable(by("config-table"), ...pair, "", by("all").checked);
  by("config-said").textContent = `${count} keys differ.`;
}

async function change() {
  const [first, second] = [by("first").value, by("second").value];
  if (!first || !second || first === second) return void (by("said").textContent = first && first === second ? "Both are one run; choose another." : "Choose two runs.");
  history.replaceState(null, "", `#${new URLSearchParams({ a: first, b: second })}`);
  by("said").textContent = "Comparing ...";
  try {
    pair = await Promise.all([tfg.load(first, ""), tfg.load(second, "")]);
  } catch (error) {
    return void (by("said").textContent = error.message);
  }
  await new Promise((resolve) => setTimeout(resolve));
  differences();
  by("config").hidden = false;
  config();
}

if (by("first")) {
  const named = tfg.named();
  const given = new URLSearchParams(location.hash.slice(1));
  tfg.options(by("first"), [["", "choose a run"], ...named], given.get("a"));
  tfg.options(by("second"), [["", "choose a run"], ...named], given.get("b"));
  for (const select of ["first", "second"]) by(select).addEventListener("change", change);
  by("metric").addEventListener("change", frames);
  by("all").addEventListener("change", config);
  by("swap").addEventListener("click", () => {
    [by("first").value, by("second").value] = [by("second").value, by("first").value];
    change();
  });
  change();
}

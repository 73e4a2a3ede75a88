"use strict";
// The table of runs: sorted, filtered, columns picked; what is chosen stands in the address, so that a link shows the same.
const { columns, rows, axes } = tfg.table;
const by = (id) => document.getElementById(id);
const INFINITE = 1e300;
const state = { filter: "", sort: null, down: false, on: new Set(columns.filter((c) => c.on).map((c) => c.key)), picked: [], axes: {} };
const texts = rows.map((row) => [row.label, row.id, ...row.cells.slice(0, axes)].join(" ").toLowerCase());

function restore() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.has("filter")) state.filter = given.get("filter");
  if (columns.some((column) => column.key === given.get("sort"))) state.sort = given.get("sort");
  state.down = given.get("down") === "1";
  if (given.has("columns")) state.on = new Set(given.get("columns").split(","));
  for (const column of columns.slice(0, axes)) if (given.has(`is.${column.key}`)) state.axes[column.key] = given.get(`is.${column.key}`);
}

function remember() {
  const kept = new URLSearchParams();
  if (state.filter) kept.set("filter", state.filter);
  if (state.sort) kept.set("sort", state.sort);
  if (state.down) kept.set("down", "1");
  const usual = columns.every((column) => column.on === state.on.has(column.key));
  if (!usual) kept.set("columns", [...state.on].join(","));
  for (const [key, value] of Object.entries(state.axes)) if (value) kept.set(`is.${key}`, value);
  history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search);
}

function kept() {
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = Object.entries(state.axes).filter(([, value]) => value !== "");
  const found = rows.map((_, i) => i).filter((i) => {
    const fits = wanted.every(([key, value]) => rows[i].cells[columns.findIndex((c) => c.key === key)] === value);
    return fits && words.every((word) => texts[i].includes(word));
  });
  if (state.sort === null) return found;
  const at = columns.findIndex((column) => column.key === state.sort);
  const sign = state.down ? -1 : 1;
  return found.sort((a, b) => {
    const [one, other] = [rows[a].values[at], rows[b].values[at]];
    if (columns[at].kind === "axis" && (one === null || other === null)) return sign * rows[a].cells[at].localeCompare(rows[b].cells[at], "en", { numeric: true });
    if (one === null || other === null) return Number(one === null) - Number(other === null) || a - b; // without a number: last
    return sign * (one - other) || a - b;
  });
}

// Runs of one key are ranked: scored on the same frames and, unless asked otherwise, of the same settings.
function ranked(row) {
  const { keys, sets, ignored } = tfg.table.settings;
  const settings = by("across").checked ? [] : keys.map((key, at) => (ignored.includes(key) ? "" : sets[row.settings][at]));
  return JSON.stringify([row.held, ...settings]);
}

// What the runs shown that have the same frames differ in beside segment and repetition, and what that means for the best.
function ranking(shown) {
  const found = new Map();
  for (const held of new Set(shown.map((i) => rows[i].held))) {
    for (const [key, values] of tfg.differing(shown.map((i) => rows[i]).filter((row) => row.held === held))) {
      if (!tfg.table.settings.ignored.includes(key)) found.set(key, [...new Set([...(found.get(key) || []), ...values])]);
    }
  }
  by("across").parentElement.hidden = !found.size;
  const scope = by("across").checked ? "Bold ignores that they do." : "Bold is the best of those that agree in all of it.";
  by("ranking").textContent = found.size ? `Runs of the same held-out frames differ in more than segment, seed, commit and machine: ${tfg.saidOf(found, ", ")}. ${scope}` : "";
}

// Why runs shown have no intervals, each reason once.
function unranged(shown) {
  const counts = new Map();
  for (const i of shown) if (rows[i].unranged) counts.set(rows[i].unranged, (counts.get(rows[i].unranged) || 0) + 1);
  const said = [...counts].map(([why, count]) => `No intervals below ${count === shown.length ? "any run" : `${count} of ${shown.length} runs`}: ${why}.`);
  by("unranged").textContent = by("ranges").checked ? said.join(" ") : "";
}

// Best of the runs that are ranked together, as printed; `at`: column.
function best(shown, at, keys) {
  const sign = { up: 1, down: -1 }[columns[at].better];
  const groups = new Map();
  const marked = new Set();
  if (!sign) return marked;
  for (const i of shown) {
    if (rows[i].values[at] === null) continue;
    const key = keys.get(i);
    groups.set(key, [...(groups.get(key) || []), i]);
  }
  for (const group of groups.values()) {
    if (new Set(group.map((i) => rows[i].head)).size < 2) continue; // nothing to be better than
    const top = group.reduce((a, b) => (sign * rows[b].values[at] > sign * rows[a].values[at] ? b : a));
    for (const i of group) if (rows[i].cells[at] === rows[top].cells[at]) marked.add(i);
  }
  return marked;
}

function cells(row, visible, marks, i) {
  return visible.map((at) => {
    const column = columns[at];
    if (at < axes) return tfg.element("td", { class: "text" }, row.cells[at]);
    const range = by("ranges").checked && marks ? row.ranges[column.key] : null;
    const kind = marks && marks.get(at).has(i) ? "best" : row.cells[at] === "-" ? "absent" : null;
    return tfg.element("td", { class: kind }, row.cells[at], range ? tfg.element("small", {}, range) : null);
  });
}

let timer = 0;
function show() {
  const visible = columns.map((_, at) => at).filter((at) => state.on.has(columns[at].key));
  const shown = kept();
  const keys = new Map(shown.map((i) => [i, ranked(rows[i])]));
  const marks = new Map(visible.map((at) => [at, best(shown, at, keys)]));
  const title = (at) => {
    const column = columns[at];
    const direction = state.sort === column.key ? (state.down ? "descending" : "ascending") : null;
    const arrow = direction ? (state.down ? " \u25be" : " \u25b4") : "";
    const button = tfg.element("button", { type: "button", onclick: () => sort(column) }, column.title + arrow);
    return tfg.element("th", { scope: "col", "aria-sort": direction, class: at < axes ? "text" : null }, button);
  };
  const reset = tfg.element("button", { type: "button", onclick: () => ((state.sort = null), show()), title: "in the order of names" }, "run");
  const head = tfg.element("tr", {}, tfg.element("th", { scope: "col" }, reset), ...visible.map(title));
  const body = tfg.element("tbody");
  for (const i of shown) {
    const row = rows[i];
    const box = tfg.element("input", { type: "checkbox", "aria-label": `compare ${row.label}`, checked: state.picked.includes(row.id), onchange: () => pick(row.id) });
    const link = tfg.element("a", { href: `runs/${encodeURIComponent(row.id)}.html`, title: row.verdict }, row.label);
    body.append(tfg.element("tr", {}, tfg.element("th", { scope: "row" }, tfg.element("span", { class: "row" }, box, link)), ...cells(row, visible, marks, i)));
    if (!by("below").checked) continue;
    for (const under of row.below) {
      const whole = { cells: [...Array(axes).fill(""), ...under.cells.split("\t")] };
      body.append(tfg.element("tr", { class: "under" }, tfg.element("th", { scope: "row" }, under.name), ...cells(whole, visible, null, i)));
    }
  }
  const focused = document.activeElement?.closest?.("#runs thead th")?.cellIndex;
  by("runs").replaceChildren(tfg.element("thead", {}, head), body);
  if (focused !== undefined) by("runs").rows[0].cells[Math.min(focused, visible.length)].querySelector("button").focus();
  by("shown").textContent = shown.length === rows.length ? `${rows.length} runs.` : `${shown.length} of ${rows.length} runs.`;
  ranking(shown);
  unranged(shown);
  remember();
  clearTimeout(timer);
  timer = setTimeout(() => chart(shown), 150);
}

function sort(column) {
  const first = column.better === "up"; // the best first
  state.down = state.sort === column.key ? !state.down : first;
  state.sort = column.key;
  show();
}

function pick(id) {
  state.picked = state.picked.includes(id) ? state.picked.filter((other) => other !== id) : [...state.picked, id].slice(-2);
  by("compare").disabled = state.picked.length !== 2;
  for (const box of document.querySelectorAll("#runs tbody input")) {
    const row = rows.find((one) => box.getAttribute("aria-label") === `compare ${one.label}` && box.closest("tr").querySelector("a").getAttribute("href") === `runs/${encodeURIComponent(one.id)}.html`);
    box.checked = state.picked.includes(row.id);
  }
}

// Numbers in full; a field that a spreadsheet would take for a formula gets a quote before it.
function csv() {
  const visible = columns.map((_, at) => at).filter((at) => state.on.has(columns[at].key));
  const field = (value) => {
    const text = typeof value === "string" && /^[=+\-@\t]/.test(value) && Number.isNaN(Number(value)) && value !== "-" ? `'${value}` : String(value ?? "");
    return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const number = (value) => (value === INFINITE ? "inf" : value);
  const lines = [["run_id", "run", ...visible.map((at) => columns[at].key)]];
  for (const i of kept()) lines.push([rows[i].id, rows[i].label, ...visible.map((at) => (columns[at].kind === "axis" ? rows[i].cells[at] : number(rows[i].values[at])))]);
  const url = URL.createObjectURL(new Blob([lines.map((line) => line.map(field).join(",")).join("\n") + "\n"], { type: "text/csv" }));
  tfg.element("a", { href: url, download: "runs.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function chart(shown) {
  const at = columns.findIndex((column) => column.key === by("chart-metric").value);
  const grouped = columns.findIndex((column) => column.key === by("chart-by").value);
  const name = (i) => (grouped < 0 ? "all runs" : rows[i].cells[grouped]);
  const known = shown.filter((i) => rows[i].values[at] !== null && rows[i].values[at] !== INFINITE);
  const names = [...new Set(known.map(name))];
  const few = known.length <= 200;
  const traces = names.map((group, place) => {
    const members = known.filter((i) => name(i) === group);
    const values = members.map((i) => rows[i].values[at]);
    const ends = members.map((i) => (rows[i].ranges[columns[at].key] || "").split(" to ").map(Number));
    const reach = (side) => members.map((_, m) => (ends[m].length === 2 ? Math.abs(ends[m][side] - values[m]) : 0));
    const shift = members.map((_, m) => place + (members.length > 1 ? 0.5 * (m / (members.length - 1) - 0.5) : 0));
    return {
      type: "scatter", mode: "markers", name: tfg.plain(group), x: values, y: shift, customdata: members.map((i) => rows[i].id),
      text: members.map((i) => tfg.plain(rows[i].label)), hovertemplate: "%{text}<br>%{x}<extra></extra>", marker: { size: few ? 9 : 6, opacity: few ? 0.9 : 0.55 },
      error_x: { type: "data", symmetric: false, array: reach(1), arrayminus: reach(0), thickness: 1, width: 0, visible: few },
    };
  });
  const ticks = { tickvals: names.map((_, i) => i), ticktext: names.map(tfg.plain), range: [-0.6, names.length - 0.4] };
  tfg.draw(by("chart"), traces, { height: Math.max(190, 80 + 46 * names.length), showlegend: false, hovermode: "closest", xaxis: { title: { text: columns[at].title } }, yaxis: { ...ticks, showgrid: false } });
  by("chart").removeAllListeners?.("plotly_click");
  by("chart").on("plotly_click", (event) => (location.href = `runs/${encodeURIComponent(event.points[0].customdata)}.html`));
}

restore();
by("filter").value = state.filter;
by("filter").addEventListener("input", () => ((state.filter = by("filter").value), show()));
for (const box of ["below", "ranges", "across"]) by(box).addEventListener("change", show);
by("csv").addEventListener("click", csv);
by("compare").addEventListener("click", () => (location.href = `compare.html#a=${encodeURIComponent(state.picked[0])}&b=${encodeURIComponent(state.picked[1])}`));
columns.slice(0, axes).forEach((column, at) => {
  const values = [...new Set(rows.map((row) => row.cells[at]))];
  if (values.length < 2 || values.length > 60) return;
  values.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const select = tfg.element("select", { onchange: () => ((state.axes[column.key] = select.value), show()) });
  tfg.options(select, [["", "all"], ...values.map((value) => [value, value])], state.axes[column.key] || "");
  by("axes-filters").append(tfg.element("label", {}, column.title, select), " ");
});
for (const column of columns) {
  const box = tfg.element("input", { type: "checkbox", checked: state.on.has(column.key), onchange: () => (box.checked ? state.on.add(column.key) : state.on.delete(column.key), show()) });
  by("columns-list").append(tfg.element("label", {}, box, column.title));
}
document.addEventListener("click", (event) => { if (!by("columns").contains(event.target)) by("columns").open = false; });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") by("columns").open = false; });
const metrics = columns.filter((column) => column.kind !== "axis" && rows.some((row) => row.values[columns.indexOf(column)] !== null));
tfg.options(by("chart-metric"), metrics.map((column) => [column.key, column.title]), (metrics.find((column) => column.kind === "metric") || metrics[0]).key);
tfg.options(by("chart-by"), [["", "nothing"], ...columns.slice(0, axes).map((column) => [column.key, column.title])], axes ? (columns.slice(0, axes).find((column) => column.key === "selector") || columns[0]).key : "");
for (const select of ["chart-metric", "chart-by"]) by(select).addEventListener("change", () => chart(kept()));
tfg.themed(show);

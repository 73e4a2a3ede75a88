"use strict";
// What every page of the report shares: the data that scripts of data/ bring, rows of numbers, elements. Text is set as text, never as markup.
const tfg = {
  runs: {},
  index(value) {
    this.table = value;
  },
  run(value) {
    this.runs[value.id] = value;
  },
};

// A run's data, loaded once. Pages on disk may load scripts and nothing else.
tfg.load = function (id, root) {
  if (id in tfg.runs) return Promise.resolve(tfg.runs[id]);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${root}data/runs/${encodeURIComponent(id)}.js`;
    script.onload = () => resolve(tfg.runs[id]);
    script.onerror = () => reject(new Error(`data/runs/${id}.js is missing; run tfg report again`));
    document.head.append(script);
  });
};

// A row of numbers as tfg/report/series.py encodes it; NaN where a frame has none.
tfg.decode = function (text) {
  const body = text.slice(2);
  if (text[0] === "b") return Array.from(body, (flag) => (flag === "-" ? NaN : Number(flag)));
  const bytes = Uint8Array.from(atob(body), (char) => char.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const size = text[0] === "f" ? 4 : 8;
  return Array.from({ length: bytes.length / size }, (_, i) => (size === 4 ? view.getFloat32(4 * i, true) : view.getFloat64(8 * i, true)));
};

tfg.element = function (name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

// Dotted keys of a configuration and their values as text.
tfg.flat = function (node, prefix = "") {
  const found = new Map();
  for (const [key, value] of Object.entries(node)) {
    const nested = value !== null && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length;
    if (nested) for (const [inner, text] of tfg.flat(value, `${prefix}${key}.`)) found.set(inner, text);
    else found.set(prefix + key, JSON.stringify(value));
  }
  return found;
};

// Key, own value, other value; of two runs what differs, and with `all` the rest below. Returns how many keys differ.
tfg.configTable = function (table, first, second, contains, all) {
  const [one, other] = [tfg.flat(first.config), second ? tfg.flat(second.config) : new Map()];
  const keys = [...new Set([...one.keys(), ...other.keys()])].filter((key) => key.includes(contains)).sort();
  const differs = (key) => second && one.get(key) !== other.get(key);
  keys.sort((a, b) => Number(differs(b)) - Number(differs(a)));
  const cell = (map, key) => tfg.element("td", { class: "text" }, map.has(key) ? map.get(key) : "-");
  const head = ["key", first.label, ...(second ? [second.label] : [])].map((text) => tfg.element("th", { scope: "col" }, text));
  const rows = keys.filter((key) => !second || all || differs(key)).map((key) =>
    tfg.element("tr", { class: differs(key) ? "differs" : null }, tfg.element("th", { scope: "row" }, key), cell(one, key), second ? cell(other, key) : null),
  );
  table.replaceChildren(tfg.element("thead", {}, tfg.element("tr", {}, ...head)), tfg.element("tbody", {}, ...rows));
  return keys.filter(differs).length;
};

// Whether a metric has no number because it was switched off, in all of the runs that know it (tfg/record/metrics.py).
tfg.isOff = (entries) => entries.every((entry) => entry === undefined || String(entry.unavailable).includes("switched off (metrics."));

// What runs differ in beside their segments: key -> its values, once each, in the order of the runs; as tfg/record/differences.py
// has it of two. Where an option of a group is another one, its values are not compared.
tfg.differing = function (rows) {
  const { keys, sets } = tfg.table.settings;
  const some = [...new Set(rows.map((row) => row.settings))].map((number) => sets[number]);
  const found = new Map();
  keys.forEach((key, at) => {
    const name = `${key.split(".")[0]}.name`;
    const options = new Map();
    for (const set of some) {
      const option = key === name ? "" : set[keys.indexOf(name)];
      options.set(option, (options.get(option) || new Set()).add(set[at]));
    }
    const values = [...options.values()].filter((one) => one.size > 1).flatMap((one) => [...one]);
    if (values.length) found.set(key === name ? key.slice(0, -5) : key, [...new Set(values)]);
  });
  return found;
};

// The first of them in words, `joined` between the values of a key.
tfg.saidOf = function (found, joined) {
  const said = [...found].map(([key, values]) => `${key} ${values.join(joined)}`);
  return [...said.slice(0, 8), ...(said.length > 8 ? [`and ${said.length - 8} more`] : [])].join("; ");
};

tfg.options = function (select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => tfg.element("option", { value, selected: value === chosen }, text)));
};

// Label and run of every row of the table; runs of one label are told apart by what varies, start, and the end of their id.
tfg.named = function () {
  const { rows, columns } = tfg.table;
  const counts = {};
  for (const row of rows) counts[row.label] = (counts[row.label] || 0) + 1;
  const varies = (at) => new Set(rows.map((row) => row.cells[at])).size > 1;
  const details = (row) => {
    const told = (column) => ["selector", "backbone", "sweep"].includes(column.key) || row.label.includes(`${column.key}=`);
    const own = columns.map((column, at) => [column, row.cells[at]]).filter(([column], at) => ["axis", "start"].includes(column.kind) && varies(at) && !told(column));
    const said = own.map(([column, text]) => (column.key === "start s" ? `from ${text} s` : `${column.title} ${text}`));
    return [row.label, ...said, row.id.split("-").pop()].join(", ");
  };
  return rows.map((row) => [row.id, counts[row.label] > 1 ? details(row) : row.label]);
};

// Frames that scroll show on which side more of their table lies.
document.addEventListener("DOMContentLoaded", () => {
  for (const frame of document.querySelectorAll(".scroll")) {
    const mark = () => {
      frame.classList.toggle("before", frame.scrollLeft > 1);
      frame.classList.toggle("beyond", frame.scrollLeft + frame.clientWidth < frame.scrollWidth - 1);
    };
    const sizes = new ResizeObserver(mark);
    sizes.observe(frame);
    sizes.observe(frame.firstElementChild);
    frame.addEventListener("scroll", mark, { passive: true });
  }
});

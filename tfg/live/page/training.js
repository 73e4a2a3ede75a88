// A run while it trains: how far it is, the seconds that were chosen, and one held-out frame beside the truth.

const element = (id) => document.getElementById(id);
const STAGES = {
  selection: "Choosing the seconds to train on",
  sync: "Measuring how late the sound is",
  prior: "Looking whether the prior knows this person",
  features_train: "Reading faces and sound of the chosen seconds",
  features_held_out: "Reading faces and sound of the held-out part",
  training: "Training",
  rendering: "Rendering the held-out speech",
  metrics: "Scoring",
  "opening the head": "Opening the head",
};
const WIDTH = 600, TOP = 12, BOTTOM = 118, LEFT = 8; // of the curve, in its own units

export function show(training) {
  element("training").hidden = false;
  element("head").hidden = true;
  document.title = `${training.name} - tfg live`;
  element("stage").textContent = STAGES[training.stage] ?? training.stage ?? "Starting";
  element("news").textContent = training.line ?? "";
  const work = training.work;
  element("far").hidden = !work;
  if (work) {
    element("bar").value = work.done / work.total;
    const left = work.secondsLeft === null ? "" : `, ${clock(work.secondsLeft)} left`;
    const what = training.stage === "training" ? "" : `${work.label}: `;
    element("work").textContent = `${what}${work.done} of ${work.total} ${work.unit}, ${work.rate.toFixed(1)}/s${left}${work.note ? `, ${work.note}` : ""}`;
  }
  if (training.step !== null && element("step").textContent !== String(training.step)) {
    element("pair").hidden = false;
    element("step").textContent = training.step;
    element("made").src = `/made.jpg?${training.step}`;
    if (!element("truth").src) element("truth").src = "/truth.jpg";
  }
}

export function hide() {
  element("training").hidden = true;
  element("head").hidden = false;
  document.title = "tfg live";
}

function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

// The first score of every candidate over the clip's time; dots on those whose faces decided; the chosen seconds shaded.
export function choose({ start, seconds, method, scores, pieces = [{ start, seconds }], piece_seconds: length = seconds }) {
  const first = ["diversity", "motion_complexity", "score"].find((name) => scores.some((score) => score[name] !== null));
  const end = scores[scores.length - 1].start + length;
  const x = (time) => LEFT + (time / end) * (WIDTH - 2 * LEFT);
  const values = first ? scores.map((score) => score[first]).filter((value) => value !== null) : [0];
  const least = Math.min(...values), most = Math.max(...values);
  const y = (value) => BOTTOM - 6 - ((value - least) / (most - least || 1)) * (BOTTOM - 6 - TOP);
  const inside = (score) => pieces.some((piece) => piece.start <= score.start + 0.02 && score.start + length <= piece.start + piece.seconds + 0.02); // half a frame
  const parts = pieces.map((piece) => part("rect", { class: "chosen", x: x(piece.start), y: TOP - 8, width: x(piece.start + piece.seconds) - x(piece.start), height: BOTTOM - TOP + 8 }));
  parts.push(part("line", { class: "axis", x1: LEFT, x2: WIDTH - LEFT, y1: BOTTOM, y2: BOTTOM }));
  const every = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600].find((step) => end / step <= 12) ?? 1800;
  for (let time = 0; time <= end; time += every) {
    parts.push(part("line", { class: "axis", x1: x(time), x2: x(time), y1: BOTTOM, y2: BOTTOM + 4 }));
    parts.push(part("text", { x: x(time), y: BOTTOM + 18, "text-anchor": time ? "middle" : "start" }, `${time} s`));
  }
  const middle = (score) => x(score.start + length / 2);
  if (first) {
    let path = "", pen = "M";
    for (const score of scores) {
      if (score[first] === null) pen = "M"; // the line breaks at a rejected candidate
      else (path += `${pen}${middle(score)} ${y(score[first])}`), (pen = "L");
    }
    parts.push(part("path", { class: "values", d: path }));
  }
  for (const score of scores) {
    const decided = first && score[first] !== null && (inside(score) || (first === "diversity" && score.motion_complexity !== null));
    if (decided) parts.push(part("circle", { class: inside(score) ? "best" : "finalist", cx: middle(score), cy: y(score[first]), r: 4.5 }));
    else if (!first) parts.push(part("line", { class: "values", x1: x(score.start), x2: x(score.start), y1: BOTTOM - 12, y2: BOTTOM }));
  }
  element("curve").replaceChildren(...parts);
  const named = { diversity: "diversity of the sound; dots: candidates whose faces were compared", motion_complexity: "motion complexity", score: "score" };
  const spans = pieces.map((piece) => `${piece.start} to ${+(piece.start + piece.seconds).toFixed(2)}`).join(", ");
  const line = `${method} chose ${spans} s of ${scores.length} candidates. ${first ? `Line: ${named[first]}.` : "It scores none."}`;
  element("chosen").textContent = line;
  element("curve").setAttribute("aria-label", line);
  element("selection").hidden = false;
}

function part(name, attributes, text) {
  const made = document.createElementNS(element("curve").namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

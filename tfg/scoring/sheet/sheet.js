"use strict";
// One frame is shown everywhere: in the video, as the line in every curve, in the numbers beside them, and in the address.
const data = JSON.parse(document.getElementById("data").textContent);
const video = document.getElementById("video");
const plots = [...document.querySelectorAll(".plot")];
const scrub = document.getElementById("scrub");
const play = document.getElementById("play");
const outputs = [...document.querySelectorAll("output[data-line]")];
let frame = 0;

function text(value) {
  return value === null || value === undefined ? "no number" : typeof value === "string" ? value : String(Number(value.toPrecision(4)));
}

function show(next) {
  frame = Math.max(0, Math.min(data.frames - 1, next));
  const place = `frame ${frame} of ${data.frames}, ${(frame / data.fps).toFixed(2)} s`;
  document.getElementById("place").textContent = place;
  scrub.value = frame;
  scrub.setAttribute("aria-valuetext", place);
  for (const output of outputs) output.textContent = text(data.lines[output.dataset.line][frame]);
  for (const plot of plots) {
    plot.querySelector(".head").style.left = `${(100 * frame) / Math.max(1, data.frames - 1)}%`;
    plot.setAttribute("aria-valuenow", frame);
    const said = [...plot.closest("figure").querySelectorAll(".legend li")].map((item) => item.textContent.trim());
    plot.setAttribute("aria-valuetext", `${place}: ${said.join(", ")}`);
  }
}

function seek(next) {
  show(next);
  video.pause();
  video.currentTime = (frame + 0.5) / data.fps; // the middle of its time, so that rounding cannot reach a neighbour
}

function drag(plot, event) {
  const box = plot.getBoundingClientRect();
  seek(Math.round(((event.clientX - box.left) / box.width) * (data.frames - 1)));
}

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -data.fps, PageUp: data.fps, Home: -Infinity, End: Infinity };
for (const plot of plots) {
  plot.addEventListener("pointerdown", (event) => {
    plot.setPointerCapture(event.pointerId);
    drag(plot, event);
  });
  plot.addEventListener("pointermove", (event) => {
    if (event.buttons & 1) drag(plot, event);
  });
  plot.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    seek(frame + STEPS[event.key]);
  });
}
for (const button of document.querySelectorAll("button[data-step]")) {
  button.addEventListener("click", () => seek(frame + Number(button.dataset.step)));
}

const turn = () => (video.paused ? video.play() : video.pause());
play.addEventListener("click", turn);
video.addEventListener("click", turn);
for (const event of ["play", "pause"]) video.addEventListener(event, () => (play.textContent = video.paused ? "Play" : "Pause"));
scrub.addEventListener("input", () => seek(Number(scrub.value)));
document.getElementById("speed").addEventListener("change", (event) => (video.playbackRate = Number(event.target.value)));
document.getElementById("sound").addEventListener("change", (event) => (video.muted = !event.target.checked));
video.controls = false;
scrub.hidden = document.getElementById("controls").hidden = false;

function addressed() {
  const match = /^#frame=(\d+)$/.exec(location.hash);
  if (match) seek(Number(match[1]));
}
for (const link of document.querySelectorAll("a[data-frame]")) {
  link.addEventListener("click", () => seek(Number(link.dataset.frame)));
}
addEventListener("hashchange", addressed);

// Played pictures say when they are meant; without that the video's own clock must do.
if (video.requestVideoFrameCallback) {
  const follow = (now, picture) => {
    if (!video.paused) show(Math.round(picture.mediaTime * data.fps));
    video.requestVideoFrameCallback(follow);
  };
  video.requestVideoFrameCallback(follow);
}
video.addEventListener("timeupdate", () => {
  if (!video.seeking) show(Math.floor(video.currentTime * data.fps + 1e-3));
});
show(0);
addressed();

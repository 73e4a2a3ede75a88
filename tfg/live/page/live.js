// The page of `tfg live`: what is typed, dropped or spoken goes to the server on this machine; its frames go to the player.

import { Player } from "/sound.js";
import * as training from "/training.js";

const OVER = 4001; // close code of a training's stream, after which a head answers

const element = (id) => document.getElementById(id);
const controls = ["speak", "stop", "file", "listen"].map(element);
let player = null, session = null, socket = null, microphone = null, acknowledged = -1;

function say(line) {
  element("line").textContent = line;
}

function open() {
  socket = new WebSocket(`ws://${location.host}/stream`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event) => (typeof event.data === "string" ? told(JSON.parse(event.data)) : player?.take(event.data));
  socket.onclose = (event) => {
    if (event.code === OVER && !element("line").textContent) return open();
    hush();
    for (const control of controls) control.disabled = true;
    element("state").textContent = "Not connected";
    if (!element("line").textContent) say("The stream has ended. Start `tfg live` again if it is not running, then load this page again.");
  };
}

function told(message) {
  if (message.kind === "training") training.show(message);
  else if (message.kind === "selection") training.choose(message);
  else if (message.kind === "trained") say("");
  else if (message.kind === "ready") {
    training.hide();
    session = message.session;
    const shown = (frame) => frame - acknowledged >= 2 && ask("shown", (acknowledged = frame));
    player = new Player(message, element("picture"), shown, (frames) => ask("lead", frames));
    window.tfgLive = { player, settings: message };
    for (const control of controls) control.disabled = false;
    element("state").textContent = "Ready";
  } else say(message.line);
}

function ask(what, frame) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame === undefined ? { do: what } : { do: what, frame }));
}

async function send(path, body) {
  say("");
  hush();
  player.context.resume();
  element("state").textContent = "Preparing";
  try {
    const answer = await fetch(path, { method: "POST", body, headers: { "X-Session": session, "Content-Type": "application/octet-stream" } });
    const found = await answer.json().catch(() => ({ error: answer.statusText }));
    if (!answer.ok) say(found.error);
  } catch {
    say("The file could not be sent: too large, or the server is gone.");
  }
  element("state").textContent = "Ready";
}

async function listen() {
  say("");
  player.context.resume();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true } });
    await player.context.audioWorklet.addModule("/microphone.js");
    const source = player.context.createMediaStreamSource(stream), gather = new AudioWorkletNode(player.context, "gather", { numberOfOutputs: 0 });
    gather.port.onmessage = (event) => socket.readyState === WebSocket.OPEN && socket.send(event.data);
    source.connect(gather);
    microphone = { stream, source, gather };
    ask("listen");
    element("listen").setAttribute("aria-pressed", "true");
    element("listen").textContent = "Listening";
  } catch (error) {
    say(`The microphone cannot be used: ${error.message}`);
  }
}

function hush() {
  if (!microphone) return;
  microphone.gather.port.onmessage = null;
  microphone.source.disconnect();
  for (const track of microphone.stream.getTracks()) track.stop();
  microphone = null;
  ask("stop");
  element("listen").setAttribute("aria-pressed", "false");
  element("listen").textContent = "Speak";
}

element("say").onsubmit = (event) => {
  event.preventDefault();
  send("/say", element("text").value);
};
element("text").onkeydown = (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    element("say").requestSubmit(element("speak"));
  }
};
element("stop").onclick = () => {
  hush();
  ask("stop");
};
element("file").onchange = (event) => {
  if (event.target.files.length) send("/sound", event.target.files[0]);
  event.target.value = "";
};
element("listen").onclick = () => (microphone ? hush() : listen());
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    element("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && session && event.dataTransfer.files.length) send("/sound", event.dataTransfer.files[0]);
  });
}
document.addEventListener("pointerdown", () => player?.context.resume());
setInterval(() => {
  if (player) element("rate").textContent = `${player.pictureRate} pictures/s, ${player.gaps} gaps`;
}, 500);
open();

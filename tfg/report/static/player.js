"use strict";
// Truth and rendering played in step, with their difference made from what both show. One frame is shown everywhere: `tfg.onframe`.
tfg.player = function (fps) {
  const by = (id) => document.getElementById(id);
  const [truth, rendered, canvas] = [by("truth"), by("rendered"), by("difference")];
  const brush = canvas.getContext("2d");
  const frameOf = (time) => Math.round(time * fps);
  const shown = { truth: -1, rendered: -1 }; // frame that each video shows now
  const player = { frame: 0, frames: 1, drawn: -1, listeners: [] };

  function draw() {
    if (shown.truth !== shown.rendered || shown.truth < 0) return; // never a difference of two moments
    brush.globalCompositeOperation = "copy";
    brush.drawImage(truth, 0, 0, canvas.width, canvas.height);
    brush.globalCompositeOperation = "difference";
    brush.drawImage(rendered, 0, 0, canvas.width, canvas.height);
    player.drawn = shown.truth;
  }

  function show(frame) {
    player.frame = Math.max(0, Math.min(player.frames - 1, frame));
    by("scrub").value = player.frame;
    by("place").textContent = `frame ${player.frame} of ${player.frames}, ${(player.frame / fps).toFixed(2)} s`;
    for (const listener of player.listeners) listener(player.frame);
  }

  // The middle of a frame's time, so that rounding cannot reach a neighbour.
  player.seek = function (frame) {
    pause();
    show(frame);
    truth.currentTime = rendered.currentTime = (player.frame + 0.5) / fps;
  };

  function pause() {
    truth.pause();
    rendered.pause();
    by("play").textContent = "Play";
  }

  async function play() {
    if (player.frame >= player.frames - 1) show(0);
    truth.currentTime = rendered.currentTime = (player.frame + 0.5) / fps;
    by("play").textContent = "Pause";
    try {
      await Promise.all([truth.play(), rendered.play()]);
    } catch (error) {
      if (error.name === "AbortError") return; // a pause, or a seek
      pause();
      trouble(error.message);
    }
  }

  function trouble(text) {
    by("trouble").hidden = false;
    by("trouble").textContent = `The videos cannot be played here: ${text}. They are linked below.`;
  }

  function seen(name, time) {
    shown[name] = Math.floor(time * fps + 1e-3);
    draw();
  }

  // The truth keeps the time of the rendering, whose sound is heard.
  function follow(name, video) {
    video.requestVideoFrameCallback((now, picture) => {
      seen(name, picture.mediaTime);
      if (name === "rendered" && !video.paused) {
        show(shown.rendered);
        const late = rendered.currentTime - truth.currentTime;
        if (Math.abs(late) > 4 / fps) truth.currentTime = rendered.currentTime;
        else truth.playbackRate = rendered.playbackRate * (1 + Math.max(-0.2, Math.min(0.2, 4 * late)));
      }
      follow(name, video);
    });
  }

  function ready() {
    if (!(truth.videoWidth && rendered.videoWidth)) return;
    canvas.width = rendered.videoWidth;
    canvas.height = rendered.videoHeight;
    player.frames = Math.max(1, Math.min(frameOf(truth.duration), frameOf(rendered.duration)));
    by("scrub").max = player.frames - 1;
    player.seek(player.frame);
  }

  const gain = () => {
    canvas.style.filter = `brightness(${by("gain").value})`;
    by("gain-value").textContent = by("gain").value;
  };
  const turn = () => (rendered.paused ? play() : pause());
  for (const [name, video] of Object.entries({ truth, rendered })) {
    video.addEventListener("loadedmetadata", ready);
    // Frame callbacks are told at best effort: one that a busy browser leaves out after a seek would leave an old difference.
    video.addEventListener("seeked", () => requestAnimationFrame(() => video.seeking || !video.paused || seen(name, video.currentTime)));
    video.addEventListener("error", () => trouble(video.error?.message || "not readable"));
    video.addEventListener("click", turn);
  }
  rendered.addEventListener("ended", pause);
  by("play").addEventListener("click", turn);
  by("back").addEventListener("click", () => player.seek(player.frame - 1));
  by("on").addEventListener("click", () => player.seek(player.frame + 1));
  by("scrub").addEventListener("input", () => player.seek(Number(by("scrub").value)));
  by("speed").addEventListener("change", () => (truth.playbackRate = rendered.playbackRate = Number(by("speed").value)));
  by("gain").addEventListener("change", gain);
  by("sound").addEventListener("change", () => (rendered.muted = !by("sound").checked));
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageDown: -fps, PageUp: fps, Home: -Infinity, End: Infinity };
  by("player").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || ["SELECT", "BUTTON"].includes(event.target.tagName)) return;
    if (event.key === " " && event.target.type !== "checkbox") {
      event.preventDefault();
      turn();
    } else if (event.key in STEPS) {
      event.preventDefault();
      player.seek(player.frame + STEPS[event.key]);
    }
  });
  if (!truth.requestVideoFrameCallback) trouble("this browser does not say which frame a video shows, which the difference needs");
  else for (const [name, video] of Object.entries({ truth, rendered })) follow(name, video);
  gain();
  ready();
  return player;
};

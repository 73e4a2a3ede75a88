// Frames in, sound and pictures out. The sound's clock decides which picture is shown: lips cannot drift from it.

const HAS_SOUND = 1, HAS_PICTURE = 2;
const START = 6; // frames that are here before the first is shown
const MORE = 4; // by which these grow after a gap, up to
const MOST = 30;
const SOON = 0.03; // seconds until then
const KEPT = 30000; // records of what was shown, for whoever measures it

export class Player {
  constructor(settings, canvas, shown, slow) {
    this.start = START;
    this.slow = slow; // called with the frames to be kept ahead from now on, after a gap
    this.seconds = 1 / settings.fps;
    this.rate = settings.rate;
    this.samples = settings.rate / settings.fps;
    this.header = settings.header;
    this.canvas = canvas;
    this.shown = shown; // called with each frame that the clock has come to
    this.context = new AudioContext({ sampleRate: settings.rate, latencyHint: "interactive" });
    this.out = this.context.createGain();
    this.out.connect(this.context.destination);
    this.waiting = []; // frames without a time yet
    this.pictures = []; // [frame, promised bitmap or bitmap], in turn
    this.anchor = null; // {frame, time}: when that frame begins, on the clock
    this.last = -1; // newest frame that is here
    this.current = -1; // frame that is shown
    this.gaps = 0;
    this.records = [];
    this.running = false;
    this.context.onstatechange = () => this.rebase();
    this.drawing = requestAnimationFrame(() => this.draw());
  }

  // Seconds. Until the browser allows sound, which needs a click, pictures go by the machine's clock.
  now() {
    return this.running ? this.context.currentTime : performance.now() / 1000;
  }

  // From sound that is scheduled to sound that is heard.
  get latency() {
    return this.running ? this.context.outputLatency || this.context.baseLatency || 0 : 0;
  }

  rebase() {
    const running = this.context.state === "running";
    if (running === this.running) return;
    const place = this.anchor && this.anchor.frame + (this.now() - this.anchor.time) / this.seconds;
    this.running = running;
    if (this.anchor) this.anchor = { frame: place, time: this.now() };
  }

  take(buffer) {
    const view = new DataView(buffer), frame = view.getUint32(0, true), flags = view.getUint8(4);
    let place = this.header, sound = null;
    if (flags & HAS_SOUND) {
      const pcm = new Int16Array(buffer.slice(place, place + 2 * this.samples));
      sound = Float32Array.from(pcm, (value) => value / 32768);
      place += 2 * this.samples;
    }
    if (flags & HAS_PICTURE) {
      const entry = [frame, null];
      this.pictures.push(entry);
      createImageBitmap(new Blob([new Uint8Array(buffer, place)], { type: "image/jpeg" })).then((made) => (entry[1] = made));
    }
    this.last = frame;
    this.waiting.push([frame, sound]);
    if (this.anchor && this.timeOf(frame) < this.now()) { // too late to be heard in time: stop the clock until there is enough
      this.gaps += 1;
      this.start = Math.min(this.start + MORE, MOST);
      this.slow(this.start + 2 * MORE);
      this.anchor = null;
    }
    if (!this.anchor && this.waiting.length >= this.start) this.anchor = { frame: this.waiting[0][0], time: this.onSample(this.now() + SOON) };
    if (this.anchor) for (const [number, samples] of this.waiting.splice(0)) if (samples) this.play(this.timeOf(number), samples);
  }

  timeOf(frame) {
    return this.anchor.time + (frame - this.anchor.frame) * this.seconds;
  }

  onSample(time) {
    return Math.round(time * this.rate) / this.rate;
  }

  play(time, samples) {
    if (!this.running) return;
    const piece = this.context.createBuffer(1, samples.length, this.rate);
    piece.copyToChannel(samples, 0);
    const source = this.context.createBufferSource();
    source.buffer = piece;
    source.connect(this.out);
    source.start(this.onSample(time));
  }

  draw() {
    this.drawing = requestAnimationFrame(() => this.draw());
    if (!this.anchor) return;
    const heard = this.now() - this.latency;
    const due = Math.min(Math.floor(this.anchor.frame + (heard - this.anchor.time) / this.seconds), this.last);
    if (due > this.current) {
      this.current = due;
      this.shown(due);
    }
    let newest = null;
    while (this.pictures.length && this.pictures[0][0] <= due && this.pictures[0][1]) {
      newest?.[1].close();
      newest = this.pictures.shift();
    }
    if (!newest) return;
    const [frame, bitmap] = newest;
    if (this.canvas.width !== bitmap.width) this.canvas.width = this.canvas.height = bitmap.width;
    this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.records.push([frame, this.timeOf(frame), heard]);
    if (this.records.length > KEPT) this.records.splice(0, KEPT / 2);
  }

  // Pictures in the last second.
  get pictureRate() {
    const heard = this.now() - this.latency;
    let count = 0;
    for (let i = this.records.length - 1; i >= 0 && this.records[i][2] > heard - 1; i -= 1) count += 1;
    return count;
  }

  end() {
    cancelAnimationFrame(this.drawing);
    for (const [, bitmap] of this.pictures) bitmap?.close();
    this.context.close();
  }
}

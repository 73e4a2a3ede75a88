// Gathers the microphone's sound in frames of 40 ms, 16 bit.

class Gather extends AudioWorkletProcessor {
  constructor() {
    super();
    this.frame = new Int16Array(sampleRate / 25);
    this.count = 0;
  }

  process(inputs) {
    for (const value of inputs[0][0] ?? []) {
      this.frame[this.count++] = Math.max(-1, Math.min(1, value)) * 32767;
      if (this.count === this.frame.length) {
        this.port.postMessage(this.frame.buffer.slice(0));
        this.count = 0;
      }
    }
    return true;
  }
}

registerProcessor("gather", Gather);

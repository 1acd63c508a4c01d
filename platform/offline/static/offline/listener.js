/** Runs beside the page, where sound is heard, and collects it in pieces. */

// Of pieces shorter than it analyses at a time, ggwave understands nothing where sound has another
// rate than its own 48,000 samples a second: this is enough up to 192,000.
const PIECE = 4096;

class Listener extends AudioWorkletProcessor {
  #piece = new Float32Array(PIECE);
  #filled = 0;

  /** @param {Float32Array[][]} inputs One input; a block of its first channel, or nothing. */
  process([[block]]) {
    if (block) this.#collect(block);
    return true;
  }

  /** @param {Float32Array} block 128 samples today; that it divides a piece is not promised. */
  #collect(block) {
    for (const sample of block) {
      this.#piece[this.#filled] = sample;
      this.#filled += 1;
      if (this.#filled === PIECE) {
        this.port.postMessage(this.#piece, [this.#piece.buffer]);
        this.#piece = new Float32Array(PIECE);
        this.#filled = 0;
      }
    }
  }
}

registerProcessor("listener", Listener);

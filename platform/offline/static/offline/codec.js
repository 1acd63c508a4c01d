/** Frames as sound, and back: ggwave, in a worker of its own. */

// As platform/offline/views/kiosk.py serves it, with a policy of its own.
const WORKER = "/offline/sound-worker.js";

/** Sound could not be made or understood. */
export class CodecError extends Error {
  name = "CodecError";
}

/** One encoder and decoder.  After any error its worker is replaced: ggwave does not recover. */
export class Codec {
  /** @type {Worker | null} */
  #worker = null;
  /** @type {{resolve: (samples: Float32Array) => void, reject: (error: Error) => void} | null} */
  #waiting = null;
  #isClosed = false;

  /**
   * @param {number} sampleRate Of what is played and heard.
   * @param {(frame: Uint8Array) => void} onFrame Gets each frame that is heard, not looked into.
   * @param {(error: CodecError) => void} onError Told when listening failed; it goes on.
   */
  constructor(sampleRate, onFrame, onError) {
    this.sampleRate = sampleRate;
    this.onFrame = onFrame;
    this.onError = onError;
  }

  /**
   * Return the sound of one frame.  One at a time.
   * @param {Uint8Array} frame 1 to 140 bytes.
   * @returns {Promise<Float32Array>}
   * @throws {CodecError}
   */
  encode(frame) {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new CodecError("ended");
      this.#waiting = { resolve, reject };
      this.#running().postMessage({ encode: frame });
    });
  }

  /**
   * Listen on; each piece is as long as the one before.
   * @param {Float32Array} samples Given away.
   */
  decode(samples) {
    if (!this.#isClosed) this.#running().postMessage({ decode: samples }, [samples.buffer]);
  }

  /** End it for good. */
  close() {
    this.#isClosed = true;
    this.#end();
  }

  /** End the worker; what is asked of it next starts another. */
  #end() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#waiting?.reject(new CodecError("ended"));
    this.#waiting = null;
  }

  #running() {
    if (this.#worker) return this.#worker;
    const worker = (this.#worker = new Worker(WORKER));
    worker.onmessage = ({ data }) => this.#take(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#take({ error: event.message || "the worker could not be loaded" });
    };
    worker.postMessage({ sampleRate: this.sampleRate });
    return worker;
  }

  /** @param {{samples?: Float32Array, frame?: Uint8Array, error?: string}} said */
  #take({ samples, frame, error }) {
    if (frame) return this.onFrame(frame);
    const waiting = this.#waiting;
    this.#waiting = null;
    if (samples) return waiting?.resolve(samples);
    const failure = new CodecError(error);
    if (waiting) waiting.reject(failure);
    else this.onError(failure);
    this.#end();
  }
}

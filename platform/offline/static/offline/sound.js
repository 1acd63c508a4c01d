/** A near-field link by sound.  One end speaks at a time, and does not hear itself. */

import { Air, pause } from "./air.js";
import { Codec } from "./codec.js";
import { Assembler, Splitter, unpadded } from "./frames.js";

// Of fewer bytes, ggwave misreads some even where all is still.  So there is something behind a short frame, and no
// zeros: with those it takes one in thirty for a message that is shorter still.
const MIN_BYTES = 32;
const PADDING = 0x55;
// Until the other end listens, and between frames, so that an echo of one is not in the next.
const PAUSE_MS = 300;
// One may be an accident; after so many while one message is awaited, sound does not work here.
const MAX_ERRORS = 3;

/**
 * What a link says of itself, for people to see.
 * @typedef {object} Progress
 * @property {"send" | "receive"} way
 * @property {number} frame Frames that are across.
 * @property {number} [frames] How many there are, where that is known.
 * @property {number} [level] How loud it is here, from 0 to 1.
 * @property {boolean} [isDamaged] Whether something came that could not be understood.
 */

/**
 * One end of a link, by sound or by pictures.
 * @typedef {object} Link
 * @property {(message: Uint8Array) => Promise<void>} send Resolved when all of it was said.
 * @property {(signal?: AbortSignal) => Promise<Uint8Array>} receive The next message that is
 *   heard from now on; rejected with the signal's reason.  One at a time.
 * @property {() => void} close Gives speaker, microphone and camera back.
 */

/**
 * Open a link; speaker and microphone are asked for when they are used first, which must be after
 * a touch of the page.
 * @param {{onProgress?: (progress: Progress) => void}} [options]
 * @returns {Link}
 */
export function createSoundLink({ onProgress = () => {} } = {}) {
  const air = new Air();
  const splitter = new Splitter();
  const assembler = new Assembler();
  /** @type {{hear: (frame: Uint8Array) => void, fail: (error: Error) => void} | null} */
  let waiting = null;
  const codec = new Codec(
    air.sampleRate,
    (frame) => waiting?.hear(frame),
    (error) => waiting?.fail(error),
  );

  /** @param {Uint8Array} message */
  async function send(message) {
    const frames = splitter.split(message);
    for (const [frame, content] of frames.entries()) {
      onProgress({ way: "send", frame, frames: frames.length });
      const samples = await codec.encode(padded(content));
      await pause(PAUSE_MS);
      await air.say(samples);
    }
    onProgress({ way: "send", frame: frames.length, frames: frames.length });
  }

  /** @param {AbortSignal} [signal] */
  async function receive(signal) {
    signal?.throwIfAborted();
    let [frame, errors] = [0, 0];
    /** @type {Promise<Uint8Array>} */
    const heard = new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      const fail = (/** @type {Error} */ error) => {
        errors += 1;
        // Whoever sent it will be asked to say it again.
        onProgress({ way: "receive", frame, isDamaged: true });
        if (errors === MAX_ERRORS) reject(error);
      };
      const hear = (/** @type {Uint8Array} */ content) => {
        try {
          const message = assembler.add(unpadded(content));
          frame += 1;
          onProgress({ way: "receive", frame });
          if (message) resolve(message);
        } catch {
          onProgress({ way: "receive", frame, isDamaged: true });
        }
      };
      waiting = { hear, fail };
    });
    // It is awaited below; until then an abort is no error that nobody handles.
    heard.catch(() => {});
    try {
      await air.listen((samples) => {
        onProgress({ way: "receive", frame, level: loudness(samples) });
        codec.decode(samples);
      });
      return await heard;
    } finally {
      waiting = null;
      await air.listen(null);
    }
  }

  function close() {
    codec.close();
    air.close();
  }

  return { send, receive, close };
}

/** @param {Uint8Array} frame */
function padded(frame) {
  const content = new Uint8Array(Math.max(frame.length, MIN_BYTES)).fill(PADDING);
  content.set(frame);
  return content;
}

/** @param {Float32Array} samples */
function loudness(samples) {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.min(1, 4 * Math.sqrt(power));
}

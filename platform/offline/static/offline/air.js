/** Speaker and microphone of this device. */

import { gettext } from "../receipts/words.js";

const LISTENER = new URL("./listener.js", import.meta.url);
// What telephony does to a voice would destroy these sounds.
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const PATIENCE_MS = 2000;

/** Speaker or microphone cannot be used; the message says why and what to do. */
export class AirError extends Error {
  name = "AirError";
}

/** What this device says and hears. */
export class Air {
  #context = new AudioContext();
  /** @type {Promise<AudioWorkletNode> | null} */
  #listening = null;
  /** @type {MediaStream | null} */
  #stream = null;
  #isClosed = false;

  /** @returns {number} Samples a second, of what is said and heard alike. */
  get sampleRate() {
    return this.#context.sampleRate;
  }

  /**
   * Say something.
   * @param {Float32Array} samples From -1 to 1.
   * @returns {Promise<void>} Resolved when it was heard to its end, or when `close` was called.
   * @throws {AirError}
   */
  async say(samples) {
    await this.#wake();
    const buffer = this.#context.createBuffer(1, samples.length, this.sampleRate);
    buffer.copyToChannel(samples, 0);
    const source = this.#context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.#context.destination);
    await new Promise((resolve) => {
      source.onended = resolve;
      this.#context.addEventListener("statechange", () => {
        if (this.#context.state === "closed") resolve(null);
      });
      source.start();
    });
  }

  /**
   * Hand over what is heard from now on, in pieces of one length; `null` stops that.
   * @param {((samples: Float32Array) => void) | null} take
   * @throws {AirError}
   */
  async listen(take) {
    if (!take && !this.#listening) return;
    this.#listening ??= this.#open();
    try {
      const { port } = await this.#listening;
      port.onmessage = take && (({ data }) => take(data));
    } catch (error) {
      this.#listening = null;
      throw error;
    }
  }

  /** Give speaker and microphone back. */
  close() {
    this.#isClosed = true;
    this.#stream?.getTracks().forEach((track) => track.stop());
    if (this.#context.state !== "closed") this.#context.close();
  }

  async #open() {
    this.#stream = await openMicrophone();
    // Whoever was asked whether it may listen may have stopped it meanwhile.
    if (this.#isClosed) this.close();
    await this.#wake();
    await this.#context.audioWorklet.addModule(LISTENER);
    const listener = new AudioWorkletNode(this.#context, "listener", { numberOfOutputs: 0 });
    this.#context.createMediaStreamSource(this.#stream).connect(listener);
    return listener;
  }

  /** Browsers let a page sound only once somebody has touched it. */
  async #wake() {
    if (this.#isClosed) throw new AirError(gettext("The sound was switched off."));
    if (this.#context.state === "running") return;
    // It may stay unanswered for as long as nobody touches the page.
    await Promise.race([this.#context.resume(), pause(PATIENCE_MS)]);
    if (this.#context.state === "running") return;
    throw new AirError(gettext("Your browser does not let this page sound yet. Press the button again."));
  }
}

/** @param {number} milliseconds */
export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** @returns {Promise<MediaStream>} */
async function openMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) {
    const closed = gettext("Browsers let a page use the microphone over https only. Open this page over https, or use QR codes instead.");
    const none = gettext("This browser lets no page use a microphone. Use QR codes instead.");
    throw new AirError(isSecureContext ? none : closed);
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: RAW, video: false });
  } catch (error) {
    throw new AirError(sentence(error instanceof DOMException ? error.name : ""));
  }
}

/** @param {string} name Of the error that browsers throw. */
function sentence(name) {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return gettext("The microphone was not allowed. Allow it beside the address of this page and try again, or use QR codes instead.");
    case "NotFoundError":
    case "OverconstrainedError":
      return gettext("There is no microphone here. Use QR codes instead.");
    case "NotReadableError":
    case "AbortError":
      return gettext("The microphone is in use by another program. Close that and try again, or use QR codes instead.");
    default:
      return gettext("The microphone could not be started. Use QR codes instead.");
  }
}

/** A link by QR codes: what is said is drawn, what is heard is seen by the camera. */

import { Camera, CameraError } from "../receipts/camera.js";
import { ProtocolError } from "../receipts/errors.js";
import { concat, toHex } from "../receipts/octets.js";
import { Link, decode, encode } from "../receipts/qrtext.js";
import { readCodes } from "../receipts/reader.js";
import { gettext } from "../receipts/words.js";
import { prepareZXingModule, writeBarcode } from "../vendor/zxing-wasm/writer/index.js";
import { Assembler, LinkError, Splitter, separate } from "./frames.js";

// What a camera reads at arm's length; longer messages are shown as several codes in turn.
const FRAMES_A_CODE = 4;
const TURN_MS = 700;
const QUIET_ZONE = 4;

prepareZXingModule({
  // Without this it would ask another site.
  overrides: {
    locateFile: (/** @type {string} */ name) =>
      new URL(`../vendor/zxing-wasm/writer/${name}`, import.meta.url).href,
  },
});

/**
 * Open a link; the camera is asked for when something is awaited first.
 * @param {object} parts
 * @param {HTMLElement} parts.show Where codes are drawn.
 * @param {HTMLVideoElement} parts.video Not hidden while something is awaited.
 * @param {"environment" | "user"} [parts.facing] Which camera, where there are two.
 * @param {(progress: import("./sound.js").Progress) => void} [parts.onProgress] Called while a
 *   message comes in several codes.
 * @returns {import("./sound.js").Link}
 */
export function createQrLink({ show, video, facing = "environment", onProgress = () => {} }) {
  const camera = new Camera(video, facing);
  const splitter = new Splitter();
  const assembler = new Assembler();
  // What was said and heard already: the other side shows it on, and a mirror shows our own.
  const known = new Set();
  /** @type {AsyncGenerator<ImageData> | null} */
  let frames = null;
  let turning = 0;

  /** @param {Uint8Array} message */
  async function send(message) {
    known.add(toHex(message));
    const codes = [];
    const cut = splitter.split(message);
    for (let at = 0; at < cut.length; at += FRAMES_A_CODE) {
      const content = concat(...cut.slice(at, at + FRAMES_A_CODE));
      codes.push(await draw(encode(location.origin, Link.OFFLINE, content)));
    }
    clearInterval(turning);
    let turn = 0;
    const put = () => show.replaceChildren(codes[turn++ % codes.length]);
    put();
    if (codes.length > 1) turning = window.setInterval(put, TURN_MS);
  }

  /** @param {AbortSignal} [signal] */
  async function receive(signal) {
    // Not by for await, which would give the camera back with the first message.
    frames ??= camera.frames();
    for (;;) {
      signal?.throwIfAborted();
      const { value: pixels, done } = await orAborted(frames.next(), signal);
      if (done) throw new LinkError("link_unusable");
      for (const text of await readCodes(pixels)) {
        const message = await take(text);
        if (message) return message;
      }
    }
  }

  /** @param {string} text Of any code that was seen. */
  async function take(text) {
    try {
      const { content } = await decode(text, Link.OFFLINE);
      const cut = separate(content);
      const whole = cut.map((frame) => assembler.add(frame)).find((message) => message);
      if (whole && !known.has(toHex(whole))) {
        known.add(toHex(whole));
        return whole;
      }
      onProgress({ way: "receive", frame: cut.length });
    } catch (error) {
      // Another code, or one that is damaged: the camera looks on.
      if (!(error instanceof ProtocolError || error instanceof LinkError)) throw error;
    }
    return null;
  }

  function close() {
    clearInterval(turning);
    show.replaceChildren();
    camera.stop();
    // What waits in it ends, and gives the camera back.
    frames?.return(undefined).catch(() => {});
    frames = null;
  }

  return { send, receive, close };
}

/**
 * Draw a code, dark on light whatever the page's colours are.
 * @param {string} text
 * @returns {Promise<HTMLCanvasElement>}
 */
export async function draw(text) {
  const { symbol, error } = await writeBarcode(text, { format: "QRCode", options: "ecLevel=M" });
  if (error) throw new LinkError("link_too_large");
  const { width, height, data } = symbol;
  const canvas = document.createElement("canvas");
  canvas.width = width + 2 * QUIET_ZONE;
  canvas.height = height + 2 * QUIET_ZONE;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const pixels = new Uint8ClampedArray(4 * width * height);
  data.forEach((/** @type {number} */ light, /** @type {number} */ at) => {
    pixels.set([light, light, light, 255], 4 * at);
  });
  context.putImageData(new ImageData(pixels, width, height), QUIET_ZONE, QUIET_ZONE);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", gettext("QR code for the other side's camera"));
  return canvas;
}

/**
 * @template Value
 * @param {Promise<Value>} promise
 * @param {AbortSignal} [signal]
 * @returns {Promise<Value>}
 */
function orAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

export { CameraError };

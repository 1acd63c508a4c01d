/** The camera of this device: what it sees, frame by frame, until it is stopped. */

import { gettext } from "./words.js";

// More pixels on a side than this help no code of ours, and cost time.
const MAX_SIDE = 1080;

/** The camera cannot be used; the message says why and what to do. */
export class CameraError extends Error {
  name = "CameraError";
}

/**
 * Return the cameras of this device by name.  Browsers tell only who has been allowed one of them.
 * @returns {Promise<{id: string, name: string}[]>}
 */
export async function cameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const found = devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
  return found.map(({ deviceId, label }, place) => ({
    id: deviceId,
    name: label || gettext("Camera %(number)s", { number: place + 1 }),
  }));
}

/** One camera, shown in one video element. */
export class Camera {
  #stopping = new AbortController();
  #canvas = new OffscreenCanvas(1, 1);
  /** @type {MediaStreamTrack | null} */
  #track = null;

  /**
   * @param {HTMLVideoElement} video Not hidden while the camera runs.
   * @param {"environment" | "user"} facing Which one, where there are two.
   * @param {string} id That very one, where it is still there.
   */
  constructor(video, facing = "environment", id = "") {
    this.video = video;
    this.facing = facing;
    this.wanted = id;
  }

  /** Which one it is, while it runs. */
  get id() {
    return this.#track?.getSettings().deviceId ?? "";
  }

  /** Whether it has a light that can be switched, while it runs. */
  get hasLight() {
    const can = /** @type {{torch?: boolean} | undefined} */ (this.#track?.getCapabilities?.());
    return Boolean(can?.torch);
  }

  /**
   * Switch its light; it goes off by itself when the camera is stopped.
   * @param {boolean} isOn
   * @returns {Promise<boolean>} Whether it is on now.
   */
  async light(isOn) {
    const wanted = /** @type {MediaTrackConstraintSet} */ ({ torch: isOn });
    try {
      await this.#track?.applyConstraints({ advanced: [wanted] });
      return isOn;
    } catch {
      return !isOn; // some say that they have one, and refuse
    }
  }

  /**
   * Ask for the camera, show what it sees, and yield the square in the middle of each frame that
   * comes while nobody looks at the one before.
   * @returns {AsyncGenerator<ImageData>} It ends when the camera is stopped.
   * @throws {CameraError}
   */
  async *frames() {
    const stopping = (this.#stopping = new AbortController());
    const { signal } = stopping;
    const stream = await open(this.facing, this.wanted);
    const [track] = stream.getVideoTracks();
    const release = () => stream.getTracks().forEach((each) => each.stop());
    let isGone = false;
    track.addEventListener("ended", () => {
      isGone = true;
      stopping.abort();
    });
    // At once, whatever is waited for: until then its light is on.
    signal.addEventListener("abort", release);
    try {
      // Stopped while its owner was asked: it may be another's turn in the video by now.
      if (signal.aborted) return;
      this.#track = track;
      this.video.srcObject = stream;
      // A camera that gives no frame never plays.
      await Promise.race([this.video.play(), aborted(signal)]);
      while (!signal.aborted) {
        await nextFrame(this.video, signal);
        if (this.video.videoWidth && !signal.aborted) yield this.#square();
      }
      if (isGone) {
        throw new CameraError(gettext("The camera went away. Start it again, or use a picture or the text instead."));
      }
    } finally {
      release();
      if (this.video.srcObject === stream) this.video.srcObject = null;
      this.#track = null;
    }
  }

  /** Give the camera back. */
  stop() {
    this.#stopping.abort();
  }

  /** @returns {ImageData} The middle of what is seen now. */
  #square() {
    const { videoWidth, videoHeight } = this.video;
    const from = Math.min(videoWidth, videoHeight);
    const side = Math.min(from, MAX_SIDE);
    this.#canvas.width = this.#canvas.height = side;
    const context = this.#canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("no canvas");
    const [left, top] = [(videoWidth - from) / 2, (videoHeight - from) / 2];
    context.drawImage(this.video, left, top, from, from, 0, 0, side, side);
    return context.getImageData(0, 0, side, side);
  }
}

/**
 * @param {string} facing
 * @param {string} id
 * @returns {Promise<MediaStream>}
 */
async function open(facing, id) {
  if (!navigator.mediaDevices?.getUserMedia) {
    const closed = gettext("Browsers let a page use the camera over https only. Open this page over https, or use a picture or the text instead.");
    const none = gettext("This browser lets no page use a camera. Use a picture or the text instead.");
    throw new CameraError(isSecureContext ? none : closed);
  }
  try {
    return await ask({ facingMode: facing, ...(id && { deviceId: { exact: id } }) });
  } catch (error) {
    // Not all that browsers throw here is an error of the language.
    const name = String(/** @type {any} */ (error)?.name);
    // The one that was chosen is gone.
    if (id && ["NotFoundError", "OverconstrainedError"].includes(name)) return open(facing, "");
    throw new CameraError(sentence(name));
  }
}

/** @param {MediaTrackConstraints} which */
function ask(which) {
  const video = { width: { ideal: 1920 }, height: { ideal: 1080 }, ...which };
  return navigator.mediaDevices.getUserMedia({ audio: false, video });
}

/** @param {string} name Of the error that browsers throw. */
function sentence(name) {
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return gettext("The camera was not allowed. Allow it beside the address of this page and start it again, or use a picture or the text instead.");
    case "NotFoundError":
    case "OverconstrainedError":
      return gettext("There is no camera here. Use a picture or the text instead.");
    case "NotReadableError":
    case "AbortError":
      return gettext("The camera is in use by another program. Close that and start it again, or use a picture or the text instead.");
    default:
      return gettext("The camera could not be started. Use a picture or the text instead.");
  }
}

/** @param {AbortSignal} signal */
function aborted(signal) {
  return new Promise((resolve) => signal.addEventListener("abort", resolve));
}

/**
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} signal Ends the waiting.
 */
function nextFrame(video, signal) {
  return new Promise((resolve) => {
    const go = () => {
      // There are many frames, and one signal for all of them.
      signal.removeEventListener("abort", go);
      resolve(undefined);
    };
    signal.addEventListener("abort", go);
    video.requestVideoFrameCallback(go);
  });
}

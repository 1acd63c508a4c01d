/** The ways in: the camera, a picture, and the text of a code. */

import { recognise } from "./qrtext.js";
import { gettext } from "./words.js";

/**
 * What the page does with what comes in.
 * @typedef {object} Taker
 * @property {(texts: string[]) => Promise<boolean>} take Tells whether that was a receipt.
 * @property {() => () => boolean} clear Returns what tells whether nothing was asked for since.
 * @property {(tone: "info" | "warn", sentence: string) => void} tell
 */

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const field = /** @type {HTMLTextAreaElement} */ (element("text"));

/** @type {Taker} */
let taker;
/** @type {import("./viewfinder.js").Viewfinder | null} */
let viewfinder = null;
// Of the last press of the button: aborted once nobody wants to look any more.
let looking = new AbortController();

/** @param {Taker} to */
export function listen(to) {
  taker = to;
  element("camera-start").addEventListener("click", look);
  element("camera-stop").addEventListener("click", stop);
  window.addEventListener("pagehide", stop);
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  const picture = /** @type {HTMLInputElement} */ (element("picture"));
  picture.addEventListener("change", () => {
    readPicture(picture.files?.[0]);
    picture.value = ""; // the same file may be chosen again
  });
  document.addEventListener("paste", (event) => readPicture(event.clipboardData?.files[0]));
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault(); // or the browser would leave this page for the picture
    readPicture(file);
  });
  element("by-text").addEventListener("submit", (event) => {
    event.preventDefault();
    taker.take([unbroken(field.value)]);
  });
}

/** @param {boolean} isShown */
export function show(isShown) {
  element("ways").hidden = !isShown;
}

/** Give the camera back, and begin with an empty field. */
export function forget() {
  stop();
  field.value = "";
}

function stop() {
  looking.abort();
  viewfinder?.stop();
  viewfinder = null;
  showCamera(false);
}

/** Have the camera look for a receipt until it sees one, or is stopped. */
async function look() {
  taker.clear();
  const mine = (looking = new AbortController());
  showCamera(true);
  try {
    const { Viewfinder } = await import("./viewfinder.js");
    if (mine.signal.aborted) return;
    viewfinder = new Viewfinder(
      /** @type {HTMLVideoElement} */ (document.querySelector("video")),
      /** @type {HTMLSelectElement} */ (element("camera-choice")),
      /** @type {HTMLButtonElement} */ (element("camera-light")),
    );
    for await (const texts of viewfinder.codes()) {
      if (mine.signal.aborted || (await taker.take(texts))) break;
    }
  } catch (error) {
    if (!mine.signal.aborted) taker.tell("warn", explain(error));
  } finally {
    // Once stopped, somebody may look anew.
    if (!mine.signal.aborted) stop();
  }
}

/** @param {boolean} isOn */
function showCamera(isOn) {
  const [start, stop] = [element("camera-start"), element("camera-stop")];
  const wasHere = [start, stop].some((button) => button === document.activeElement);
  for (const each of [stop, element("viewfinder"), element("camera-hint")]) each.hidden = !isOn;
  for (const each of [start, element("camera-promise")]) each.hidden = isOn;
  if (wasHere) (isOn ? stop : start).focus();
}

/** @param {File} [file] */
async function readPicture(file) {
  if (!file) return;
  const isWanted = taker.clear();
  taker.tell("info", gettext("Reading the picture…"));
  const none = gettext("There is no QR code to be read in this picture. Take it closer, straight on and in good light, or paste the text.");
  try {
    const texts = await (await import("./reader.js")).readPicture(file);
    if (!isWanted()) return;
    if (texts.length) await taker.take(texts);
    else taker.tell("warn", none);
  } catch (error) {
    if (isWanted()) taker.tell("warn", explain(error));
  }
}

/** @param {unknown} error Why there is no picture to be read. */
function explain(error) {
  // Known by their names: the modules may not even have been loaded.
  if (error instanceof Error && ["CameraError", "PictureError"].includes(error.name)) {
    return error.message;
  }
  return gettext("The part that reads pictures could not be loaded. Connect to the network and load this page again, or paste the text.");
}

/**
 * Join a text that was pasted in lines; other text is left as it is.
 * @param {string} text
 */
function unbroken(text) {
  const joined = text.replace(/\s+/g, "");
  return recognise(joined) ? joined : text.trim();
}

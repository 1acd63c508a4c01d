/** The screen that reads codes: by camera, from a picture, or as text. */

import { recognise } from "../../receipts/qrtext.js";
import { gettext } from "../../receipts/words.js";
import { element, fail, input, on, show, tell, typed } from "./screens.js";

/**
 * How a code came here: what was read by the camera was shown by another device.
 * @typedef {"camera" | "picture" | "text" | "address"} Way
 */

/** @type {import("../../receipts/viewfinder.js").Viewfinder | null} */
let viewfinder = null;
// Of the last press of the button: aborted once nobody wants to look any more.
let looking = new AbortController();
// Aborted when the screen is left.
let showing = AbortSignal.abort();

function stop() {
  looking.abort();
  viewfinder?.stop();
  viewfinder = null;
  showCamera(false);
}

/** @param {(text: string, way: Way) => unknown} take */
export function listen(take) {
  // Not waited for: one that does not end is replaced by the next.
  on("camera-start", () => void look(take).catch(fail));
  element("camera-stop").addEventListener("click", stop);
  window.addEventListener("pagehide", stop);
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  input("picture").addEventListener("change", async () => {
    const file = input("picture").files?.[0];
    input("picture").value = ""; // the same file may be chosen again
    if (file) await readPicture(file, take, showing).catch(fail);
  });
  on("text-form", () => take(unbroken(typed("text")), "text"));
}

/** Ready to read. */
export function scan() {
  showing = show("scan");
  showing.addEventListener("abort", stop);
  element("scan-status").textContent = "";
  showCamera(false);
}

/**
 * Have the camera look until it sees one of our codes, or is stopped.
 * @param {(text: string, way: Way) => unknown} take
 */
async function look(take) {
  tell("");
  stop();
  const { signal } = (looking = new AbortController());
  showCamera(true);
  let found = "";
  try {
    const { Viewfinder } = await import("../../receipts/viewfinder.js");
    if (signal.aborted) return;
    viewfinder = new Viewfinder(
      /** @type {HTMLVideoElement} */ (document.querySelector("#viewfinder video")),
      /** @type {HTMLSelectElement} */ (element("camera-choice")),
      /** @type {HTMLButtonElement} */ (element("camera-light")),
    );
    for await (const texts of viewfinder.codes()) {
      if (signal.aborted) break;
      found = texts.find(isOurs) ?? "";
      if (found) break;
      element("scan-status").textContent = gettext("This code is not for a token.");
    }
  } catch (error) {
    if (signal.aborted) return;
    stop();
    throw error;
  }
  if (signal.aborted) return;
  stop();
  if (found) await take(found, "camera");
}

/**
 * @param {File} file
 * @param {(text: string, way: Way) => unknown} take
 * @param {AbortSignal} signal Once it is aborted, nobody waits for the picture any more.
 */
async function readPicture(file, take, signal) {
  tell("");
  element("scan-status").textContent = gettext("Reading the picture…");
  try {
    const { readPicture: read } = await import("../../receipts/reader.js");
    const texts = await read(file);
    if (signal.aborted) return;
    const found = texts.find(isOurs) ?? texts[0];
    if (found) await take(found, "picture");
    else tell(gettext("There is no QR code to be read in this picture. Take it closer, straight on and in good light, or paste the text."));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    element("scan-status").textContent = "";
  }
}

/** @param {string} text */
export const isMoving = (text) => text.includes("/token/#m");

/** @param {string} text */
const isOurs = (text) => Boolean(recognise(text)) || isMoving(text);

/**
 * Join a text that was pasted in lines.
 * @param {string} text
 */
const unbroken = (text) => text.replace(/\s+/g, "");

/** @param {boolean} isOn */
function showCamera(isOn) {
  const [start, stop] = [element("camera-start"), element("camera-stop")];
  const wasHere = [start, stop].some((button) => button === document.activeElement);
  for (const each of [stop, element("viewfinder"), element("camera-hint")]) each.hidden = !isOn;
  for (const each of [start, element("camera-promise")]) each.hidden = isOn;
  if (wasHere) (isOn ? stop : start).focus();
}

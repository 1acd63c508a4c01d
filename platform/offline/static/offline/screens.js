/** What the pages of phone and kiosk do alike with what stands on them. */

import { gettext } from "../receipts/words.js";

/** @param {string} id */
export const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @param {string} id */
export const input = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));

/**
 * Show how far speaking or listening is.
 * @param {import("./sound.js").Progress} progress
 */
export function showSound({ way, frame, frames = 0, level, isDamaged }) {
  if (level !== undefined) {
    /** @type {HTMLMeterElement} */ (element("level")).value = level;
    return;
  }
  // One thing at a time.
  const isSaying = way === "send" && frame < frames;
  /** @type {HTMLButtonElement} */ (element("again")).disabled = isSaying;
  const sent = gettext("Said: %(frame)s of %(frames)s", { frame, frames });
  const heard = gettext("Heard: %(frame)s", { frame });
  const damaged = gettext("Something could not be understood. Hold the phone closer.");
  element("heard").textContent = isDamaged ? damaged : way === "send" ? sent : heard;
}

/**
 * Have a field typed anew.
 * @param {string} id
 * @param {string} sentence
 */
export function complain(id, sentence) {
  const field = input(id);
  field.setCustomValidity(sentence);
  field.reportValidity();
  field.addEventListener("input", () => field.setCustomValidity(""), { once: true });
}

/**
 * Make a fresh end of the link that was chosen; what it takes is loaded with the first.
 * @param {boolean} isByCode By QR codes, and not by sound.
 * @param {"user" | "environment"} facing Which camera.
 */
export async function openLink(isByCode, facing) {
  if (!isByCode) {
    const { createSoundLink } = await import("./sound.js");
    return createSoundLink({ onProgress: showSound });
  }
  const { createQrLink } = await import("./link_qr.js");
  const video = /** @type {HTMLVideoElement} */ (document.querySelector("#viewfinder video"));
  return createQrLink({ show: element("code"), video, facing });
}

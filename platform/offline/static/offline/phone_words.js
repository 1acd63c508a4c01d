/** What the phone's page says of codes, states and times. */

import { gettext } from "../receipts/words.js";

// What codes of refusals mean, from the site.
const sentences = JSON.parse(document.getElementById("sentences")?.textContent ?? "{}");

/** @param {any} error Why there is no result. */
export function describe(error) {
  const isOurs = ["AirError", "CameraError", "CodecError", "LinkError", "RefusedError"].includes(error?.name);
  const sentence = sentenceOf(error?.problem?.shown ?? error?.code);
  if (sentence) return sentence;
  if (error?.name === "ProtocolError") return gettext("The device does not keep to the protocol: %(detail)s.", error);
  if (isOurs) return error.message || gettext("The device refused.");
  console.error(error);
  return gettext("Something went wrong in this browser. Load the page again.");
}

/** @param {string} code */
export function sentenceOf(code) {
  const own = new Map([
    ["declined", gettext("You declined. Nothing was signed.")],
    ["step_due", gettext("Steps are signed here. Type the number of the step first, under “More choices”.")],
    ["step_undue", gettext("A step is not signed at this device. Its number was cleared: begin again without it.")],
    ["journal_full", gettext("This phone has to be on-line once before the next.")],
    ["tbs_mismatch", gettext("The device passed on something else than you asked for. Nothing was signed: do not use it.")],
    ["signer_unknown", gettext("This was signed with a key that this phone does not know. You signed nothing. Be on-line once and bring this phone up to date; if that was today, do not trust this device.")],
    ["result_invalid", gettext("The device shows a result that is not the platform's. Do not trust it: look at the history once there is a network.")],
    ["tbs_expired", gettext("The time to confirm is over, or the clock of this phone is wrong. Begin anew.")],
    ["server_unavailable", gettext("The device does not reach the platform.")],
    ["offer_mismatch", gettext("The device does not offer this any more. Begin anew.")],
  ]);
  return own.get(code) ?? sentences[code] ?? "";
}

/**
 * @param {string} state Of an entry of the journal.
 * @param {string} [code] Why not.
 */
export function stateWords(state, code = "") {
  const words = new Map([
    ["applied", gettext("Not confirmed")],
    ["countersigned", gettext("Confirmed; the result did not come")],
    ["code", gettext("Shown; not known whether it was taken")],
    ["approved", gettext("Approved")],
    ["rejected", gettext("Not approved")],
    ["expired", gettext("Not confirmed in time")],
    ["unknown", gettext("Never arrived")],
  ]);
  return sentences[code] ?? words.get(state) ?? state;
}

/** @param {number} time Milliseconds. */
export function timeWords(time) {
  const format = { dateStyle: "medium", timeStyle: "short" };
  const language = document.documentElement.lang;
  return new Intl.DateTimeFormat(language, /** @type {any} */ (format)).format(time);
}

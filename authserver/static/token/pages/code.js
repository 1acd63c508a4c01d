/** What the token answered: to be typed, or sent from here; and how that ended. */

import { gettext, ngettext } from "../../receipts/words.js";
import { mayPass, postResponse } from "../client.js";
import { explain, sentence } from "./refusals.js";
import { countDown, element, fail, grouped, now, on, show, tell } from "./screens.js";

/**
 * @typedef {object} Code
 * @property {string} response
 * @property {number | null} until Unix seconds: when whoever asked stops waiting, if that is known.
 * @property {number | null} timeStepSeconds
 * @property {Posting | null} posting What it takes to send it from here.
 *
 * @typedef {object} Posting
 * @property {import("../token.js").Token} token
 * @property {Uint8Array} postKey Wiped as soon as the code is gone.
 * @property {import("../token.js").Shown} shown
 */

/** @type {Code | null} */
let current = null;
// Aborted when the screen with the code is left.
let showing = AbortSignal.abort();

export function listen() {
  on("send", () => current && sendCode(current, showing));
}

/** @param {Code} code */
export function showCode(code) {
  current = code;
  const signal = show("code");
  showing = signal;
  signal.addEventListener("abort", forget, { once: true });
  element("code").textContent = grouped(code.response);
  element("send").hidden = !code.posting || !navigator.onLine;
  countDown("code-left", goodUntil(code), signal, () => {
    forget();
    element("send").hidden = true;
    element("code").textContent = gettext("Too old. Begin again.");
  });
}

/**
 * When the paired server takes the code no more: it allows one time step more.
 * @param {Code} code
 */
function goodUntil({ until, timeStepSeconds }) {
  const own = timeStepSeconds ? (Math.floor(now() / timeStepSeconds) + 2) * timeStepSeconds : Infinity;
  return Math.min(own, until ?? now() + 600);
}

/**
 * Send it to the platform; where that does not answer, it is there to be typed.
 * @param {Code} code
 * @param {AbortSignal} signal Of the screen from which it is sent, aborted when that is left.
 */
export async function sendCode(code, signal) {
  const { response, posting } = code;
  if (!posting) return;
  const { shown } = posting;
  let outcome;
  try {
    outcome = await postResponse(posting.token, posting.postKey, shown, response);
  } catch (error) {
    if (!mayPass(error)) {
      posting.postKey.fill(0);
      return concludeStep(shown, signal, "bad", gettext("Not approved"), explain(error));
    }
    if (signal.aborted) {
      posting.postKey.fill(0);
      return tellLeft(shown, explain(error));
    }
    if (element("screen-code").hidden) showCode(code);
    return fail(error);
  }
  posting.postKey.fill(0);
  if (outcome.accepted) return concludeStep(shown, signal, "good", gettext("Approved"), gettext("The platform took your answer. Its page goes on by itself."));
  concludeStep(shown, signal, "bad", gettext("Not approved"), reasonWords(outcome.reason), triesWords(outcome.triesLeft));
}

/** What was shown is nothing for the next who holds the phone. */
function forget() {
  element("code").textContent = "";
  current?.posting?.postKey.fill(0);
  current = null;
}

/**
 * Say how a step ended; to a holder who has gone on, above the screen that is shown now.
 * @param {import("../token.js").Shown} shown
 * @param {AbortSignal} signal Of the screen on which it was answered, aborted when that is left.
 * @param {"good" | "info" | "bad"} tone
 * @param {string} title
 * @param {string} words
 * @param {string} [next]
 */
export function concludeStep(shown, signal, tone, title, words, next = "") {
  if (signal.aborted) tellLeft(shown, [sentence(title), words, next].join(" ").trim());
  else conclude(tone, title, words, next);
}

/**
 * Say something of a step that is not the one on the screen.
 * @param {import("../token.js").Shown} shown
 * @param {string} words
 */
export function tellLeft({ lines }, words) {
  tell(gettext("Of the step that you left (%(step)s): %(words)s", { step: lines.slice(0, 2).join(", "), words }));
}

/**
 * Say how it ended.
 * @param {"good" | "info" | "bad"} tone
 * @param {string} title
 * @param {string} words
 * @param {string} [next]
 */
export function conclude(tone, title, words, next = "") {
  element("outcome-look").className = `verdict verdict-${tone}`;
  const seal = element("outcome-look").querySelector(".seal");
  if (seal) seal.className = `seal seal-large seal-${tone}`;
  const [check, cross] = element("outcome-look").querySelectorAll(".icon");
  check.classList.toggle("icon-shown", tone !== "bad");
  cross.classList.toggle("icon-shown", tone === "bad");
  element("outcome-title").textContent = title;
  element("outcome-words").textContent = words;
  element("outcome-next").textContent = next;
  show("outcome");
}

/** @param {string} reason Of the platform. */
export function reasonWords(reason) {
  const words = new Map([
    ["response_wrong", gettext("The code was not right. Check the clock of this phone, and answer anew.")],
    ["attempts_exhausted", gettext("Too many wrong codes: the step has ended, and the token is locked for a while.")],
    ["expired", gettext("The time to answer was over.")],
    ["cancelled", gettext("Whoever asked has withdrawn it.")],
    ["declined", gettext("It was declined before.")],
  ]);
  return words.get(reason) ?? gettext("The platform says: %(reason)s.", { reason });
}

/** @param {number | null} left */
function triesWords(left) {
  if (!left) return "";
  return ngettext("One try is left before the token is locked.", "%(left)s tries are left before the token is locked.", left, { left });
}

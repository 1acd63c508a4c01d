/** A challenge: its statement is shown, and answered, declined or left. */

import { isEqual } from "../../receipts/octets.js";
import { Link, decode } from "../../receipts/qrtext.js";
import { checkText } from "../../receipts/text.js";
import { gettext } from "../../receipts/words.js";
import { postDecline } from "../client.js";
import { TokenError } from "../errors.js";
import { unlock, use } from "../keyring.js";
import * as store from "../store.js";
import { parseSuite } from "../suites.js";
import { addressee, read, respond } from "../token.js";
import { concludeStep, reasonWords, sendCode, showCode, tellLeft } from "./code.js";
import { withPin } from "./pin.js";
import { explain, sentence } from "./refusals.js";
import { FieldError, countDown, element, fail, now, on, show, typed } from "./screens.js";
import { LineWatch } from "./seen.js";
import { clockTrouble } from "./time.js";
import { catchUp, keepUp } from "./update.js";

// What brings newer keys, or the new id of the server, may mend these.
const OUTDATED = ["statement_key_unknown", "token_not_addressed"];
const BY_CLOCK = ["clock_wrong", "challenge_expired"];
// What the platform keeps of a reason, in UTF-8: transactions/services/withdraw.py.
const REASON_BYTES = 120;
const ISOLATE = "\u2068";

/**
 * @typedef {import("../keyring.js").Kept} Kept
 * @typedef {import("../token.js").Shown} Shown
 */

/** @type {{kept: Kept, shown: Shown} | null} */
let asked = null;
// Aborted when the screen is left on which it is signed or declined.
let showing = AbortSignal.abort();

export function listen() {
  on("same-form", present);
  on("sign-form", sign);
  on("decline", () => {
    showing = show("decline");
  });
  on("decline-back", present);
  on("decline-form", decline);
  keepUp();
}

/**
 * Check a challenge, and show its statement.
 * @param {string} text
 * @param {import("./scan.js").Way} way
 */
export async function challenge(text, way) {
  asked = null;
  const kept = await choose(text);
  asked = await readWith(kept, text);
  if (way === "camera") return present();
  show("same");
  element("same-words").textContent = sameWords(way);
}

/** @param {"address" | "picture" | "text"} way */
function sameWords(way) {
  if (way === "address") return gettext("What you are asked came from a page on this phone.");
  if (way === "text") return gettext("What you are asked came as text, and maybe from a page on this phone.");
  return gettext("What you are asked came as a picture, and maybe from a page on this phone.");
}

/**
 * Return the token that a challenge names; whether it is truly for it is for `read` to say.
 * @param {string} text
 * @returns {Promise<Kept>}
 */
async function choose(text) {
  const held = await store.list();
  if (!held.length) throw new TokenError("token_missing", gettext("there is no token on this phone yet"));
  const { origin } = await decode(text, Link.BUNDLE);
  const { serial, vk } = await addressee(text);
  const named = held.filter(({ token }) => token.serial === serial);
  const found = named.find(({ token }) => isEqual(token.vk, vk)) ?? named[0];
  if (found) return found;
  if (held.some(({ token }) => token.platformOrigin.toLowerCase() === origin)) {
    const detail = gettext("token %(serial)s is asked, which is not on this phone", { serial });
    throw new TokenError("token_not_addressed", detail);
  }
  throw new TokenError("wrong_platform", gettext("the code is from %(origin)s, which no token on this phone belongs to", { origin }));
}

/**
 * @param {Kept} kept
 * @param {string} text
 */
async function readWith(kept, text) {
  try {
    return { kept, shown: await read(kept.token, text, now()) };
  } catch (error) {
    const { code } = /** @type {any} */ (error);
    if (BY_CLOCK.includes(code)) {
      const trouble = await clockTrouble([kept.token]);
      if (trouble) throw new TokenError("clock_wrong", trouble);
    }
    if (!OUTDATED.includes(code) || !navigator.onLine) throw error;
    const newer = await catchUp(kept).catch(() => null);
    if (!newer) throw error;
    return { kept: newer, shown: await read(newer.token, text, now()) };
  }
}

/** Show every line, and ask for an answer once all have been seen. */
function present() {
  if (!asked) return;
  const { kept, shown } = asked;
  const { issued, ttl } = shown.statement;
  const signal = show("statement");
  showing = signal;
  element("withdraw").hidden = false;
  element("statement-token").textContent = kept.token.serial;
  element("lines").replaceChildren(...shown.lines.map(line));
  element("sign-send").hidden = !navigator.onLine;
  element("sign-show").classList.toggle("button-quiet", navigator.onLine);
  element("sign-form").hidden = true;
  element("unseen").hidden = false;
  const watch = new LineWatch([...element("lines").children], () => {
    element("sign-form").hidden = false;
    element("unseen").hidden = true;
  });
  signal.addEventListener("abort", () => watch.stop());
  showClock(kept.token, signal);
  countDown("left", issued + ttl, signal, () => fail(new TokenError("challenge_expired", gettext("the time to answer is over: ask for a new one"))));
}

/**
 * Say when the clock is wrong, since the code will be refused then and cost a try.
 * @param {Kept["token"]} token
 * @param {AbortSignal} signal
 */
async function showClock(token, signal) {
  element("clock-trouble").hidden = true;
  const trouble = await clockTrouble([token]);
  if (!trouble || signal.aborted) return;
  element("clock-words").textContent = sentence(trouble);
  element("clock-trouble").hidden = false;
}

/** @param {string} text Its label stands before what is isolated. */
function line(text) {
  const item = document.createElement("li");
  const at = text.indexOf(ISOLATE);
  if (at < 0) {
    item.textContent = text;
    return item;
  }
  const parts = [["label", text.slice(0, at)], ["value", text.slice(at)]];
  for (const [name, part] of parts) {
    const span = document.createElement("span");
    span.className = name;
    span.textContent = part;
    item.append(span);
  }
  return item;
}

/** @param {string} way Send it, or show it. */
async function sign(way) {
  if (!asked) return;
  const { kept, shown } = asked;
  const signal = showing;
  const { token, secrets } = await withPin("sign-pin", (pin) => use(store, kept.id, pin));
  try {
    const response = await respond(token, secrets.seed, shown, now());
    // Declined or left while the PIN was worked on: nobody gets to see the answer.
    if (signal.aborted) return void secrets.postKey.fill(0);
    const { timeStepSeconds } = parseSuite(token.suite);
    const until = shown.statement.issued + shown.statement.ttl;
    const code = { response, until, timeStepSeconds, posting: { token, postKey: secrets.postKey, shown } };
    asked = null;
    if (way !== "send") return showCode(code);
    // What is on its way cannot be declined any more.
    element("withdraw").hidden = true;
    await sendCode(code, signal);
  } finally {
    secrets.seed.fill(0);
  }
}

async function decline() {
  if (!asked) return;
  const mine = asked;
  const { kept, shown } = mine;
  const signal = showing;
  // Who goes back meanwhile has the same step before them.
  const place = () => (asked === mine ? showing : signal);
  const reason = readReason();
  if (!navigator.onLine) {
    throw new TokenError("server_unavailable", gettext("declining takes a network; leave it, and nothing is signed"));
  }
  const { token, secrets } = await withPin("decline-pin", (pin) => unlock(store, kept.id, pin));
  secrets.seed.fill(0);
  try {
    if (signal.aborted) return;
    const outcome = await postDecline(token, secrets.postKey, shown, reason);
    tellDeclined(shown, place(), outcome);
    if (asked === mine) asked = null;
  } catch (error) {
    if (!place().aborted) throw error;
    tellLeft(shown, explain(error));
  } finally {
    secrets.postKey.fill(0);
  }
}

/**
 * Return why it is declined, in a form that the platform keeps.
 * @throws {FieldError}
 */
function readReason() {
  const reason = typed("reason").replace(/\s+/g, " ");
  try {
    checkText("reason", reason, REASON_BYTES);
  } catch (error) {
    const { code, detail } = /** @type {any} */ (error);
    const isLong = code === "text_too_long";
    throw new FieldError("reason", isLong ? gettext("This is too long: at most 120 letters, or 40 Chinese characters.") : sentence(detail));
  }
  return reason;
}

/**
 * Say how the step ended, which may have been before.
 * @param {Shown} shown
 * @param {AbortSignal} signal
 * @param {import("../client.js").Outcome} outcome
 */
function tellDeclined(shown, signal, { accepted, reason }) {
  if (accepted) {
    concludeStep(shown, signal, "bad", gettext("Too late: it was signed"), gettext("The platform had taken a code for it before. If that was not you, tell the operator at once."));
  } else if (reason === "declined") {
    concludeStep(shown, signal, "info", gettext("Declined"), gettext("The step has ended. Whoever asked reads why."));
  } else {
    concludeStep(shown, signal, "info", gettext("It had ended before"), reasonWords(reason));
  }
}

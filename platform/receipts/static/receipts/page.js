/** The page that verifies receipts: what is read, what comes of it, and what can be done with it. */

import { putBack, takeAddress } from "./address.js";
import { Link, NoKeysError, ProtocolError, check, forgetKeys, installKeys, linkWords, recognise } from "./check.js";
import { unfold } from "./folded.js";
import { showKept, showKeeping } from "./keepsakes.js";
import { drawProofs } from "./proofs.js";
import { copy, draw, fill } from "./report.js";
import { keepApp, offerInstallation, sendForms, watchNetwork } from "./shell.js";
import { forget as forgetWay, listen, show as showWays } from "./ways.js";
import { gettext } from "./words.js";

export { isSupported } from "./check.js";

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const said = element("said");
const result = element("result");

// Of what a foreign code holds, so much is shown.
const MAX_SHOWN = 400;

/** @type {import("./check.js").Finding | null} */
let finding = null;
// Of what was asked for last: what comes of anything before it is not shown any more.
let run = 0;
// Under way until the last receipt is on the list, if it is to be.
let keeping = Promise.resolve();

/**
 * Make the page ready, and verify what it was opened with.
 * @param {string} text Of a receipt's code, or nothing.
 */
export async function open(text) {
  sendForms((sentence) => tell(note("warn", sentence)));
  watchNetwork();
  offerInstallation();
  showWays(!text);
  listen({ take, clear, tell: (tone, sentence) => tell(note(tone, sentence)) });
  result.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element)) return;
    if (target.closest("[data-again]")) again();
    if (target.closest("[data-forget]")) trustAnew();
    if (target.closest("[data-unfold]")) seeFolded();
  });
  // Events of this kind are told to the element itself alone.
  result.addEventListener("toggle", showProofs, { capture: true });
  window.addEventListener("hashchange", () => {
    const text = takeAddress();
    if (text) verify(text);
  });
  if (text) await verify(text);
  // So that they are here when there is no network later.
  else await installKeys().catch(() => {});
  await showKept(verify);
  await keepApp();
}

/**
 * Go on with what was read: the one receipt among it, or words on what it is instead.
 * @param {string[]} texts
 * @returns {Promise<boolean>} Whether there was one receipt.
 */
async function take(texts) {
  const receipts = texts.filter((text) => recognise(text)?.link === Link.RECEIPT);
  if (receipts.length === 1) {
    await verify(receipts[0]);
    return true;
  }
  const several = gettext("There is more than one receipt in this picture. Show one at a time.");
  tell(...(receipts.length ? [note("warn", several)] : texts.map(describe)));
  return false;
}

/**
 * Verify the text of a receipt's code, and show what was found.
 * @param {string} text
 */
async function verify(text) {
  const mine = ++run;
  // What was found before says nothing of this one.
  finding = null;
  result.replaceChildren();
  tell(note("info", gettext("Checking…")));
  let found;
  try {
    found = await check(text);
  } catch (error) {
    if (mine !== run) return;
    showWays(true);
    tell(explain(error));
    return;
  }
  if (mine !== run) return;
  finding = found;
  tell();
  putBack(text);
  forgetWay();
  showWays(false);
  show(finding);
  await (keeping = showKeeping(finding));
}

/** @param {import("./check.js").Finding} found */
function show(found) {
  result.replaceChildren(draw(found));
  result.querySelector("h2")?.focus();
}

/** @param {unknown} error Why there is no finding. */
function explain(error) {
  if (error instanceof ProtocolError) {
    const { detail } = error;
    return note("bad", gettext("This code is damaged or was changed: %(detail)s. Do not trust it. Scan it again, or ask for the original.", { detail }));
  }
  if (error instanceof NoKeysError) return note("warn", error.message);
  console.error(error);
  return note("bad", gettext("Something went wrong in this browser, so nothing was checked. Load the page again."));
}

/** Fetch the steps that the receipt does not show, and show what was found with them. */
async function seeFolded() {
  if (!finding) return;
  const mine = ++run;
  tell(note("info", gettext("Fetching…")));
  let found;
  try {
    found = await unfold(finding);
  } catch (error) {
    if (mine !== run) return;
    tell(error instanceof Error && error.name === "FoldedError" ? note("warn", error.message) : explain(error));
    return;
  }
  if (mine !== run) return;
  finding = found;
  tell();
  show(finding);
  await (keeping = showKeeping(finding));
}

/** @param {Event} event */
function showProofs({ target }) {
  const place = target instanceof HTMLDetailsElement && target.querySelector("[data-proofs]");
  if (place && finding && !place.hasChildNodes()) drawProofs(finding, place);
}

/** Show the ways in again. */
async function again() {
  clear();
  element("camera-start").focus();
  await keeping;
  await showKept(verify);
}

/** @returns {() => boolean} Whether nothing was asked for since. */
function clear() {
  const mine = ++run;
  forgetWay();
  putBack();
  finding = null;
  result.replaceChildren();
  tell();
  showWays(true);
  return () => mine === run;
}

async function trustAnew() {
  forgetKeys();
  if (finding) await verify(finding.text);
}

/**
 * Say what a code is that is no receipt.  What it holds is shown, and never opened.
 * @param {string} text
 */
function describe(text) {
  const found = recognise(text);
  if (found) return note("warn", linkWords(found.link), found.origin);
  // Characters that have no look of their own may rearrange or hide the others.
  const plain = text.replace(/[^\P{C}\n]/gu, (hidden) => `<U+${hidden.codePointAt(0)?.toString(16).toUpperCase()}>`);
  const shown = plain.length > MAX_SHOWN ? `${plain.slice(0, MAX_SHOWN)}…` : plain;
  return note("info", gettext("This is no receipt. It was not opened. The code says:"), shown);
}

/**
 * @param {"info" | "warn" | "bad"} tone
 * @param {string} sentence
 * @param {string} [code] What a code holds.
 */
function note(tone, sentence, code = "") {
  const part = copy(`note-${tone}`);
  fill(part, { sentence, code: code || null });
  return part;
}

/** @param {...Node} notes In place of what was said before. */
function tell(...notes) {
  said.replaceChildren(...notes);
  if (notes.length) said.scrollIntoView({ block: "nearest" });
}

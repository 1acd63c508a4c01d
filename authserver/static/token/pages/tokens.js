/** The first screen: the tokens of this phone, or how to get one. */

import { forgetPage } from "../../receipts/keeping.js";
import { gettext } from "../../receipts/words.js";
import { isOver } from "../enrolment.js";
import { TokenError } from "../errors.js";
import * as store from "../store.js";
import { sentence } from "./refusals.js";
import { element, fail, now, on, show, tell } from "./screens.js";
import { clockTrouble } from "./time.js";

/**
 * @typedef {import("../keyring.js").Kept} Kept
 *
 * @param {object} to
 * @param {(kept: Kept) => void} to.open
 * @param {() => unknown} to.scan
 * @param {() => unknown} to.resume An enrolment that was begun.
 */
export function listen({ open, scan, resume }) {
  opening = open;
  on("read-code", scan);
  on("go-on", resume);
  on("check-clock", checkClock);
  for (const button of document.querySelectorAll("#languages button")) {
    button.addEventListener("click", () => speak(/** @type {HTMLButtonElement} */ (button).value).catch(fail));
  }
}

/** @type {(kept: Kept) => void} */
let opening = () => {};

export async function home() {
  const begun = await store.begun();
  const held = await store.list();
  const isUnfinished = begun !== undefined && canGoOn(begun, held);
  // What cannot leaves no key behind.
  if (begun && !isUnfinished) await store.keepBegun(null);
  show("tokens");
  element("clock").textContent = "";
  element("none").hidden = held.length > 0;
  element("held").hidden = held.length === 0;
  element("held").replaceChildren(...held.map(row));
  element("unfinished").hidden = !isUnfinished;
}

/**
 * Whether there is something to finish: an invitation's ten minutes, or a token to compare.
 * @param {import("../enrolment.js").Enrolment | store.Added} begun
 * @param {Kept[]} held
 */
function canGoOn(begun, held) {
  return "digits" in begun ? held.some(({ id }) => id === begun.id) : !isOver(begun, now());
}

/** @param {Kept} kept */
function row(kept) {
  const template = /** @type {HTMLTemplateElement} */ (element("held-token"));
  const item = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const fill = (/** @type {string} */ name, /** @type {string} */ text) => {
    const part = item.querySelector(`[data-part=${name}]`);
    if (part) part.textContent = text;
  };
  fill("serial", kept.token.serial);
  fill("platform", kept.token.platformOrigin);
  /** @type {HTMLElement} */ (item.querySelector("[data-part=shown]")).hidden = !kept.shownAt;
  item.querySelector("button")?.addEventListener("click", () => opening(kept));
  return item;
}

/** Compare this phone's clock with the host's, by the strictest of the tokens. */
async function checkClock() {
  const place = element("clock");
  place.textContent = gettext("Asking the host…");
  const tokens = (await store.list()).map(({ token }) => token);
  const trouble = await clockTrouble(tokens);
  place.textContent = "";
  if (trouble === null) {
    throw new TokenError("clock_unknown", gettext("the host does not say what time it is; try again with a network"));
  }
  place.textContent = trouble ? sentence(trouble) : gettext("The clock of this phone is right.");
}

/** @param {string} language The host answers in it from now on. */
async function speak(language) {
  // Not by what the browser says of the network: without the host the app would be gone.
  const asked = { method: "HEAD", signal: AbortSignal.timeout(6000) };
  const answer = await fetch(location.pathname, asked).catch(() => null);
  if (!answer?.ok) return tell(gettext("Another language takes a network. Connect, and choose it again."));
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `token-language=${language}; path=/; max-age=31536000; samesite=lax${secure}`;
  // In another language it is another page, which is not kept yet.
  await forgetPage(["/token/"]);
  location.reload();
}

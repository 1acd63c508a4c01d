/** The screens of the app, of which one is shown, and what all of them do alike. */

import { gettext } from "../../receipts/words.js";
import { explain } from "./refusals.js";

/** @param {string} id */
export const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @param {string} id */
export const input = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));

/** What the part of an address behind its # looks like when it is a code, not a place of the page. */
export const HAS_CODE = /^#(m[\w-]+$|https?%3A)/i;

/** @type {() => Promise<unknown>} */
let goHome = async () => {};
// Whether another version of the app has taken over meanwhile.
let isOutdated = false;
// What is under way on the screen that is shown, until another is.
let leaving = new AbortController();

/**
 * Say what shows the first screen.
 * @param {() => Promise<unknown>} show
 */
export function setHome(show) {
  goHome = show;
  window.addEventListener("popstate", () => {
    // A new code comes in this way, too, and shows a screen of its own.
    if (!HAS_CODE.test(location.hash)) arrive();
  });
  document.querySelector(".skip")?.addEventListener("click", (event) => {
    // As a place in the address it would pass for the way back.
    event.preventDefault();
    element("content").focus();
  });
  for (const button of document.querySelectorAll("[data-home]")) button.addEventListener("click", home);
}

/** Leave the screen, as the phone's own Back does. */
export function home() {
  if (history.state?.isInside) history.back();
  else arrive();
}

function arrive() {
  if (isOutdated) location.reload();
  else goHome().catch(fail);
}

/** Load the page anew as soon as nothing can be under way: on the first screen. */
export function renew() {
  isOutdated = true;
  if (!element("screen-tokens").hidden) location.reload();
}

/**
 * Show one screen.
 * @param {string} name
 * @returns {AbortSignal} Aborted when another is shown.
 */
export function show(name) {
  leaving.abort();
  leaving = new AbortController();
  tell("");
  for (const secret of document.querySelectorAll("input, textarea")) {
    /** @type {HTMLInputElement} */ (secret).value = "";
  }
  for (const wrong of document.querySelectorAll(".errorlist")) clear(wrong);
  for (const screen of document.querySelectorAll("main > section")) {
    /** @type {HTMLElement} */ (screen).hidden = screen.id !== `screen-${name}`;
  }
  const isHome = name === "tokens";
  element("languages").hidden = !isHome && name !== "cannot";
  if (!isHome && !history.state?.isInside) history.pushState({ isInside: true }, "");
  window.scrollTo(0, 0);
  const heading = /** @type {HTMLElement} */ (document.querySelector(`#screen-${name} h1`));
  document.title = `${heading.textContent} · ${document.querySelector(".brand")?.textContent}`;
  heading.focus({ preventScroll: true });
  return leaving.signal;
}

/**
 * Say above the screen what went wrong.
 * @param {string} sentence None takes it away.
 */
export function tell(sentence) {
  element("trouble").hidden = !sentence;
  element("trouble-words").textContent = sentence;
  if (sentence) element("trouble").scrollIntoView({ block: "nearest" });
}

/**
 * Say below a field what is wrong with it, and go there.
 * @param {string} id
 * @param {string} sentence
 */
export function complain(id, sentence) {
  const field = input(id);
  const place = field.closest(".field");
  const said = place?.querySelector(".errorlist") ?? document.createElement("p");
  clear(said);
  said.id = `${id}-wrong`;
  said.className = "errorlist";
  said.setAttribute("role", "alert");
  place?.classList.add("field-wrong");
  place?.append(said);
  said.textContent = sentence;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-errormessage", said.id);
  field.focus();
  field.select();
}

/** @param {Element} said */
function clear(said) {
  const place = said.closest(".field");
  place?.classList.remove("field-wrong");
  place?.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
  said.remove();
}

/**
 * Do something when a form is sent or a button pressed: once at a time, and what goes wrong is
 * said.  A refusal of a field, in whose `field` its id stands, is said there.
 * @param {string} id
 * @param {(pressed: string) => unknown} act Gets the value of the button that was pressed.
 */
export function on(id, act) {
  const part = element(id);
  const isForm = part instanceof HTMLFormElement;
  part.addEventListener(isForm ? "submit" : "click", async (event) => {
    event.preventDefault();
    if (part.ariaBusy === "true") return;
    part.ariaBusy = "true";
    for (const said of part.querySelectorAll(".errorlist")) clear(said);
    try {
      const { submitter } = /** @type {SubmitEvent} */ (event);
      await act(submitter instanceof HTMLButtonElement ? submitter.value : "");
    } catch (error) {
      await fail(error);
    } finally {
      part.ariaBusy = null;
    }
  });
}

// After these there is no token to go on with.
const FINAL = ["token_wiped", "token_missing", "digits_differ"];

/** @param {any} error */
export async function fail(error) {
  if (error?.field) return complain(error.field, error.message);
  if (FINAL.includes(error?.code)) await goHome();
  tell(explain(error));
}

/** Something typed is wrong; the message says what, below its field. */
export class FieldError extends Error {
  /**
   * @param {string} field Its id.
   * @param {string} sentence
   */
  constructor(field, sentence) {
    super(sentence);
    this.field = field;
  }
}

/**
 * Return what was typed into a field.
 * @param {string} id
 * @throws {FieldError} when that is nothing.
 */
export function typed(id) {
  // In whatever width: as every page takes it.
  const value = input(id).value.normalize("NFKC").trim();
  if (!value) throw new FieldError(id, gettext("Something is missing here."));
  return value;
}

/**
 * Count down to a moment.
 * @param {string} id
 * @param {number} until Unix seconds.
 * @param {AbortSignal} signal
 * @param {() => void} [then]
 */
export function countDown(id, until, signal, then) {
  const put = () => {
    const left = Math.max(0, Math.ceil(until - now()));
    element(id).textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (left > 0) return;
    clearInterval(ticking);
    then?.();
  };
  const ticking = setInterval(put, 1000);
  signal.addEventListener("abort", () => clearInterval(ticking));
  put();
}

/** Unix seconds by this phone's clock. */
export const now = () => Date.now() / 1000;

/**
 * Write digits in groups that are read and typed easily.
 * @param {string} digits
 */
export function grouped(digits) {
  const size = [4, 3, 5].find((each) => digits.length % each === 0) ?? 4;
  return digits.replace(new RegExp(`.{${size}}(?=.)`, "g"), "$& ");
}

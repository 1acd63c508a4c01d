/** The page of a phone without a network: it is kept in the browser, with all that it loads. */

import { amountWords, readAmount } from "../receipts/amounts.js";
import { keepPage } from "../receipts/keeping.js";
import { gettext } from "../receipts/words.js";
import { stayAwake } from "./awake.js";
import { head, isByCode, recallChoices, show, showNetwork, stage, tell } from "./phone_screens.js";
import { describe, sentenceOf, stateWords, timeWords } from "./phone_words.js";
import { complain, element, input, openLink } from "./screens.js";

// Beyond that no token's answer goes, in plain ASCII.
const RESPONSE = /^[!-~]{1,64}$/;
const ID_DIGITS = 16;

/**
 * What an old browser does not even understand is loaded apart.
 * @type {typeof import("./client.js") & typeof import("./device.js") & typeof import("./messages.js")}
 */
let parts;
/** @type {import("./client.js").Client} */
let client;
/** @type {import("./sound.js").Link | null} */
let link = null;
let stopping = new AbortController();
let ticking = 0;
// Whether the platform may have approved something of which this phone knows no end.
let isSigned = false;
/** @type {Uint8Array | null} */
let said = null;

begin();

async function begin() {
  showNetwork();
  window.addEventListener("online", showNetwork);
  window.addEventListener("offline", showNetwork);
  showKept();
  try {
    const modules = ["./client.js", "./device.js", "./messages.js"];
    const loaded = await Promise.all(modules.map((module) => import(module)));
    parts = Object.assign({}, ...loaded);
    if (!(await parts.isAble())) throw new Error("no Ed25519");
  } catch {
    element(isSecureContext ? "cannot-here" : "cannot-insecure").hidden = false;
    show("cannot");
    return;
  }
  let known;
  try {
    known = await parts.Client.open();
  } catch {
    element("cannot-store").hidden = false;
    return show("cannot");
  }
  if (!known) return show("new");
  client = known;
  listen();
  const offer = await takeOffer();
  if (offer) return start(null, offer);
  await ready();
  if (navigator.onLine) await sync({ isAsked: false });
}

/**
 * Take an offer out of the address, where a phone's own camera app puts it.
 * @returns {Promise<Uint8Array | null>} The message.
 */
async function takeOffer() {
  const { hash, origin, pathname } = location;
  if (pathname !== "/o") return null;
  history.replaceState(null, "", "/offline");
  try {
    const { Link, decode } = await import("../receipts/qrtext.js");
    const { Assembler, separate } = await import("./frames.js");
    const { content } = await decode(`${origin}/o${hash}`, Link.OFFLINE);
    const assembler = new Assembler();
    return separate(content).map((frame) => assembler.add(frame)).find((message) => message) ?? null;
  } catch {
    return null; // damaged, or one of several codes: it is scanned again
  }
}

function listen() {
  element("ready-form").addEventListener("submit", start);
  element("code-form").addEventListener("submit", showCode);
  element("stop").addEventListener("click", stop);
  element("next").addEventListener("click", ready);
  element("again").addEventListener("click", () => said && link?.send(said).catch(() => {}));
  element("sync").addEventListener("click", () => sync({ isAsked: true }));
  element("forget").addEventListener("click", forget);
  window.addEventListener("pagehide", end);
  // Back from where the browser left it as it was: what was under way has ended.
  window.addEventListener("pageshow", ({ persisted }) => persisted && ready());
  recallChoices();
}

// --- Between exchanges

/** Show what this phone can do, and what it did. */
async function ready() {
  end();
  tell("");
  const { registration, device } = client;
  const { state, isLocked, hasPassword } = registration;
  element("removed").hidden = state !== "removed";
  element("stopped").hidden = state === "removed" || (state === "active" && !isLocked);
  element("no-password").hidden = hasPassword || state !== "active";
  element("code-form").hidden = !registration.codeLimit;
  element("most-currency").textContent = registration.codeCurrency;
  element("client-id").textContent = registration.client;
  element("device-id").textContent = device.id;
  element("account").textContent = device.added?.account;
  element("synced").textContent = gettext("Last on-line: %(time)s", { time: timeWords(registration.synced) });
  const entries = await parts.journal();
  element("journal").replaceChildren(...entries.slice(0, 20).map(row));
  element("journal-empty").hidden = entries.length > 0;
  show("ready");
}

/** @param {import("./client.js").Entry} entry */
function row({ title, payee, at, state, code, money }) {
  const template = /** @type {HTMLTemplateElement} */ (element("entry"));
  const item = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const fill = (/** @type {string} */ name, /** @type {string} */ text) => {
    const part = item.querySelector(`[data-part=${name}]`);
    if (part) part.textContent = text;
  };
  fill("title", payee ? `${title} · ${payee}` : title);
  fill("when", timeWords(at));
  fill("state", stateWords(state, code));
  fill("price", money ? amountWords(money.amount, money.currency) : "");
  return item;
}

/** @param {{isAsked: boolean}} how Who did not ask hears of no failure. */
async function sync({ isAsked }) {
  const button = /** @type {HTMLButtonElement} */ (element("sync"));
  button.disabled = true;
  try {
    await client.sync();
    if (!element("ready").hidden) await ready();
  } catch (error) {
    if (isAsked && !element("ready").hidden) tell(describe(error));
  } finally {
    button.disabled = false;
  }
}

async function forget() {
  if (!confirm(gettext("Forget the key of this phone? It authorizes nothing until it is set up anew."))) return;
  await client.forget();
  location.reload();
}

// --- An exchange

/**
 * @param {SubmitEvent | null} event
 * @param {Uint8Array | null} [heard] What the device said before, by its code.
 */
async function start(event, heard = null) {
  event?.preventDefault();
  if (heard) input("by-qr").checked = true;
  const step = readStep();
  if (step === undefined) return;
  end();
  const { signal } = (stopping = new AbortController());
  isSigned = false;
  head(gettext("Looking for the device"), null);
  show("busy");
  stayAwake(signal);
  stage(isByCode() ? gettext("Point the camera at the code on the device.") : gettext("Hold the phone close to the device. It listens now."));
  try {
    link = remembering(await makeLink(), heard);
    const { ORDINARY, HIGH } = parts.Level;
    const wanted = { level: input("always").checked ? HIGH : ORDINARY, step };
    const result = await client.authorize(link, { onOffer, agree, onSigned }, wanted, signal);
    const price = result.money ? amountWords(result.money.amount, result.money.currency) : "";
    conclude(result.outcome === parts.Outcome.APPROVED, sentenceOf(result.code), price);
  } catch (error) {
    // Whoever stopped it sees another screen already.
    if (signal.aborted) return;
    // What is shown tells the device why, too.
    const last = isSigned ? null : element("code").querySelector("canvas");
    conclude(isSigned ? null : false, describe(error));
    if (last) element("last-code").replaceChildren(last);
  }
}

/** @returns {Uint8Array | null | undefined} Undefined: it is to be typed anew. */
function readStep() {
  const digits = input("step").value.normalize("NFKC").replace(/[\s-]/g, "").toLowerCase();
  if (!digits) return null;
  if (/^[0-9a-f]+$/.test(digits) && digits.length === ID_DIGITS) {
    return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  }
  complain("step", gettext("Type the 16 letters and digits from the page of the step."));
}

/** @param {import("./messages.js").Offer} offer */
function onOffer({ title, money }) {
  head(title, money);
  stage(isByCode() ? gettext("Hold this code before the camera of the device, then scan its next one.") : gettext("Speaking with the device…"));
}

/**
 * Show what the platform signed, and ask.
 * @param {import("./messages.js").ToBeSigned} tbs
 * @param {Uint8Array | null} bundle
 * @returns {Promise<import("./client.js").Agreed | null>}
 */
async function agree(tbs, bundle) {
  const { title, money, payee, level, expires } = tbs;
  // From now on by what is signed, whatever the device called it.
  head(title, money);
  const isHigh = level === parts.Level.HIGH;
  element("confirm-title").textContent = title;
  element("confirm-price").textContent = money ? amountWords(money.amount, money.currency) : "";
  element("confirm-free").hidden = Boolean(money);
  element("payee").textContent = payee.name ?? payee.account;
  element("payee-account").textContent = payee.account;
  element("for-password").hidden = !isHigh;
  input("password").required = isHigh;
  input("password").value = input("response").value = "";
  element("for-token").hidden = !bundle;
  input("response").required = Boolean(bundle);
  if (bundle) await showBundle(bundle);
  show("confirm");
  element("confirm-title").focus();
  tick(expires * 1000, element("left"));
  const answer = await asked();
  clearInterval(ticking);
  show("busy");
  stage(gettext("Signing…"));
  const { value: password } = input("password");
  input("password").value = "";
  if (!answer) return null;
  return { ...(isHigh && { password }), ...(bundle && { response: readResponse() }) };
}

/** @returns {Promise<boolean>} Whether whoever holds the phone agrees. */
function asked() {
  return new Promise((resolve) => {
    element("confirm").onsubmit = (event) => {
      event.preventDefault();
      if (element("for-token").hidden || RESPONSE.test(readResponse())) return resolve(true);
      complain("response", gettext("Type what the token shows: digits and Latin letters alone."));
    };
    element("decline").onclick = () => resolve(false);
  });
}

/** What was typed, in whatever width: as every page takes it. */
function readResponse() {
  return input("response").value.normalize("NFKC").replace(/\s/g, "");
}

/** @param {Uint8Array} bundle For the holder's token, as the page of a step shows it. */
async function showBundle(bundle) {
  const { draw } = await import("./link_qr.js");
  const { Link, encode } = await import("../receipts/qrtext.js");
  element("bundle").replaceChildren(await draw(encode(location.origin, Link.BUNDLE, bundle)));
}

function onSigned() {
  isSigned = true;
  stage(isByCode() ? gettext("Hold this code before the camera of the device, then scan the result.") : gettext("Waiting for the result…"));
}

/** Make room for the link that was chosen, and a fresh end of it. */
async function makeLink() {
  element("code").hidden = true;
  element("code").replaceChildren();
  element("viewfinder").hidden = !isByCode();
  element("by-ear").hidden = element("again").hidden = isByCode();
  return openLink(isByCode(), input("front").checked ? "user" : "environment");
}

/**
 * Show what is sent, and keep it to be said again.
 * @param {import("./sound.js").Link} inner
 * @param {Uint8Array | null} [heard] Said before there was a link.
 * @returns {import("./sound.js").Link}
 */
function remembering(inner, heard = null) {
  const send = async (/** @type {Uint8Array} */ message) => {
    said = message;
    await inner.send(message);
    element("code").hidden = !isByCode();
  };
  const receive = async (/** @type {AbortSignal} */ signal) => {
    const first = heard;
    heard = null;
    return first ?? inner.receive(signal);
  };
  return { ...inner, send, receive };
}

/** @param {SubmitEvent} event */
async function showCode(event) {
  event.preventDefault();
  const { codeLimit, codeCurrency } = client.registration;
  const amount = readAmount(input("most").value, codeCurrency);
  if (amount === null || amount > codeLimit) {
    const most = amountWords(codeLimit, codeCurrency);
    complain("most", gettext("Type an amount above zero, at most %(most)s.", { most }));
    return;
  }
  end();
  const { signal } = (stopping = new AbortController());
  try {
    const { message, until } = await client.code({ amount, currency: codeCurrency });
    head(gettext("One-way code"), { amount, currency: codeCurrency });
    show("busy");
    stayAwake(signal);
    stage(gettext("It works once. Look at the device to see whether it was taken."));
    link = remembering(await makeLink());
    element("viewfinder").hidden = true;
    element("code-until").hidden = false;
    tick(until, element("code-until"), ready);
    await link.send(message);
  } catch (error) {
    if (signal.aborted) return;
    await ready();
    tell(describe(error));
  }
}

/** Leave an exchange; what was signed already may still be approved. */
async function stop() {
  const wasSigned = isSigned;
  end();
  if (wasSigned) conclude(null);
  else await ready();
}

/** End what is under way, and give camera, microphone and speaker back. */
function end() {
  clearInterval(ticking);
  stopping.abort();
  link?.close();
  link = said = null;
  isSigned = false;
  element("code-until").hidden = true;
}

// --- What is shown

/**
 * @param {boolean | null} isApproved Null: it is not known.
 * @param {string} [sentence] Why not.
 * @param {string} [price]
 */
function conclude(isApproved, sentence = "", price = "") {
  const shown = isApproved === null ? "unknown" : isApproved ? "approved" : "refused";
  for (const each of ["approved", "refused", "unknown"]) element(each).hidden = each !== shown;
  element("why").textContent = element("unknown-why").textContent = sentence;
  element("paid").textContent = price;
  element("last-code").replaceChildren();
  element("approved-what").textContent = element("busy-title").textContent;
  // It was for this one alone.
  input("step").value = "";
  end();
  show("outcome");
  element(shown).querySelector("h2")?.focus();
}

/**
 * Count down to a moment.
 * @param {number} until Milliseconds.
 * @param {HTMLElement} place
 * @param {() => void} [then]
 */
function tick(until, place, then) {
  const put = () => {
    const seconds = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    place.textContent = gettext("%(seconds)s s", { seconds });
    if (seconds > 0) return;
    clearInterval(ticking);
    then?.();
  };
  clearInterval(ticking);
  ticking = window.setInterval(put, 1000);
  put();
}

async function showKept() {
  try {
    await keepPage("/sw.js", "/o");
    element("is-kept").hidden = false;
  } catch {
    element("not-kept").hidden = false;
  }
}

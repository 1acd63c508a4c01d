/** The page of a service's device: set up once, then it serves whoever stands before it. */

import { gettext } from "../receipts/words.js";
import { amountWords, readAmount } from "../receipts/amounts.js";
import { stayAwake } from "./awake.js";
import { complain, element, input, openLink } from "./screens.js";

const NAME = "kiosk";
const SCREENS = ["cannot", "setup", "ready", "busy", "outcome"];
// Those on which the phone is shown something.
const FACING = ["busy", "outcome"];
const CARRIER = "countersign.kiosk.carrier";
// So long a result is shown, with its code for the phone.
const SHOWN_MS = 15_000;
// What codes of refusals mean, from the site.
const sentences = JSON.parse(element("sentences").textContent ?? "{}");

/**
 * What an old browser does not even understand is loaded apart.
 * @type {typeof import("./device.js") & typeof import("./relay.js") & typeof import("./messages.js")}
 */
let parts;
/** @type {import("./device.js").Device} */
let device;
/** @type {import("./relay.js").Post} */
let post;
/** @type {import("./sound.js").Link | null} */
let link = null;
/** @type {import("./relay.js").Relay | null} */
let relay = null;
let stopping = new AbortController();
let returning = 0;

begin();

async function begin() {
  const lack = await whatIsMissing();
  if (lack) {
    element(`cannot-${lack}`).hidden = false;
    show("cannot");
    return;
  }
  listen();
  await open();
}

/** @returns {Promise<string>} What this browser lacks; empty when it can be a kiosk. */
async function whatIsMissing() {
  try {
    const modules = ["./device.js", "./relay.js", "./messages.js"];
    const loaded = await Promise.all(modules.map((module) => import(module)));
    parts = Object.assign({}, ...loaded);
    if (!(await parts.isAble())) throw new Error("no Ed25519");
  } catch {
    return isSecureContext ? "here" : "insecure";
  }
  try {
    await parts.Device.open(NAME);
  } catch {
    return "store";
  }
  return "";
}

function listen() {
  document.getElementById("setup-form")?.addEventListener("submit", setUp);
  element("ready-form").addEventListener("submit", serve);
  element("take-code").addEventListener("click", takeCode);
  element("again").addEventListener("click", () => relay?.again());
  element("stop").addEventListener("click", ready);
  element("next").addEventListener("click", ready);
  element("anew").addEventListener("click", setUpAnew);
  element("retry").addEventListener("click", open);
  window.addEventListener("pagehide", end);
  // The Back button shows the page as it was left, where all has ended.
  window.addEventListener("pageshow", ({ persisted }) => persisted && open());
  try {
    for (const radio of document.querySelectorAll("[name=carrier]")) {
      radio.addEventListener("change", () => localStorage.setItem(CARRIER, carrier()));
    }
    input(localStorage.getItem(CARRIER) === "sound" ? "by-sound" : "by-qr").checked = true;
  } catch {
    // Where a browser keeps no such thing it is chosen every time.
  }
}

// --- Setting up

/** Ask the platform where this device stands; have it set up where it stands nowhere. */
async function open() {
  end();
  tell();
  try {
    const known = await parts.Device.open(NAME);
    if (!known) return show("setup");
    device = known;
    post = await device.call("GET", "/offline/relay");
    ready();
  } catch (error) {
    // Nobody sets it up anew only because there is no network just now.
    show(isStranger(error) ? "setup" : "");
    if (codeOf(error) !== "device_not_trusted") tell(error);
    element("retry").hidden = isStranger(error);
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof parts.RefusedError ? error.code : "";
}

/** @param {unknown} error With which the platform does not know this device, or not at a service. */
function isStranger(error) {
  return ["device_not_trusted", "device_proof_invalid"].includes(codeOf(error));
}

/** @param {SubmitEvent} event */
async function setUp(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const { service, name, csrfmiddlewaretoken: token } = Object.fromEntries(new FormData(form));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  button.disabled = true;
  tell();
  try {
    const stand = () =>
      parts.askAsHolder("POST", `/offline/services/${service}/relays`, String(token), { device: device.id });
    const known = await usable();
    device = known ?? (await add(String(token), String(name)));
    await stand().catch(async (error) => {
      if (!known || codeOf(error) !== "not_found") throw error;
      // It was somebody else's before, and has a key there.
      device = await add(String(token), String(name));
      await stand();
    });
    post = await device.call("GET", "/offline/relay");
    ready();
  } catch (error) {
    tell(error);
  } finally {
    button.disabled = false;
  }
}

/** Return the device that this browser is already, unless the platform knows it no more. */
async function usable() {
  const known = await parts.Device.open(NAME);
  if (!known) return null;
  try {
    await known.call("GET", "/offline/relay");
  } catch (error) {
    if (codeOf(error) === "device_proof_invalid") return null;
    if (codeOf(error) !== "device_not_trusted") throw error;
  }
  return known;
}

/**
 * @param {string} token
 * @param {string} title
 */
async function add(token, title) {
  return parts.Device.add(NAME, { code: await parts.deviceCode(token), title });
}

/** Forget where this device stands, and its key. */
async function setUpAnew() {
  if (!confirm(gettext("Forget the key of this device? It will serve nobody until it is set up anew."))) return;
  await device.forget();
  location.reload();
}

// --- Serving

/** Show what this device is for, and wait for whoever looks after it. */
function ready() {
  end();
  tell();
  const isCheckout = post.kind === "checkout";
  element("title").textContent = post.title;
  element("amount-field").hidden = !isCheckout;
  element("currency").textContent = post.currency;
  element("take-code").hidden = !(isCheckout && post.takes_codes);
  for (const words of document.querySelectorAll("[data-kind]")) {
    /** @type {HTMLElement} */ (words).hidden = words.getAttribute("data-kind") !== post.kind;
  }
  element("device-id").textContent = post.device;
  element("service-id").textContent = post.service;
  show("ready");
  (isCheckout ? input("amount") : element("start")).focus();
  // What failed, or was stopped, is asked for again; the next customer's amount takes its place.
  input("amount").select();
}

/** @param {SubmitEvent} event */
function serve(event) {
  event.preventDefault();
  const money = readMoney();
  if (money !== undefined) run(money, "serve");
}

function takeCode() {
  const money = readMoney();
  if (money) run(money, "takeCode");
}

/** @returns {import("./messages.js").Money | null | undefined} Undefined: it is to be typed anew. */
function readMoney() {
  if (post.kind !== "checkout") return null;
  const amount = readAmount(input("amount").value, post.currency);
  if (amount !== null) return { amount, currency: post.currency };
  complain("amount", gettext("Type an amount above zero, such as 2.50."));
}

/**
 * Have one exchange, and show how it ended.
 * @param {any} money What is to be paid, or null.
 * @param {"serve" | "takeCode"} how
 */
async function run(money, how) {
  end();
  const { signal } = (stopping = new AbortController());
  const price = money ? amountWords(money.amount, money.currency) : "";
  stayAwake(signal);
  showStage(parts.Stage.ASKING);
  element("busy-title").textContent = post.title;
  element("busy-price").textContent = price;
  show("busy");
  element("stop").focus();
  try {
    const made = await makeLink();
    if (signal.aborted) return made.close();
    link = made;
    // It may have been taken away since, or the service be called otherwise.
    post = await device.call("GET", "/offline/relay");
    signal.throwIfAborted();
    element("busy-title").textContent = post.title;
    relay = new parts.Relay(device, post, link, showStage);
    const result = await relay[how](money, signal);
    const isApproved = result.outcome === parts.Outcome.APPROVED;
    conclude(isApproved ? "approved" : "refused", sentences[result.code] ?? "", price);
  } catch (error) {
    // Whoever stopped it sees another screen already.
    if (signal.aborted) return;
    if (!relay && isStranger(error)) return open();
    if (relay?.isUnknown) conclude("unknown", describeUnknown(error), price);
    else conclude("refused", describe(error), price);
  }
  const isWaiting = Boolean(relay?.lastWord);
  element("last-word").hidden = !isWaiting || carrier() !== "qr";
  element("facing").hidden = !isWaiting;
  await relay?.conclude().catch(() => {});
  if (signal.aborted) return;
  // Without a touch, so that nobody has to stand beside a gate.
  const goesOn = post.kind !== "checkout" && carrier() === "qr";
  // Nobody asks a second time for what may be paid without having looked at it.
  if (relay?.isUnknown && !goesOn) return;
  returning = window.setTimeout(() => (goesOn ? run(money, how) : ready()), SHOWN_MS);
}

/** Make room for the link that was chosen, and a fresh end of it. */
async function makeLink() {
  const isByCode = carrier() === "qr";
  for (const [id, isShown] of [["by-code", isByCode], ["by-ear", !isByCode]]) {
    element(String(id)).hidden = !isShown;
  }
  return openLink(isByCode, "user");
}

/** End what is under way, and give camera, microphone and speaker back. */
function end() {
  clearTimeout(returning);
  stopping.abort();
  link?.close();
  link = relay = null;
}

// --- What is shown

/** @param {string} stage */
function showStage(stage) {
  const { OFFERED, ASKING, CONFIRMING, DECIDING, LISTENING } = parts.Stage;
  const isByCode = carrier() === "qr";
  const words = {
    [OFFERED]: isByCode
      ? gettext("Scan this code with your phone. Then hold the code on your phone before this camera.")
      : gettext("Hold your phone close, and let it listen. It answers by sound."),
    [ASKING]: gettext("Asking the platform…"),
    [CONFIRMING]: isByCode
      ? gettext("Scan this code too, confirm on your phone, and hold its code before this camera.")
      : gettext("Confirm on your phone. It answers by sound."),
    [DECIDING]: gettext("The platform decides…"),
    [LISTENING]: isByCode
      ? gettext("Hold the one-way code on your phone before this camera.")
      : gettext("Hold your phone close, and let it say its one-way code."),
  };
  element("stage").textContent = words[stage];
  const isHeld = stage === ASKING || stage === DECIDING;
  element("again").hidden = isByCode || isHeld || stage === LISTENING;
  // What the platform decides nobody stops here.
  element("stop").hidden = stage === DECIDING;
  // What the camera sees is of interest only while it looks for something.
  element("viewfinder").classList.toggle("viewfinder-idle", isHeld);
}

/**
 * @param {"approved" | "refused" | "unknown"} verdict Unknown: the platform may have approved.
 * @param {string} sentence
 * @param {string} price
 */
function conclude(verdict, sentence, price) {
  for (const each of ["approved", "refused", "unknown"]) element(each).hidden = each !== verdict;
  element("paid").textContent = price;
  element("why").textContent = element("unknown-why").textContent = sentence;
  // Nobody asks a second time for what was paid, or may have been.
  if (verdict !== "refused") input("amount").value = "";
  show("outcome");
  element(verdict).querySelector("h2")?.focus();
}

/** @param {any} error Why there is no result. */
function describe(error) {
  const isOurs = ["AirError", "CameraError", "CodecError", "LinkError", "RefusedError"].includes(error?.name);
  if (sentences[error?.code]) return sentences[error.code];
  if (error?.name === "ProtocolError") return gettext("The phone does not keep to the protocol: %(detail)s.", error);
  if (isOurs && error.message) return error.message;
  console.error(error);
  return gettext("Something went wrong in this browser. Load the page again.");
}

/** @param {unknown} error Why nobody knows; none of these asks for another try. */
function describeUnknown(error) {
  if (codeOf(error) === "result_invalid") return describe(error);
  return gettext("The platform gave no answer.");
}

/** @param {any} [error] What went wrong before there was anything to serve; nothing clears it. */
function tell(error) {
  element("retry").hidden = true;
  element("trouble").hidden = !error;
  element("trouble-words").textContent = error ? describe(error) : "";
}

/** @param {string} name */
function show(name) {
  for (const screen of SCREENS) element(screen).hidden = screen !== name;
  element("facing").hidden = !FACING.includes(name);
  element("last-word").hidden = true;
  element("viewfinder").hidden = element("busy-actions").hidden = name !== "busy";
}

/** @returns {string} `qr` or `sound`. */
function carrier() {
  const chosen = /** @type {HTMLInputElement} */ (document.querySelector("[name=carrier]:checked"));
  return chosen.value;
}

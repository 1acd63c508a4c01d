/** The page that verifies receipts: three ways in, and what comes out. */

import { gettext } from "./words.js";

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const ways = element("ways");
const said = element("said");
const result = element("result");
const field = /** @type {HTMLTextAreaElement} */ (element("text"));
const video = /** @type {HTMLVideoElement} */ (document.querySelector("video"));

// Of what a foreign code holds, so much is shown.
const MAX_SHOWN = 400;

/**
 * What verifies and what draws: loaded apart, since an old browser does not even understand them.
 * @type {typeof import("./check.js") & typeof import("./report.js")}
 */
let parts;
/** @type {import("./camera.js").Camera | null} */
let camera = null;

begin();

/** See whether this browser can verify at all, and take what the address holds. */
async function begin() {
  // Out of the address before anything else can read it there.
  const text = takeAddress() || takeBack();
  try {
    parts = { ...(await import("./check.js")), ...(await import("./report.js")) };
    if (!(await parts.isSupported())) throw new Error("no Ed25519");
  } catch {
    explainWhyNot();
    return;
  }
  ways.hidden = Boolean(text);
  listen();
  if (text) await verify(text);
  // So that they are here when there is no network later.
  else await parts.installKeys().catch(() => {});
}

function explainWhyNot() {
  const cannot = element("cannot");
  cannot.querySelector(".note p:last-child")?.append(
    isSecureContext
      ? gettext("It lacks what checking signatures takes (Ed25519), or did not get all of this page. Load the page again. If that does not help, use the newest Firefox, Chrome, Edge or Safari.")
      : gettext("Browsers check signatures over https only. Open this page over https."),
  );
  cannot.hidden = false;
}

function listen() {
  element("camera-start").addEventListener("click", look);
  element("camera-stop").addEventListener("click", () => camera?.stop());
  window.addEventListener("pagehide", () => camera?.stop());
  document.addEventListener("visibilitychange", () => document.hidden && camera?.stop());
  const picture = /** @type {HTMLInputElement} */ (element("picture"));
  picture.addEventListener("change", () => {
    readPicture(picture.files?.[0]);
    picture.value = ""; // the same file may be chosen again
  });
  document.addEventListener("paste", (event) => readPicture(event.clipboardData?.files[0]));
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault(); // or the browser would leave this page for the picture
    readPicture(file);
  });
  element("by-text").addEventListener("submit", (event) => {
    event.preventDefault();
    take([unbroken(field.value)]);
  });
  result.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element)) return;
    if (target.closest("[data-again]")) again();
    if (target.closest("[data-forget]")) trustAnew();
  });
  window.addEventListener("hashchange", () => {
    const text = takeAddress();
    if (text) verify(text);
  });
}

/**
 * Take a receipt out of the address, where a phone's own camera app puts it.
 * @returns {string} Its text, or nothing.
 */
function takeAddress() {
  const { hash, origin, pathname } = location;
  // There may also be the name of a place on this page.
  if (!/^#\d/.test(hash)) return "";
  history.replaceState(null, "", pathname);
  return `${origin}/r${hash}`;
}

/**
 * Return what was shown when this page was left, if the reader comes back to it.
 * @returns {string}
 */
function takeBack() {
  // A link to this page, from this page itself, means to begin anew.
  const [how] = performance.getEntriesByType("navigation");
  const isNew = /** @type {PerformanceNavigationTiming} */ (how).type === "navigate";
  return (!isNew && history.state?.receipt) || "";
}

/** Have the camera look for a receipt until it sees one, or is stopped. */
async function look() {
  clear();
  showCamera(true);
  let seen = "";
  try {
    const { readCodes } = await import("./reader.js");
    const { Camera } = await import("./camera.js");
    camera = new Camera(video);
    for await (const pixels of camera.frames()) {
      const texts = await readCodes(pixels);
      const isNew = texts.length > 0 && texts.join() !== seen;
      seen = texts.join() || seen;
      if (isNew && (await take(texts))) break;
    }
  } catch (error) {
    tell(note("warn", explainReading(error)));
  } finally {
    camera = null;
    showCamera(false);
  }
}

/** @param {boolean} isOn */
function showCamera(isOn) {
  const [start, stop] = [element("camera-start"), element("camera-stop")];
  const wasHere = [start, stop].some((button) => button === document.activeElement);
  for (const each of [stop, element("viewfinder"), element("camera-hint")]) each.hidden = !isOn;
  for (const each of [start, element("camera-promise")]) each.hidden = isOn;
  if (wasHere) (isOn ? stop : start).focus();
}

/** @param {File} [file] */
async function readPicture(file) {
  if (!file) return;
  clear();
  tell(note("info", gettext("Reading the picture…")));
  const none = gettext("There is no QR code to be read in this picture. Take it closer, straight on and in good light, or paste the text.");
  try {
    const texts = await (await import("./reader.js")).readPicture(file);
    if (texts.length) await take(texts);
    else tell(note("warn", none));
  } catch (error) {
    tell(note("warn", explainReading(error)));
  }
}

/** @param {unknown} error Why there is no picture to be read. */
function explainReading(error) {
  // Known by their names: the modules may not even have been loaded.
  if (error instanceof Error && ["CameraError", "PictureError"].includes(error.name)) {
    return error.message;
  }
  return gettext("The part that reads pictures could not be loaded. Connect to the network and load this page again, or paste the text.");
}

/**
 * Go on with what was read: the one receipt among it, or words on what it is instead.
 * @param {string[]} texts
 * @returns {Promise<boolean>} Whether there was one receipt.
 */
async function take(texts) {
  const { Link, recognise } = parts;
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
  tell(note("info", gettext("Checking…")));
  let finding;
  try {
    finding = await parts.check(text);
  } catch (error) {
    ways.hidden = false;
    tell(explain(error));
    return;
  }
  tell();
  history.replaceState({ receipt: text }, "");
  camera?.stop();
  ways.hidden = true;
  result.replaceChildren(parts.draw(finding));
  result.querySelector("h2")?.focus();
}

/** @param {unknown} error Why there is no finding. */
function explain(error) {
  if (error instanceof parts.ProtocolError) {
    const { detail } = error;
    return note("bad", gettext("This code is damaged or was changed: %(detail)s. Do not trust it. Scan it again, or ask for the original.", { detail }));
  }
  if (error instanceof parts.NoKeysError) return note("warn", error.message);
  console.error(error);
  return note("bad", gettext("Something went wrong in this browser, so nothing was checked. Load the page again."));
}

/** Show the three ways in again. */
function again() {
  clear();
  element("camera-start").focus();
}

function clear() {
  camera?.stop();
  history.replaceState(null, "");
  result.replaceChildren();
  tell();
  field.value = "";
  ways.hidden = false;
}

async function trustAnew() {
  parts.forgetKeys();
  await verify(history.state.receipt);
}

/**
 * Join a text that was pasted in lines; other text is left as it is.
 * @param {string} text
 */
function unbroken(text) {
  const joined = text.replace(/\s+/g, "");
  return parts.recognise(joined) ? joined : text.trim();
}

/**
 * Say what a code is that is no receipt.  What it holds is shown, and never opened.
 * @param {string} text
 */
function describe(text) {
  const found = parts.recognise(text);
  if (found) return note("warn", parts.linkWords(found.link), found.origin);
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
  const part = parts.copy(`note-${tone}`);
  parts.fill(part, { sentence, code: code || null });
  return part;
}

/** @param {...Node} notes In place of what was said before. */
function tell(...notes) {
  said.replaceChildren(...notes);
  if (notes.length) said.scrollIntoView({ block: "nearest" });
}

/** The token app, which start.js begins: it leads every code to the screen that it is for. */

import { isSupported } from "../../receipts/ed25519.js";
import { ProtocolError } from "../../receipts/errors.js";
import { keepPage, onUpdate, reloadOnTakeover, takeOver } from "../../receipts/keeping.js";
import { Link, linkWords, recognise } from "../../receipts/qrtext.js";
import { gettext } from "../../receipts/words.js";
import { TokenError } from "../errors.js";
import { list } from "../store.js";
import { argon2id } from "../vendor.js";
import * as add from "./add.js";
import * as answer from "./answer.js";
import * as code from "./code.js";
import * as details from "./details.js";
import * as move from "./move.js";
import * as pin from "./pin.js";
import * as scan from "./scan.js";
import { explain } from "./refusals.js";
import { HAS_CODE, element, fail, on, renew, setHome, show } from "./screens.js";
import * as tokens from "./tokens.js";
import * as type from "./type.js";
import { takeKey } from "./update.js";

/** Show the first screen, or what the address holds. */
export async function begin() {
  // Out of the address before anything else can read it there.
  const text = takeAddress();
  const why = await obstacle();
  if (why) {
    show("cannot");
    element("cannot-words").textContent = why;
    return;
  }
  setHome(tokens.home);
  tokens.listen({ open, scan: scan.scan, resume: add.resume });
  scan.listen(take);
  for (const screen of [add, answer, code, details, move, pin, type]) screen.listen();
  for (const change of ["online", "offline"]) window.addEventListener(change, showNetwork);
  window.addEventListener("hashchange", () => takeIn(takeAddress()));
  showNetwork();
  history.replaceState(null, "");
  await tokens.home();
  await takeIn(text);
  keep();
}

/** @param {import("../keyring.js").Kept} kept */
function open(kept) {
  details.details(kept);
  element("was-shown").hidden = !kept.shownAt;
}

/** @returns {Promise<string>} Why this browser can hold no token, or nothing. */
async function obstacle() {
  if (!isSecureContext) return gettext("Browsers give a page keys and camera over https only. Open this page over https.");
  try {
    if (!(await isSupported())) throw new Error("no Ed25519");
    await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
    await list();
  } catch {
    return gettext("It lacks the keys that it takes (Ed25519 and X25519), or keeps nothing, as private windows do. Use the newest Firefox, Chrome, Edge or Safari, in an ordinary window.");
  }
  try {
    // Before an invitation is used up; and from now on it is there without a network.
    await argon2id("0", new Uint8Array(16), { iterations: 1, memorySize: 8 });
  } catch {
    return gettext("It runs no WebAssembly, which a PIN takes, or did not get all of this page. Load the page again. If that does not help, use the newest Firefox, Chrome, Edge or Safari.");
  }
  return "";
}

/**
 * Take a code out of the address, where a page of this phone or its own camera puts it.
 * @returns {string} Its text, or nothing.
 */
function takeAddress() {
  const { hash, origin, pathname } = location;
  if (!HAS_CODE.test(hash)) return "";
  history.replaceState(history.state, "", pathname);
  if (hash.startsWith("#m")) return `${origin}${pathname}${hash}`;
  try {
    return decodeURIComponent(hash.slice(1));
  } catch {
    return "";
  }
}

/** @param {string} text */
async function takeIn(text) {
  if (text) await take(text, "address").catch(fail);
}

/**
 * Go on with a code, or say why not.
 * @param {string} text
 * @param {scan.Way} way
 */
async function take(text, way) {
  try {
    await lead(text, way);
  } catch (error) {
    const isRefused = error instanceof TokenError || error instanceof ProtocolError;
    // What is no code of ours is not worth leaving the screen for.
    if (!isRefused || error.code === "not_ours") throw error;
    code.conclude("bad", gettext("The token refuses"), explain(error));
  }
}

/**
 * @param {string} text
 * @param {scan.Way} way
 */
async function lead(text, way) {
  if (scan.isMoving(text)) return move.arrive(text);
  const link = recognise(text)?.link;
  if (link === Link.ENROLMENT) return add.invite(text);
  if (link === Link.PROVISION) return add.provide(text);
  if (link === Link.BUNDLE) return answer.challenge(text, way);
  if (link === Link.KEY) {
    await takeKey(text);
    const words = gettext("The keys of your platform are up to date: read the challenge again.");
    return code.conclude("good", gettext("Keys up to date"), words);
  }
  const what = link ? linkWords(link) : gettext("this is no code for a token");
  throw new ProtocolError("not_ours", what.replace(/[.。]$/, ""));
}

function showNetwork() {
  element("is-offline").hidden = navigator.onLine;
}

/** Have the app kept, and its data from being cleared for want of room. */
async function keep() {
  try {
    const registration = await keepPage("/token/sw.js", "/token/");
    reloadOnTakeover(renew);
    onUpdate(registration, () => (element("newer").hidden = false));
    on("take-newer", () => takeOver([registration]));
    await navigator.storage.persist?.();
    element("is-kept").hidden = false;
  } catch {
    element("not-kept").hidden = false;
  }
}

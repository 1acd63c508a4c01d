/**
 * The phone while it is on-line: registered as a client, and compared with the platform;
 * terminal/offline/registering.py.
 */

import { checkSuccession, openDirectory } from "../receipts/directory.js";
import { ProtocolError } from "../receipts/errors.js";
import { downloadDirectory } from "../receipts/installed.js";
import { openCertificate } from "../receipts/keys.js";
import { isEqual } from "../receipts/octets.js";
import { expected } from "../receipts/outcome.js";
import { gettext } from "../receipts/words.js";
import { fromBase64 } from "./base64.js";
import { RefusedError, readTrust } from "./device.js";
import * as store from "./store.js";

/**
 * @typedef {import("./device.js").Device} Device
 * @typedef {import("./messages.js").Money} Money
 * @typedef {import("../receipts/directory.js").Directory} Directory
 *
 * @typedef {object} Registration What the platform said when this phone was on-line.
 * @property {string} client Its id, in front of its serials, in hexadecimal digits.
 * @property {string} state
 * @property {boolean} isLocked Whether the offline password is.
 * @property {boolean} hasPassword
 * @property {Uint8Array} salt Of the offline password.
 * @property {Uint8Array} boxKey Of the platform, for this client.
 * @property {Uint8Array[]} certificates
 * @property {Directory} [directory] The newest that it saw: which keys ended.
 * @property {any[]} limits
 * @property {number} codeLimit In minor units; 0: there are no one-way codes.
 * @property {string} codeCurrency
 * @property {number} counter Of the newest serial that was drawn here, or found to be; it only rises.
 * @property {number} synced When it was last on-line, milliseconds.
 *
 * @typedef {object} Entry One application or one-way code, as this phone knows it.
 * @property {string} serial In hexadecimal digits.
 * @property {number} at When it was made, milliseconds.
 * @property {string} state applied, countersigned, code; then approved, rejected, expired, unknown.
 * @property {string} title What for.
 * @property {string | null} digest Of what was signed, in hexadecimal digits.
 * @property {Money | null} money
 * @property {string} [payee]
 * @property {string} [code] Why not.
 * @property {boolean} [isOver] Whether the platform has told how it ended, on-line.
 */

const CLIENT = "client";
// What the platform does not know by then, no device can bring it any more.
const STALE_MS = 600_000;
// The platform knows the key, or the client, no more.
const GONE = ["device_proof_invalid", "unknown_client"];
const OVER = ["approved", "rejected", "expired"];
// Of those that are over, so many newest stay to be looked at.
const KEPT_ENTRIES = 200;

/**
 * Return what is kept of an earlier registration.
 * @returns {Promise<Registration | undefined>}
 */
export function registered() {
  return store.read(CLIENT);
}

/**
 * Register a device as a client; again is the same.
 * @param {Device} device
 * @param {string} paymentPassword
 * @returns {Promise<Registration>}
 * @throws {RefusedError}
 */
export async function register(device, paymentPassword) {
  const body = { payment_password: paymentPassword };
  return keep(device, await device.call("POST", "/offline/client", body));
}

/**
 * Set the offline password, which is kept nowhere here.
 * @param {Device} device
 * @param {string} paymentPassword
 * @param {string} password
 * @returns {Promise<Registration>}
 * @throws {RefusedError}
 */
export async function setPassword(device, paymentPassword, password) {
  const body = { payment_password: paymentPassword, password };
  return keep(device, await device.call("POST", "/offline/client/password", body));
}

/**
 * Fetch keys and limits, and learn what became of what this phone was not told the end of: that
 * not while an exchange is under way, here or in another window.
 * @param {Device} device
 * @returns {Promise<Registration>}
 * @throws {RefusedError}
 */
export async function bringUpToDate(device) {
  try {
    // First, and while nothing waits for it: where no answer comes, this takes long.
    const answer = await device.call("GET", "/offline/client");
    const fresh = await keep(device, answer);
    return (await alone({ ifAvailable: true }, () => compare(device, answer.counter))) ?? fresh;
  } catch (error) {
    const isGone = error instanceof RefusedError && GONE.includes(error.code);
    if (!isGone) throw error;
    const removed = (/** @type {Registration} */ kept) => ({ ...kept, state: "removed" });
    return store.change(CLIENT, removed);
  }
}

/**
 * @param {Device} device
 * @param {number} counted What the platform had counted before.
 * @returns {Promise<Registration>}
 */
async function compare(device, counted) {
  const { counter } = /** @type {Registration} */ (await registered());
  const entries = (await journal()).filter((entry) => !entry.isOver);
  const listed = entries.map(({ serial, digest }) => ({ serial, digest }));
  const answer = await device.call("POST", "/offline/reconcile", { counter, entries: listed });
  for (const { serial, state, code } of answer.entries) {
    const entry = entries.find((each) => each.serial === serial);
    const isStale = state === "unknown" && entry && entry.at < Date.now() - STALE_MS;
    if (entry && (OVER.includes(state) || isStale)) {
      await store.note({ ...entry, state, code, isOver: true });
    }
  }
  for (const { serial } of (await journal()).filter(({ isOver }) => isOver).slice(KEPT_ENTRIES)) {
    await store.forgetEntry(serial);
  }
  // Behind a counter of the platform's it goes on when no copy of the key was found in it.
  const adopted = answer.state === "active" ? counted : 0;
  const compared = (/** @type {Registration} */ kept) => ({
    ...kept,
    state: answer.state,
    counter: Math.max(kept.counter, adopted),
  });
  return store.change(CLIENT, compared);
}

/**
 * Take the next counter, which is on the disk before anything is made with it.
 * @returns {Promise<Registration>}
 */
export function count() {
  const counted = (/** @type {Registration} */ kept) => ({ ...kept, counter: kept.counter + 1 });
  return store.change(CLIENT, counted);
}

/** Forget what another key was registered as, and what it signed: this one has no use for it. */
export async function forgetClient() {
  await store.write(CLIENT, undefined);
  await store.forgetJournal();
}

/**
 * Return the journal, the newest entry first.
 * @returns {Promise<Entry[]>}
 */
export function journal() {
  return store.journal();
}

/**
 * Do something while nothing else of it is under way in any window: whatever is approved while the
 * journal is being compared would look as if a copy of this phone had signed it.
 * @template Value
 * @param {LockOptions} options
 * @param {() => Promise<Value>} work
 * @returns {Promise<Value>} Null where it is not done, since something is.
 */
export function alone(options, work) {
  return navigator.locks.request("countersign.phone", options, (lock) => lock && work());
}

/**
 * Write into the journal, beside what it says of this serial already.
 * @param {Partial<Entry> & {serial: string}} entry
 */
export async function note(entry) {
  const known = (await journal()).find(({ serial }) => serial === entry.serial);
  await store.note({ ...known, ...entry });
}

/**
 * Check what the platform answered against the root of the first time, and keep it.
 * @param {Device} device
 * @param {any} answer
 * @returns {Promise<Registration>}
 * @throws {RefusedError} `answer_invalid`.
 */
async function keep(device, answer) {
  const { root, platform } = readTrust(/** @type {any} */ (device.added));
  const said = readTrust(answer);
  try {
    if (!isEqual(said.root, root)) throw new ProtocolError("signature_invalid", "another root");
    for (const certificate of said.certificates) await openCertificate(certificate, root);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const sentence = gettext("The platform has other keys than when this phone was set up. Nothing was changed; ask the operator.");
    throw new RefusedError("answer_invalid", sentence);
  }
  const directory = await published(root, platform);
  return store.change(CLIENT, (/** @type {Registration | undefined} */ kept) => ({
    client: answer.client,
    state: answer.state,
    isLocked: answer.is_locked,
    hasPassword: answer.has_password,
    salt: fromBase64(answer.salt),
    boxKey: fromBase64(answer.box_key),
    certificates: said.certificates,
    directory: newest(kept?.directory, directory),
    limits: answer.limits,
    codeLimit: answer.code_limit,
    codeCurrency: answer.code_currency,
    // What the platform counted beyond it may have been signed with a copy of the key.
    counter: kept?.client === answer.client ? kept.counter : answer.counter,
    synced: Date.now(),
  }));
}

/**
 * Return the directory of keys that the platform publishes, if one can be had that is its own.
 * @param {Uint8Array} root
 * @param {string} platform
 * @returns {Promise<Directory | undefined>}
 */
async function published(root, platform) {
  const message = await downloadDirectory();
  if (!message) return undefined;
  try {
    const directory = await openDirectory(message, root);
    return directory.platform.id === platform ? directory : undefined;
  } catch (error) {
    expected(error);
    return undefined;
  }
}

/**
 * Return which directory is kept: never one that takes back what another said.
 * @param {Directory | undefined} held
 * @param {Directory | undefined} offered
 */
export function newest(held, offered) {
  if (!held || !offered) return offered ?? held;
  try {
    checkSuccession(held, offered);
    return offered;
  } catch (error) {
    expected(error);
    return held;
  }
}

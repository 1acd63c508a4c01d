/** What was verified in this browser, kept in it alone, and only where its reader wants that. */

import { Database } from "./database.js";

/**
 * One receipt, as it was when it was last verified here.
 * @typedef {object} Entry
 * @property {string} identity SHA-256 of the message, in hexadecimal digits.
 * @property {string} text Of the code: all that it takes to verify it again.
 * @property {number} at When that was, in milliseconds.
 * @property {string} verdict Name of its template.
 * @property {string} title What it is about, for the list.
 * @property {string} who
 * @property {Uint8Array | null} [proof] The proof file that it is in the log.
 */

const SWITCH = "countersign.history";
const RECEIPTS = "receipts";
const database = new Database("countersign.scanner", { [RECEIPTS]: { keyPath: "identity" } });

/** Whether whatever is verified is kept: not unless its reader said so. */
export function keepsAll() {
  try {
    return localStorage.getItem(SWITCH) === "on";
  } catch {
    return false; // this browser keeps nothing
  }
}

/**
 * What is kept already stays.
 * @param {boolean} isOn
 */
export function keepAll(isOn) {
  if (isOn) localStorage.setItem(SWITCH, "on");
  else localStorage.removeItem(SWITCH);
}

/** @param {Entry} entry In place of an earlier one of this receipt. */
export function keep(entry) {
  return database.inTransaction("readwrite", RECEIPTS, (kept) => kept.put(entry));
}

/**
 * @param {string} identity
 * @returns {Promise<Entry | undefined>}
 */
export function find(identity) {
  return database.inTransaction("readonly", RECEIPTS, (kept) => kept.get(identity));
}

/** @returns {Promise<Entry[]>} The newest first. */
export async function entries() {
  const all = await database.inTransaction("readonly", RECEIPTS, (kept) => kept.getAll());
  return all.sort((/** @type {Entry} */ one, /** @type {Entry} */ other) => other.at - one.at);
}

/** @param {string} identity */
export function forget(identity) {
  return database.inTransaction("readwrite", RECEIPTS, (kept) => kept.delete(identity));
}

/** Forget them all. */
export function forgetAll() {
  return database.inTransaction("readwrite", RECEIPTS, (kept) => kept.clear());
}

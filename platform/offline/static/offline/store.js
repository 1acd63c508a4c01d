/** What this browser keeps for the pages that work without a network, in IndexedDB. */

import { Database } from "../receipts/database.js";

const KEPT = "kept";
const JOURNAL = "journal";
const database = new Database("countersign.offline", {
  [KEPT]: {},
  [JOURNAL]: { keyPath: "serial" },
});

/**
 * Return what is kept under a name.
 * @param {string} name
 * @returns {Promise<any>} Undefined when there is nothing.
 */
export function read(name) {
  return database.inTransaction("readonly", KEPT, (kept) => kept.get(name));
}

/**
 * Keep a value in place of what was there.
 * @param {string} name
 * @param {any} value Undefined: nothing any more.
 */
export function write(name, value) {
  return database.inTransaction("readwrite", KEPT, (kept) =>
    value === undefined ? kept.delete(name) : kept.put(value, name),
  );
}

/**
 * Change what is kept, so that nobody, in another window either, changes it in between.
 * @template Value
 * @param {string} name
 * @param {(value: Value) => Value} change
 * @returns {Promise<Value>} As it is kept now: on the disk, not only on its way there.
 */
export async function change(name, change) {
  /** @type {any} */
  let changed;
  await database.inTransaction("readwrite", KEPT, (kept) => {
    const asked = kept.get(name);
    asked.onsuccess = () => kept.put((changed = change(asked.result)), name);
    return asked;
  });
  return changed;
}

/**
 * Write an entry of the journal, in place of an earlier one with its serial.
 * @param {{serial: string}} entry
 */
export function note(entry) {
  return database.inTransaction("readwrite", JOURNAL, (journal) => journal.put(entry));
}

/**
 * Return the journal, the newest entry first: serials of one client begin alike and count up.
 * @returns {Promise<any[]>}
 */
export async function journal() {
  const entries = await database.inTransaction("readonly", JOURNAL, (journal) => journal.getAll());
  return entries.reverse();
}

/**
 * Forget one entry of the journal.
 * @param {string} serial
 */
export function forgetEntry(serial) {
  return database.inTransaction("readwrite", JOURNAL, (journal) => journal.delete(serial));
}

/** Forget the journal, as when the phone is set up anew. */
export function forgetJournal() {
  return database.inTransaction("readwrite", JOURNAL, (journal) => journal.clear());
}

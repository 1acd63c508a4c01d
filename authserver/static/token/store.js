/** What this browser keeps of tokens, in IndexedDB; keyring.js says what changes. */

import { Database } from "../receipts/database.js";

const TOKENS = "tokens";
const ENROLMENTS = "enrolments";
const database = new Database("countersign.token", {
  [TOKENS]: { keyPath: "id" },
  [ENROLMENTS]: {},
});

/**
 * @typedef {import("./keyring.js").Kept} Kept
 *
 * A token that is kept, and whose digits nobody has compared yet.
 * @typedef {{id: string, digits: string, platform: string}} Added
 */

/**
 * Return the tokens of this phone.
 * @returns {Promise<Kept[]>}
 */
export function list() {
  return database.inTransaction("readonly", TOKENS, (tokens) => tokens.getAll());
}

/**
 * Change one record, so that nobody, in another window either, changes it in between.
 * @param {string} id
 * @param {(kept: Kept | undefined) => Kept | undefined} change
 * @returns {Promise<Kept | undefined>} As it is kept now: on the disk, not only on its way there.
 */
export async function change(id, change) {
  /** @type {Kept | undefined} */
  let changed;
  await database.inTransaction("readwrite", TOKENS, (tokens) => {
    const asked = tokens.get(id);
    asked.onsuccess = () => {
      changed = change(asked.result);
      if (changed) tokens.put(changed);
      else tokens.delete(id);
    };
    return asked;
  });
  return changed;
}

/**
 * Return the enrolment that was begun last, so that a page that was closed asks with the same
 * share, since another would make the host give the token up; or what it has come to.
 * @returns {Promise<import("./enrolment.js").Enrolment | Added | undefined>}
 */
export function begun() {
  return database.inTransaction("readonly", ENROLMENTS, (enrolments) => enrolments.get(1));
}

/**
 * Have a token compared no more, unless another is to be compared by now.
 * @param {string} id
 */
export function endComparison(id) {
  return database.inTransaction("readwrite", ENROLMENTS, (enrolments) => {
    const asked = enrolments.get(1);
    asked.onsuccess = () => {
      if (asked.result?.id === id) enrolments.delete(1);
    };
    return asked;
  });
}

/**
 * Keep the enrolment under way; null when it is over.
 * @param {import("./enrolment.js").Enrolment | Added | null} enrolment
 */
export function keepBegun(enrolment) {
  return database.inTransaction("readwrite", ENROLMENTS, (enrolments) =>
    enrolment ? enrolments.put(enrolment, 1) : enrolments.delete(1),
  );
}

/** What the data inputs of all suites are made of; tokens/fields.py. */

import { fromHex } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";
import { TokenError } from "./errors.js";

/**
 * What may be hashed.  Each that the suite names must be given, and no other may be: an input that
 * silently was not hashed would seem to be approved.
 * @typedef {object} Inputs
 * @property {string | null} [question]
 * @property {number | bigint | null} [counter]
 * @property {string | null} [pin] In clear; or else
 * @property {Uint8Array | null} [pinHash] its hash.
 * @property {Uint8Array | null} [session]
 * @property {number | bigint | null} [timeStep] Whole time steps since 1970-01-01T00:00Z.
 */

/**
 * Lay out a counter or a number of time steps: unsigned, big-endian; empty when not used.
 * @param {string} name
 * @param {number | bigint | null | undefined} value
 * @param {boolean} used
 * @param {number} [octets]
 * @returns {Uint8Array}
 * @throws {TokenError} `data_input_invalid` when it is missing, superfluous or out of range.
 */
export function numberField(name, value, used, octets = 8) {
  checkPresence(name, used, value);
  if (value === null || value === undefined) return new Uint8Array();
  const isWhole = typeof value === "bigint" || Number.isSafeInteger(value);
  const number = isWhole ? BigInt(value) : -1n;
  if (number < 0n || number >= 256n ** BigInt(octets)) {
    const places = { name, bits: 8 * octets };
    const detail = gettext("the %(name)s is not between 0 and 2^%(bits)s-1", places);
    throw new TokenError("data_input_invalid", detail);
  }
  return fromHex(number.toString(16).padStart(2 * octets, "0"));
}

/**
 * Refuse an input that is missing, or that silently would not be hashed.
 * @param {string} name
 * @param {boolean} used
 * @param {unknown} value
 * @throws {TokenError} `data_input_invalid`.
 */
export function checkPresence(name, used, value) {
  const given = value !== null && value !== undefined;
  if (used === given) return;
  const detail = used
    ? gettext("the suite needs a %(name)s", { name })
    : gettext("the suite takes no %(name)s", { name });
  throw new TokenError("data_input_invalid", detail);
}

/**
 * Refuse an empty seed, with which everybody could answer.
 * @param {Uint8Array} seed
 * @throws {TokenError} `seed_invalid`.
 */
export function checkSeed(seed) {
  if (!seed.length) throw new TokenError("seed_invalid", gettext("the seed is empty"));
}

/**
 * Keys that ended before their last day, and which directory may take another's place
 * (docs/protocol.md section 9); protocol/ended.py.
 */

import { ProtocolError } from "./errors.js";
import { ID_BYTES, MAX_TIME, checkBytes, checkList, checkUint } from "./fields.js";
import { isEqual, toHex } from "./octets.js";
import { gettext } from "./words.js";

/** Code of what can neither be shown nor denied, since a key that signed it got out. */
export const KEY_COMPROMISED = "key_compromised";

/**
 * The end of one key: `[kid, retired-at / null, compromised-at / null]`, never both null.
 * @typedef {object} EndedKey
 * @property {Uint8Array} kid Of a key of the platform or of a host, 8 bytes.
 * @property {number | null} retiredAt Unix seconds; from then on it signed nothing.
 * @property {number | null} compromisedAt Unix seconds; from then on somebody else may have
 *   signed with it, and written any date.
 */

/**
 * What a reader remembers of a directory, so that it never goes back behind it.
 * @typedef {object} Edition
 * @property {number} number Rises with every directory of the platform.
 * @property {number} issued Unix seconds.
 * @property {EndedKey[]} ended Sorted by kid.
 */

/**
 * Read the list that stands in a directory.
 * @param {unknown} value
 * @returns {EndedKey[]}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readEnded(value) {
  return checkList("ended", value, 0, 1000).map(readEnd);
}

/**
 * Refuse a list that is not sorted by kid, or has one twice.
 * @param {EndedKey[]} ended
 * @throws {ProtocolError} `value_out_of_range`.
 */
export function checkOrder(ended) {
  const kids = ended.map(({ kid }) => toHex(kid));
  if (kids.some((kid, place) => place > 0 && kid <= kids[place - 1])) {
    throw new ProtocolError("value_out_of_range", gettext("ended keys are not in order"));
  }
}

/**
 * Return how a key ended, if it did before its last day.
 * @param {{ended: EndedKey[]}} directory
 * @param {Uint8Array} kid
 */
export function endOf({ ended }, kid) {
  return ended.find((end) => isEqual(end.kid, kid));
}

/**
 * Whether a key was retired by then.
 * @param {EndedKey | undefined} end
 * @param {number} at Unix seconds.
 */
export function isRetired(end, at) {
  return typeof end?.retiredAt === "number" && end.retiredAt <= at;
}

/**
 * Whether somebody else had a key by then; by now, where no time is given.
 * @param {EndedKey | undefined} end
 * @param {number} [at] Unix seconds.
 */
export function isCompromised(end, at = Infinity) {
  return typeof end?.compromisedAt === "number" && end.compromisedAt <= at;
}

/**
 * Refuse a directory that must not take the place of the one a reader holds.
 * @param {Edition} held
 * @param {Edition} newer Of a directory of the same root.
 * @param {Uint8Array} signedBy The kid of the key that signed it.
 * @throws {ProtocolError} `directory_outdated` when it is older; `value_out_of_range` when it takes
 *   back the end of a key, or is another one of the same number; `signature_invalid` when its
 *   signer had ended in the one held.
 */
export function checkSuccessor(held, newer, signedBy) {
  if (newer.number < held.number || newer.issued < held.issued) {
    const detail = gettext("the directory is older than the known one");
    throw new ProtocolError("directory_outdated", detail);
  }
  const isSame = newer.issued === held.issued && hasAll(held, newer) && hasAll(newer, held);
  if (newer.number === held.number && !isSame) throw twoOfOneNumber();
  if (!hasAll(newer, held)) {
    const detail = gettext("the directory takes back the end of a key");
    throw new ProtocolError("value_out_of_range", detail);
  }
  if (endOf(held, signedBy)) {
    throw new ProtocolError("signature_invalid", gettext("the directory's key has ended"));
  }
}

/**
 * Whether a key was retired or compromised by then.
 * @param {EndedKey | undefined} end
 * @param {number} at Unix seconds.
 */
export function isOver(end, at) {
  return isRetired(end, at) || isCompromised(end, at);
}

/** Return what two different directories are that pass for one. */
export function twoOfOneNumber() {
  return new ProtocolError("value_out_of_range", gettext("two directories have one number"));
}

/**
 * Whether a newer directory has every end of an earlier one, or an earlier time for it.
 * @param {Edition} newer
 * @param {Edition} earlier
 */
function hasAll(newer, earlier) {
  return earlier.ended.every(({ kid, retiredAt, compromisedAt }) => {
    const end = endOf(newer, kid);
    return (
      (retiredAt === null || isRetired(end, retiredAt)) &&
      (compromisedAt === null || isCompromised(end, compromisedAt))
    );
  });
}

/**
 * @param {unknown} value
 * @returns {EndedKey}
 */
function readEnd(value) {
  const [kid, retiredAt, compromisedAt] = checkList("ended key", value, 3);
  checkBytes("kid", kid, ID_BYTES);
  if (retiredAt !== null) checkUint("retired-at", retiredAt, { high: MAX_TIME });
  if (compromisedAt !== null) checkUint("compromised-at", compromisedAt, { high: MAX_TIME });
  if (retiredAt === null && compromisedAt === null) {
    throw new ProtocolError("value_out_of_range", gettext("an ended key has no date"));
  }
  return { kid, retiredAt, compromisedAt };
}

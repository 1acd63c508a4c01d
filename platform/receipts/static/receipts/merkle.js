/** A place in a Merkle tree, and the way from there to its root (RFC 9162); protocol/merkle.py. */

import { ProtocolError } from "./errors.js";
import { concat, sha256 } from "./octets.js";
import { gettext } from "./words.js";

// No tree has as many as 2^53 entries (docs/protocol.md section 1), so no path is longer.
export const MAX_PATH = 53;

/**
 * Return the root that a proof of inclusion leads to (RFC 9162 section 2.1.3.2).
 * @param {Uint8Array} entry
 * @param {number} index Of the entry, from 0.
 * @param {number} size Of the tree.
 * @param {Uint8Array[]} path
 * @returns {Promise<Uint8Array>}
 * @throws {ProtocolError} `proof_invalid`: no proof for this place has this length.
 */
export async function rootOfPath(entry, index, size, path) {
  if (!(0 <= index && index < size)) {
    throw invalid(gettext("no tree of this size has such an entry"));
  }
  let [place, last] = [index, size - 1];
  let made = await leafHash(entry);
  for (const beside of path) {
    if (last === 0) throw invalid(gettext("the path is too long"));
    if (isOdd(place) || place === last) {
      made = await nodeHash(beside, made);
      while (!isOdd(place) && place) [place, last] = [half(place), half(last)];
    } else {
      made = await nodeHash(made, beside);
    }
    [place, last] = [half(place), half(last)];
  }
  if (last) throw invalid(gettext("the path is too short"));
  return made;
}

/**
 * Return the hash of an entry (RFC 9162 section 2.1.1).
 * @param {Uint8Array} entry
 */
function leafHash(entry) {
  return sha256(concat(Uint8Array.of(0), entry));
}

/**
 * Return the hash of a node over its two parts (RFC 9162 section 2.1.1).
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
function nodeHash(left, right) {
  return sha256(concat(Uint8Array.of(1), left, right));
}

// The operators on bits would cut these numbers to 32 bits.

/** @param {number} place */
function isOdd(place) {
  return place % 2 === 1;
}

/** @param {number} place */
function half(place) {
  return Math.floor(place / 2);
}

/** @param {string} detail */
function invalid(detail) {
  return new ProtocolError("proof_invalid", detail);
}

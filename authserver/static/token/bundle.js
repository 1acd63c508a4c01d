/** The challenge bundle: a statement with the content of the steps before it; protocol/bundle.py. */

import * as cbor from "../receipts/cbor.js";
import * as cose from "../receipts/cose.js";
import { linkDigest, statementDigest } from "../receipts/digests.js";
import { ProtocolError } from "../receipts/errors.js";
import { DIGEST_BYTES, ID_BYTES, checkBytes, checkEnum, checkList, versioned } from "../receipts/fields.js";
import { isEqual } from "../receipts/octets.js";
import { Sight, checkAsked, readDemand, readParty, readStatement, statementPayload } from "../receipts/statement.js";
import { gettext } from "../receipts/words.js";

const MAX_CONTEXT = 2;

/**
 * @typedef {import("../receipts/statement.js").Statement} Statement
 *
 * The content of an earlier step, enough to recompute its S and, with V, its L.
 * @typedef {Omit<Statement, "platform" | "tx" | "pos" | "prev"> & {v: Uint8Array}} Context
 *
 * Nothing in a bundle is trusted yet.
 * @typedef {object} Bundle
 * @property {Uint8Array} message The statement as the platform signed it.
 * @property {Uint8Array | null} anchor `prev` of the oldest step in clear.
 * @property {Context[]} context Oldest first.
 */

/**
 * Read a bundle, strictly.
 * @param {Uint8Array} data
 * @returns {Bundle}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readBundle(data) {
  const [message, anchor, context] = versioned("bundle", cbor.decode(data), 4);
  if (!(message instanceof Uint8Array)) {
    throw new ProtocolError("type_wrong", gettext("the statement must be a signed message"));
  }
  if (anchor !== null) checkBytes("anchor", anchor, DIGEST_BYTES);
  const steps = checkList("context", context, 0, MAX_CONTEXT);
  return { message, anchor, context: steps.map(readContext) };
}

/**
 * Return the statement and the earlier ones in clear, each proved: the statement by this key's
 * signature; the earlier ones because hashing their content leads to the statement's `prev`.
 * @param {Bundle} bundle
 * @param {Uint8Array} key
 * @returns {Promise<{statement: Statement, s: Uint8Array, earlier: Statement[]}>}
 * @throws {ProtocolError} `previous_content_changed`, or whatever other rule is broken.
 */
export async function openBundle({ message, anchor, context }, key) {
  const payload = await cose.openSigned(message, cose.Typ.STATEMENT, key);
  const statement = readStatement(payload);
  const folded = statement.pos - context.length;
  if (folded < 0 || (anchor === null) !== (folded === 0)) {
    const detail = gettext("the bundle does not fit the statement's place");
    throw new ProtocolError("chain_broken", detail);
  }
  const { platform, tx } = statement;
  const earlier = [];
  let link = anchor;
  for (const [place, { v, ...step }] of context.entries()) {
    const before = { ...step, platform, tx, pos: folded + place, prev: link };
    link = await linkDigest(await statementDigest(statementPayload(before)), v);
    earlier.push(before);
  }
  if (!isSame(link, statement.prev)) {
    const detail = gettext("the earlier steps are not what was signed");
    throw new ProtocolError("previous_content_changed", detail);
  }
  return { statement, s: await statementDigest(payload), earlier };
}

/**
 * @param {cbor.Value} value
 * @returns {Context}
 */
function readContext(value) {
  const parts = checkList("context", value, 9);
  const [party, demand, serial, vk, sight, nonce, issued, ttl, v] = parts;
  const step = { party: readParty(party), demand: readDemand(demand), serial, vk, sight, nonce, issued, ttl, v };
  checkBytes("vk", vk, ID_BYTES);
  checkEnum("sight", sight, Sight);
  checkAsked(step);
  checkBytes("V", v, DIGEST_BYTES);
  return step;
}

/**
 * @param {Uint8Array | null} left
 * @param {Uint8Array | null} right
 */
function isSame(left, right) {
  return left === null || right === null ? left === right : isEqual(left, right);
}

/** The chain of a receipt, rebuilt byte for byte; protocol/rebuild.py. */

import * as cose from "./cose.js";
import { linkDigest, statementDigest, verdictDigest } from "./digests.js";
import { statementPayload } from "./statement.js";
import { verdictPayload } from "./verdict.js";

/** @typedef {import("./statement.js").Statement} Statement */

/**
 * One step with every byte that was signed for it, and its digests.
 * @typedef {object} Rebuilt
 * @property {Statement} statement
 * @property {Uint8Array} payload The statement's.
 * @property {Uint8Array} verdict The message.
 * @property {Uint8Array} s
 * @property {Uint8Array} v
 * @property {Uint8Array} link L.
 */

/**
 * Return the steps in clear with their statement payloads and verdict messages: a reader's only
 * source of those bytes.
 * @param {import("./receipt.js").Receipt} receipt
 * @returns {Promise<Rebuilt[]>}
 * @throws {ProtocolError} a rebuilt message breaks a rule of the protocol.
 */
export async function rebuild({ platform, tx, folded, anchor, steps, reason }) {
  /** @type {Rebuilt[]} */
  const rebuilt = [];
  let prev = anchor;
  for (const [place, step] of steps.entries()) {
    const statement = { ...asked(step), platform, tx, pos: folded + place, prev };
    const payload = statementPayload(statement);
    const s = await statementDigest(payload);
    const verdict = cose.assemble({
      typ: cose.Typ.VERDICT,
      kid: step.vk,
      payload: verdictPayload({ ...step, s, reason }),
      signature: step.signature,
    });
    const v = await verdictDigest(verdict);
    prev = await linkDigest(s, v);
    rebuilt.push({ statement, payload, verdict, s, v, link: prev });
  }
  return rebuilt;
}

/**
 * The part of a step that its statement holds too.
 * @param {import("./chain.js").Step} step
 */
function asked({ party, demand, serial, vk, sight, nonce, issued, ttl }) {
  return { party, demand, serial, vk, sight, nonce, issued, ttl };
}

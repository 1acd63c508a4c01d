/** The three digests S, V and L (docs/protocol.md section 2); protocol/digests.py. */

import { concat, sha256 } from "./octets.js";

/**
 * Return S, over the statement's payload and not the COSE bytes around it.
 * @param {Uint8Array} payload
 */
export const statementDigest = (payload) => tagged("countersign/statement/1", payload);

/**
 * Return V, over the whole verdict COSE_Sign1.
 * @param {Uint8Array} message
 */
export const verdictDigest = (message) => tagged("countersign/verdict/1", message);

/**
 * Return L, the `prev` of the next statement, from S and V of this step.
 * @param {Uint8Array} s
 * @param {Uint8Array} v
 */
export const linkDigest = (s, v) => tagged("countersign/link/1", concat(s, v));

/**
 * @param {string} domain
 * @param {Uint8Array} content
 */
function tagged(domain, content) {
  return sha256(concat(new TextEncoder().encode(domain), Uint8Array.of(0), content));
}

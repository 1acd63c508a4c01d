/** The verdict: what the paired server decided about one statement; protocol/verdict.py. */

import * as cbor from "./cbor.js";
import { ProtocolError } from "./errors.js";
import {
  DIGEST_BYTES,
  ID_BYTES,
  MAX_TIME,
  VERSION,
  checkBytes,
  checkEnum,
  checkUint,
  versioned,
} from "./fields.js";
import { gettext } from "./words.js";

/** Why a verdict is as it is. */
export const Reason = Object.freeze({
  ACCEPTED: 0,
  ATTEMPTS_EXHAUSTED: 1,
  DECLINED: 2,
  CANCELLED: 3,
  EXPIRED: 4,
});

/**
 * Return a reason in words.
 * @param {number} reason
 */
export function reasonWords(reason) {
  return [
    gettext("accepted"),
    gettext("refused, too many wrong responses"),
    gettext("refused, declined by the holder"),
    gettext("refused, cancelled"),
    gettext("refused, not answered in time"),
  ][reason];
}

/**
 * A terminal outcome.  It is accepted exactly when the reason is `ACCEPTED`.
 * @typedef {object} Verdict
 * @property {Uint8Array} vk The server that decided, 8 bytes.
 * @property {Uint8Array} s Digest S of the statement, 32 bytes.
 * @property {number} reason
 * @property {number} decided Unix seconds, by the server's clock.
 * @property {number} seq Sequence number at this server.
 */

/**
 * Return the bytes the paired server signs.
 * @param {Verdict} verdict
 * @returns {Uint8Array}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function verdictPayload(verdict) {
  checkVerdict(verdict);
  const { vk, s, reason, decided, seq } = verdict;
  return cbor.encode([VERSION, vk, s, outcomeOf(reason), reason, decided, seq]);
}

/**
 * Read a verdict's payload, strictly.
 * @param {Uint8Array} payload
 * @returns {Verdict}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readVerdict(payload) {
  const [vk, s, outcome, reason, decided, seq] = versioned("verdict", cbor.decode(payload), 7);
  const verdict = { vk, s, reason, decided, seq };
  checkVerdict(verdict);
  checkUint("outcome", outcome, { high: 1 });
  if (outcome !== outcomeOf(reason)) {
    throw new ProtocolError("value_out_of_range", gettext("outcome and reason disagree"));
  }
  return verdict;
}

/** @param {Verdict} verdict */
function checkVerdict({ vk, s, reason, decided, seq }) {
  checkBytes("vk", vk, ID_BYTES);
  checkBytes("S", s, DIGEST_BYTES);
  checkEnum("reason", reason, Reason);
  checkUint("decided", decided, { high: MAX_TIME });
  checkUint("seq", seq);
}

/** @param {number} reason */
function outcomeOf(reason) {
  return reason === Reason.ACCEPTED ? 1 : 0;
}

/** Steps as receipts carry them to readers; protocol/chain.py. */

import { SIGNATURE_BYTES } from "./ed25519.js";
import { ProtocolError } from "./errors.js";
import { DIGEST_BYTES, ID_BYTES, MAX_TIME, checkBytes, checkEnum, checkUint } from "./fields.js";
import { checkServer } from "./keys.js";
import { Sight, checkAsked } from "./statement.js";
import { Reason } from "./verdict.js";
import { gettext } from "./words.js";

/**
 * @typedef {import("./statement.js").Asked} Asked
 * @typedef {import("./statement.js").Demand} Demand
 * @typedef {import("./statement.js").Party} Party
 */

// Seconds by which two honest clocks may differ.
const CLOCK_LEEWAY_SECONDS = 60;

/**
 * A paired server's key with its host's certificate, serial left to the step.
 * @typedef {object} CertifiedServer
 * @property {Uint8Array} key The server's public key, 32 bytes.
 * @property {number} host Number of the host in the directory.
 * @property {number} fromDay
 * @property {number} toDay
 * @property {Uint8Array} signature The host key's signature, 64 bytes.
 */

/**
 * One signed step as a receipt carries it; times in Unix seconds.
 * @typedef {object} Carried
 * @property {Party} party
 * @property {Demand} demand
 * @property {number} sight
 * @property {number} decided
 * @property {number} seq
 * @property {Uint8Array} signature The verdict's signature, 64 bytes.
 * @property {Uint8Array} vk The server id, 8 bytes.
 * @property {CertifiedServer | null} certified The server with its certificate, where it is there.
 * @typedef {Carried & Asked} Step
 */

/**
 * @param {CertifiedServer} certified
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function checkCertified({ key, host, fromDay, toDay, signature }) {
  checkUint("host", host);
  checkBytes("csig", signature, SIGNATURE_BYTES);
  checkServer({ key, serial: "-", fromDay, toDay });
}

/**
 * Check what stands beside party, demand and certificate.
 * @param {Step} step
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function checkStep(step) {
  checkEnum("sight", step.sight, Sight);
  checkAsked(step);
  checkUint("decided", step.decided, { high: MAX_TIME });
  checkUint("seq", step.seq);
  checkBytes("vsig", step.signature, SIGNATURE_BYTES);
  checkBytes("vk", step.vk, ID_BYTES);
}

/**
 * Refuse an anchor that is null when steps are folded, or present when none are.
 * @param {number} folded
 * @param {Uint8Array | null} anchor
 * @throws {ProtocolError} `chain_broken`.
 */
export function checkAnchor(folded, anchor) {
  checkUint("folded", folded);
  if ((anchor === null) !== (folded === 0)) {
    const detail = gettext("anchor is null exactly when nothing is folded");
    throw new ProtocolError("chain_broken", detail);
  }
  if (anchor !== null) checkBytes("anchor", anchor, DIGEST_BYTES);
}

/**
 * Return the places of steps whose times contradict themselves or the step before.
 * @param {Step[]} steps
 * @param {number} reason
 */
export function clockFaults(steps, reason) {
  const faults = [];
  let earliest = 0;
  for (const [place, step] of steps.entries()) {
    // A refusal may come long after the challenge ran out, when nobody ended it sooner.
    const inTime =
      isInTime(step) || (reason !== Reason.ACCEPTED && step.decided > step.issued + step.ttl);
    if (step.issued < earliest || !inTime) faults.push(place);
    earliest = step.decided - CLOCK_LEEWAY_SECONDS;
  }
  return faults;
}

/** @param {Step} step */
function isInTime({ issued, decided, ttl }) {
  const after = decided - issued;
  return -CLOCK_LEEWAY_SECONDS <= after && after <= ttl + CLOCK_LEEWAY_SECONDS;
}

/** What is said of a receipt, line by line; protocol/outcome.py. */

import { ProtocolError } from "./errors.js";

/**
 * @typedef {import("./charge.js").Charge} Charge
 * @typedef {import("./rebuild.js").Rebuilt} Rebuilt
 * @typedef {import("./receipt.js").Receipt} Receipt
 */

/** How one check ended. */
export const Outcome = Object.freeze({
  PASSED: "passed",
  FAILED: "failed",
  UNCHECKED: "unchecked",
});

/** Code of the one line that fails on a sound refusal. */
export const REFUSED = "refused";
// Number of the line on the platform's own signature.
const SIGNATURE_LINE = 3;

/**
 * One line of a report.
 * @typedef {object} Check
 * @property {number} number Number of the check in docs/protocol.md section 10.
 * @property {string} outcome One of `Outcome`.
 * @property {string} code Stable; on failure the failure code, else the name of the check.
 * @property {string} text One sentence for people.
 * @property {number | null} step Position of the step concerned, or null for the whole receipt.
 */

/** All checks of one receipt, what must be said beside them, and what could be read of it. */
export class Report {
  /**
   * @param {Uint8Array} identity SHA-256 of the message: what a receipt is known by.
   * @param {string[]} always Sentences that stand beside every report.
   * @param {Check[]} checks
   * @param {Receipt | null} receipt Null when the bytes are none.
   * @param {Rebuilt[]} steps One for each of `receipt.steps`.
   * @param {Charge | null} charge Where it is the receipt of one, and of no step.
   */
  constructor(identity, always, checks, receipt = null, steps = [], charge = null) {
    this.identity = identity;
    this.always = always;
    this.checks = checks;
    this.receipt = receipt;
    this.steps = steps;
    this.charge = charge;
  }

  /** The lines that failed. */
  get failures() {
    return this.checks.filter((check) => check.outcome === Outcome.FAILED);
  }

  /** Whether nothing failed and the platform signed it; lines may still be unchecked. */
  get isValid() {
    return this.isSigned && this.failures.length === 0;
  }

  /** Whether it is the sound record of a refused step: nothing failed but that. */
  get isRefusal() {
    return this.isSigned && this.failures.length === 1 && this.failures[0].code === REFUSED;
  }

  /** Whether the platform signed it.  "Cannot tell who did" is no failure, and not this either. */
  get isSigned() {
    return this.checks.some(
      ({ number, outcome }) => number === SIGNATURE_LINE && outcome === Outcome.PASSED,
    );
  }

  /** Whether every line passed, so that the whole may be shown green. */
  get isComplete() {
    return this.checks.every((check) => check.outcome === Outcome.PASSED);
  }
}

export const passed = lines(Outcome.PASSED);
export const failed = lines(Outcome.FAILED);
export const unchecked = lines(Outcome.UNCHECKED);

/** @param {string} outcome */
function lines(outcome) {
  /**
   * @param {number} number
   * @param {string} code
   * @param {string} text
   * @param {number | null} step
   * @returns {Check}
   */
  return (number, code, text, step = null) => ({ number, outcome, code, text, step });
}

/**
 * Return a Unix time in words.
 * @param {number} seconds
 */
export function utc(seconds) {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/**
 * Pass on what bad input brings, and nothing else: a browser that cannot check has not found a
 * fault in the receipt.
 * @param {unknown} error
 * @returns {ProtocolError}
 */
export function expected(error) {
  if (error instanceof ProtocolError) return error;
  throw error;
}

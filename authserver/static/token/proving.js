/**
 * The host proves to a token that the platform is the true one, by answering the token's own
 * challenge (RFC 6287 section 7.3); tokens/simulator.py.
 */

import { gettext } from "../receipts/words.js";
import { TokenError } from "./errors.js";
import { compute, questionFor } from "./responses.js";
import { Family, parseSuite } from "./suites.js";

// How far the host may lie behind the token when it proves itself: as far as it looks ahead.
const CLOCK_STEPS = 1;
const COUNTER_LOOK_BACK = 20;

/**
 * @typedef {import("./token.js").Token} Token
 * @typedef {import("./token.js").Shown} Shown
 */

/**
 * Draw the token's own challenge, which its host answers before the token does.
 * @param {Token} token
 * @returns {string}
 * @throws {TokenError} `challenge_unfit` for a token that has none.
 */
export function drawChallenge(token) {
  const suite = parseSuite(token.suite);
  if (suite.family !== Family.OCRA) {
    throw new TokenError("challenge_unfit", gettext("only tokens with OCRA have a challenge"));
  }
  return String(questionFor(suite, crypto.getRandomValues(new Uint8Array(32))));
}

/**
 * Refuse to go on unless the host has answered the token's own challenge (RFC 6287 section 7.3):
 * only the paired server knows the seed, and it answers only statements that the platform signed.
 * @param {Token} token
 * @param {Uint8Array} seed
 * @param {Shown} shown
 * @param {string} challenge
 * @param {string} given What the platform's page shows.
 * @param {number} now
 * @throws {TokenError} `platform_untrue`.
 */
export function checkPlatform(token, seed, { s }, challenge, given, now) {
  const asked = String(questionFor(parseSuite(token.suite), s));
  return checkProof(token, seed, asked, challenge, given, now);
}

/**
 * As `checkPlatform`, of a question that the holder typed.
 * @param {Token} token
 * @param {Uint8Array} seed
 * @param {string} asked
 * @param {string} challenge
 * @param {string} given
 * @param {number} now
 */
export async function checkProof(token, seed, asked, challenge, given, now) {
  const suite = parseSuite(token.suite);
  const question = challenge + asked;
  const step = suite.timeStepSeconds && Math.floor(now / suite.timeStepSeconds);
  const timeSteps = step === null ? [null] : [step - CLOCK_STEPS, step, step + CLOCK_STEPS];
  const counters = suite.counter ? lookBack(token.counter) : [null];
  const digits = given.replace(/\s/g, "");
  let isTrue = false;
  for (const counter of counters) {
    for (const timeStep of timeSteps) {
      const right = await compute(suite, seed, { question, counter, timeStep });
      isTrue = right === digits || isTrue;
    }
  }
  if (isTrue) return;
  const detail = gettext("this is not the true platform, or the answer was mistyped: give it no code");
  throw new TokenError("platform_untrue", detail);
}

/** @param {number} counter */
function lookBack(counter) {
  const length = Math.min(COUNTER_LOOK_BACK, counter) + 1;
  return Array.from({ length }, (_, back) => counter - back);
}

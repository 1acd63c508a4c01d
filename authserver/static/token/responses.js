/** The responses of every suite, and the question a statement asks; tokens/responses.py. */

import { toHex } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";
import { TokenError } from "./errors.js";
import * as gmt0021 from "./gmt0021.js";
import { checkPresence } from "./inputs.js";
import * as oath from "./oath.js";
import * as ocra from "./ocra.js";
import { Family, hasStatementQuestion, sightOf } from "./suites.js";

/** @typedef {import("./suites.js").Suite} Suite */

/**
 * Return a token's response.
 * @param {Suite} suite
 * @param {Uint8Array} seed
 * @param {import("./inputs.js").Inputs} inputs
 * @returns {Promise<string>}
 * @throws {TokenError} `seed_invalid`, `question_invalid` or `data_input_invalid`.
 */
export async function compute(suite, seed, inputs) {
  if (suite.family === Family.OCRA) return ocra.compute(suite, seed, inputs);
  if (suite.family === Family.GMT0021) return gmt0021.compute(suite, seed, inputs);
  checkPresence("question", false, inputs.question);
  return oath.compute(suite, seed, inputs);
}

/**
 * Derive the question in the suite's own form from the digest of a statement; tokens/question.py.
 * @param {Suite} suite
 * @param {Uint8Array} digest S, 32 octets.
 * @returns {string | null} Null for a suite without a question.
 * @throws {TokenError} `question_invalid` when no such question comes from a statement.
 */
export function questionFor(suite, digest) {
  if (!suite.questionLength) return null;
  if (!hasStatementQuestion(suite) || digest.length !== 32) {
    const detail = gettext("no question of this form comes from a statement");
    throw new TokenError("question_invalid", detail);
  }
  const digits = toHex(digest);
  if (suite.questionFormat === "H" || sightOf(suite) === 2) {
    return digits.slice(0, suite.questionLength);
  }
  // The first digit is never zero, so that no two questions fill the padded field alike.
  const smallest = 10n ** BigInt(suite.questionLength - 1);
  return String(smallest + (BigInt(`0x${digits}`) % (9n * smallest)));
}

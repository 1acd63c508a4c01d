/** Tokens to GM/T 0021-2012: SM3 and SM4; tokens/gmt0021.py says what is refused, and why. */

import { concat } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";
import { TokenError } from "./errors.js";
import { checkPresence, numberField } from "./inputs.js";
import { BLOCK_OCTETS, moreBlocks } from "./suites.js";
import { sm3, sm4 } from "./vendor.js";

const MIN_SEED_OCTETS = 16;
const COUNTER_OCTETS = 4;

/**
 * @typedef {import("./suites.js").Suite} Suite
 * @typedef {import("./inputs.js").Inputs} Inputs
 */

/**
 * Return a token's response: the sum of the 32-bit words of F(K, ID) modulo 2^32, modulo 10^N.
 * @param {Suite} suite
 * @param {Uint8Array} seed At least 16 octets; for SM4 exactly 16.
 * @param {Inputs} inputs
 * @returns {Promise<string>}
 * @throws {TokenError} `seed_invalid`, `question_invalid` or `data_input_invalid`.
 */
export async function compute(suite, seed, inputs) {
  const message = dataInput(suite, inputs);
  if (seed.length < MIN_SEED_OCTETS) {
    throw new TokenError("seed_invalid", gettext("the seed is shorter than GM/T 0021 wants it"));
  }
  const output = suite.algorithm === "SM3" ? await sm3(concat(seed, message)) : await encrypt(seed, message);
  const words = new DataView(output.buffer, output.byteOffset, output.length);
  let sum = 0;
  for (let at = 0; at < output.length; at += 4) sum = (sum + words.getUint32(at)) % 2 ** 32;
  return String(sum % 10 ** suite.digits).padStart(suite.digits, "0");
}

/**
 * Lay out ID: time steps, counter and question, filled up with zeros to 16 octets.
 * @param {Suite} suite
 * @param {Inputs} inputs
 */
function dataInput(suite, { timeStep, counter, question }) {
  const octets = concat(
    numberField("time step", timeStep, suite.timeStepSeconds !== null),
    numberField("counter", counter, suite.counter, COUNTER_OCTETS),
    questionField(suite, question),
  );
  return concat(octets, new Uint8Array(Math.max(BLOCK_OCTETS - octets.length, 0)));
}

/**
 * @param {Suite} suite
 * @param {string | null} [question]
 */
function questionField({ questionLength }, question) {
  checkPresence("question", questionLength > 0, question);
  if (question === null || question === undefined) return new Uint8Array();
  if (question.length !== questionLength || !/^[!-~]+$/.test(question)) {
    const detail = gettext("the question must be %(length)s characters of printable ASCII without spaces", {
      length: questionLength,
    });
    throw new TokenError("question_invalid", detail);
  }
  return new TextEncoder().encode(question);
}

/**
 * @param {Uint8Array} seed
 * @param {Uint8Array} message
 */
async function encrypt(seed, message) {
  if (seed.length !== BLOCK_OCTETS) throw new TokenError("seed_invalid", moreBlocks());
  return sm4(seed, message);
}

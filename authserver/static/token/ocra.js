/** OCRA responses (RFC 6287); tokens/ocra.py has the table of the data input. */

import { concat, fromHex, toHex } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";
import { TokenError } from "./errors.js";
import { checkPresence, checkSeed, numberField } from "./inputs.js";
import { hmac, truncate, webName } from "./oath.js";

const QUESTION_OCTETS = 128;

/**
 * @typedef {import("./suites.js").Suite} Suite
 * @typedef {import("./inputs.js").Inputs} Inputs
 */

/**
 * Return a token's response to a question.
 * @param {Suite} suite
 * @param {Uint8Array} seed
 * @param {Inputs} inputs
 * @returns {Promise<string>} `digits` ASCII digits; for 0 the HMAC in hexadecimal digits.
 * @throws {TokenError} `seed_invalid`, `question_invalid` or `data_input_invalid`.
 */
export async function compute(suite, seed, inputs) {
  const message = await dataInput(suite, inputs);
  checkSeed(seed);
  const mac = await hmac(suite.algorithm, seed, message);
  return suite.digits === 0 ? toHex(mac) : truncate(mac, suite.digits);
}

/**
 * @param {Suite} suite
 * @param {Inputs} inputs
 */
async function dataInput(suite, inputs) {
  return concat(
    new TextEncoder().encode(suite.text),
    Uint8Array.of(0),
    numberField("counter", inputs.counter, suite.counter),
    questionField(suite, inputs.question ?? ""),
    await pinField(suite.pinHash, inputs),
    sessionField(suite.sessionLength, inputs.session),
    numberField("time step", inputs.timeStep, suite.timeStepSeconds !== null),
  );
}

/**
 * @param {Suite} suite
 * @param {string} question One party's, or the other party's and the own behind it.
 */
function questionField({ questionFormat, questionLength }, question) {
  const length = [...question].length;
  const longest = 2 * questionLength;
  if (length < 1 || length > longest) {
    const places = { longest, length };
    throw invalid(gettext("a question has 1 to %(longest)s characters, not %(length)s", places));
  }
  const octets = QUESTION[/** @type {"N" | "A" | "H"} */ (questionFormat)](question);
  if (octets.length > QUESTION_OCTETS) {
    throw invalid(gettext("the question is longer than %(most)s octets", { most: QUESTION_OCTETS }));
  }
  return concat(octets, new Uint8Array(QUESTION_OCTETS - octets.length));
}

const QUESTION = {
  /** @param {string} question */
  N(question) {
    if (!/^[0-9]+$/.test(question)) throw invalid(gettext("the question must be ASCII digits"));
    // As the reference implementation in RFC 6287 appendix A: padded by the digit.
    const digits = BigInt(question).toString(16);
    return fromHex(digits.length % 2 ? `${digits}0` : digits);
  },
  /** @param {string} question */
  H(question) {
    if (!/^(?:[0-9A-Fa-f]{2})+$/.test(question)) {
      throw invalid(gettext("the question must be an even number of hexadecimal digits"));
    }
    return fromHex(question);
  },
  /** @param {string} question */
  A(question) {
    // Control characters are out: a NUL at the end would look like padding.
    if (/[\p{C}\p{Z}]/u.test(question.replaceAll(" ", ""))) {
      throw invalid(gettext("the question must be printable text"));
    }
    return new TextEncoder().encode(question);
  },
};

/**
 * @param {string | null} algorithm
 * @param {Inputs} inputs
 */
async function pinField(algorithm, { pin = null, pinHash = null }) {
  if (pin !== null && pinHash !== null) {
    throw refused(gettext("give the PIN or its hash, not both"));
  }
  checkPresence("PIN", algorithm !== null, pin ?? pinHash);
  if (algorithm === null) return new Uint8Array();
  const empty = await digest(algorithm, "");
  const octets = pinHash ?? (await digest(algorithm, pin ?? ""));
  if (octets.length !== empty.length) {
    throw refused(gettext("the PIN hash does not have the length that the suite says"));
  }
  return octets;
}

/**
 * @param {string} algorithm
 * @param {string} text
 */
async function digest(algorithm, text) {
  // UTF-8 has no lone surrogates, and the encoder would replace them.
  if (/\p{Cs}/u.test(text)) throw refused(gettext("the PIN is not valid Unicode text"));
  const octets = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest(webName(algorithm), octets));
}

/**
 * @param {number | null} length
 * @param {Uint8Array | null} [session]
 */
function sessionField(length, session) {
  checkPresence("session", length !== null, session);
  if (!session) return new Uint8Array();
  if (session.length !== length) {
    throw refused(gettext("the session data does not have the length that the suite says"));
  }
  return session;
}

/** @param {string} detail */
const invalid = (detail) => new TokenError("question_invalid", detail);
/** @param {string} detail */
const refused = (detail) => new TokenError("data_input_invalid", detail);

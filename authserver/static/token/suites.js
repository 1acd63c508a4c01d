/** The suites of all families, and how to read any of them; tokens/suites.py. */

import { gettext } from "../receipts/words.js";
import { TokenError } from "./errors.js";

export const Family = Object.freeze({
  OCRA: "OCRA-1",
  GMT0021: "GMT0021",
  HOTP: "HOTP",
  TOTP: "TOTP",
});

const SEED_OCTETS = 32;
export const BLOCK_OCTETS = 16;
const STATEMENT_QUESTION_LENGTH = 64;
const MIN_QUESTION_LENGTH = 8;
const MAX_CARD_SECONDS = 3600;
const MAX_GMT0021_SECONDS = 60;
const UNIT_SECONDS = { S: 1, M: 60, H: 3600 };

const OCRA = new RegExp(
  "^OCRA-1:HOTP-(?<hash>SHA1|SHA256|SHA512)-(?<digits>0|[4-9]|10):" +
    "(?<counter>C-)?Q(?<format>[NAH])(?<length>0?[4-9]|[1-5][0-9]|6[0-4])" +
    "(?:-P(?<pin>SHA1|SHA256|SHA512))?(?:-S(?!000)(?<session>[0-9]{3}))?" +
    // Erratum 3729 (verified): hours are 1 to 48; the 0 of RFC 6287 table 3 is a misprint.
    "(?:-T(?<step>(?:[1-9]|[1-5][0-9])[SM]|(?:[1-9]|[1-3][0-9]|4[0-8])H))?$",
);
const GMT0021 =
  /^GMT0021:(SM3|SM4)-([6-9]):((?:T([1-9][0-9]?))?-?(C)?-?(?:Q([4-9]|[1-5][0-9]|6[0-4]))?)$/;
const CARD = /^(HOTP|TOTP):(SHA1|SHA256|SHA512)-([6-9])(?::T([1-9][0-9]{0,3}))?$/;

/**
 * How a token answers.
 * @typedef {object} Suite
 * @property {string} text As it was read; OCRA hashes it.
 * @property {string} family
 * @property {string} algorithm SHA1, SHA256 or SHA512; SM3 or SM4 for GM/T 0021.
 * @property {number} digits Length of a response; 0 is the whole HMAC.
 * @property {boolean} counter Whether a counter is hashed.
 * @property {string | null} questionFormat N, A or H for OCRA.
 * @property {number} questionLength 0 for a suite without a question.
 * @property {string | null} pinHash
 * @property {number | null} sessionLength
 * @property {number | null} timeStepSeconds
 */

/**
 * Read a suite of any family; case, order and number of digits must be exact.
 * @param {string} text
 * @returns {Suite}
 * @throws {TokenError} `suite_invalid`.
 */
export function parseSuite(text) {
  const [family] = text.split(":");
  const suite = READERS.get(family)?.(text);
  if (suite) return { ...NOTHING, ...suite, text };
  if (family === "GMT0021-2023") {
    throw invalid(gettext("GM/T 0021-2023 is not supported: its text and known answers are not public"));
  }
  throw invalid(gettext("this is no suite that this app knows"));
}

/**
 * What the holder sees of a statement: 2 where the question is its whole digest, so that the app
 * scanned it; 1 where digits are typed; 0 without a question.
 * @param {Suite} suite
 */
export function sightOf({ family, questionFormat, questionLength }) {
  if (!questionLength) return 0;
  const isWhole = questionLength === STATEMENT_QUESTION_LENGTH;
  return isWhole && (family === Family.GMT0021 || questionFormat === "H") ? 2 : 1;
}

/**
 * Length of a seed that is made for a suite.
 * @param {Suite} suite
 */
export const seedOctets = ({ algorithm }) => (algorithm === "SM4" ? BLOCK_OCTETS : SEED_OCTETS);

/**
 * Whether the digest of a statement gives a question of this suite.
 * @param {Suite} suite
 */
export function hasStatementQuestion({ family, questionFormat, questionLength }) {
  if (family !== Family.OCRA) return questionLength > 0;
  return questionFormat === "N" || (questionFormat === "H" && questionLength % 2 === 0);
}

/**
 * Say why this app does not take a token with this suite, or return null.
 * @param {Suite} suite
 * @returns {string | null}
 */
export function enrolmentProblem(suite) {
  const { family, digits, questionLength } = suite;
  const asks = questionLength > 0;
  if (family === Family.OCRA) {
    if (digits < 6) return gettext("responses have fewer than 6 digits");
    if (digits > 9) return gettext("responses have 10 digits: the first is 0, 1 or 2");
  }
  if (asks && questionLength < MIN_QUESTION_LENGTH) {
    return gettext("questions have fewer than 8 characters");
  }
  if (asks && !hasStatementQuestion(suite)) {
    return gettext("no question of this form comes from a statement");
  }
  if (suite.pinHash || suite.sessionLength) {
    return gettext("this token has no PIN and no session data");
  }
  return null;
}

const NOTHING = {
  counter: false,
  questionFormat: null,
  questionLength: 0,
  pinHash: null,
  sessionLength: null,
  timeStepSeconds: null,
};

/** @type {Map<string, (text: string) => Partial<Suite> | null>} */
const READERS = new Map([
  [Family.OCRA, readOcra],
  [Family.GMT0021, readGmt0021],
  [Family.HOTP, readCard],
  [Family.TOTP, readCard],
]);

/** @param {string} text */
function readOcra(text) {
  const found = OCRA.exec(text)?.groups;
  if (!found) return null;
  const { step } = found;
  const unit = /** @type {"S" | "M" | "H"} */ (step?.slice(-1));
  return {
    family: Family.OCRA,
    algorithm: found.hash,
    digits: Number(found.digits),
    counter: found.counter !== undefined,
    questionFormat: found.format,
    questionLength: Number(found.length),
    pinHash: found.pin ?? null,
    sessionLength: found.session ? Number(found.session) : null,
    timeStepSeconds: step ? Number(step.slice(0, -1)) * UNIT_SECONDS[unit] : null,
  };
}

/** @param {string} text */
function readGmt0021(text) {
  const [, algorithm, digits, input, step, counter, length] = GMT0021.exec(text) ?? [];
  const parts = [step && `T${step}`, counter, length && `Q${length}`].filter(Boolean);
  if (!parts.length || parts.join("-") !== input || Number(step ?? 0) > MAX_GMT0021_SECONDS) {
    return null;
  }
  const suite = {
    family: Family.GMT0021,
    algorithm,
    digits: Number(digits),
    counter: counter !== undefined,
    questionLength: Number(length ?? 0),
    timeStepSeconds: step ? Number(step) : null,
  };
  const octets = (step ? 8 : 0) + (counter ? 4 : 0) + suite.questionLength;
  if (algorithm === "SM4" && octets > BLOCK_OCTETS) throw invalid(moreBlocks());
  return suite;
}

/** What the standard leaves open: tests/vectors/gmt0021_sm4_multiblock_unsettled.json. */
export function moreBlocks() {
  return gettext("SM4 over more than one block of 16 octets is refused: GM/T 0021-2012 does not settle it, and implementations give different responses");
}

/** @param {string} text */
function readCard(text) {
  const [, family, algorithm, digits, step] = CARD.exec(text) ?? [];
  const isTimed = family === Family.TOTP;
  if (!family || isTimed !== (step !== undefined) || Number(step ?? 0) > MAX_CARD_SECONDS) {
    return null;
  }
  const timeStepSeconds = isTimed ? Number(step) : null;
  return { family, algorithm, digits: Number(digits), counter: !isTimed, timeStepSeconds };
}

/** @param {string} detail */
function invalid(detail) {
  return new TokenError("suite_invalid", detail);
}

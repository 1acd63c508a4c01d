/**
 * A token that reads statements, shows them and answers: all of it but the display, the store and
 * what keeps it up to date; tokens/simulator.py.  The time comes in as `now`, in seconds, and what changes goes out as a new
 * token.  Its secrets stand apart, since they are sealed under a PIN until it answers.
 */

import * as cose from "../receipts/cose.js";
import { keyId } from "../receipts/ed25519.js";
import { ProtocolError } from "../receipts/errors.js";
import { covers } from "../receipts/keys.js";
import { concat, isEqual } from "../receipts/octets.js";
import { Link, decode } from "../receipts/qrtext.js";
import { Kind, readStatement } from "../receipts/statement.js";
import { gettext } from "../receipts/words.js";
import { openBundle, readBundle } from "./bundle.js";
import { layOut } from "./display.js";
import { TokenError } from "./errors.js";
import { hmac } from "./oath.js";
import { compute, questionFor } from "./responses.js";
import { parseSuite, sightOf } from "./suites.js";

// How far two clocks may differ: protocol/statement.py.
const CLOCK_LEEWAY_SECONDS = 60;
// In front of a reason, so that no response's tag is ever the tag of a refusal.
const DECLINE = "decline";

/**
 * @typedef {import("../receipts/statement.js").Statement} Statement
 * @typedef {import("../receipts/keys.js").KeyCertificate} KeyCertificate
 */

/**
 * One enrolled token; nothing in it is secret.
 * @typedef {object} Token
 * @property {string} serial
 * @property {string} suite As text.
 * @property {number} counter The next one of a suite with a counter.
 * @property {Uint8Array} vk Id of the paired server, 8 bytes.
 * @property {string} hostOrigin
 * @property {Uint8Array} hostRoot 32 bytes.
 * @property {string} platformId The one platform it obeys.
 * @property {string} platformOrigin
 * @property {Uint8Array} platformRoot Pinned, so that new keys need no trust.
 * @property {KeyCertificate[]} keys The platform's statement keys known so far, checked.
 * @property {number} keysNumber Of the directory they are from; 0 before the first.
 * @property {number} keysIssued When that was issued.
 * @property {import("../receipts/ended.js").EndedKey[]} keysEnded Those that had ended in it.
 * @property {import("./display.js").Profile} profile What its display holds.
 */

/**
 * What the token shares with its host, and K_post, which tags the answers it posts itself.
 * @typedef {{seed: Uint8Array, postKey: Uint8Array}} Secrets
 */

/**
 * A statement that passed every check, as the holder sees it.
 * @typedef {object} Shown
 * @property {Statement} statement What will be answered.
 * @property {Uint8Array} s Its digest.
 * @property {Statement[]} earlier The earlier steps that are shown in clear, oldest first.
 * @property {number} hidden Number of earlier steps that are bound by digest and not shown.
 * @property {string[]} lines The display, top to bottom.
 */

/**
 * Check a challenge and lay it out for the holder (docs/protocol.md section 5).
 * @param {Token} token
 * @param {string | Uint8Array} code The text of a challenge QR, or the bytes of its bundle.
 * @param {number} now Unix seconds by the phone's clock.
 * @returns {Promise<Shown>}
 * @throws {ProtocolError} the code breaks a rule of the protocol.
 * @throws {TokenError} `wrong_platform`, `statement_key_unknown`, `statement_key_expired`,
 *   `token_not_addressed`, `sight_wrong`, `clock_wrong`, `challenge_expired` or
 *   `statement_too_large_for_token`.
 */
export async function read(token, code, now) {
  // 1. It is a challenge, and its link leads to the platform this token obeys.
  const bundle = await readCode(code, token.platformOrigin);
  // 2. That platform signed it, and the earlier steps in clear are those it is bound to.
  const signer = await statementKey(token, cose.parse(bundle.message));
  const { statement, s, earlier } = await openBundle(bundle, signer.key);
  // 3. The key was valid on the day.
  if (!covers(signer, statement.issued)) {
    const detail = gettext("the platform's key was not valid on that day");
    throw new TokenError("statement_key_expired", detail);
  }
  // 4. It is for this token, from the platform it says, and in time.
  checkAddressed(token, statement);
  checkTime(statement, now);
  // 5. It may stand where it stands in a chain.
  checkChain([...earlier, statement]);
  // 6. All of it fits the display.
  const { lines, shown } = layOut(statement, earlier, token.profile);
  return { statement, s, earlier: shown, hidden: statement.pos - shown.length, lines };
}

/**
 * Return the response to a statement that the holder has seen and approved.  With a counter suite,
 * store `advanced` before anybody sees the response.
 * @param {Token} token
 * @param {Uint8Array} seed
 * @param {Shown} shown
 * @param {number} now
 * @param {string} [challenge] The token's own, if the host has answered it.
 * @returns {Promise<string>}
 * @throws {TokenError} `challenge_expired` when the holder took too long, `token_not_addressed`.
 */
export async function respond(token, seed, { statement, s }, now, challenge = "") {
  checkAddressed(token, statement);
  checkTime(statement, now);
  const question = questionFor(parseSuite(token.suite), s);
  return answer(token, seed, question === null ? null : question + challenge, now);
}

/**
 * Return what the token answers to a question; of a suite that is asked nothing, null is answered.
 * @param {Token} token
 * @param {Uint8Array} seed
 * @param {string | null} question
 * @param {number} now
 */
export function answer(token, seed, question, now) {
  const suite = parseSuite(token.suite);
  const { counter, timeStepSeconds } = suite;
  return compute(suite, seed, {
    question,
    counter: counter ? token.counter : null,
    timeStep: timeStepSeconds === null ? null : Math.floor(now / timeStepSeconds),
  });
}

/**
 * Return the token as it is after one response.
 * @param {Token} token
 * @returns {Token}
 */
export function advanced(token) {
  return parseSuite(token.suite).counter ? { ...token, counter: token.counter + 1 } : token;
}

/**
 * Return the tag with which the token posts a response itself.
 * @param {Uint8Array} postKey
 * @param {Uint8Array} s
 * @param {string} response
 */
export function responseTag(postKey, s, response) {
  return hmac("SHA256", postKey, concat(s, new TextEncoder().encode(response)));
}

/**
 * Return the tag with which the token declines a statement for the reason given.
 * @param {Uint8Array} postKey
 * @param {Uint8Array} s
 * @param {string} reason
 */
export function declineTag(postKey, s, reason) {
  return responseTag(postKey, s, DECLINE + reason);
}

/**
 * Return the serial and server id a challenge code names, unproved: to choose the token.
 * @param {string} code
 */
export async function addressee(code) {
  const { content } = await decode(code, Link.BUNDLE);
  const { serial, vk } = readStatement(cose.parse(readBundle(content).message).payload);
  return { serial, vk };
}

/**
 * @param {string | Uint8Array} code
 * @param {string} origin Where its link must lead.
 */
async function readCode(code, origin) {
  return readBundle(code instanceof Uint8Array ? code : await contentOf(code, Link.BUNDLE, origin));
}

/**
 * Return what a code of a platform carries.
 * @param {string} text
 * @param {import("../receipts/qrtext.js").Kind} link
 * @param {string} origin Where it must lead.
 * @throws {TokenError} `wrong_platform`.
 */
export async function contentOf(text, link, origin) {
  const found = await decode(text, link);
  if (found.origin !== origin.toLowerCase()) {
    throw new TokenError("wrong_platform", gettext("the code is from another platform"));
  }
  return found.content;
}

/**
 * @param {Token} token
 * @param {cose.Sign1} signed
 */
async function statementKey({ keys }, signed) {
  for (const known of keys) {
    if (isEqual(await keyId(known.key), signed.kid)) return known;
  }
  const detail = gettext("it is signed with a key that this token does not know; update its keys if it is from your platform");
  throw new TokenError("statement_key_unknown", detail);
}

/**
 * @param {Token} token
 * @param {Statement} statement
 */
function checkAddressed(token, { platform, serial, vk, sight }) {
  if (platform.id !== token.platformId || platform.origin !== token.platformOrigin) {
    throw new TokenError("wrong_platform", gettext("the statement names another platform"));
  }
  if (serial !== token.serial || !isEqual(vk, token.vk)) {
    const detail = gettext("the statement is for another token, or this one's server has got a new key");
    throw new TokenError("token_not_addressed", detail);
  }
  if (sight !== sightOf(parseSuite(token.suite))) {
    const detail = gettext("the statement misstates what the holder of this token sees");
    throw new TokenError("sight_wrong", detail);
  }
}

/**
 * @param {Statement} statement
 * @param {number} now
 */
function checkTime({ issued, ttl }, now) {
  const seconds = Math.floor(now);
  if (issued > seconds + CLOCK_LEEWAY_SECONDS) {
    const detail = gettext("the statement is from the future: check this phone's clock");
    throw new TokenError("clock_wrong", detail);
  }
  if (seconds > issued + ttl + CLOCK_LEEWAY_SECONDS) {
    const detail = gettext("the statement has expired: ask for a new one");
    throw new TokenError("challenge_expired", detail);
  }
}

/**
 * Refuse steps of a chain that cannot be: by their kind, or by the order of their times.
 * @param {Statement[]} steps
 */
function checkChain(steps) {
  const isChain = steps[steps.length - 1].pos > 0;
  if (isChain && !steps.every(({ demand }) => demand.kind <= Kind.OTHER)) {
    const detail = gettext("such a statement is never part of a chain");
    throw new ProtocolError("chain_broken", detail);
  }
  for (const [place, after] of steps.slice(1).entries()) {
    // Issued and decided may each be one leeway out: protocol.chain.clock_faults.
    if (steps[place].issued > after.issued + 2 * CLOCK_LEEWAY_SECONDS) {
      const detail = gettext("an earlier step is dated after a later one");
      throw new ProtocolError("chain_broken", detail);
    }
  }
}

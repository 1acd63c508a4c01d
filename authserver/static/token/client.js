/**
 * The calls a token makes itself: to its host, which serves this page, when it is enrolled, and to
 * its platform; to nobody else.  tokens/client.py.
 */

import { fromBase64, toBase64 } from "../offline/base64.js";
import { toHex } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";
import { readAnswer } from "./enrolment.js";
import { TokenError } from "./errors.js";
import { declineTag, responseTag } from "./token.js";

// The largest right answer is a directory of keys.
const MAX_ANSWER_BYTES = 64_000;
// The phone of somebody who waits: digits that need no network are only good for a minute or two.
const PATIENCE_MS = 10_000;
const CODE = /^[a-z][a-z0-9_]{0,39}$/;

/**
 * @typedef {import("./token.js").Token} Token
 * @typedef {import("./token.js").Shown} Shown
 * @typedef {{accepted: boolean, reason: string, triesLeft: number | null}} Outcome
 */

/**
 * Send ticket and share to the host, and return its answer unchecked.
 * @param {import("./enrolment.js").Enrolment} enrolment
 * @throws {TokenError} the host's own code, `server_unavailable` or `answer_invalid`.
 */
export async function enrol({ invitation, share }) {
  const body = { ticket: toBase64(invitation.ticket), share: toBase64(share) };
  return readAnswer(readJson(await call(`${invitation.origin}/v1/enrolments`, body)));
}

/**
 * Post a response to the platform; errors as `enrol`.
 * @param {Token} token
 * @param {Uint8Array} postKey
 * @param {Shown} shown
 * @param {string} response
 */
export async function postResponse(token, postKey, { s }, response) {
  return post(token, s, { response, tag: toBase64(await responseTag(postKey, s, response)) });
}

/**
 * Tell the platform that the holder declines; errors as `enrol`.
 * @param {Token} token
 * @param {Uint8Array} postKey
 * @param {Shown} shown
 * @param {string} reason
 */
export async function postDecline(token, postKey, { s }, reason) {
  return post(token, s, { decline: reason, tag: toBase64(await declineTag(postKey, s, reason)) });
}

/**
 * Return the platform's cs-directory message, unchecked; errors as `enrol`.
 * @param {Token} token
 */
export function directory({ platformOrigin }) {
  return call(`${platformOrigin}/.well-known/countersign/keys`);
}

/**
 * Return the certificate of a token's server and those of its host's keys, unchecked; errors as
 * `enrol`.
 * @param {Token} token
 */
export async function serverCertificate({ hostOrigin, vk }) {
  const answer = readJson(await call(`${hostOrigin}/v1/servers/${toHex(vk)}/certificate`));
  try {
    const hostCertificates = answer.host_certificates.map(fromBase64);
    return { certificate: fromBase64(answer.certificate), hostCertificates };
  } catch {
    throw invalid();
  }
}

/**
 * @param {Token} token
 * @param {Uint8Array} s
 * @param {Record<string, string>} fields
 * @returns {Promise<Outcome>}
 */
async function post({ platformOrigin }, s, fields) {
  const answer = readJson(await call(`${platformOrigin}/api/v1/responses`, { s: toHex(s), ...fields }));
  const { accepted, tries_left: triesLeft } = answer;
  const reason = answer.reason || (accepted ? "accepted" : null);
  if (typeof accepted !== "boolean" || !CODE.test(reason)) throw invalid();
  return { accepted, reason, triesLeft: Number.isInteger(triesLeft) ? triesLeft : null };
}

/**
 * @param {string} url
 * @param {object} [body] Posted as JSON.
 * @returns {Promise<Uint8Array>}
 */
async function call(url, body) {
  const asked = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  let data;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    answer = await fetch(url, { ...asked, redirect: "error", credentials: "omit", cache: "no-store", signal });
    data = new Uint8Array(await answer.arrayBuffer());
  } catch {
    throw new TokenError("server_unavailable", await silence());
  }
  if (data.length > MAX_ANSWER_BYTES) throw invalid();
  if (answer.ok) return data;
  const { code, detail } = readJson(data);
  if (!CODE.test(code)) throw invalid();
  const error = new TokenError(code, String(detail ?? gettext("refused")).slice(0, 300));
  throw Object.assign(error, { isPassing: answer.status === 429 || answer.status >= 500 });
}

/**
 * Whether nobody knows yet what became of a call that failed, so that the same may be sent again.
 * @param {any} error
 * @returns {boolean}
 */
export function mayPass({ code, isPassing = false }) {
  return isPassing || ["server_unavailable", "answer_invalid"].includes(code);
}

/** Say that there is no answer: a page that is out of date may not call a platform added since. */
async function silence() {
  const registration = await globalThis.navigator?.serviceWorker?.getRegistration("/token/").catch(() => null);
  return registration?.waiting
    ? gettext("there is no answer; a newer version of this app is here: take it on the first screen, and try again")
    : gettext("there is no answer; nothing is lost: try again");
}

/**
 * @param {Uint8Array} data
 * @returns {any} An object.
 */
function readJson(data) {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
    if (value && typeof value === "object" && !Array.isArray(value)) return value;
  } catch {
    // It is no JSON.
  }
  throw invalid();
}

function invalid() {
  return new TokenError("answer_invalid", gettext("the service does not answer as it should"));
}

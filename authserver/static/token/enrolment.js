/** The token's half of an enrolment (docs/protocol.md section 11); tokens/enrolment.py. */

import { fromBase64 } from "../offline/base64.js";
import * as cbor from "../receipts/cbor.js";
import * as cose from "../receipts/cose.js";
import { ProtocolError } from "../receipts/errors.js";
import { DIGEST_BYTES, ID_BYTES, checkBytes, checkEnum, versioned } from "../receipts/fields.js";
import { Purpose, covers, openCertificate, readServerCertificate } from "../receipts/keys.js";
import { concat, fromHex, isEqual, sha256, toHex } from "../receipts/octets.js";
import { Link, decode } from "../receipts/qrtext.js";
import { Sight } from "../receipts/statement.js";
import { checkAscii, checkOrigin } from "../receipts/text.js";
import { gettext } from "../receipts/words.js";
import { UNLIMITED } from "./display.js";
import { TokenError } from "./errors.js";
import { enrolmentProblem, parseSuite, seedOctets, sightOf } from "./suites.js";

const TICKET_BYTES = 16;
const FINGERPRINT_BYTES = 16;
const KEY_BYTES = 32;
const COMPARE_DIGITS = 8;
// The host keeps a ticket this long; until then the same share gets the same answer.
const TICKET_SECONDS = 600;
// RFC 8410: what stands before a private key in PKCS #8.
const PKCS8_X25519 = "302e020100300506032b656e04220420";

/**
 * @typedef {import("./token.js").Token} Token
 * @typedef {import("./token.js").Secrets} Secrets
 */

/**
 * What an enrolment QR holds.
 * @typedef {{origin: string, fingerprint: Uint8Array, ticket: Uint8Array}} Invitation
 */

/**
 * An enrolment under way.  Keep it until the ticket is dead: a repeated call with the same share
 * gets the same answer, while one with another share makes the host give the token up.
 * @typedef {object} Enrolment
 * @property {Invitation} invitation
 * @property {CryptoKey} privateKey The token's ephemeral key.
 * @property {Uint8Array} share What the token sends beside the ticket, 32 bytes.
 * @property {number} begun Unix seconds.
 */

/**
 * The messages by which a token knows host, platform and paired server; nothing is checked.
 * @typedef {object} Vouchers
 * @property {Uint8Array} enrol The transcript, signed by the host key.
 * @property {Uint8Array} hostRoot
 * @property {Uint8Array} hostCertificate cs-key of the host key, by that root.
 * @property {Uint8Array} platformRoot
 * @property {Uint8Array} platformCertificate cs-key of the platform's statement key.
 * @property {Uint8Array} serverCertificate cs-server of the paired server, by the host key.
 *
 * @typedef {Vouchers & {confirmation: Uint8Array}} HostAnswer
 */

/**
 * The new token, its secrets, and the eight digits its holder compares with those on the host's
 * page.
 * @typedef {{token: Token, secrets: Secrets, digits: string}} Enrolled
 */

/**
 * Read the text of an enrolment QR.
 * @param {string} text
 * @returns {Promise<Invitation>}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export async function readInvitation(text) {
  const { origin, content } = await decode(text, Link.ENROLMENT);
  const [fingerprint, ticket] = versioned("invitation", cbor.decode(content), 3);
  checkOrigin("host origin", origin);
  checkBytes("fingerprint", fingerprint, FINGERPRINT_BYTES);
  checkBytes("ticket", ticket, TICKET_BYTES);
  return { origin, fingerprint, ticket };
}

/**
 * Draw a fresh share for an invitation.
 * @param {Invitation} invitation
 * @param {number} now Unix seconds.
 * @returns {Promise<Enrolment>}
 */
export async function begin(invitation, now) {
  const pair = /** @type {CryptoKeyPair} */ (
    await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"])
  );
  const share = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { invitation, privateKey: pair.privateKey, share, begun: Math.floor(now) };
}

/**
 * Whether the ticket is dead by now.
 * @param {Enrolment} enrolment
 * @param {number} now
 */
export const isOver = ({ begun }, now) => now > begun + TICKET_SECONDS;

/**
 * Read what a host answered to ticket and share.
 * @param {any} answer As its JSON says.
 * @returns {HostAnswer}
 * @throws {TokenError} `answer_invalid`.
 */
export function readAnswer(answer) {
  try {
    return {
      enrol: fromBase64(answer.enrol),
      hostRoot: fromBase64(answer.host_root),
      hostCertificate: fromBase64(answer.host_certificate),
      platformRoot: fromBase64(answer.platform_root),
      platformCertificate: fromBase64(answer.platform_certificate),
      serverCertificate: fromBase64(answer.server_certificate),
      confirmation: fromBase64(answer.confirmation),
    };
  } catch {
    throw new TokenError("answer_invalid", gettext("the host does not answer as it should"));
  }
}

/**
 * Check the host's answer and make the token.
 * @param {Enrolment} enrolment
 * @param {HostAnswer} answer
 * @param {number} now
 * @param {import("./display.js").Profile} [profile]
 * @returns {Promise<Enrolled>}
 * @throws {ProtocolError} the answer breaks a rule of the protocol, or a signature is not valid.
 * @throws {TokenError} `host_root_wrong`, `certificate_wrong`, `enrolment_not_ours`,
 *   `platform_root_wrong`, `suite_invalid`, `suite_refused`, `sight_wrong` or
 *   `confirmation_wrong`.
 */
export async function finish(enrolment, answer, now, profile = UNLIMITED) {
  const { confirmKey, payload, ...enrolled } = await accept(enrolment, answer, now, profile);
  // 7. The host derived the same secrets.
  const covered = concat(new TextEncoder().encode("host"), payload);
  const key = await crypto.subtle.importKey("raw", confirmKey, HMAC, false, ["verify"]);
  if (!(await crypto.subtle.verify("HMAC", key, answer.confirmation, covered))) {
    const detail = gettext("the host did not derive the same secrets");
    throw new TokenError("confirmation_wrong", detail);
  }
  return enrolled;
}

/**
 * Make a token out of a host's provisioning code, without a network.  All is checked as for a
 * host's answer but its confirmation: there is nobody else who could have derived something else.
 * @param {string} text The code as it was scanned; it is as secret as the seed.
 * @param {number} now
 * @param {import("./display.js").Profile} [profile]
 * @returns {Promise<Enrolled>}
 * @throws As `finish`.
 */
export async function provisioned(text, now, profile = UNLIMITED) {
  const { origin, content } = await decode(text, Link.PROVISION);
  const parts = versioned("provision", cbor.decode(content), 9);
  checkOrigin("host origin", origin);
  const [secret, ticket, ...messages] = parts;
  checkBytes("private", secret, KEY_BYTES);
  checkBytes("ticket", ticket, TICKET_BYTES);
  const vouchers = readVouchers(messages);
  const encoded = concat(fromHex(PKCS8_X25519), secret);
  const privateKey = await crypto.subtle.importKey("pkcs8", encoded, { name: "X25519" }, true, ["deriveBits"]);
  const { x } = await crypto.subtle.exportKey("jwk", privateKey);
  const fingerprint = await fingerprintOf(vouchers.hostRoot);
  const invitation = { origin, fingerprint, ticket };
  const enrolment = { invitation, privateKey, share: fromBase64(x), begun: Math.floor(now) };
  const { token, secrets, digits } = await accept(enrolment, vouchers, now, profile);
  return { token, secrets, digits };
}

const HMAC = Object.freeze({ name: "HMAC", hash: "SHA-256" });

/**
 * @param {Enrolment} enrolment
 * @param {Vouchers} vouchers
 * @param {number} now
 * @param {import("./display.js").Profile} profile
 * @returns {Promise<Enrolled & {confirmKey: Uint8Array, payload: Uint8Array}>}
 */
async function accept(enrolment, vouchers, now, profile) {
  const { invitation } = enrolment;
  // 1. The host's root is the one whose fingerprint stood in the QR code.
  if (!isEqual(await fingerprintOf(vouchers.hostRoot), invitation.fingerprint)) {
    throw new TokenError("host_root_wrong", gettext("the host is not the one in the QR code"));
  }
  // 2. That root certified the host key, and the host key signed the transcript.
  const host = await openKey(vouchers.hostCertificate, vouchers.hostRoot, Purpose.HOST, now);
  const payload = await cose.openSigned(vouchers.enrol, cose.Typ.ENROL, host.key);
  const transcript = readTranscript(payload);
  // 3. It answers our ticket and our share.
  const isOurs =
    isEqual(transcript.ticketHash, await sha256(invitation.ticket)) &&
    isEqual(transcript.tokenShare, enrolment.share);
  if (!isOurs) {
    throw new TokenError("enrolment_not_ours", gettext("the host answered another enrolment"));
  }
  // 4. The platform's keys are those the host vouches for.
  const statementKey = await openPlatformKey(vouchers, transcript, now);
  // 5. The host key certified the paired server for this serial.
  await checkServer(vouchers.serverCertificate, host.key, transcript);
  // 6. The token can answer with this suite.
  const suite = readSuite(transcript);
  const { seed, ...derived } = await derive(enrolment, transcript.hostShare, payload);
  const token = {
    serial: transcript.serial,
    suite: transcript.suite,
    counter: 0,
    vk: transcript.vk,
    hostOrigin: invitation.origin,
    hostRoot: vouchers.hostRoot,
    platformId: transcript.platformId,
    platformOrigin: transcript.platformOrigin,
    platformRoot: vouchers.platformRoot,
    keys: [statementKey],
    keysNumber: 0,
    keysIssued: 0,
    keysEnded: [],
    profile,
  };
  const secrets = { seed: seed.slice(0, seedOctets(suite)), postKey: derived.postKey };
  return { token, secrets, digits: derived.digits, confirmKey: derived.confirmKey, payload };
}

/**
 * Derive the seed and its companions: protocol/enrolment.py.
 * @param {Enrolment} enrolment
 * @param {Uint8Array} peer
 * @param {Uint8Array} transcript
 */
async function derive({ invitation, privateKey }, peer, transcript) {
  const shared = await exchange(privateKey, peer);
  const salt = await sha256(invitation.ticket);
  const transcriptHash = await sha256(transcript);
  /** @param {string} name */
  const output = async (name) => {
    const info = concat(new TextEncoder().encode(`countersign/${name}/1`), transcriptHash);
    const derivation = { name: "HKDF", hash: "SHA-256", salt, info };
    return new Uint8Array(await crypto.subtle.deriveBits(derivation, shared, 8 * KEY_BYTES));
  };
  const confirmKey = await output("confirm");
  const number = BigInt(`0x${toHex(await sha256(concat(transcript, confirmKey)))}`);
  const digits = String(number % 10n ** BigInt(COMPARE_DIGITS)).padStart(COMPARE_DIGITS, "0");
  return { seed: await output("seed"), postKey: await output("post"), confirmKey, digits };
}

/**
 * @param {CryptoKey} privateKey
 * @param {Uint8Array} peer
 * @returns {Promise<CryptoKey>} The shared secret, for HKDF.
 * @throws {ProtocolError} `key_invalid` when it is all zero (RFC 7748 section 6.1).
 */
async function exchange(privateKey, peer) {
  let shared = new Uint8Array();
  try {
    const key = await crypto.subtle.importKey("raw", peer, { name: "X25519" }, false, []);
    const exchanged = { name: "X25519", public: key };
    shared = new Uint8Array(await crypto.subtle.deriveBits(exchanged, privateKey, 8 * KEY_BYTES));
  } catch {
    // Browsers refuse points of small order themselves, each with an error of its own.
  }
  if (shared.every((byte) => byte === 0)) {
    const detail = gettext("the other side's key is of small order");
    throw new ProtocolError("key_invalid", detail);
  }
  return crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
}

/** @param {Uint8Array} payload */
function readTranscript(payload) {
  const parts = versioned("enrolment", cbor.decode(payload), 11);
  const [platformRoot, platformId, platformOrigin, vk, serial, suite, sight, ...rest] = parts;
  const [tokenShare, hostShare, ticketHash] = rest;
  checkBytes("platform_root", platformRoot, DIGEST_BYTES);
  checkAscii("platform id", platformId, 16);
  checkOrigin("platform origin", platformOrigin);
  checkBytes("vk", vk, ID_BYTES);
  checkAscii("serial", serial, 16);
  checkAscii("suite", suite, 64);
  checkEnum("sight", sight, Sight);
  checkBytes("token_share", tokenShare, KEY_BYTES);
  checkBytes("host_share", hostShare, KEY_BYTES);
  checkBytes("ticket_hash", ticketHash, DIGEST_BYTES);
  const pinned = { platformRoot, platformId, platformOrigin, vk, serial, suite, sight };
  return { ...pinned, tokenShare, hostShare, ticketHash };
}

/**
 * @param {any[]} messages
 * @returns {Vouchers}
 */
function readVouchers(messages) {
  const [enrol, hostRoot, hostCertificate, platformRoot, platformCertificate, serverCertificate] = messages;
  checkBytes("host_root", hostRoot, KEY_BYTES);
  checkBytes("platform_root", platformRoot, KEY_BYTES);
  const due = Object.entries({
    enrol: [enrol, cose.Typ.ENROL],
    host_certificate: [hostCertificate, cose.Typ.KEY],
    platform_certificate: [platformCertificate, cose.Typ.KEY],
    server_certificate: [serverCertificate, cose.Typ.SERVER],
  });
  for (const [field, [message, typ]] of due) {
    if (!(message instanceof Uint8Array)) {
      throw new ProtocolError("type_wrong", gettext("%(field)s must be bytes", { field }));
    }
    cose.requireTyp(cose.parse(message), typ);
  }
  return { enrol, hostRoot, hostCertificate, platformRoot, platformCertificate, serverCertificate };
}

/** @param {Uint8Array} root */
async function fingerprintOf(root) {
  return (await sha256(root)).subarray(0, FINGERPRINT_BYTES);
}

/**
 * @param {Uint8Array} message
 * @param {Uint8Array} root
 * @param {string} purpose
 * @param {number} now
 */
async function openKey(message, root, purpose, now) {
  const certificate = await openCertificate(message, root);
  if (certificate.purpose !== purpose || !covers(certificate, now)) {
    const detail = gettext("no %(purpose)s key is certified for today", { purpose });
    throw new TokenError("certificate_wrong", detail);
  }
  return certificate;
}

/**
 * @param {Vouchers} vouchers
 * @param {ReturnType<typeof readTranscript>} transcript
 * @param {number} now
 */
async function openPlatformKey({ platformRoot, platformCertificate }, transcript, now) {
  if (!isEqual(await sha256(platformRoot), transcript.platformRoot)) {
    const detail = gettext("the platform's root key is not the one signed");
    throw new TokenError("platform_root_wrong", detail);
  }
  const key = await openKey(platformCertificate, platformRoot, Purpose.STATEMENT, now);
  if (key.subject !== transcript.platformId) {
    const detail = gettext("the statement key is another platform's");
    throw new TokenError("certificate_wrong", detail);
  }
  return key;
}

/**
 * @param {Uint8Array} message
 * @param {Uint8Array} hostKey
 * @param {ReturnType<typeof readTranscript>} transcript
 */
async function checkServer(message, hostKey, { vk, serial }) {
  const payload = await cose.openSigned(message, cose.Typ.SERVER, hostKey);
  const certificate = await readServerCertificate(payload);
  if (!isEqual(certificate.vk, vk) || certificate.serial !== serial) {
    const detail = gettext("the server certificate is for another token");
    throw new TokenError("certificate_wrong", detail);
  }
}

/** @param {ReturnType<typeof readTranscript>} transcript */
function readSuite({ suite: text, sight }) {
  const suite = parseSuite(text);
  const problem = enrolmentProblem(suite);
  if (problem) throw new TokenError("suite_refused", problem);
  if (sight !== sightOf(suite)) {
    const detail = gettext("the host misstates what the holder of a token sees");
    throw new TokenError("sight_wrong", detail);
  }
  return suite;
}

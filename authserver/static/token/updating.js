/**
 * What a token learns after its enrolment: newer keys of its platform, a newer one of its paired
 * server; tokens/simulator.py.  What changes goes out as a new token.
 */

import * as cose from "../receipts/cose.js";
import { ofPurpose, openDirectory } from "../receipts/directory.js";
import { keyId } from "../receipts/ed25519.js";
import { checkSuccessor, endOf, isCompromised, isRetired } from "../receipts/ended.js";
import { ProtocolError } from "../receipts/errors.js";
import { Purpose, openCertificate, readServerCertificate } from "../receipts/keys.js";
import { isEqual } from "../receipts/octets.js";
import { Link } from "../receipts/qrtext.js";
import { gettext } from "../receipts/words.js";
import { TokenError } from "./errors.js";
import { contentOf } from "./token.js";

/**
 * @typedef {import("./token.js").Token} Token
 * @typedef {import("../receipts/keys.js").KeyCertificate} KeyCertificate
 */

/**
 * Return the platform's statement keys among these certificates.
 * @param {Uint8Array[]} messages cs-key messages.
 * @param {Uint8Array} root
 * @param {string} platformId
 * @returns {Promise<KeyCertificate[]>}
 * @throws {ProtocolError} whatever rule one of them breaks.
 */
export async function statementKeys(messages, root, platformId) {
  const opened = await Promise.all(messages.map((message) => openCertificate(message, root)));
  return ofPurpose(opened, Purpose.STATEMENT).filter(({ subject }) => subject === platformId);
}

/**
 * Return the token with the statement keys of a newer directory.
 * @param {Token} token
 * @param {Uint8Array} directory The cs-directory message.
 * @returns {Promise<Token>}
 * @throws {ProtocolError} it is not signed under the root this token pinned, or takes back what the
 *   one that the token has says.
 * @throws {TokenError} `wrong_platform`, or `directory_outdated` when it is older than the one the
 *   token has.
 */
export async function withKeys(token, directory) {
  const opened = await openDirectory(directory, token.platformRoot);
  if (opened.platform.id !== token.platformId) {
    throw new TokenError("wrong_platform", gettext("these are the keys of another platform"));
  }
  const held = { number: token.keysNumber, issued: token.keysIssued, ended: token.keysEnded };
  try {
    checkSuccessor(held, opened, opened.signedBy);
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== "directory_outdated") throw error;
    throw new TokenError("directory_outdated", gettext("the token has newer keys than these"));
  }
  const { number, issued, ended } = opened;
  const known = ofPurpose(opened.keys, Purpose.STATEMENT);
  const kids = await Promise.all(known.map(({ key }) => keyId(key)));
  // A key that got out may have signed anything at any time.
  const ends = kids.map((kid) => endOf(opened, kid));
  const keys = known.filter((_, place) => !isCompromised(ends[place]) && !isRetired(ends[place], issued));
  return { ...token, keys, keysNumber: number, keysIssued: issued, keysEnded: ended };
}

/**
 * Return the token with one more statement key, for a phone without a network.
 * @param {Token} token
 * @param {string} text Of a key's QR code.
 * @returns {Promise<Token>}
 * @throws {ProtocolError} it is no such code; `signature_invalid` when the root this token pinned
 *   did not sign the key.
 * @throws {TokenError} `wrong_platform`, or `statement_key_ended`.
 */
export async function withKey(token, text) {
  const message = await contentOf(text, Link.KEY, token.platformOrigin);
  const [added] = await statementKeys([message], token.platformRoot, token.platformId);
  if (!added) {
    throw new TokenError("wrong_platform", gettext("it is no key for statements of your platform"));
  }
  if (endOf({ ended: token.keysEnded }, await keyId(added.key))) {
    throw new TokenError("statement_key_ended", gettext("the platform has given this key up"));
  }
  const others = token.keys.filter(({ key }) => !isEqual(key, added.key));
  return { ...token, keys: [...others, added] };
}

/**
 * Return the token with the id that its paired server has now.
 * @param {Token} token
 * @param {Uint8Array} certificate cs-server message for the server's present key.
 * @param {Uint8Array[]} hostCertificates cs-key messages of the host's keys.
 * @returns {Promise<Token>}
 * @throws {ProtocolError} a message breaks a rule, or the pinned host root did not sign it.
 * @throws {TokenError} `certificate_wrong`.
 */
export async function withServer(token, certificate, hostCertificates) {
  const signed = cose.parse(certificate);
  cose.requireTyp(signed, cose.Typ.SERVER);
  const server = await readServerCertificate(signed.payload);
  const opened = hostCertificates.map((message) => openCertificate(message, token.hostRoot));
  let isCertified = false;
  for (const key of ofPurpose(await Promise.all(opened), Purpose.HOST)) {
    const isCurrent = key.fromDay <= server.fromDay && server.fromDay <= key.toDay;
    isCertified ||= isCurrent && (await cose.isSignedBy(signed, key.key));
  }
  if (!isCertified || server.serial !== token.serial) {
    const detail = gettext("the host did not certify it for this token");
    throw new TokenError("certificate_wrong", detail);
  }
  return { ...token, vk: server.vk };
}

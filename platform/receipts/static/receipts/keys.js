/** Certificates (docs/protocol.md section 9); protocol/keys.py. */

import * as cbor from "./cbor.js";
import * as cose from "./cose.js";
import { KEY_BYTES, isUsableKey, keyId } from "./ed25519.js";
import { ProtocolError } from "./errors.js";
import {
  ID_BYTES,
  MAX_DAY,
  MAX_TIME,
  SECONDS_PER_DAY,
  VERSION,
  checkBytes,
  checkList,
  checkUint,
  checkWord,
  versioned,
} from "./fields.js";
import { isEqual, toHex } from "./octets.js";
import { checkAscii, checkText } from "./text.js";
import { gettext } from "./words.js";

/** What a certified key may sign, and nothing else. */
export const Purpose = Object.freeze({
  STATEMENT: "statement",
  RECEIPT: "receipt",
  DIRECTORY: "directory",
  HOST: "host",
  BILLING: "billing",
  PERMIT: "permit",
  OFFLINE: "offline",
  LOG: "log",
});

/**
 * A root's word for a key, typ cs-key; the days count from 1970-01-01 (UTC), both included.
 * @typedef {object} KeyCertificate
 * @property {Uint8Array} key 32 bytes.
 * @property {string} purpose
 * @property {string} subject The platform id, or the name of a host.
 * @property {number} fromDay
 * @property {number} toDay
 */

/**
 * A host's word for a paired server's key, typ cs-server.
 * @typedef {object} ServerCertificate
 * @property {Uint8Array} vk The server id, 8 bytes: that of `key`.
 * @property {Uint8Array} key 32 bytes.
 * @property {string} serial
 * @property {number} fromDay
 * @property {number} toDay
 */

/**
 * Whether a Unix time lies within the days of a certificate.
 * @param {{fromDay: number, toDay: number}} certificate
 * @param {number} seconds
 */
export function covers({ fromDay, toDay }, seconds) {
  const day = Math.floor(seconds / SECONDS_PER_DAY);
  return fromDay <= day && day <= toDay;
}

/**
 * Read a certificate signed by this root.
 * @param {Uint8Array} message
 * @param {Uint8Array} root
 * @returns {Promise<KeyCertificate>}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export async function openCertificate(message, root) {
  const payload = await cose.openSigned(message, cose.Typ.KEY, root);
  const [key, purpose, subject, fromDay, toDay] = versioned("key", cbor.decode(payload), 6);
  checkWord("purpose", purpose, Purpose);
  checkKey(key);
  checkText("subject", subject, 20);
  checkDays(fromDay, toDay);
  return { key, purpose, subject, fromDay, toDay };
}

/**
 * Read a server certificate's payload; its `vk` must belong to its key.
 * @param {Uint8Array} payload
 * @returns {Promise<ServerCertificate>}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export async function readServerCertificate(payload) {
  const parts = versioned("server certificate", cbor.decode(payload), 6);
  const [vk, key, serial, fromDay, toDay] = parts;
  checkBytes("vk", vk, ID_BYTES);
  checkServer({ key, serial, fromDay, toDay });
  if (!isEqual(await keyId(key), vk)) {
    throw new ProtocolError("value_out_of_range", gettext("vk does not belong to the key"));
  }
  return { vk, key, serial, fromDay, toDay };
}

/**
 * Return the bytes the host signs.
 * @param {ServerCertificate} certificate
 */
export function serverPayload({ vk, key, serial, fromDay, toDay }) {
  return cbor.encode([VERSION, vk, key, serial, fromDay, toDay]);
}

/**
 * Check what a host certifies.
 * @param {Omit<ServerCertificate, "vk">} certificate
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function checkServer({ key, serial, fromDay, toDay }) {
  checkKey(key);
  checkAscii("serial", serial, 16);
  checkDays(fromDay, toDay);
}

/**
 * Refuse what cannot be a public key.
 * @param {Uint8Array} key
 * @throws {ProtocolError} `type_wrong`, `value_out_of_range` or `key_invalid`.
 */
export function checkKey(key) {
  checkBytes("key", key, KEY_BYTES);
  if (!isUsableKey(key)) {
    throw new ProtocolError("key_invalid", gettext("the key is of small order"));
  }
}

/**
 * Return the certificate whose key made this signature, if any.
 * @param {cose.Sign1} signed
 * @param {KeyCertificate[]} certificates
 * @returns {Promise<KeyCertificate | undefined>}
 */
export async function findSigner(signed, certificates) {
  for (const known of certificates) {
    if (await cose.isSignedBy(signed, known.key)) return known;
  }
}

/**
 * Return the path of the file that has a server's certificate.  Many servers share it, so asking
 * for it tells nobody which one was wanted.
 * @param {Uint8Array} vk
 */
export function bucketPath(vk) {
  return `/.well-known/countersign/servers/${toHex(vk).slice(0, 3)}.cbor`;
}

/**
 * A server's certificate that was obtained beside the receipt.
 * @typedef {object} Fetched
 * @property {Uint8Array} message COSE_Sign1, typ cs-server; not trusted.
 * @property {number} at Unix seconds when it was fetched.
 * @property {number | null} revokedAt Unix seconds when its key ceased to sign, if it did.
 */

/**
 * Read such a file.  Who signed what is in it `verifyReceipt` checks.
 * @param {Uint8Array} file CBOR `[1, [* [cs-server message, revoked-at / null]]]`.
 * @param {number} at Unix seconds when it was fetched.
 * @returns {Promise<Map<string, Fetched[]>>} By `vk` in hexadecimal digits.
 * @throws {ProtocolError} whatever rule it breaks.
 */
export async function readBucket(file, at) {
  const value = cbor.decode(file, cbor.MAX_FILE_BYTES);
  const [entries] = versioned("bucket", value, 2);
  const found = new Map();
  for (const entry of checkList("bucket", entries, 0, cbor.MAX_FILE_BYTES)) {
    const [message, revokedAt] = checkList("entry", entry, 2);
    if (!(message instanceof Uint8Array)) {
      throw new ProtocolError("type_wrong", gettext("an entry must be a signed message"));
    }
    if (revokedAt !== null) checkUint("revoked-at", revokedAt, { high: MAX_TIME });
    const certificate = await readServerCertificate(cose.parse(message).payload);
    const vk = toHex(certificate.vk);
    found.set(vk, [...(found.get(vk) ?? []), { message, at, revokedAt }]);
  }
  return found;
}

/**
 * @param {number} fromDay
 * @param {number} toDay
 */
function checkDays(fromDay, toDay) {
  checkUint("from_day", fromDay, { high: MAX_DAY });
  checkUint("to_day", toDay, { high: MAX_DAY });
  if (fromDay > toDay) {
    const detail = gettext("the last day is before the first");
    throw new ProtocolError("value_out_of_range", detail);
  }
}

/** The directory of keys a reader holds (docs/protocol.md section 9); protocol/keys.py. */

import * as cbor from "./cbor.js";
import * as cose from "./cose.js";
import {
  checkOrder,
  checkSuccessor,
  endOf,
  isCompromised,
  isRetired,
  readEnded,
  twoOfOneNumber,
} from "./ended.js";
import { ProtocolError } from "./errors.js";
import { MAX_TIME, checkList, checkUint, versioned } from "./fields.js";
import { Purpose, checkKey, covers, findSigner, openCertificate } from "./keys.js";
import { isEqual, sha256, toHex } from "./octets.js";
import { readPlatform } from "./statement.js";
import { checkOrigin, checkText } from "./text.js";
import { gettext } from "./words.js";

const VERSION = 2;

/**
 * @typedef {import("./ended.js").EndedKey} EndedKey
 * @typedef {import("./keys.js").KeyCertificate} KeyCertificate
 * @typedef {import("./statement.js").Platform} Platform
 */

/**
 * One host as the directory lists it.
 * @typedef {object} Host
 * @property {number} number What receipts call it.
 * @property {string} name
 * @property {string} origin
 * @property {Uint8Array} root Its root key, 32 bytes.
 * @property {Uint8Array[]} certificates cs-key messages.
 * @property {KeyCertificate[]} keys Its host keys, checked.
 */

/**
 * The keys a reader holds: only platform and host keys, each certified by its root.
 * @typedef {object} Directory
 * @property {Platform} platform
 * @property {number} number Rises with each that the platform signs, and is never given twice.
 * @property {number} issued Unix seconds.
 * @property {Uint8Array} root The platform's root key, 32 bytes.
 * @property {KeyCertificate[]} keys The platform's keys of every purpose, checked.
 * @property {EndedKey[]} ended Keys of the platform and of hosts that ended before their last day.
 * @property {Host[]} hosts
 * @property {Uint8Array} signedBy The kid of the key that signed it, 8 bytes.
 * @property {Uint8Array} message The COSE_Sign1 it was read from.
 */

/**
 * Read a directory and check every certificate in it.
 * @param {Uint8Array} message The COSE_Sign1 bytes, below 60 KB.
 * @param {Uint8Array} [pinnedRoot] The platform root the reader already trusts.  Without it the
 *   one inside is trusted, which is right only for a file from someone the reader trusts.
 * @returns {Promise<Directory>}
 * @throws {ProtocolError} whatever rule it breaks; `signature_invalid` when no directory key of
 *   this root signed it, or one that had ended.
 */
export async function openDirectory(message, pinnedRoot) {
  const signed = cose.parse(message, cbor.MAX_FILE_BYTES);
  cose.requireTyp(signed, cose.Typ.DIRECTORY);
  const { certificates, ...listed } = readDirectory(signed.payload);
  if (pinnedRoot && !isEqual(listed.root, pinnedRoot)) {
    const detail = gettext("the directory has another root key");
    throw new ProtocolError("signature_invalid", detail);
  }
  const keys = await openAll(certificates, listed.root, listed.platform.id);
  const current = ofPurpose(keys, Purpose.DIRECTORY).filter((key) => covers(key, listed.issued));
  const end = endOf(listed, signed.kid);
  // Once a key got out, a directory may bear any date.
  const hasEnded = isCompromised(end) || isRetired(end, listed.issued);
  if (hasEnded || !(await findSigner(signed, current))) {
    const detail = gettext("the directory's signature is not valid");
    throw new ProtocolError("signature_invalid", detail);
  }
  for (const host of listed.hosts) {
    host.keys = ofPurpose(await openAll(host.certificates, host.root, host.name), Purpose.HOST);
  }
  return { ...listed, keys, signedBy: signed.kid, message };
}

/**
 * Refuse another directory in the place of the one a reader holds, unless it is the very same.
 * @param {Directory} held
 * @param {Directory} newer
 * @throws {ProtocolError} as `checkSuccessor`; `signature_invalid` when it is of another platform
 *   or root.
 */
export function checkSuccession(held, newer) {
  if (!isEqual(newer.root, held.root) || newer.platform.id !== held.platform.id) {
    throw new ProtocolError("signature_invalid", gettext("the directory has another root key"));
  }
  if (isEqual(newer.message, held.message)) return;
  if (newer.number === held.number) throw twoOfOneNumber();
  checkSuccessor(held, newer, newer.signedBy);
}

/**
 * Return the certificates of one purpose.
 * @param {KeyCertificate[]} certificates
 * @param {string} purpose
 */
export function ofPurpose(certificates, purpose) {
  return certificates.filter((certificate) => certificate.purpose === purpose);
}

/**
 * Return a root key's fingerprint for people: SHA-256 as eight groups of four hexadecimal digits.
 * @param {Uint8Array} root
 */
export async function rootFingerprint(root) {
  const digits = toHex(await sha256(root)).slice(0, 32);
  return digits.match(/.{4}/g)?.join(" ") ?? "";
}

/** @param {Uint8Array} payload */
function readDirectory(payload) {
  const value = cbor.decode(payload, cbor.MAX_FILE_BYTES);
  const parts = versioned("directory", value, 8, VERSION);
  const [platform, number, issued, root, certificates, ended, hosts] = parts;
  const directory = {
    platform: readPlatform(platform),
    number,
    issued,
    root,
    certificates: readMessages("certificates", certificates),
    ended: readEnded(ended),
    hosts: checkList("hosts", hosts, 0, 1000).map(readHost),
  };
  checkUint("number", number);
  checkUint("issued", issued, { high: MAX_TIME });
  checkKey(root);
  checkOrder(directory.ended);
  const numbers = new Set(directory.hosts.map((host) => host.number));
  if (numbers.size !== directory.hosts.length) {
    throw new ProtocolError("value_out_of_range", gettext("two hosts have one number"));
  }
  return directory;
}

/**
 * @param {cbor.Value} value `[number, name, origin, root, [* cs-key]]`
 * @returns {Host}
 */
function readHost(value) {
  const [number, name, origin, root, messages] = checkList("host", value, 5);
  const certificates = readMessages("host certificates", messages);
  checkUint("host number", number);
  checkText("host name", name, 20);
  checkOrigin("host origin", origin);
  checkKey(root);
  return { number, name, origin, root, certificates, keys: [] };
}

/**
 * @param {string} field
 * @param {cbor.Value} value
 * @returns {Uint8Array[]}
 */
function readMessages(field, value) {
  const messages = checkList(field, value, 0, 100);
  if (!messages.every((message) => message instanceof Uint8Array)) {
    throw new ProtocolError("type_wrong", gettext("%(field)s must be signed messages", { field }));
  }
  return messages;
}

/**
 * Open certificates, and return those of one subject.
 * @param {Uint8Array[]} messages
 * @param {Uint8Array} root
 * @param {string} subject
 */
async function openAll(messages, root, subject) {
  const certificates = [];
  for (const message of messages) certificates.push(await openCertificate(message, root));
  return certificates.filter((certificate) => certificate.subject === subject);
}

/**
 * What a client without a network, a relay and the platform say to each other
 * (docs/protocol.md section 21); protocol/offline.py and near_field.py.
 */

import * as cbor from "../receipts/cbor.js";
import { readSide } from "../receipts/charge.js";
import * as cose from "../receipts/cose.js";
import { EXPONENTS } from "../receipts/currency.js";
import { keyId } from "../receipts/ed25519.js";
import { endOf, isCompromised, isRetired } from "../receipts/ended.js";
import { ProtocolError } from "../receipts/errors.js";
import {
  DIGEST_BYTES,
  ID_BYTES,
  MAX_TIME,
  VERSION,
  checkBytes,
  checkEnum,
  checkList,
  checkUint,
  versioned,
} from "../receipts/fields.js";
import { Purpose, covers, findSigner, openCertificate } from "../receipts/keys.js";
import { concat, isEqual, sha256 } from "../receipts/octets.js";
import { checkAscii, checkText } from "../receipts/text.js";
import { gettext } from "../receipts/words.js";
import * as hpke from "./hpke.js";

const CLIENT_BYTES = 4;
const SERIAL_BYTES = 16;
const NONCE_BYTES = 16;
const MAX_COUNTER = 2 ** 32 - 1;
const MAX_TITLE = 60;
const MAX_CODE = 32;
// Of a token, in a countersign.
const MAX_RESPONSE = 64;
const APPROVED = "approved";
const SEALED = new TextEncoder().encode("countersign/offline/1");

/** What is asked of a client: its signature, or proof of the offline password as well. */
export const Level = Object.freeze({ ORDINARY: 1, HIGH: 2 });

/** What became of an authorization. */
export const Outcome = Object.freeze({ APPROVED: 1, REJECTED: 2 });

/** What an offer asks a client for. */
export const Asks = Object.freeze({ RIGHT: 1, PAYMENT: 2, STEP: 3 });

/** What is said over the near-field link; its parts are in `PARTS`. */
export const Kind = Object.freeze({
  OFFER: 1,
  APPLICATION: 2,
  TO_BE_SIGNED: 3,
  COUNTERSIGN: 4,
  SEALED: 5,
  RESULT: 6,
  REFUSAL: 7,
  CODE: 8,
});

// How many parts a message of a kind has, where it is not one.
const PARTS = new Map([
  [Kind.OFFER, 4],
  [Kind.TO_BE_SIGNED, 2],
]);

/**
 * @typedef {{amount: number, currency: string}} Money Minor units, above zero; ISO 4217.
 * @typedef {import("../receipts/charge.js").Side} Side
 *
 * @typedef {object} Application What a client asks for, typ cs-offline-application.
 * @property {Uint8Array} serial Of this application alone, 16 bytes.
 * @property {Uint8Array} service Id of the service, 8 bytes.
 * @property {Money | null} money
 * @property {number} level The least that the client wants.
 * @property {number} time Unix seconds by the client's clock.
 * @property {Uint8Array | null} subject Id of the step to be signed by a token, 8 bytes.
 *
 * @typedef {object} Asked What the platform adds, typ cs-offline-tbs.
 * @property {Uint8Array} device Id of the relay, 8 bytes.
 * @property {string} title Of the service.
 * @property {Side} payee Whose service it is.
 * @property {Uint8Array} nonce
 * @property {number} issued
 * @property {number} expires From then on it is worth nothing.
 * @typedef {Application & Asked} ToBeSigned
 *
 * @typedef {object} Result What the platform decided, typ cs-offline-result.
 * @property {Uint8Array} serial
 * @property {Uint8Array} device
 * @property {Uint8Array} service
 * @property {number} outcome
 * @property {string} code `approved`, or why not.
 * @property {Money | null} money What was paid.
 * @property {number} decided Unix seconds.
 * @property {Uint8Array | null} receipt Its id, 8 bytes.
 *
 * @typedef {object} Offer What a device says that it offers, unsigned.
 * @property {Uint8Array} service
 * @property {string} title
 * @property {number} asks
 * @property {Money | null} money
 *
 * @typedef {object} Trust Whom to believe.
 * @property {Uint8Array} root The platform's root key.
 * @property {string} platform Its id.
 * @property {Uint8Array[]} certificates cs-key messages.
 * @property {import("../receipts/keys.js").KeyCertificate[]} [keys] Others, checked before.
 * @property {import("../receipts/ended.js").EndedKey[]} [ended] Keys that are known to have ended.
 */

// --- Numbers of applications

/**
 * Return the number of one application: `client (4) ‖ counter (4) ‖ random (8)`.
 * @param {Uint8Array} client
 * @param {number} counter Persisted before.
 */
export function drawSerial(client, counter) {
  const serial = new Uint8Array(SERIAL_BYTES);
  serial.set(client);
  new DataView(serial.buffer).setUint32(CLIENT_BYTES, counter);
  crypto.getRandomValues(serial.subarray(8));
  checkSerial(serial);
  return serial;
}

/** @param {unknown} value */
function checkSerial(value) {
  checkBytes("serial", value, SERIAL_BYTES);
  const { buffer, byteOffset } = /** @type {Uint8Array} */ (value);
  const counter = new DataView(buffer, byteOffset).getUint32(CLIENT_BYTES);
  checkUint("counter", counter, { low: 1, high: MAX_COUNTER });
}

// --- Over the near-field link

/**
 * Return a message as it goes over the near-field link.
 * @param {number} kind
 * @param {...cbor.Value} parts
 */
export function pack(kind, ...parts) {
  return cbor.encode([kind, ...parts]);
}

/**
 * Read a message from the near-field link; whoever sent it is not trusted.
 * @param {Uint8Array} message
 * @param {...number} kinds What is awaited now.
 * @returns {{kind: number, parts: any[]}} Each part of the right type, not looked into.
 * @throws {ProtocolError} it is none, or of another kind: `typ_unexpected`.
 */
export function unpack(message, ...kinds) {
  const whole = cbor.decode(message);
  if (!Array.isArray(whole) || !whole.length) {
    throw new ProtocolError("type_wrong", gettext("message must be a list"));
  }
  const [kind] = whole;
  checkEnum("kind", kind, Kind);
  if (!kinds.includes(kind)) {
    const [name] = Object.entries(Kind).find(([, number]) => number === kind) ?? [];
    const detail = gettext("%(name)s is not awaited now", { name: name ?? "" });
    throw new ProtocolError("typ_unexpected", detail);
  }
  const parts = checkList("message", whole, (PARTS.get(kind) ?? 1) + 1).slice(1);
  if (kind === Kind.REFUSAL) {
    checkAscii("code", parts[0], MAX_CODE);
  } else if (kind !== Kind.OFFER) {
    const mayLack = kind === Kind.TO_BE_SIGNED;
    const isFit = parts.every(
      (part, place) => part instanceof Uint8Array || (place && mayLack && part === null),
    );
    if (!isFit) throw new ProtocolError("type_wrong", gettext("message must hold bytes"));
  }
  return { kind, parts };
}

/**
 * @param {any[]} parts Of a message of kind OFFER.
 * @returns {Offer}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readOffer([service, title, asks, given]) {
  checkBytes("service", service, ID_BYTES);
  checkText("title", title, MAX_TITLE);
  const money = readMoney(given);
  checkEnum("asks", asks, Asks);
  if ((asks === Asks.PAYMENT) !== (money !== null)) {
    const detail = gettext("money stands in a payment's offer");
    throw new ProtocolError("value_out_of_range", detail);
  }
  return { service, title, asks, money };
}

/**
 * @param {Offer} offer
 * @returns {cbor.Value[]} The parts of a message of kind OFFER.
 */
export function offerParts({ service, title, asks, money }) {
  return [service, title, asks, moneyParts(money)];
}

// --- What a client signs

/** @param {Application} application */
export function applicationPayload({ serial, service, money, level, time, subject }) {
  return cbor.encode([VERSION, serial, service, moneyParts(money), level, time, subject]);
}

/**
 * @param {Uint8Array} digest SHA-256 of the tbs as it was signed.
 * @param {string | null} response Of the holder's token to the subject's statement.
 */
export function countersignPayload(digest, response = null) {
  if (response !== null) checkAscii("response", response, MAX_RESPONSE);
  return cbor.encode([VERSION, digest, response]);
}

/**
 * Of what a client shows without hearing anything; it works once.
 * @param {{serial: Uint8Array, most: Money, time: number}} code
 */
export function codePayload({ serial, most, time }) {
  return cbor.encode([VERSION, serial, moneyParts(most), time]);
}

// --- What the platform signs

/**
 * Read what is to be signed; its signature is not checked here.
 * @param {cose.Sign1} signed
 * @returns {ToBeSigned}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readTbs(signed) {
  cose.requireTyp(signed, cose.Typ.OFFLINE_TBS);
  const parts = versioned("tbs", cbor.decode(signed.payload), 13);
  const [serial, service, money, level, time, subject, device, title, payee, nonce, issued, expires] = parts;
  checkSerial(serial);
  checkBytes("service", service, ID_BYTES);
  const tbs = { serial, service, money: readMoney(money), level, time, subject, device, title };
  checkEnum("level", level, Level);
  if (subject !== null) checkBytes("subject", subject, ID_BYTES);
  checkUint("time", time, { high: MAX_TIME });
  checkBytes("device", device, ID_BYTES);
  checkText("title", title, MAX_TITLE);
  const side = readSide("payee", payee);
  checkBytes("nonce", nonce, NONCE_BYTES);
  checkUint("issued", issued, { high: MAX_TIME });
  checkUint("expires", expires, { low: issued + 1, high: MAX_TIME });
  return { ...tbs, payee: side, nonce, issued, expires };
}

/**
 * Whether it says what was asked for; the level may be higher, never lower.
 * @param {ToBeSigned} tbs
 * @param {Application} application
 */
export function answers(tbs, application) {
  const asked = (/** @type {Application} */ { serial, service, money, time, subject }) =>
    cbor.encode([serial, service, moneyParts(money), time, subject]);
  return isEqual(asked(tbs), asked(application)) && tbs.level >= application.level;
}

/**
 * Read a result; its signature is not checked here.
 * @param {cose.Sign1} signed
 * @returns {Result}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readResult(signed) {
  cose.requireTyp(signed, cose.Typ.OFFLINE_RESULT);
  const parts = versioned("result", cbor.decode(signed.payload), 9);
  const [serial, device, service, outcome, code, money, decided, receipt] = parts;
  checkSerial(serial);
  checkBytes("device", device, ID_BYTES);
  checkBytes("service", service, ID_BYTES);
  checkEnum("outcome", outcome, Outcome);
  checkAscii("code", code, MAX_CODE);
  const result = { serial, device, service, outcome, code, money: readMoney(money), decided, receipt };
  checkUint("decided", decided, { high: MAX_TIME });
  if (receipt !== null) checkBytes("receipt", receipt, ID_BYTES);
  if ((outcome === Outcome.APPROVED) !== (code === APPROVED)) {
    throw new ProtocolError("value_out_of_range", gettext("outcome and code differ"));
  }
  return result;
}

/**
 * Read a message that the platform signed with a key for this purpose.
 * @template Read
 * @param {Uint8Array} message
 * @param {Trust} trust
 * @param {(signed: cose.Sign1) => Read} reader `readTbs` or `readResult`.
 * @param {number} now Unix seconds.
 * @returns {Promise<Read>}
 * @throws {ProtocolError} whatever rule it breaks; `signature_invalid` when none of its keys did;
 *   `signer_unknown` when a key did that is not known here at all.
 */
export async function openOfPlatform(message, trust, reader, now) {
  const { root, platform, certificates, keys = [], ended = [] } = trust;
  const signed = cose.parse(message);
  const read = reader(signed);
  const known = [...keys];
  for (const certificate of certificates) known.push(await openCertificate(certificate, root));
  const current = known.filter(
    (key) => key.purpose === Purpose.OFFLINE && key.subject === platform && covers(key, now),
  );
  const end = endOf({ ended }, signed.kid);
  // Whoever has a key that got out may write any date.
  const hasEnded = isCompromised(end) || isRetired(end, now);
  if (hasEnded || !(await findSigner(signed, current))) {
    const isKnown = end || (await namesOneOf(signed, known));
    const code = isKnown ? "signature_invalid" : "signer_unknown";
    throw new ProtocolError(code, gettext("the platform did not sign this"));
  }
  return read;
}

/**
 * @param {cose.Sign1} signed
 * @param {import("../receipts/keys.js").KeyCertificate[]} certificates
 */
async function namesOneOf({ kid }, certificates) {
  const ids = await Promise.all(certificates.map(({ key }) => keyId(key)));
  return ids.some((id) => isEqual(id, kid));
}

// --- The offline password

/**
 * Return what both sides make of the offline password: Argon2id, 32 bytes (RFC 9106).
 * @param {string} password
 * @param {Uint8Array} salt
 * @returns {Promise<Uint8Array>}
 */
export async function passwordKey(password, salt) {
  // A script of the old kind: it leaves its functions in the global object.
  await import("../vendor/hash-wasm/argon2.umd.min.js");
  const { argon2id } = /** @type {any} */ (globalThis).hashwasm;
  const options = { parallelism: 1, iterations: 2, memorySize: 19_456, hashLength: 32 };
  return argon2id({ ...options, password, salt, outputType: "binary" });
}

/**
 * Return HMAC-SHA-256 over the digest of a tbs, by the key of the offline password.
 * @param {Uint8Array} key
 * @param {Uint8Array} digest
 */
export function passwordProof(key, digest) {
  return hpke.hmac(key, digest);
}

/**
 * Seal a countersign and a password proof, so that no relay can guess at the password.
 * @param {Uint8Array} serial Of the application; it opens for no other.
 * @param {Uint8Array} countersign
 * @param {Uint8Array | null} proof Null when it is sealed for its response alone.
 * @param {Uint8Array} boxKey The platform's X25519 key for this client.
 */
export function seal(serial, countersign, proof, boxKey) {
  return hpke.seal(cbor.encode([VERSION, countersign, proof]), boxKey, concat(SEALED, serial));
}

/**
 * Return what a countersign and a password proof are over.
 * @param {Uint8Array} tbs As it was signed.
 */
export function digestOf(tbs) {
  return sha256(tbs);
}

// --- Parts

/**
 * @param {any} value
 * @returns {Money | null}
 */
function readMoney(value) {
  if (value === null) return null;
  const [amount, currency] = checkList("money", value, 2);
  checkUint("amount", amount, { low: 1 });
  if (!EXPONENTS.has(currency)) {
    throw new ProtocolError("currency_unknown", gettext("currency is not in ISO 4217"));
  }
  return { amount, currency };
}

/** @param {Money | null} money */
function moneyParts(money) {
  return money && [money.amount, money.currency];
}

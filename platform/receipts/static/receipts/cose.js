/** COSE_Sign1 (RFC 9052 section 4.2) with Ed25519; protocol/cose.py. */

import * as cbor from "./cbor.js";
import * as ed25519 from "./ed25519.js";
import { ProtocolError } from "./errors.js";
import { concat, isEqual } from "./octets.js";
import { gettext } from "./words.js";

// Ed25519 as its own algorithm (RFC 9864 section 2.2).
const ALG_ED25519 = -19;
const ALG = 1;
const KID = 4;
const TYP = 16;
const TAG_18 = 0xd2;

/** What a signed message is; one can never pass for another (RFC 9596). */
export const Typ = Object.freeze({
  STATEMENT: "cs-statement",
  VERDICT: "cs-verdict",
  RECEIPT: "cs-receipt",
  REFUSAL: "cs-refusal",
  SERVER: "cs-server",
  KEY: "cs-key",
  ENROL: "cs-enrol",
  DIRECTORY: "cs-directory",
  CHARGE: "cs-charge",
  OFFLINE_APPLICATION: "cs-offline-application",
  OFFLINE_TBS: "cs-offline-tbs",
  OFFLINE_COUNTERSIGN: "cs-offline-countersign",
  OFFLINE_RESULT: "cs-offline-result",
  OFFLINE_CODE: "cs-offline-code",
  CHECKPOINT: "cs-checkpoint",
  COSIGNATURE: "cs-cosignature",
});

/**
 * A parsed message whose signature has **not** been checked.
 * @typedef {object} Sign1
 * @property {string} typ
 * @property {Uint8Array} kid
 * @property {Uint8Array} payload
 * @property {Uint8Array} signature
 */

/**
 * Check the signature, and that `kid` names this key.
 * @param {Sign1} signed
 * @param {Uint8Array} publicKey
 */
export async function isSignedBy(signed, publicKey) {
  if (!isEqual(await ed25519.keyId(publicKey), signed.kid)) return false;
  return ed25519.isValidSignature(publicKey, signed.signature, covered(signed));
}

/**
 * Sign a payload.
 * @param {string} typ
 * @param {Uint8Array} payload
 * @param {{privateKey: CryptoKey, publicKey: Uint8Array}} key
 * @returns {Promise<Uint8Array>} The message.
 */
export async function sign(typ, payload, { privateKey, publicKey }) {
  const message = { typ, kid: await ed25519.keyId(publicKey), payload };
  const signature = await crypto.subtle.sign("Ed25519", privateKey, covered(message));
  return assemble({ ...message, signature: new Uint8Array(signature) });
}

/**
 * Put a message together again from its parts, byte for byte.
 * @param {Sign1} signed
 * @returns {Uint8Array}
 */
export function assemble(signed) {
  const parts = [protectedHeader(signed), new Map(), signed.payload, signed.signature];
  return concat(Uint8Array.of(TAG_18), cbor.encode(parts));
}

/**
 * Take a message apart, strictly.  The signature is not checked here.
 * @param {Uint8Array} message
 * @param {number} [maxBytes]
 * @returns {Sign1}
 * @throws {ProtocolError} `too_large`, `encoding_invalid`, `header_wrong`, `alg_wrong`, or
 *   `signature_invalid` when it has not 64 bytes.
 */
export function parse(message, maxBytes = cbor.MAX_BYTES) {
  cbor.checkSize(message, maxBytes);
  if (message[0] !== TAG_18) {
    throw new ProtocolError("encoding_invalid", gettext("not a tagged COSE_Sign1 message"));
  }
  const parts = cbor.decode(message.subarray(1), maxBytes);
  const [header, unprotected, payload, signature] = checkParts(parts);
  if (unprotected.size) {
    throw new ProtocolError("header_wrong", gettext("the unprotected header must be empty"));
  }
  const { alg, kid, typ } = readHeader(header);
  if (alg !== ALG_ED25519) {
    throw new ProtocolError("alg_wrong", gettext("algorithm %(alg)s is not accepted", { alg }));
  }
  if (kid.length !== ed25519.KID_BYTES) {
    throw new ProtocolError("header_wrong", gettext("kid must have 8 bytes"));
  }
  if (signature.length !== ed25519.SIGNATURE_BYTES) {
    throw new ProtocolError("signature_invalid", gettext("a signature has 64 bytes"));
  }
  return { typ, kid, payload, signature };
}

/**
 * Return the payload of a message of this type that this key signed.
 * @param {Uint8Array} message
 * @param {string} typ
 * @param {Uint8Array} key
 * @returns {Promise<Uint8Array>}
 * @throws {ProtocolError} as `parse`, `typ_wrong`, or `signature_invalid`.
 */
export async function openSigned(message, typ, key) {
  const signed = parse(message);
  requireTyp(signed, typ);
  if (!(await isSignedBy(signed, key))) {
    const detail = gettext("the signature on this %(typ)s is not valid", { typ });
    throw new ProtocolError("signature_invalid", detail);
  }
  return signed.payload;
}

/**
 * Refuse a message of another kind.
 * @param {Sign1} signed
 * @param {...string} typs
 * @throws {ProtocolError} `typ_wrong`.
 */
export function requireTyp(signed, ...typs) {
  if (!typs.includes(signed.typ)) {
    const due = typs.join(gettext(" or "));
    throw new ProtocolError("typ_wrong", gettext("a %(due)s is due here", { due }));
  }
}

/**
 * Return the Sig_structure that a signature covers (RFC 9052 section 4.4).
 * @param {Omit<Sign1, "signature">} signed
 */
function covered(signed) {
  return cbor.encode(["Signature1", protectedHeader(signed), new Uint8Array(), signed.payload]);
}

/** @param {{typ: string, kid: Uint8Array}} signed */
function protectedHeader({ typ, kid }) {
  /** @type {[number, cbor.Value][]} */
  const fields = [
    [ALG, ALG_ED25519],
    [KID, kid],
    [TYP, typ],
  ];
  return cbor.encode(new Map(fields));
}

/**
 * @param {cbor.Value} parts
 * @returns {[Uint8Array, Map<number, cbor.Value>, Uint8Array, Uint8Array]}
 */
function checkParts(parts) {
  const types = [Uint8Array, Map, Uint8Array, Uint8Array];
  const fits =
    Array.isArray(parts) &&
    parts.length === types.length &&
    types.every((type, place) => parts[place] instanceof type);
  if (!fits) throw new ProtocolError("encoding_invalid", gettext("not a COSE_Sign1 message"));
  return /** @type {any} */ (parts);
}

/**
 * @param {Uint8Array} header
 * @returns {{alg: number, kid: Uint8Array, typ: string}}
 */
function readHeader(header) {
  const fields = cbor.decode(header);
  if (fields instanceof Map && fields.size === 3) {
    const [alg, kid, typ] = [ALG, KID, TYP].map((key) => fields.get(key));
    if (typeof alg === "number" && kid instanceof Uint8Array && typeof typ === "string") {
      return { alg, kid, typ };
    }
  }
  const detail = gettext("the protected header must hold alg, kid and typ");
  throw new ProtocolError("header_wrong", detail);
}

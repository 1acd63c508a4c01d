/**
 * Sealing to a key: HPKE in base mode (RFC 9180), by the browser's own X25519, HMAC and AES-GCM;
 * protocol/hpke.py.  Only the sender's half, of the one suite of the project.
 */

import { ProtocolError } from "../receipts/errors.js";
import { concat } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";

const encoder = new TextEncoder();
// RFC 9180 section 7: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
const KEM = 0x0020;
const KDF = 0x0001;
const AES_256_GCM = { id: 0x0002, keyBytes: 32 };
const NONCE_BYTES = 12;
const SECRET_BYTES = 32;
const MODE_BASE = 0;
const KEM_SUITE = concat(encoder.encode("KEM"), uint16(KEM));
const EMPTY = new Uint8Array();

/**
 * Seal content to a raw X25519 key; it opens only with the same `info`.
 * @param {Uint8Array} content
 * @param {Uint8Array} boxKey
 * @param {Uint8Array} info
 * @returns {Promise<Uint8Array>} The encapsulated key, then the ciphertext.
 * @throws {ProtocolError} `key_invalid`.
 */
export async function seal(content, boxKey, info) {
  const ephemeral = await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  const { secret, enc } = await encapsulate(boxKey, /** @type {CryptoKeyPair} */ (ephemeral));
  const { key, nonce } = await schedule(secret, info);
  const cipher = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt"]);
  // One message for each key, so the sequence number is 0 and the nonce stays as it is.
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, cipher, content);
  return concat(enc, new Uint8Array(sealed));
}

/**
 * Encap of RFC 9180 section 4.1.
 * @param {Uint8Array} boxKey
 * @param {CryptoKeyPair} ephemeral
 */
export async function encapsulate(boxKey, ephemeral) {
  let shared;
  try {
    const theirs = await crypto.subtle.importKey("raw", boxKey, "X25519", false, []);
    const asked = { name: "X25519", public: theirs };
    shared = new Uint8Array(await crypto.subtle.deriveBits(asked, ephemeral.privateKey, 256));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    // Too short, or of small order (RFC 7748 section 6.1).
    throw new ProtocolError("key_invalid", gettext("nothing can be sealed to this key"));
  }
  const enc = new Uint8Array(await crypto.subtle.exportKey("raw", ephemeral.publicKey));
  const prk = await extract(KEM_SUITE, EMPTY, "eae_prk", shared);
  return { enc, secret: await expand(KEM_SUITE, prk, "shared_secret", concat(enc, boxKey), SECRET_BYTES) };
}

/**
 * KeySchedule of RFC 9180 section 5.1, without a pre-shared key.
 * @param {Uint8Array} secret
 * @param {Uint8Array} info
 * @param {{id: number, keyBytes: number}} aead Another one for the vectors of the RFC alone.
 */
export async function schedule(secret, info, aead = AES_256_GCM) {
  const suite = concat(encoder.encode("HPKE"), uint16(KEM), uint16(KDF), uint16(aead.id));
  const context = concat(
    Uint8Array.of(MODE_BASE),
    await extract(suite, EMPTY, "psk_id_hash", EMPTY),
    await extract(suite, EMPTY, "info_hash", info),
  );
  const prk = await extract(suite, secret, "secret", EMPTY);
  return {
    key: await expand(suite, prk, "key", context, aead.keyBytes),
    nonce: await expand(suite, prk, "base_nonce", context, NONCE_BYTES),
  };
}

/**
 * LabeledExtract of RFC 9180 section 4; Extract is one HMAC (RFC 5869 section 2.2).
 * @param {Uint8Array} suite
 * @param {Uint8Array} salt
 * @param {string} label
 * @param {Uint8Array} ikm
 */
function extract(suite, salt, label, ikm) {
  // HMAC fills a short key up with zeros; browsers refuse an empty one.
  const key = salt.length ? salt : new Uint8Array(1);
  return hmac(key, concat(encoder.encode("HPKE-v1"), suite, encoder.encode(label), ikm));
}

/**
 * LabeledExpand of RFC 9180 section 4, to 32 bytes at most: the first block of RFC 5869 section 2.3.
 * @param {Uint8Array} suite
 * @param {Uint8Array} prk
 * @param {string} label
 * @param {Uint8Array} info
 * @param {number} size
 */
async function expand(suite, prk, label, info, size) {
  const labels = concat(encoder.encode("HPKE-v1"), suite, encoder.encode(label));
  const block = await hmac(prk, concat(uint16(size), labels, info, Uint8Array.of(1)));
  return block.slice(0, size);
}

/**
 * @param {Uint8Array} key
 * @param {Uint8Array} message
 * @returns {Promise<Uint8Array>} HMAC-SHA-256, 32 bytes.
 */
export async function hmac(key, message) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

/** @param {number} number */
function uint16(number) {
  return Uint8Array.of(number >> 8, number & 0xff);
}

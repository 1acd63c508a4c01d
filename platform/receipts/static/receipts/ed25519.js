/** Ed25519 with the checks that libraries leave to the caller; protocol/ed25519.py. */

import { fromHex, sha256 } from "./octets.js";

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;
export const KID_BYTES = 8;

const FIELD = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
// The y coordinates of the eight points of small order.
const ORDER_8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL_ORDER_Y = new Set([0n, 1n, FIELD - 1n, ORDER_8, FIELD - ORDER_8]);

/**
 * Return the first 8 bytes of SHA-256 of a raw public key: its `kid`, or a server's `vk`.  It
 * looks a key up; it is never trusted alone.
 * @param {Uint8Array} publicKey
 */
export async function keyId(publicKey) {
  return (await sha256(publicKey)).subarray(0, KID_BYTES);
}

/**
 * Whether the bytes may be a public key that proves anything: 32 of them, not of small order.
 * @param {Uint8Array} publicKey
 */
export function isUsableKey(publicKey) {
  return publicKey.length === KEY_BYTES && isUsablePoint(publicKey);
}

/**
 * Check one signature; malformed keys and signatures are invalid, never an error.
 * @param {Uint8Array} publicKey
 * @param {Uint8Array} signature
 * @param {Uint8Array} message
 * @returns {Promise<boolean>}
 * @throws Whatever the browser throws when it has no Ed25519: see `isSupported`.
 */
export async function isValidSignature(publicKey, signature, message) {
  if (signature.length !== SIGNATURE_BYTES || !isUsableKey(publicKey)) return false;
  if (!isUsablePoint(signature.subarray(0, 32))) return false;
  if (fromLittleEndian(signature.subarray(32)) >= ORDER) return false;
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, message);
  } catch (error) {
    // Bytes that are no point: some browsers say so, others just do not verify.  A browser that
    // cannot check says something else, and that must not pass for a wrong signature.
    if (error instanceof DOMException && ["DataError", "OperationError"].includes(error.name)) {
      return false;
    }
    throw error;
  }
}

// RFC 8032 section 7.1, the first test: the signature of no bytes at all.
const TEST_KEY = fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
const TEST_SIGNATURE = fromHex(
  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
);

/**
 * Whether this browser can check signatures: newer ones do, on https or localhost.
 * @returns {Promise<boolean>}
 */
export async function isSupported() {
  try {
    return await isValidSignature(TEST_KEY, TEST_SIGNATURE, new Uint8Array());
  } catch {
    return false;
  }
}

/** @param {Uint8Array} point */
function isUsablePoint(point) {
  // The top bit is the sign of x.  RFC 8032 section 5.1.3: y must lie in the field.
  const y = BigInt.asUintN(255, fromLittleEndian(point));
  return y < FIELD && !SMALL_ORDER_Y.has(y);
}

/** @param {Uint8Array} bytes */
function fromLittleEndian(bytes) {
  return bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

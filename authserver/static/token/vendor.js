/** Cryptography that browsers lack: scripts of the old kind, which leave a global object behind. */

import { fromHex, toHex } from "../receipts/octets.js";

/**
 * Return SM3 (GB/T 32905) of the octets.
 * @param {Uint8Array} octets
 * @returns {Promise<Uint8Array>} 32 octets.
 */
export async function sm3(octets) {
  await import("../vendor/hash-wasm/sm3.umd.min.js");
  const hasher = await wasm().createSM3();
  return hasher.update(octets).digest("binary");
}

/**
 * Return one block encrypted with SM4 (GB/T 32907).
 * @param {Uint8Array} key 16 octets.
 * @param {Uint8Array} block 16 octets.
 * @returns {Promise<Uint8Array>}
 */
export async function sm4(key, block) {
  await import("../vendor/sm-crypto/sm4.js");
  // One block, so that no mode of operation is in play.
  const cipher = /** @type {any} */ (globalThis).sm4;
  return fromHex(cipher.encrypt([...block], toHex(key), { padding: "none" }));
}

/**
 * Return Argon2id (RFC 9106) of a password, 32 octets.
 * @param {string} password
 * @param {Uint8Array} salt
 * @param {{iterations: number, memorySize: number}} cost Passes, and KiB of memory.
 * @returns {Promise<Uint8Array>}
 */
export async function argon2id(password, salt, cost) {
  await import("../vendor/hash-wasm/argon2.umd.min.js");
  const fixed = { parallelism: 1, hashLength: 32, outputType: "binary" };
  return wasm().argon2id({ ...fixed, ...cost, password, salt });
}

/** @returns {any} */
function wasm() {
  return /** @type {any} */ (globalThis).hashwasm;
}

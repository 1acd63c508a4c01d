/** HOTP (RFC 4226) and TOTP (RFC 6238); the browser does the HMAC; tokens/oath.py. */

import { concat } from "../receipts/octets.js";
import { checkSeed, numberField } from "./inputs.js";

const WEB_NAMES = /** @type {const} */ ({ SHA1: "SHA-1", SHA256: "SHA-256", SHA512: "SHA-512" });

/**
 * Return what a card shows that is asked nothing.
 * @param {import("./suites.js").Suite} suite
 * @param {Uint8Array} seed
 * @param {import("./inputs.js").Inputs} inputs
 * @returns {Promise<string>}
 * @throws {TokenError} `seed_invalid` or `data_input_invalid`.
 */
export async function compute(suite, seed, { counter, timeStep }) {
  const moving = concat(
    numberField("counter", counter, suite.counter),
    numberField("time step", timeStep, suite.timeStepSeconds !== null),
  );
  checkSeed(seed);
  return truncate(await hmac(suite.algorithm, seed, moving), suite.digits);
}

/**
 * @param {string} algorithm SHA1, SHA256 or SHA512.
 * @param {Uint8Array} key
 * @param {Uint8Array} message
 * @returns {Promise<Uint8Array>}
 */
export async function hmac(algorithm, key, message) {
  const hash = webName(algorithm);
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
}

/**
 * Shorten an HMAC to decimal digits (RFC 4226 section 5.3).
 * @param {Uint8Array} mac
 * @param {number} digits 1 to 10.
 */
export function truncate(mac, digits) {
  const offset = mac[mac.length - 1] & 15;
  const number = new DataView(mac.buffer, mac.byteOffset + offset, 4).getUint32(0) & 0x7fffffff;
  return String(number % 10 ** digits).padStart(digits, "0");
}

/**
 * Return the browser's name of a hash function.
 * @param {string} algorithm
 */
export function webName(algorithm) {
  return WEB_NAMES[/** @type {keyof typeof WEB_NAMES} */ (algorithm)];
}

/** Bytes as base64url without padding (RFC 7515 section 2); protocol/jwk.py. */

import { ProtocolError } from "../receipts/errors.js";
import { gettext } from "../receipts/words.js";

/** @param {Uint8Array} bytes */
export function toBase64(bytes) {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/**
 * Read what `toBase64` writes, in its one spelling.
 * @param {unknown} text
 * @returns {Uint8Array}
 * @throws {ProtocolError} `encoding_invalid`.
 */
export function fromBase64(text) {
  if (typeof text === "string" && /^[\w-]*$/.test(text) && text.length % 4 !== 1) {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = Uint8Array.from(plain, (character) => character.charCodeAt(0));
    if (toBase64(bytes) === text) return bytes;
  }
  throw new ProtocolError("encoding_invalid", gettext("this is no base64url"));
}

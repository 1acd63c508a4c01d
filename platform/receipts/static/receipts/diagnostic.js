/** CBOR for people to read: diagnostic notation (RFC 8949 section 8, RFC 8610 appendix G.3). */

import * as cbor from "./cbor.js";
import * as cose from "./cose.js";
import { toHex } from "./octets.js";

const INDENT = "  ";

/**
 * Write a COSE_Sign1 message with what it holds unpacked; one that cannot be read, as its bytes.
 * @param {Uint8Array} message
 */
export function messageNotation(message) {
  try {
    cose.parse(message);
    const parts = /** @type {any[]} */ (cbor.decode(message.subarray(1)));
    const [header, unprotected, payload, signature] = parts;
    const lines = [embedded(header), notation(unprotected), embedded(payload), notation(signature)];
    return `18([\n${lines.map(indented).join(",\n")}\n])`;
  } catch {
    return notation(message);
  }
}

/**
 * @param {any} value Of `cbor.decode`.
 * @returns {string}
 */
export function notation(value) {
  if (value instanceof Uint8Array) return `h'${toHex(value)}'`;
  if (Array.isArray(value)) return bracketed("[", value.map(notation), "]");
  if (value instanceof Map) {
    const pairs = [...value].map(([key, item]) => `${notation(key)}: ${notation(item)}`);
    return bracketed("{", pairs, "}");
  }
  return JSON.stringify(value);
}

/** @param {Uint8Array} bytes CBOR within a byte string. */
function embedded(bytes) {
  return `<<${notation(cbor.decode(bytes))}>>`;
}

/**
 * @param {string} open
 * @param {string[]} items
 * @param {string} close
 */
function bracketed(open, items, close) {
  const line = `${open}${items.join(", ")}${close}`;
  if (line.length <= 72 && !line.includes("\n")) return line;
  return `${open}\n${items.map(indented).join(",\n")}\n${close}`;
}

/** @param {string} text */
function indented(text) {
  return text.replace(/^/gm, INDENT);
}

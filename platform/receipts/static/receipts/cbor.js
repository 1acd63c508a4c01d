/** Deterministic CBOR (RFC 8949 section 4.2.1), strict in both directions; protocol/cbor.py. */

import { Tokeniser } from "../vendor/cborg/decode.js";
import { encode as write } from "../vendor/cborg/encode.js";
import { Type } from "../vendor/cborg/token.js";
import { ProtocolError } from "./errors.js";
import { isEqual } from "./octets.js";
import { gettext } from "./words.js";

// docs/protocol.md section 1: bounds that hold before anything is built from the bytes.
export const MAX_BYTES = 4096;
// What is published as a file: the directory, and certificates of servers.
export const MAX_FILE_BYTES = 60_000;
const MAX_DEPTH = 6;

/** @typedef {number | string | Uint8Array | null | any[] | Map<number, any>} Value */

// A byte order mark is text like any other, and the rules for text refuse it.
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Return the one deterministic encoding of a value.
 * @param {Value} value Text in it holds no lone surrogate.
 * @returns {Uint8Array}
 * @throws {ProtocolError} `value_out_of_range` or `type_wrong`.
 */
export function encode(value) {
  check(value);
  return write(value);
}

/**
 * Return what the bytes hold, if they are its deterministic encoding.
 * @param {Uint8Array} data
 * @param {number} [maxBytes]
 * @returns {Value}
 * @throws {ProtocolError} `too_large`, or `encoding_invalid` for anything that is not exactly
 *   what `encode` writes.
 */
export function decode(data, maxBytes = MAX_BYTES) {
  checkSize(data, maxBytes);
  try {
    const tokens = new Tokeniser(data, {
      strict: true,
      allowIndefinite: false,
      allowBigInt: false,
      retainStringBytes: true,
    });
    const value = read(tokens, 0);
    // Duplicate and unsorted keys, long heads and trailing bytes all show as a difference.
    if (isEqual(encode(value), data)) return value;
  } catch {
    // The library throws whatever it comes upon.
  }
  throw new ProtocolError("encoding_invalid", gettext("not deterministic CBOR"));
}

/**
 * Refuse more bytes than any reader takes.
 * @param {Uint8Array} data
 * @param {number} maxBytes
 * @throws {ProtocolError} `too_large`.
 */
export function checkSize(data, maxBytes) {
  if (data.length > maxBytes) {
    const sizes = { size: data.length, most: maxBytes };
    throw new ProtocolError("too_large", gettext("%(size)s bytes; %(most)s are allowed", sizes));
  }
}

/**
 * Read one value.  The library would go on to any depth, mend broken UTF-8 and drop byte order
 * marks, so it is asked for heads only.
 * @param {Tokeniser} tokens
 * @param {number} depth Number of arrays and maps around it.
 * @returns {Value}
 */
function read(tokens, depth) {
  if (depth > MAX_DEPTH) throw new Error("too deep");
  const { type, value, byteValue } = tokens.next();
  switch (type) {
    case Type.uint:
    case Type.negint:
    case Type.bytes:
    case Type.null:
      return value;
    case Type.string:
      return UTF8.decode(byteValue); // of empty text there are no bytes
    case Type.array:
      return readArray(tokens, value, depth + 1);
    case Type.map:
      return readMap(tokens, value, depth + 1);
    default:
      throw new Error(`${type.name} has no place in a message`);
  }
}

/**
 * @param {Tokeniser} tokens
 * @param {number} length As the head says; the bytes run out before it does harm.
 * @param {number} depth
 */
function readArray(tokens, length, depth) {
  const items = [];
  while (items.length < length) items.push(read(tokens, depth));
  return items;
}

/**
 * @param {Tokeniser} tokens
 * @param {number} length
 * @param {number} depth
 */
function readMap(tokens, length, depth) {
  const fields = new Map();
  for (let field = 0; field < length; field += 1) {
    const key = read(tokens, depth);
    fields.set(key, read(tokens, depth));
  }
  return fields;
}

/**
 * Refuse what has no place in a message.
 * @param {Value} value
 */
function check(value) {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) {
      throw new ProtocolError("value_out_of_range", gettext("an integer exceeds 2^53-1"));
    }
  } else if (Array.isArray(value)) {
    value.forEach(check);
  } else if (value instanceof Map) {
    value.forEach(checkField);
  } else if (!(value === null || typeof value === "string" || value instanceof Uint8Array)) {
    throw new ProtocolError("type_wrong", gettext("this has no place in a message"));
  }
}

/**
 * @param {Value} value
 * @param {number} key
 */
function checkField(value, key) {
  if (!(Number.isSafeInteger(key) && key >= 0)) {
    throw new ProtocolError("type_wrong", gettext("this has no place in a message"));
  }
  check(value);
}

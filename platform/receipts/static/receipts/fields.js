/** The checks that every message shares, on single fields; protocol/fields.py. */

import { ProtocolError } from "./errors.js";
import { gettext } from "./words.js";

/** @typedef {import("./cbor.js").Value} Value */

export const VERSION = 1;
export const ID_BYTES = 8;
export const DIGEST_BYTES = 32;
export const NONCE_BYTES = 12;
export const SECONDS_PER_DAY = 86400;
// The last second and day of the year 9999: what comes later, calendars cannot write.
export const MAX_TIME = 253_402_300_799;
export const MAX_DAY = Math.floor(MAX_TIME / SECONDS_PER_DAY);

/**
 * Refuse anything but an integer from `low` to `high`.
 * @param {string} field
 * @param {unknown} value
 * @param {{low?: number, high?: number}} [bounds]
 * @throws {ProtocolError} `type_wrong` or `value_out_of_range`.
 */
export function checkUint(field, value, { low = 0, high = Number.MAX_SAFE_INTEGER } = {}) {
  if (typeof value !== "number") {
    throw new ProtocolError("type_wrong", gettext("%(field)s must be a whole number", { field }));
  }
  if (!(low <= value && value <= high)) {
    throw new ProtocolError("value_out_of_range", gettext("%(field)s is out of range", { field }));
  }
}

/**
 * Refuse anything but a number of an enumeration.
 * @param {string} field
 * @param {unknown} value
 * @param {Record<string, number>} members
 * @throws {ProtocolError} `type_wrong` or `value_out_of_range`.
 */
export function checkEnum(field, value, members) {
  if (typeof value !== "number") {
    throw new ProtocolError("type_wrong", gettext("%(field)s must be a whole number", { field }));
  }
  if (!Object.values(members).includes(value)) {
    throw new ProtocolError("value_out_of_range", gettext("%(field)s is unknown", { field }));
  }
}

/**
 * Refuse anything but a word of an enumeration.
 * @param {string} field
 * @param {unknown} value
 * @param {Record<string, string>} members
 * @throws {ProtocolError} `type_wrong` or `value_out_of_range`.
 */
export function checkWord(field, value, members) {
  if (typeof value !== "string") {
    throw new ProtocolError("type_wrong", gettext("%(field)s must be text", { field }));
  }
  if (!Object.values(members).includes(value)) {
    throw new ProtocolError("value_out_of_range", gettext("%(field)s is unknown", { field }));
  }
}

/**
 * Refuse anything but exactly `size` bytes.
 * @param {string} field
 * @param {unknown} value
 * @param {number} size
 * @throws {ProtocolError} `type_wrong` or `value_out_of_range`.
 */
export function checkBytes(field, value, size) {
  if (!(value instanceof Uint8Array)) {
    throw new ProtocolError("type_wrong", gettext("%(field)s must be bytes", { field }));
  }
  if (value.length !== size) {
    const detail = gettext("%(field)s must have %(size)s bytes", { field, size });
    throw new ProtocolError("value_out_of_range", detail);
  }
}

/**
 * Return the value if it is an array of `low` to `high` items.
 * @param {string} field
 * @param {unknown} value
 * @param {number} low
 * @param {number} [high]
 * @returns {any[]} Each item to be checked by whoever asked.
 * @throws {ProtocolError} `type_wrong`.
 */
export function checkList(field, value, low, high = low) {
  if (!Array.isArray(value) || value.length < low || value.length > high) {
    const detail = gettext("%(field)s has the wrong number of parts", { field });
    throw new ProtocolError("type_wrong", detail);
  }
  return value;
}

/**
 * Return a map's values by the names of its keys, which count from 1; `null` for those left out.
 * @template {string} Name
 * @param {string} field
 * @param {unknown} value
 * @param {readonly Name[]} names The name of key 1, of key 2, and so on.
 * @param {number[]} required Keys that must be there.
 * @returns {Record<Name, any>} Each value to be checked by whoever asked.
 * @throws {ProtocolError} `type_wrong`, `key_unknown` or `field_missing`.
 */
export function checkMap(field, value, names, required) {
  if (!(value instanceof Map) || [...value.values()].includes(null)) {
    const detail = gettext("%(field)s must be a map without nulls", { field });
    throw new ProtocolError("type_wrong", detail);
  }
  if (![...value.keys()].every((key) => 1 <= key && key <= names.length)) {
    throw new ProtocolError("key_unknown", gettext("%(field)s holds an unknown key", { field }));
  }
  if (!required.every((key) => value.has(key))) {
    throw new ProtocolError("field_missing", gettext("%(field)s lacks a field", { field }));
  }
  const fields = names.map((name, place) => [name, value.get(place + 1) ?? null]);
  return Object.fromEntries(fields);
}

/**
 * Write a map as `checkMap` reads it.
 * @template {string} Name
 * @param {Record<Name, Value>} fields
 * @param {readonly Name[]} names
 * @returns {Map<number, Value>}
 */
export function toMap(fields, names) {
  /** @type {[number, Value][]} */
  const entries = names.map((name, place) => [place + 1, fields[name]]);
  return new Map(entries.filter(([, value]) => value !== null));
}

/**
 * Return the parts behind the version of a message array of `length` parts.
 * @param {string} field
 * @param {unknown} value
 * @param {number} length
 * @param {number} [version]
 * @returns {any[]} Each part to be checked by whoever asked.
 * @throws {ProtocolError} `type_wrong` or `version_unknown`.
 */
export function versioned(field, value, length, version = VERSION) {
  if (Array.isArray(value) && value.length && value[0] !== version) {
    const detail = gettext("this %(field)s has an unknown version", { field });
    throw new ProtocolError("version_unknown", detail);
  }
  return checkList(field, value, length).slice(1);
}

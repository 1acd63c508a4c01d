/**
 * A token's secrets under a PIN or a code: Argon2id (RFC 9106), then AES-256-GCM.
 *
 * A short PIN alone would not hold whoever copies what the browser stores: a million PINs are soon
 * tried.  So a key that the browser never gives out goes in as well.  It dies with the record.
 */

import * as cbor from "../receipts/cbor.js";
import { ProtocolError } from "../receipts/errors.js";
import { concat } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";
import { argon2id } from "./vendor.js";

const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
// RFC 9106 section 4, the second choice, in one lane: phones give a page one thread.
export const COST = Object.freeze({ iterations: 3, memorySize: 65_536 });
const HMAC = Object.freeze({ name: "HMAC", hash: "SHA-256" });

/**
 * @typedef {import("./token.js").Token} Token
 * @typedef {typeof COST} Cost
 *
 * @typedef {object} Sealed
 * @property {Uint8Array} salt
 * @property {Uint8Array} iv
 * @property {Uint8Array} box
 * @property {CryptoKey | null} deviceKey
 * @property {Cost} cost As it was then: it may be raised for those to come.
 */

/** Draw a key that this browser keeps and never gives out. */
export function drawDeviceKey() {
  return crypto.subtle.generateKey(HMAC, false, ["sign"]);
}

/**
 * Seal content.
 * @param {Uint8Array} content
 * @param {string} password A PIN or a code.
 * @param {Uint8Array} bound What it belongs to: it opens with nothing else.
 * @param {CryptoKey | null} deviceKey Null for what another phone is to open.
 * @param {Cost} [cost]
 * @returns {Promise<Sealed>}
 */
export async function seal(content, password, bound, deviceKey, cost = COST) {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const key = await stretch(password, { salt, deviceKey, cost });
  const cipher = { name: "AES-GCM", iv, additionalData: bound };
  const box = new Uint8Array(await crypto.subtle.encrypt(cipher, key, content));
  return { salt, iv, box, deviceKey, cost };
}

/**
 * Open what was sealed.
 * @param {Sealed} sealed
 * @param {string} password
 * @param {Uint8Array} bound
 * @returns {Promise<Uint8Array | null>} Null when the password is wrong, or something was changed.
 */
export async function open(sealed, password, bound) {
  return decrypt(sealed, await stretch(password, sealed), bound);
}

/**
 * Open what was sealed, with the key that `stretch` made.
 * @param {Sealed} sealed
 * @param {CryptoKey} key
 * @param {Uint8Array} bound
 * @returns {Promise<Uint8Array | null>} Null when the password was wrong, or something was changed.
 */
export async function decrypt({ iv, box }, key, bound) {
  const cipher = { name: "AES-GCM", iv, additionalData: bound };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(cipher, key, box));
  } catch (error) {
    if (error instanceof DOMException && error.name === "OperationError") return null;
    throw error;
  }
}

/**
 * Return what a token's secrets are bound to: all that it pinned when it was enrolled.  Whoever
 * could change what the browser stores could else have it obey another platform.
 * @param {Token} token
 */
export function pinnedBy({ serial, suite, hostRoot, platformId, platformOrigin, platformRoot }) {
  return cbor.encode([serial, suite, hostRoot, platformId, platformOrigin, platformRoot]);
}

/**
 * Make a key of a password: all that takes memory and a library, and compares nothing.
 * @param {string} password
 * @param {Pick<Sealed, "salt" | "deviceKey" | "cost">} by
 * @returns {Promise<CryptoKey>}
 */
export async function stretch(password, { salt, deviceKey, cost }) {
  const stretched = await argon2id(password, salt, cost);
  const whole = deviceKey ? await crypto.subtle.sign("HMAC", deviceKey, stretched) : stretched;
  return crypto.subtle.importKey("raw", whole, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/**
 * Read what `toBytes` wrote.
 * @param {Uint8Array} whole
 * @returns {Sealed}
 * @throws {ProtocolError} `encoding_invalid` when it is too short to be that.
 */
export function fromBytes(whole) {
  if (whole.length < SALT_BYTES + IV_BYTES + TAG_BYTES) {
    throw new ProtocolError("encoding_invalid", gettext("the code was not read whole"));
  }
  const ends = [SALT_BYTES, SALT_BYTES + IV_BYTES];
  const [salt, iv, box] = [whole.slice(0, ends[0]), whole.slice(...ends), whole.slice(ends[1])];
  return { salt, iv, box, deviceKey: null, cost: COST };
}

/** @param {Sealed} sealed */
export const toBytes = ({ salt, iv, box }) => concat(salt, iv, box);

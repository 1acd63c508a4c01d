/** Texts of QR codes: a URL whose fragment is decimal digits; protocol/qrtext.py. */

import { MAX_BYTES } from "./cbor.js";
import { ProtocolError } from "./errors.js";
import { concat, fromHex, toHex } from "./octets.js";
import { ORIGIN } from "./origin.js";
import { gettext } from "./words.js";

// Bytes by number of digits.  Behind groups of 7 bytes stands a tail of the shortest number of
// digits that holds 256^k - 1.
const GROUP_BYTES = 7;
const GROUP_DIGITS = 17;
const TAILS = /** @type {const} */ ([[3, 1], [5, 2], [8, 3], [10, 4], [13, 5], [15, 6]]);
const BYTES = new Map([...TAILS, [GROUP_DIGITS, GROUP_BYTES]]);
// A v25 symbol holds far less; longer text is refused before any arithmetic.
const MAX_DIGITS = Math.floor((MAX_BYTES + 1) / GROUP_BYTES) * GROUP_DIGITS + GROUP_DIGITS;
const TEXT = new RegExp(`^(${ORIGIN})/([a-z])#([0-9]+)$`);

/**
 * What a link carries: its path, and the flag bytes for plain and deflated content.
 * @typedef {{path: string, plain: number, deflated: number}} Kind
 */

/**
 * A receipt or refusal, a step's challenge, the invitation to enrol a token, its secret, what a
 * phone without a network and a device say to each other, and a platform's statement key.
 */
export const Link = Object.freeze({
  RECEIPT: Object.freeze({ path: "r", plain: 0, deflated: 1 }),
  BUNDLE: Object.freeze({ path: "t", plain: 2, deflated: 3 }),
  ENROLMENT: Object.freeze({ path: "e", plain: 4, deflated: 5 }),
  PROVISION: Object.freeze({ path: "p", plain: 6, deflated: 7 }),
  OFFLINE: Object.freeze({ path: "o", plain: 8, deflated: 9 }),
  KEY: Object.freeze({ path: "k", plain: 10, deflated: 11 }),
});

/**
 * Tell what kind of link a text is, and of which site: a foreign one is shown, never opened.
 * @param {string} text
 * @returns {{origin: string, link: Kind, digits: string} | null} Null for any other text.
 */
export function recognise(text) {
  const [, origin, path, digits] = TEXT.exec(text.trim()) ?? [];
  const link = Object.values(Link).find((kind) => kind.path === path);
  return link ? { origin, link, digits } : null;
}

/**
 * Say what a link is, and what to do with it, to somebody who wants to check a receipt.
 * @param {Kind} link
 */
export function linkWords(link) {
  if (link === Link.BUNDLE) return gettext("This is a challenge: scan it with your token.");
  if (link === Link.ENROLMENT) return gettext("This is an invitation: scan it with a new token.");
  if (link === Link.PROVISION) return gettext("This holds a token's secret: let nobody see it, and scan it with that token alone.");
  if (link === Link.OFFLINE) return gettext("This is for a phone that authorizes without a network: scan it with that phone.");
  if (link === Link.KEY) return gettext("This is a new key of the platform: scan it with your token.");
  return gettext("This is a receipt.");
}

/**
 * Write content as the text of a QR code, never deflated: what is signed or sealed does not get
 * shorter.
 * @param {string} origin
 * @param {Kind} link
 * @param {Uint8Array} content
 */
export function encode(origin, { path, plain }, content) {
  return `${origin}/${path}#${toDigits(concat(Uint8Array.of(plain), content))}`;
}

/** @param {Uint8Array} data */
function toDigits(data) {
  const digitsOf = new Map([...BYTES].map(([digits, size]) => [size, digits]));
  let text = "";
  for (let start = 0; start < data.length; start += GROUP_BYTES) {
    const group = data.subarray(start, start + GROUP_BYTES);
    text += BigInt(`0x${toHex(group)}`).toString().padStart(digitsOf.get(group.length) ?? 0, "0");
  }
  return text;
}

/**
 * Return the origin and the content of a QR code's text.
 * @param {string} text
 * @param {Kind} link
 * @returns {Promise<{origin: string, content: Uint8Array}>}
 * @throws {ProtocolError} `not_ours` when the text is no such link, `too_large`, or
 *   `encoding_invalid`.
 */
export async function decode(text, link) {
  if (text.length > MAX_DIGITS + 60) {
    const detail = gettext("the text is longer than any of our codes");
    throw new ProtocolError("too_large", detail);
  }
  const found = recognise(text);
  if (found?.link !== link) {
    const detail = gettext("this is not the kind of code that is due here");
    throw new ProtocolError("not_ours", detail);
  }
  const { origin, digits } = found;
  const data = fromDigits(digits);
  const content = data.subarray(1);
  if (data[0] === link.plain) return { origin, content };
  if (data[0] === link.deflated) return { origin, content: await inflate(content) };
  throw new ProtocolError("encoding_invalid", gettext("the code's first byte is unknown"));
}

/** @param {string} digits */
function fromDigits(digits) {
  return concat(...(digits.match(/.{1,17}/g) ?? []).map(fromGroup));
}

/** @param {string} group Decimal digits, big-endian. */
function fromGroup(group) {
  const size = BYTES.get(group.length);
  const number = BigInt(group);
  if (size === undefined || number >= 256n ** BigInt(size)) {
    const detail = gettext("the digits are cut short or changed");
    throw new ProtocolError("encoding_invalid", detail);
  }
  return fromHex(number.toString(16).padStart(2 * size, "0"));
}

/**
 * @param {Uint8Array} data Raw DEFLATE (RFC 1951).
 * @returns {Promise<Uint8Array>}
 */
async function inflate(data) {
  const content = await unpack(data);
  // Not every browser minds bytes behind the end.  Where there are none, the last one is needed.
  if (content && !(await unpack(data.subarray(0, -1)))) return content;
  const detail = gettext("the compressed content is damaged");
  throw new ProtocolError("encoding_invalid", detail);
}

/**
 * @param {Uint8Array} data
 * @returns {Promise<Uint8Array | null>} Null when it is damaged.
 * @throws {ProtocolError} `too_large`.
 */
async function unpack(data) {
  const inflater = new DecompressionStream("deflate-raw");
  const reader = new Blob([data]).stream().pipeThrough(inflater).getReader();
  let content = new Uint8Array();
  while (content.length <= MAX_BYTES) {
    try {
      const { value, done } = await reader.read();
      if (done) return content;
      content = concat(content, value);
    } catch {
      return null;
    }
  }
  await reader.cancel();
  const detail = gettext("more than %(most)s bytes when unpacked", { most: MAX_BYTES });
  throw new ProtocolError("too_large", detail);
}

/** Which text may be signed: NFC, visible, and short enough never to be cut; protocol/text.py. */

import unicode14 from "../protocol/unicode14.json" with { type: "json" };
import { ProtocolError } from "./errors.js";
import { ORIGIN } from "./origin.js";
import { gettext } from "./words.js";

const WHOLE_ORIGIN = new RegExp(`^${ORIGIN}$`);

/**
 * Refuse text that may not be signed.
 * @param {string} field Name for the message, such as `remark`.
 * @param {unknown} text What was given.
 * @param {number} cap Longest permitted UTF-8 length in bytes.
 * @throws {ProtocolError} `type_wrong`, `text_empty`, `text_refused` or `text_too_long`.
 */
export function checkText(field, text, cap) {
  if (typeof text !== "string") {
    throw new ProtocolError("type_wrong", gettext("%(field)s must be text", { field }));
  }
  if (!text) throw new ProtocolError("text_empty", gettext("%(field)s is empty", { field }));
  const size = new TextEncoder().encode(text).length;
  if (size > cap) {
    const detail = gettext("%(field)s is %(size)s bytes long; %(cap)s are allowed", {
      field,
      size,
      cap,
    });
    throw new ProtocolError("text_too_long", detail);
  }
  const refused = Array.from(text).find(isRefused);
  if (refused) {
    const point = `U+${codePoint(refused).toString(16).toUpperCase().padStart(4, "0")}`;
    const detail = gettext("%(field)s holds %(point)s, which is not allowed", { field, point });
    throw new ProtocolError("text_refused", detail);
  }
  if (text.normalize("NFC") !== text) {
    const detail = gettext("%(field)s is not in Unicode form NFC", { field });
    throw new ProtocolError("text_refused", detail);
  }
}

/**
 * Refuse anything but printable ASCII within `cap` bytes; errors as `checkText`.
 * @param {string} field
 * @param {unknown} text
 * @param {number} cap
 */
export function checkAscii(field, text, cap) {
  checkText(field, text, cap);
  if (!/^[ -~]*$/.test(String(text))) {
    throw new ProtocolError("text_refused", gettext("%(field)s must be plain ASCII", { field }));
  }
}

/**
 * Refuse anything but the origin of a web address, as it stands in QR texts.
 * @param {string} field
 * @param {unknown} text
 * @throws {ProtocolError} as `checkText`.
 */
export function checkOrigin(field, text) {
  checkAscii(field, text, 40);
  if (!WHOLE_ORIGIN.test(String(text))) {
    const detail = gettext("%(field)s must be like https://example.com, in lower case", { field });
    throw new ProtocolError("text_refused", detail);
  }
}

/**
 * Whether a character is of a refused category, by the table that all readers share.
 * @param {string} character
 */
function isRefused(character) {
  const point = codePoint(character);
  let [low, high] = [0, unicode14.refused.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (unicode14.refused[middle][1] < point) low = middle + 1;
    else high = middle;
  }
  // The first range that does not end before it.
  return low < unicode14.refused.length && unicode14.refused[low][0] <= point;
}

/** @param {string} character */
function codePoint(character) {
  return character.codePointAt(0) ?? 0;
}

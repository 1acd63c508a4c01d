/** The receipt of one captured charge, or of a right; protocol/charge.py. */

import * as cbor from "./cbor.js";
import * as cose from "./cose.js";
import { EXPONENTS } from "./currency.js";
import { ProtocolError } from "./errors.js";
import {
  DIGEST_BYTES,
  ID_BYTES,
  MAX_TIME,
  checkBytes,
  checkList,
  checkUint,
  versioned,
} from "./fields.js";
import { readPlatform } from "./statement.js";
import { checkAscii, checkText } from "./text.js";
import { gettext } from "./words.js";

/** @typedef {{account: string, name: string | null}} Side Who pays or is paid. */

/**
 * What the platform says was charged, once: its word alone, not a token's signature.  Without an
 * amount it says that a right was used, and nothing was paid.
 * @typedef {object} Charge
 * @property {import("./statement.js").Platform} platform Who signs.
 * @property {Uint8Array} uid Id of the charge, 8 bytes.
 * @property {string} way Name of the strategy by which the payer confirmed.
 * @property {Side} payer
 * @property {Side} payee
 * @property {string} text What for: the item and its application.
 * @property {number | null} amount Minor units, above zero.
 * @property {string | null} currency Null with the amount.
 * @property {Uint8Array} digest What the payer's proof was bound to, 32 bytes.
 * @property {number} captured Unix seconds.
 */

/**
 * Return how a payer confirmed; a way without words stands as it is written.
 * @param {string} way
 */
export function wayWords(way) {
  const words = new Map([
    ["direct_sms", gettext("an SMS from the payer's own number")],
    ["captcha", gettext("the graphic captcha")],
    ["sms_code", gettext("a code sent to the payer's own number")],
    ["online", gettext("the payer's terminal, on-line")],
    ["payment_password", gettext("the payment password")],
    ["token", gettext("the payer's token")],
    ["passkey", gettext("the payer's passkey")],
    ["offline", gettext("a phone without a network")],
    ["offline_high", gettext("a phone without a network, and the offline password")],
    ["offline_code", gettext("a one-way code of a phone without a network")],
  ]);
  return words.get(way) ?? way;
}

/**
 * Read a parsed receipt, strictly; its signature is not checked here.
 * @param {cose.Sign1} signed
 * @returns {Charge}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readCharge(signed) {
  cose.requireTyp(signed, cose.Typ.CHARGE);
  const parts = versioned("charge", cbor.decode(signed.payload), 11);
  const [platform, uid, way, payer, payee, text, amount, currency, digest, captured] = parts;
  const charge = {
    platform: readPlatform(platform),
    uid,
    way,
    payer: readSide("payer", payer),
    payee: readSide("payee", payee),
    text,
    amount,
    currency,
    digest,
    captured,
  };
  checkBytes("charge", uid, ID_BYTES);
  checkAscii("way", way, 16);
  checkText("text", text, 200);
  if (amount !== null || currency !== null) {
    checkUint("amount", amount, { low: 1 });
    if (!EXPONENTS.has(currency)) {
      throw new ProtocolError("currency_unknown", gettext("currency is not in ISO 4217"));
    }
  }
  checkBytes("digest", digest, DIGEST_BYTES);
  checkUint("captured", captured, { high: MAX_TIME });
  return charge;
}

/**
 * @param {string} field
 * @param {cbor.Value} value
 * @returns {Side}
 */
export function readSide(field, value) {
  const [account, name] = checkList(field, value, 2);
  checkAscii("account", account, 34);
  if (name !== null) checkText("name", name, 70);
  return { account, name };
}

/** Amounts as people write and read them; common/amounts.py. */

import { EXPONENTS } from "./currency.js";

/**
 * Write minor units with the grouping of the reader's language.
 * @param {number} amount
 * @param {string} currency
 */
export function amountWords(amount, currency) {
  const places = EXPONENTS.get(currency) ?? 0;
  const digits = String(amount).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const options = { minimumFractionDigits: places, maximumFractionDigits: places };
  const exact = /** @type {Intl.StringNumericLiteral} */ (`${whole}.${digits.slice(whole.length)}`);
  const language = document.documentElement.lang;
  return `${new Intl.NumberFormat(language, options).format(exact)}\u00a0${currency}`;
}

/**
 * Read an amount without grouping, with a point or a comma before what is less than a whole.
 * @param {string} text
 * @param {string} currency
 * @returns {number | null} Minor units; null for anything that is no amount above zero.
 */
export function readAmount(text, currency) {
  const places = EXPONENTS.get(currency) ?? 0;
  const [, whole, part = ""] = /^(\d{1,10})(?:[.,](\d+))?$/.exec(text.trim()) ?? [];
  if (!whole || part.length > places) return null;
  return Number(whole + part.padEnd(places, "0")) || null;
}

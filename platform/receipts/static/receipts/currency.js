/** Currencies of ISO 4217 and their exponents; protocol/currency.py. */

import currencies from "../protocol/currencies.json" with { type: "json" };

/**
 * Digits after the decimal mark, by code.
 * @type {ReadonlyMap<string, number>}
 */
export const EXPONENTS = new Map(
  Object.entries(currencies.codes_by_exponent).flatMap(([exponent, codes]) =>
    codes.map((code) => [code, Number(exponent)]),
  ),
);

/**
 * What the app shows of a statement; tokens/display.py gives the same lines.
 *
 * They are the same in every language of the pages, since all tokens show them alike: nothing in
 * here is translated or depends on a locale.
 */

import { EXPONENTS } from "../receipts/currency.js";
import { SECONDS_PER_DAY } from "../receipts/fields.js";
import { Kind } from "../receipts/statement.js";
import { gettext } from "../receipts/words.js";
import { TokenError } from "./errors.js";

// Around every value, so that right-to-left text cannot rearrange what stands beside it
// (Unicode Standard Annex 9: first strong isolate, pop directional isolate).
const ISOLATE = "\u2068";
const END_ISOLATE = "\u2069";
// The first code point of which some take two columns; from there on all are counted as two.
const FIRST_WIDE = 0x1100;

const KIND_WORDS = new Map([
  [Kind.PAYMENT, "Payment"],
  [Kind.TRANSFER, "Transfer"],
  [Kind.ORDER, "Order"],
  [Kind.APPROVAL, "Approval"],
  [Kind.OTHER, "Other agreement"],
  [Kind.ACTIVATION, "ACTIVATION of this token: nothing is bought or approved"],
  [Kind.LOGIN, "LOGIN: whoever enters the code is signed in as you"],
  [Kind.UNLOCK, "UNLOCKING of a token: nothing is bought or approved"],
  [Kind.TEST, "TEST: nothing is bought or approved"],
  [Kind.BILLING, "Billing of a resource"],
  [Kind.OFFLINE, "Service without a network"],
]);

/**
 * How much a display holds; null is no limit.
 * @typedef {{columns: number | null, rows: number | null}} Profile
 * @typedef {import("../receipts/statement.js").Statement} Statement
 * @typedef {[label: string, value: string | null]} Field
 */

/** @type {Profile} */
export const UNLIMITED = Object.freeze({ columns: null, rows: null });

/**
 * Return the lines a holder must see, and the earlier steps that are among them.  Nothing is ever
 * cut short: where the display is too small the oldest earlier step is left out first, and a line
 * says so.
 * @param {Statement} statement
 * @param {Statement[]} earlier The steps right before it, proved, oldest first.
 * @param {Profile} profile
 * @returns {{lines: string[], shown: Statement[]}}
 * @throws {TokenError} `statement_too_large_for_token` when not even its own fields fit.
 */
export function layOut(statement, earlier, profile) {
  const own = [kindWords(statement), ...toLines("", ownFields(statement))];
  for (let leftOut = 0; leftOut <= earlier.length; leftOut += 1) {
    const shown = earlier.slice(leftOut);
    const lines = [...own, place(statement.pos, shown.length), ...shown.flatMap(stepLines)];
    if (fits(lines, profile)) return { lines, shown };
  }
  const detail = gettext("the statement does not fit this token's display");
  throw new TokenError("statement_too_large_for_token", detail);
}

/**
 * @param {string[]} lines
 * @param {Profile} profile
 */
function fits(lines, { columns, rows }) {
  if (rows === null) return true;
  return lines.reduce((sum, line) => sum + rowsOf(line, columns ?? Infinity), 0) <= rows;
}

/**
 * @param {string} line
 * @param {number} columns
 */
function rowsOf(line, columns) {
  let [rows, used] = [1, 0];
  for (const character of line.replaceAll(ISOLATE, "").replaceAll(END_ISOLATE, "")) {
    const width = (character.codePointAt(0) ?? 0) < FIRST_WIDE ? 1 : 2;
    used += width;
    if (used > columns) [rows, used] = [rows + 1, width];
  }
  return rows;
}

/** @param {Statement} statement */
const kindWords = ({ demand }) => KIND_WORDS.get(demand.kind) ?? "";

/** @param {Statement} step */
function stepLines(step) {
  const number = `Step ${step.pos + 1}`;
  return [`${number}: ${kindWords(step)}`, ...toLines(`${number} / `, stepFields(step))];
}

/**
 * @param {Statement} statement
 * @returns {Field[]}
 */
function ownFields(statement) {
  const { party, platform } = statement;
  return [
    ...demandFields(statement),
    ["Your account", party.account],
    ["Your name", party.name],
    ["Your remark", party.remark],
    ["Platform", platform.name],
    ["Address", platform.origin],
  ];
}

/**
 * @param {Statement} step
 * @returns {Field[]}
 */
function stepFields(step) {
  const { account, name, remark } = step.party;
  return [...demandFields(step), ["Account", account], ["Name", name], ["Remark", remark]];
}

/**
 * @param {Statement} statement
 * @returns {Field[]}
 */
function demandFields({ demand, issued }) {
  return [
    ["Amount", amountText(demand)],
    ["To account", demand.payeeAccount],
    ["To", demand.payeeName],
    ["Text", demand.text],
    ["Reference", demand.reference],
    ["Due", demand.dueDays === null ? null : dueDate(issued, demand.dueDays)],
  ];
}

/**
 * Write minor units without grouping: 12.50 EUR, 5 JPY; protocol/currency.py.
 * @param {{amount: number | null, currency: string | null}} demand
 */
function amountText({ amount, currency }) {
  if (amount === null || currency === null) return null;
  const places = EXPONENTS.get(currency) ?? 0;
  const digits = String(amount).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  return places ? `${whole}.${digits.slice(-places)} ${currency}` : `${whole} ${currency}`;
}

/**
 * @param {number} issued
 * @param {number} days
 */
function dueDate(issued, days) {
  const day = Math.floor(issued / SECONDS_PER_DAY) + days;
  return new Date(day * SECONDS_PER_DAY * 1000).toISOString().slice(0, 10);
}

/**
 * @param {string} prefix
 * @param {Field[]} fields
 */
function toLines(prefix, fields) {
  return fields
    .filter(([, value]) => value !== null)
    .map(([label, value]) => `${prefix}${label}: ${ISOLATE}${value}${END_ISOLATE}`);
}

/**
 * @param {number} pos
 * @param {number} shown
 */
function place(pos, shown) {
  if (pos === 0) return "Step 1";
  const hidden = pos - shown;
  return `Step ${pos + 1}; the last ${shown} earlier steps shown, ${hidden} bound by digest and not shown`;
}

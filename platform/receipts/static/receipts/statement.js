/** The statement: what one party is asked to approve; protocol/statement.py. */

import * as cbor from "./cbor.js";
import { EXPONENTS } from "./currency.js";
import { ProtocolError } from "./errors.js";
import {
  DIGEST_BYTES,
  ID_BYTES,
  MAX_TIME,
  NONCE_BYTES,
  VERSION,
  checkBytes,
  checkEnum,
  checkList,
  checkMap,
  checkUint,
  toMap,
  versioned,
} from "./fields.js";
import { checkAscii, checkOrigin, checkText } from "./text.js";
import { gettext } from "./words.js";

export const DEFAULT_TTL_SECONDS = 180;
const MIN_TTL_SECONDS = 30;
const MAX_TTL_SECONDS = 600;
const MAX_DUE_DAYS = 3650;

/** What a statement is about. */
export const Kind = Object.freeze({
  PAYMENT: 1,
  TRANSFER: 2,
  ORDER: 3,
  APPROVAL: 4,
  OTHER: 5,
  ACTIVATION: 6,
  LOGIN: 7,
  UNLOCK: 8,
  TEST: 9,
  BILLING: 10,
  OFFLINE: 11,
});

/** What the holder saw on the token itself. */
export const Sight = Object.freeze({ NONE: 0, TYPED: 1, SHOWN: 2 });

/**
 * Return what every scanner says beside a step.
 * @param {number} sight
 */
export function sightWords(sight) {
  return [
    gettext("the token has no display"),
    gettext("digits were typed; the token showed no text"),
    gettext("the token showed the statement"),
  ][sight];
}

/**
 * Platform information.
 * @typedef {{id: string, name: string, origin: string}} Platform
 */

/**
 * User information: public account number, optional name, and remark on the demand.
 * @typedef {{account: string, name: string | null, remark: string}} Party
 */
const PARTY = /** @type {const} */ (["account", "name", "remark"]);

/**
 * Demand information; `amount` in minor units, together with `currency` or neither.
 * @typedef {object} Demand
 * @property {number} kind
 * @property {number | null} amount
 * @property {string | null} currency
 * @property {string | null} payeeAccount
 * @property {string | null} payeeName
 * @property {string | null} text
 * @property {string | null} reference
 * @property {number | null} dueDays Days after the day of issue (UTC).
 */
const DEMAND = /** @type {const} */ ([
  "kind",
  "amount",
  "currency",
  "payeeAccount",
  "payeeName",
  "text",
  "reference",
  "dueDays",
]);

/**
 * What statement and step share besides party, demand and sight; times in Unix seconds.
 * @typedef {{serial: string, nonce: Uint8Array, issued: number, ttl: number}} Asked
 */

/**
 * One step's statement.
 * @typedef {object} Content
 * @property {Platform} platform Who asks.
 * @property {Uint8Array} tx Transaction id, 8 bytes.
 * @property {number} pos Position in the chain, from 0.
 * @property {Uint8Array | null} prev L of the step before, 32 bytes; null exactly at position 0.
 * @property {Party} party
 * @property {Demand} demand
 * @property {Uint8Array} vk Id of the token's paired server, 8 bytes.
 * @property {number} sight
 * @typedef {Content & Asked} Statement
 */

/**
 * @param {cbor.Value} value `[id, name, origin]`
 * @returns {Platform}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readPlatform(value) {
  const [id, name, origin] = checkList("platform", value, 3);
  checkAscii("platform id", id, 16);
  checkText("platform name", name, 40);
  checkOrigin("platform origin", origin);
  return { id, name, origin };
}

/**
 * @param {cbor.Value} value `{1: account, ? 2: name, 3: remark}`
 * @returns {Party}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readParty(value) {
  const party = checkMap("party", value, PARTY, [1, 3]);
  checkAscii("account", party.account, 34);
  checkText("remark", party.remark, 120);
  if (party.name !== null) checkText("name", party.name, 40);
  return party;
}

/**
 * @param {cbor.Value} value A map with keys 1 to 8.
 * @returns {Demand}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readDemand(value) {
  const demand = checkMap("demand", value, DEMAND, [1]);
  checkEnum("kind", demand.kind, Kind);
  checkMoney(demand);
  if (demand.payeeAccount !== null) checkAscii("payee_account", demand.payeeAccount, 34);
  if (demand.payeeName !== null) checkText("payee_name", demand.payeeName, 70);
  if (demand.text !== null) checkText("text", demand.text, 120);
  if (demand.reference !== null) checkText("reference", demand.reference, 35);
  if (demand.dueDays !== null) checkUint("due_days", demand.dueDays, { high: MAX_DUE_DAYS });
  return demand;
}

/**
 * Return the bytes the platform signs and S is taken of.
 * @param {Statement} statement
 * @returns {Uint8Array}
 * @throws {ProtocolError} whatever rule it breaks as a whole.
 */
export function statementPayload(statement) {
  checkStatement(statement);
  const { platform, tx, pos, prev, party, demand, serial, vk, sight, nonce, issued, ttl } =
    statement;
  return cbor.encode([
    VERSION,
    [platform.id, platform.name, platform.origin],
    tx,
    pos,
    prev,
    toMap(party, PARTY),
    toMap(demand, DEMAND),
    serial,
    vk,
    sight,
    nonce,
    issued,
    ttl,
  ]);
}

/**
 * Read a statement's payload, strictly.
 * @param {Uint8Array} payload
 * @returns {Statement}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readStatement(payload) {
  const parts = versioned("statement", cbor.decode(payload), 13);
  const [platform, tx, pos, prev, party, demand, serial, vk, sight, nonce, issued, ttl] = parts;
  const statement = {
    platform: readPlatform(platform),
    tx,
    pos,
    prev,
    party: readParty(party),
    demand: readDemand(demand),
    serial,
    vk,
    sight,
    nonce,
    issued,
    ttl,
  };
  checkStatement(statement);
  return statement;
}

/**
 * Check what statement and step share besides party, demand and sight.
 * @param {Asked} asked
 * @throws {ProtocolError} whatever rule one of them breaks.
 */
export function checkAsked({ serial, nonce, issued, ttl }) {
  checkAscii("serial", serial, 16);
  checkBytes("nonce", nonce, NONCE_BYTES);
  checkUint("issued", issued, { high: MAX_TIME });
  checkUint("ttl", ttl, { low: MIN_TTL_SECONDS, high: MAX_TTL_SECONDS });
}

/**
 * Check what stands beside platform, party and demand.
 * @param {Statement} statement
 */
function checkStatement(statement) {
  checkBytes("tx", statement.tx, ID_BYTES);
  checkUint("pos", statement.pos);
  if ((statement.prev === null) !== (statement.pos === 0)) {
    throw new ProtocolError("chain_broken", gettext("prev is null exactly at position 0"));
  }
  if (statement.prev !== null) checkBytes("prev", statement.prev, DIGEST_BYTES);
  checkBytes("vk", statement.vk, ID_BYTES);
  checkEnum("sight", statement.sight, Sight);
  checkAsked(statement);
}

/** @param {Demand} demand */
function checkMoney({ kind, amount, currency, payeeAccount }) {
  if ((amount === null) !== (currency === null)) {
    throw new ProtocolError("field_missing", gettext("amount and currency go together"));
  }
  if (amount !== null) {
    checkUint("amount", amount, { low: 1 });
    if (typeof currency !== "string" || !EXPONENTS.has(currency)) {
      throw new ProtocolError("currency_unknown", gettext("currency is not in ISO 4217"));
    }
  }
  if (kind === Kind.PAYMENT || kind === Kind.TRANSFER) {
    const name = kind === Kind.PAYMENT ? gettext("payment") : gettext("transfer");
    for (const [field, value] of Object.entries({ amount, payee_account: payeeAccount })) {
      if (value === null) {
        const detail = gettext("a %(name)s needs %(field)s", { name, field });
        throw new ProtocolError("field_missing", detail);
      }
    }
  }
}

/** The receipt of a signed step, and of a refused one; protocol/receipt.py. */

import * as cbor from "./cbor.js";
import * as cose from "./cose.js";
import { checkAnchor, checkCertified, checkStep } from "./chain.js";
import { keyId } from "./ed25519.js";
import { ProtocolError } from "./errors.js";
import { ID_BYTES, checkBytes, checkEnum, checkList, checkUint, versioned } from "./fields.js";
import { DEFAULT_TTL_SECONDS, readDemand, readParty, readPlatform } from "./statement.js";
import { Reason } from "./verdict.js";
import { gettext } from "./words.js";

const MAX_STEPS = 4;

/**
 * @typedef {import("./chain.js").CertifiedServer} CertifiedServer
 * @typedef {import("./chain.js").Step} Step
 * @typedef {import("./statement.js").Platform} Platform
 */

/**
 * Steps of a chain, newest last, with the platform's word for those folded away.
 * @typedef {object} Receipt
 * @property {Platform} platform Who signs.
 * @property {Uint8Array} tx Transaction id, 8 bytes.
 * @property {number} folded Number of earlier steps not in clear.
 * @property {Uint8Array | null} anchor `prev` of the oldest step in clear.
 * @property {Step[]} steps One to four.
 * @property {number} reason `ACCEPTED`, or why the only step was refused.
 */

/**
 * Read a parsed receipt or refusal, strictly; its signature is not checked here.
 * @param {cose.Sign1} signed
 * @returns {Promise<Receipt>}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export async function readReceipt(signed) {
  cose.requireTyp(signed, cose.Typ.RECEIPT, cose.Typ.REFUSAL);
  const isRefusal = signed.typ === cose.Typ.REFUSAL;
  const parts = versioned("receipt", cbor.decode(signed.payload), isRefusal ? 8 : 7);
  const [platform, tx, base, folded, anchor, steps, reason = Reason.ACCEPTED] = parts;
  checkUint("base", base);
  const receipt = { platform: readPlatform(platform), tx, folded, anchor, reason };
  /** @type {Step[]} */
  const read = [];
  for (const step of checkList("steps", steps, 1, MAX_STEPS)) {
    read.push(await readStep(step, base));
  }
  checkReceipt({ ...receipt, steps: read }, isRefusal);
  if (base !== Math.min(...read.map((step) => step.issued))) {
    throw new ProtocolError("encoding_invalid", gettext("base is not the earliest issue"));
  }
  return { ...receipt, steps: read };
}

/**
 * @param {Receipt} receipt
 * @param {boolean} isRefusal
 */
function checkReceipt({ tx, folded, anchor, steps, reason }, isRefusal) {
  checkEnum("reason", reason, Reason);
  checkBytes("tx", tx, ID_BYTES);
  checkAnchor(folded, anchor);
  if (reason !== Reason.ACCEPTED && steps.length > 1) {
    throw new ProtocolError("type_wrong", gettext("wrong number of steps"));
  }
  if ((reason !== Reason.ACCEPTED) !== isRefusal) {
    throw new ProtocolError("value_out_of_range", gettext("a refusal has a reason"));
  }
}

/**
 * @param {cbor.Value} value
 * @param {number} base The receipt's earliest `issued`.
 * @returns {Promise<Step>}
 */
async function readStep(value, base) {
  const parts = checkList("step", value, 11);
  const [party, demand, serial, sight, nonce, issued, ttl, decided, seq, signature, by] = parts;
  checkUint("issued", issued);
  checkUint("decided", decided, { low: -Number.MAX_SAFE_INTEGER });
  if (ttl === DEFAULT_TTL_SECONDS) {
    const detail = gettext("a life of 180 seconds is written as 0");
    throw new ProtocolError("encoding_invalid", detail);
  }
  const step = {
    party: readParty(party),
    demand: readDemand(demand),
    serial,
    sight,
    nonce,
    issued: base + issued,
    ttl: ttl === 0 ? DEFAULT_TTL_SECONDS : ttl,
    decided: base + issued + decided,
    seq,
    signature,
    ...(await readServer(by)),
  };
  checkStep(step);
  return step;
}

/**
 * @param {cbor.Value} value The server's bare `vk`, or its key with the certificate.
 * @returns {Promise<{vk: Uint8Array, certified: CertifiedServer | null}>}
 */
async function readServer(value) {
  if (value instanceof Uint8Array) return { vk: value, certified: null };
  const [key, host, fromDay, toDay, signature] = checkList("by", value, 5);
  const certified = { key, host, fromDay, toDay, signature };
  checkCertified(certified);
  return { vk: await keyId(key), certified };
}

/** The steps that a receipt binds by digest and does not show: fetched, and held against it. */

import { fromBase64 } from "../offline/base64.js";
import { checkStep } from "./certified.js";
import * as cose from "./cose.js";
import { linkDigest, statementDigest, verdictDigest } from "./digests.js";
import { ProtocolError } from "./errors.js";
import { fetchCertificates } from "./installed.js";
import { isEqual, toHex } from "./octets.js";
import { Report, passed } from "./outcome.js";
import { readStatement } from "./statement.js";
import { Reason, readVerdict } from "./verdict.js";
import { checkClocks } from "./verify.js";
import { gettext, ngettext } from "./words.js";

/**
 * @typedef {import("./chain.js").Step} Step
 * @typedef {import("./check.js").Finding} Finding
 * @typedef {import("./rebuild.js").Rebuilt} Rebuilt
 * @typedef {import("./receipt.js").Receipt} Receipt
 */

const PATIENCE_MS = 6000;
// Numbers of checks, as docs/protocol.md section 10 has them.
const [TIMES, OF_STEP, FOLDED] = [4, 5, 7];

/** The steps cannot be had, or are not those of the receipt; the message says why. */
export class FoldedError extends Error {
  name = "FoldedError";
}

/**
 * Whether there are steps to be fetched, as the next steps of a chain that is sound so far.
 * @param {Report} report
 */
export function canUnfold({ isValid, receipt }) {
  return isValid && Boolean(receipt?.folded);
}

/**
 * Fetch the steps that a receipt does not show, and check them like the others.
 * @param {Finding} finding
 * @returns {Promise<Finding>} With all steps.
 * @throws {FoldedError}
 */
export async function unfold(finding) {
  const { report, keys } = finding;
  const receipt = /** @type {Receipt} */ (report.receipt);
  const pairs = await relink(receipt, await download(receipt));
  const fetched = await fetchCertificates(pairs.map(({ step }) => step.vk));
  const held = { directory: keys.directory, fetched, logged: null, inLog: [] };
  const ofSteps = [];
  for (const { step, rebuilt } of pairs) {
    ofSteps.push(...(await checkStep(step, rebuilt, Reason.ACCEPTED, held)));
  }
  const steps = [...pairs.map(({ step }) => step), ...receipt.steps];
  const whole = { ...receipt, folded: 0, anchor: null, steps };
  const before = report.checks.filter(({ number }) => number < TIMES);
  const after = report.checks.filter(({ number }) => number >= OF_STEP && number !== FOLDED);
  const checks = [...before, ...checkClocks(whole), ...ofSteps, ...after, unfolded(receipt.folded)];
  // In the order of their numbers, those of the steps together.
  const place = (/** @type {number} */ number) => (number === 6 ? OF_STEP : number);
  checks.sort((one, other) => place(one.number) - place(other.number));
  const rebuilt = [...pairs.map(({ rebuilt }) => rebuilt), ...report.steps];
  const found = new Report(report.identity, report.always, checks, whole, rebuilt);
  return { ...finding, report: found, fetched: fetched.size ? new Date() : finding.fetched };
}

/** @param {number} count */
function unfolded(count) {
  const text = ngettext(
    "%(count)s earlier step was fetched: it is the one that the receipt binds by digest.",
    "%(count)s earlier steps were fetched: they are those that the receipt binds by digest.",
    count,
    { count },
  );
  return passed(FOLDED, "unfolded", text);
}

/**
 * @param {Receipt} receipt
 * @returns {Promise<{payload: Uint8Array, verdict: Uint8Array}[]>}
 * @throws {FoldedError}
 */
async function download({ tx, folded }) {
  const path = `/api/v1/receipts/${toHex(tx)}/steps?to=${folded - 1}`;
  const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null);
  if (!response) {
    throw new FoldedError(gettext("The earlier steps are on the site alone. Connect to the network and try again."));
  }
  if (response.status === 401) {
    throw new FoldedError(gettext("Only the parties of this transaction see its earlier steps. Sign in, and scan the receipt again."));
  }
  if ([403, 404].includes(response.status)) {
    throw new FoldedError(gettext("Only the parties of this transaction see its earlier steps, and you are none of them."));
  }
  if (!response.ok) {
    throw new FoldedError(gettext("The site did not give the earlier steps. Try again in a moment."));
  }
  const steps = await response.json().catch(() => []);
  return unpack(steps);
}

/** @param {any[]} steps */
function unpack(steps) {
  try {
    return steps.map(({ statement, verdict }) => ({
      payload: fromBase64(statement),
      verdict: fromBase64(verdict),
    }));
  } catch {
    throw others();
  }
}

/**
 * Put the steps together as their receipt would have, link by link up to the one that it names.
 * @param {Receipt} receipt
 * @param {{payload: Uint8Array, verdict: Uint8Array}[]} pairs
 * @returns {Promise<{step: Step, rebuilt: Rebuilt}[]>}
 * @throws {FoldedError} They are others.
 */
async function relink(receipt, pairs) {
  try {
    /** @type {{step: Step, rebuilt: Rebuilt}[]} */
    const linked = [];
    for (const { payload, verdict } of pairs) linked.push(await relinked(payload, verdict));
    const prevs = linked.map(({ rebuilt }) => rebuilt.statement.prev ?? new Uint8Array());
    const links = [new Uint8Array(), ...linked.map(({ rebuilt }) => rebuilt.link)];
    const isOne =
      linked.length === receipt.folded &&
      isEqual(links[linked.length], receipt.anchor ?? new Uint8Array()) &&
      linked.every(({ rebuilt }, place) => isAt(rebuilt, receipt, place) && isEqual(prevs[place], links[place]));
    if (isOne) return linked;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  throw others();
}

/**
 * @param {Rebuilt} rebuilt
 * @param {Receipt} receipt
 * @param {number} place
 */
function isAt({ statement }, { tx, platform }, place) {
  return statement.pos === place && isEqual(statement.tx, tx) && statement.platform.id === platform.id;
}

/**
 * @param {Uint8Array} payload Of the statement.
 * @param {Uint8Array} message The verdict.
 * @returns {Promise<{step: Step, rebuilt: Rebuilt}>}
 * @throws {ProtocolError} whatever rule one of them breaks.
 * @throws {FoldedError} They do not belong together.
 */
async function relinked(payload, message) {
  const statement = readStatement(payload);
  const s = await statementDigest(payload);
  const signed = cose.parse(message);
  cose.requireTyp(signed, cose.Typ.VERDICT);
  const verdict = readVerdict(signed.payload);
  const isOfIt = isEqual(verdict.s, s) && isEqual(verdict.vk, statement.vk) && verdict.reason === Reason.ACCEPTED;
  if (!isOfIt) throw others();
  const v = await verdictDigest(message);
  const { decided, seq } = verdict;
  const step = { ...statement, decided, seq, signature: signed.signature, certified: null };
  const rebuilt = { statement, payload, verdict: message, s, v, link: await linkDigest(s, v) };
  return { step, rebuilt };
}

function others() {
  return new FoldedError(gettext("What the site gave are not the steps that this receipt binds. None of it is shown."));
}

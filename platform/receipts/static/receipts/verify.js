/**
 * Check a receipt against the keys a reader holds: numbered checks, one line each.  The numbers
 * stand in docs/protocol.md section 10; the same lines, in Python, in protocol/verification.py.
 */

import * as cose from "./cose.js";
import { checkStep } from "./certified.js";
import { clockFaults } from "./chain.js";
import { readCharge, wayWords } from "./charge.js";
import { cosigners } from "./cosignature.js";
import { ofPurpose } from "./directory.js";
import { keyId } from "./ed25519.js";
import { KEY_COMPROMISED, endOf, isRetired } from "./ended.js";
import { Purpose, covers, findSigner } from "./keys.js";
import { checkLogged, readProof } from "./log.js";
import { isEqual, sha256 } from "./octets.js";
import { Outcome, REFUSED, Report, expected, failed, passed, unchecked, utc } from "./outcome.js";
import { rebuild } from "./rebuild.js";
import { readReceipt } from "./receipt.js";
import { Reason, reasonWords } from "./verdict.js";
import { gettext, ngettext } from "./words.js";

export { Outcome, REFUSED, Report } from "./outcome.js";

/**
 * @typedef {import("./charge.js").Charge} Charge
 * @typedef {import("./directory.js").Directory} Directory
 * @typedef {import("./keys.js").Fetched} Fetched
 * @typedef {import("./log.js").Checkpoint} Checkpoint
 * @typedef {import("./outcome.js").Check} Check
 * @typedef {import("./receipt.js").Receipt} Receipt
 */

/**
 * What the reader has beside the receipt.
 * @typedef {object} Held
 * @property {Directory} directory
 * @property {Map<string, Fetched[]>} fetched
 * @property {Checkpoint | null} logged A checkpoint that the receipt is proved to be under.
 * @property {Check[]} inLog The line on that proof, where there is one.
 */

/**
 * Check a receipt or refusal, or the receipt of a charge.
 * @param {Uint8Array} message The COSE_Sign1 bytes.
 * @param {Directory} directory The keys the reader installed, as `openDirectory` returned them.
 * @param {Map<string, Fetched[]>} [fetched] Server certificates (typ cs-server) obtained beside
 *   the receipt, by `vk` in hexadecimal digits, as `readBucket` returns them.
 * @param {Uint8Array | null} [proof] Content of a proof file, that the receipt is in the log
 *   (docs/protocol.md section 22).
 * @returns {Promise<Report>} Bad input fails a check; it is never an error.
 */
export async function verifyReceipt(message, directory, fetched = new Map(), proof = null) {
  const identity = await sha256(message);
  const always = [
    gettext("This proves what was signed, not who held the token."),
    gettext("A later step may exist."),
    ageOfKeys(directory),
  ];
  const held = { directory, fetched, ...(await checkLog(message, directory, proof)) };
  // 1. The bytes are a receipt or a refusal, and its steps can be rebuilt.
  let signed, receipt, steps;
  try {
    signed = cose.parse(message);
    if (signed.typ === cose.Typ.CHARGE) {
      return await verifyCharge(identity, readCharge(signed), signed, held);
    }
    receipt = await readReceipt(signed);
    steps = await rebuild(receipt);
  } catch (error) {
    const { code, detail } = expected(error);
    return new Report(identity, always, [
      failed(1, code, gettext("Not a receipt: %(detail)s.", { detail })),
      ...held.inLog,
    ]);
  }
  const byStep = [];
  for (const [place, rebuilt] of steps.entries()) {
    byStep.push(...(await checkStep(receipt.steps[place], rebuilt, receipt.reason, held)));
  }
  // Servers vouch for what they accepted, even if the platform's key got out.
  const isVouched =
    receipt.reason === Reason.ACCEPTED &&
    byStep.every(({ outcome }) => outcome === Outcome.PASSED);
  const { decided } = receipt.steps[receipt.steps.length - 1];
  const checks = [
    passed(1, "form", gettext("The receipt is well formed.")),
    ...(await checkPlatform(receipt.platform, decided, signed, held, isVouched)),
    ...checkClocks(receipt),
    ...byStep,
    ...checkFolded(receipt),
    ...checkAccepted(receipt),
    ...held.inLog,
  ];
  return new Report(identity, always, checks, receipt, steps);
}

/**
 * Return the checkpoint that a receipt is proved to be under, and the line on it.
 * @param {Uint8Array} message
 * @param {Directory} directory
 * @param {Uint8Array | null} proof
 * @returns {Promise<Pick<Held, "logged" | "inLog">>}
 */
async function checkLog(message, directory, proof) {
  if (!proof) return { logged: null, inLog: [] };
  // 10. It is in the log, under a checkpoint that the platform signed.
  try {
    const read = readProof(proof);
    const logged = await checkLogged(message, read, directory);
    const hosts = await cosigners(read, logged, directory);
    return { logged, inLog: [passed(10, "logged", loggedWords(logged, hosts.join(", ")))] };
  } catch (error) {
    const { code, detail } = expected(error);
    if (code === KEY_COMPROMISED) {
      const text = gettext("Whether it is in the log cannot be told: %(detail)s.", { detail });
      return { logged: null, inLog: [unchecked(10, code, text)] };
    }
    const text = gettext("Not proved to be in the log: %(detail)s.", { detail });
    return { logged: null, inLog: [failed(10, "proof_invalid", text)] };
  }
}

/**
 * @param {Checkpoint} logged
 * @param {string} hosts That signed for it as well.
 */
function loggedWords({ size, origin, time }, hosts) {
  const said = { size, origin, time: utc(time), hosts };
  return hosts
    ? gettext(
        "It is one of the %(size)s entries of the log of %(origin)s as of %(time)s. Signed as well by %(hosts)s.",
        said,
      )
    : gettext("It is one of the %(size)s entries of the log of %(origin)s as of %(time)s.", said);
}

/**
 * @param {Uint8Array} identity
 * @param {Charge} charge
 * @param {cose.Sign1} signed
 * @param {Held} held
 * @returns {Promise<Report>}
 */
async function verifyCharge(identity, charge, signed, held) {
  // 9. No server of a token signed: how it was confirmed is the platform's word, never green.
  const how = { time: utc(charge.captured), way: wayWords(charge.way) };
  const word =
    charge.amount === null
      ? gettext("The platform says that it was confirmed at %(time)s by %(way)s; nobody else signed it.", how)
      : gettext("The platform says that the payer confirmed it at %(time)s by %(way)s; nobody else signed it.", how);
  const checks = [
    passed(1, "form", gettext("The receipt is well formed.")),
    ...(await checkPlatform(charge.platform, charge.captured, signed, held, false)),
    unchecked(9, "platform_word", word),
    ...held.inLog,
  ];
  const always =
    charge.amount === null
      ? [
          gettext("This proves what the platform authorized, not who held the terminal."),
          gettext("Nothing was paid."),
        ]
      : [
          gettext("This proves what the platform charged, not who held the terminal."),
          gettext("It may have been paid back since."),
        ];
  const all = [...always, ageOfKeys(held.directory)];
  return new Report(identity, all, checks, null, [], charge);
}

/**
 * @param {import("./statement.js").Platform} platform
 * @param {number} at The receipt's date.
 * @param {cose.Sign1} signed
 * @param {Held} held
 * @param {boolean} isVouched Whether servers signed all of it, too.
 * @returns {Promise<Check[]>}
 */
async function checkPlatform({ id }, at, signed, held, isVouched) {
  const { directory } = held;
  // 2. The platform is the one whose keys the reader holds.
  if (id !== directory.platform.id) {
    const text = gettext("The keys of the platform %(id)s are not here.", { id });
    return [failed(2, "receipt_not_ours", text)];
  }
  const named = passed(2, "platform", gettext("It names the platform %(id)s.", { id }));
  // 3. A receipt key of that platform signed it, within the days of its certificate.
  const certificates = ofPurpose(directory.keys, Purpose.RECEIPT);
  const current = certificates.filter((known) => covers(known, at));
  if (await findSigner(signed, current)) {
    return [named, checkEnd(signed.kid, at, held, isVouched)];
  }
  const kids = await Promise.all(certificates.map((known) => keyId(known.key)));
  let text = gettext("The platform's signature does not fit: something was changed.");
  if (!kids.some((kid) => isEqual(kid, signed.kid))) {
    text = gettext("It is signed with a key that is not among the platform's keys here.");
  } else if (await findSigner(signed, certificates)) {
    text = gettext("The platform's key was not valid on the receipt's date.");
  }
  return [named, failed(3, "receipt_signature_invalid", text)];
}

/**
 * Say what the signature of one of the platform's keys is worth.
 * @param {Uint8Array} kid
 * @param {number} at The receipt's date.
 * @param {Held} held
 * @param {boolean} isVouched
 * @returns {Check}
 */
function checkEnd(kid, at, { directory, logged }, isVouched) {
  const end = endOf(directory, kid);
  if (isRetired(end, at)) {
    const text = gettext("The platform's key had been retired on the receipt's date.");
    return failed(3, "receipt_signature_invalid", text);
  }
  const leakedAt = end?.compromisedAt ?? null;
  if (leakedAt !== null && !isVouched && !(logged && logged.time < leakedAt)) {
    const text = gettext(
      "The platform's key was compromised on %(time)s: who signed cannot be told.",
      { time: utc(leakedAt) },
    );
    return unchecked(3, KEY_COMPROMISED, text);
  }
  return passed(3, "receipt_signature", gettext("The platform signed exactly this."));
}

/**
 * @param {Receipt} receipt
 * @returns {Check[]}
 */
export function checkClocks({ steps, reason, folded }) {
  // 4. Times do not contradict each other.
  const faults = clockFaults(steps, reason);
  if (!faults.length) return [passed(4, "times", gettext("The times of all steps agree."))];
  return faults.map((place) => {
    const pos = folded + place;
    const text = gettext(
      "Step %(step)s: its times contradict each other or the step before.",
      { step: pos + 1 },
    );
    return failed(4, "chain_broken", text, pos);
  });
}

/**
 * @param {Receipt} receipt
 * @returns {Check[]}
 */
function checkFolded({ folded }) {
  // 7. Folded steps are proved only by fetching them.
  if (!folded) return [];
  const text = ngettext(
    "%(count)s earlier step is bound by digest and not shown; its number is the platform's and the last signer's word.",
    "%(count)s earlier steps are bound by digest and not shown; their number is the platform's and the last signer's word.",
    folded,
    { count: folded },
  );
  return [unchecked(7, "folded", text)];
}

/**
 * @param {Receipt} receipt
 * @returns {Check[]}
 */
function checkAccepted({ folded, steps, reason }) {
  // 8. The step was accepted: a refusal, sound as it may be, is never valid as a receipt.
  if (reason === Reason.ACCEPTED) return [];
  const text = gettext("Nothing was signed: the step was %(verdict)s.", {
    verdict: reasonWords(reason),
  });
  return [failed(8, REFUSED, text, folded + steps.length - 1)];
}

/** @param {Directory} directory */
function ageOfKeys({ issued }) {
  return gettext("Keys as of %(time)s.", { time: utc(issued) });
}

/**
 * Check a receipt against the keys a reader holds: numbered checks, one line each.  The numbers
 * stand in docs/protocol.md section 10; the same lines, in Python, in protocol/verification.py.
 */

import * as cose from "./cose.js";
import { clockFaults } from "./chain.js";
import { ofPurpose } from "./directory.js";
import { keyId } from "./ed25519.js";
import { ProtocolError } from "./errors.js";
import { Purpose, covers, findSigner, readServerCertificate, serverPayload } from "./keys.js";
import { isEqual, sha256, toHex } from "./octets.js";
import { REFUSED, Report, failed, passed, unchecked } from "./outcome.js";
import { rebuild } from "./rebuild.js";
import { readReceipt } from "./receipt.js";
import { Reason, reasonWords } from "./verdict.js";
import { gettext, ngettext } from "./words.js";

export { Outcome, REFUSED, Report } from "./outcome.js";

/**
 * @typedef {import("./chain.js").Step} Step
 * @typedef {import("./directory.js").Directory} Directory
 * @typedef {import("./directory.js").Host} Host
 * @typedef {import("./keys.js").ServerCertificate} ServerCertificate
 * @typedef {import("./rebuild.js").Rebuilt} Rebuilt
 * @typedef {import("./outcome.js").Check} Check
 * @typedef {import("./receipt.js").Receipt} Receipt
 */

/**
 * Check a receipt or refusal.
 * @param {Uint8Array} message The COSE_Sign1 bytes.
 * @param {Directory} directory The keys the reader installed, as `openDirectory` returned them.
 * @param {Map<string, Uint8Array[]>} [fetched] Server certificates (typ cs-server) obtained beside
 *   the receipt, by `vk` in hexadecimal digits, as `readBucket` returns them.
 * @returns {Promise<Report>} Bad input fails a check; it is never an error.
 */
export async function verifyReceipt(message, directory, fetched = new Map()) {
  const identity = await sha256(message);
  const always = [
    gettext("This proves what was signed, not who held the token."),
    gettext("A later step may exist."),
    gettext("Keys as of %(time)s.", { time: utc(directory.issued) }),
  ];
  // 1. The bytes are a receipt or a refusal, and its steps can be rebuilt.
  let signed, receipt, steps;
  try {
    signed = cose.parse(message);
    receipt = await readReceipt(signed);
    steps = await rebuild(receipt);
  } catch (error) {
    const { code, detail } = expected(error);
    return new Report(identity, always, [
      failed(1, code, gettext("Not a receipt: %(detail)s.", { detail })),
    ]);
  }
  const checks = [passed(1, "form", gettext("The receipt is well formed."))];
  checks.push(...(await checkPlatform(receipt, signed, directory)));
  checks.push(...checkClocks(receipt));
  for (const [place, rebuilt] of steps.entries()) {
    const step = receipt.steps[place];
    checks.push(...(await checkStep(step, rebuilt, receipt.reason, directory, fetched)));
  }
  checks.push(...checkFolded(receipt), ...checkAccepted(receipt));
  return new Report(identity, always, checks, receipt, steps);
}

/**
 * @param {Receipt} receipt
 * @param {cose.Sign1} signed
 * @param {Directory} directory
 * @returns {Promise<Check[]>}
 */
async function checkPlatform(receipt, signed, directory) {
  // 2. The platform is the one whose keys the reader holds.
  const { id } = receipt.platform;
  if (id !== directory.platform.id) {
    const text = gettext("The keys of the platform %(id)s are not here.", { id });
    return [failed(2, "receipt_not_ours", text)];
  }
  const named = passed(2, "platform", gettext("It names the platform %(id)s.", { id }));
  // 3. A receipt key of that platform signed it, within the days of its certificate.
  const certificates = ofPurpose(directory.keys, Purpose.RECEIPT);
  const decided = receipt.steps[receipt.steps.length - 1].decided;
  const current = certificates.filter((known) => covers(known, decided));
  if (await findSigner(signed, current)) {
    const text = gettext("The platform signed exactly this.");
    return [named, passed(3, "receipt_signature", text)];
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
 * @param {Receipt} receipt
 * @returns {Check[]}
 */
function checkClocks({ steps, reason, folded }) {
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
 * @param {Step} step
 * @param {Rebuilt} rebuilt
 * @param {number} reason
 * @param {Directory} directory
 * @param {Map<string, Uint8Array[]>} fetched
 * @returns {Promise<Check[]>}
 */
async function checkStep(step, rebuilt, reason, directory, fetched) {
  const { pos } = rebuilt.statement;
  const said = { step: pos + 1, verdict: reasonWords(reason), time: utc(step.decided) };
  // 5. A host certified the server's key for this token.
  const messages = step.certified ? [undefined] : (fetched.get(toHex(step.vk)) ?? []);
  if (!messages.length) {
    const text = gettext(
      "Step %(step)s: the platform says that the server said: %(verdict)s at %(time)s; the server's signature was not checked (connect to check).",
      said,
    );
    return [unchecked(5, "server_unchecked", text, pos)];
  }
  let host, certificate;
  try {
    [host, certificate] = await findCertificate(step, directory, messages);
  } catch (error) {
    const { detail } = expected(error);
    const text = gettext("Step %(step)s: no valid certificate for its server: %(detail)s.", {
      step: pos + 1,
      detail,
    });
    return [failed(5, "server_certificate_invalid", text, pos)];
  }
  const names = { step: pos + 1, host: host.name, serial: step.serial };
  const words = step.certified
    ? gettext("Step %(step)s: host %(host)s certified the server for token %(serial)s.", names)
    : gettext(
        "Step %(step)s: host %(host)s certified the server for token %(serial)s by a fetched certificate.",
        names,
      );
  const certified = passed(5, "server_certificate", words, pos);
  // 6. That key signed the verdict on the statement rebuilt here, and so on all before it.
  if (await cose.isSignedBy(cose.parse(rebuilt.verdict), certificate.key)) {
    const text = gettext(
      "Step %(step)s: the server signed on exactly this statement: %(verdict)s at %(time)s.",
      said,
    );
    return [certified, passed(6, "verdict", text, pos)];
  }
  const text = gettext(
    "Step %(step)s: the server's signature does not fit: this step or one before it was changed.",
    { step: pos + 1 },
  );
  return [certified, failed(6, "chain_broken", text, pos)];
}

/**
 * Return the host whose key signed the server's certificate, and that certificate: of several
 * that were fetched the first that fits, since a server that has moved has one of each host.
 * @param {Step} step
 * @param {Directory} directory
 * @param {(Uint8Array | undefined)[]} messages None but `undefined` where the receipt has one.
 * @returns {Promise<[Host, ServerCertificate]>}
 * @throws {ProtocolError} `server_certificate_invalid`, or a broken message; of several, the last.
 */
async function findCertificate(step, directory, messages) {
  for (const message of messages.slice(0, -1)) {
    try {
      return await checkCertificate(step, directory, message);
    } catch (error) {
      expected(error);
    }
  }
  return checkCertificate(step, directory, messages.at(-1));
}

/**
 * @param {Step} step
 * @param {Directory} directory
 * @param {Uint8Array} [message] The certificate where the receipt has none.
 * @returns {Promise<[Host, ServerCertificate]>}
 * @throws {ProtocolError} `server_certificate_invalid`, or a broken message.
 */
async function checkCertificate(step, directory, message) {
  const { hosts, signed, certificate } = await claimed(step, directory, message);
  if (!isEqual(certificate.vk, step.vk) || certificate.serial !== step.serial) {
    throw new ProtocolError("server_certificate_invalid", gettext("it is for another token"));
  }
  if (!covers(certificate, step.decided)) {
    throw new ProtocolError("server_certificate_invalid", gettext("it was not valid on that day"));
  }
  for (const host of hosts) {
    for (const known of host.keys) {
      const wasValid = known.fromDay <= certificate.fromDay && certificate.fromDay <= known.toDay;
      // A certificate in the receipt does not say which of the host's keys signed it.
      const byIt = signed.kid.length ? signed : { ...signed, kid: await keyId(known.key) };
      if (wasValid && (await cose.isSignedBy(byIt, known.key))) return [host, certificate];
    }
  }
  throw new ProtocolError("server_certificate_invalid", gettext("no listed host signed it"));
}

/**
 * Return the certificate that goes with a step, and the hosts that may have signed it.
 * @param {Step} step
 * @param {Directory} directory
 * @param {Uint8Array} [message]
 * @returns {Promise<{hosts: Host[], signed: cose.Sign1, certificate: ServerCertificate}>}
 */
async function claimed({ vk, serial, certified }, { hosts }, message = new Uint8Array()) {
  if (certified) {
    const { key, host, fromDay, toDay, signature } = certified;
    const certificate = { vk, key, serial, fromDay, toDay };
    const payload = serverPayload(certificate);
    const signed = { typ: cose.Typ.SERVER, kid: new Uint8Array(), payload, signature };
    return { hosts: hosts.filter(({ number }) => number === host), signed, certificate };
  }
  const signed = cose.parse(message);
  cose.requireTyp(signed, cose.Typ.SERVER);
  return { hosts, signed, certificate: await readServerCertificate(signed.payload) };
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

/**
 * Pass on what bad input brings, and nothing else: a browser that cannot check has not found a
 * fault in the receipt.
 * @param {unknown} error
 * @returns {ProtocolError}
 */
function expected(error) {
  if (error instanceof ProtocolError) return error;
  throw error;
}

/** @param {number} seconds */
function utc(seconds) {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/**
 * Whose word a step is: the certificate that goes with it, and what its server signed
 * (docs/protocol.md sections 9 and 10); protocol/certified.py.
 */

import * as cose from "./cose.js";
import { KEY_COMPROMISED, endOf } from "./ended.js";
import { keyId } from "./ed25519.js";
import { ProtocolError } from "./errors.js";
import { SECONDS_PER_DAY } from "./fields.js";
import { covers, readServerCertificate, serverPayload } from "./keys.js";
import { isEqual, toHex } from "./octets.js";
import { expected, failed, passed, unchecked, utc } from "./outcome.js";
import { reasonWords } from "./verdict.js";
import { gettext } from "./words.js";

/**
 * @typedef {import("./chain.js").Step} Step
 * @typedef {import("./directory.js").Directory} Directory
 * @typedef {import("./directory.js").Host} Host
 * @typedef {import("./ended.js").EndedKey} EndedKey
 * @typedef {import("./keys.js").Fetched} Fetched
 * @typedef {import("./keys.js").ServerCertificate} ServerCertificate
 * @typedef {import("./log.js").Checkpoint} Checkpoint
 * @typedef {import("./outcome.js").Check} Check
 * @typedef {import("./rebuild.js").Rebuilt} Rebuilt
 * @typedef {import("./verify.js").Held} Held
 */

/**
 * One certificate that is said to be that of a step's server.
 * @typedef {object} Claim
 * @property {ServerCertificate} certificate What it says.
 * @property {cose.Sign1} signed Its message; without kid when the receipt brought it.
 * @property {Host[]} hosts Those that may have signed it.
 * @property {Fetched} [fetched] Where it did not come in the receipt.
 */

/**
 * Say whose word a step is: line 5, and line 6 where somebody certified its server.
 * @param {Step} step
 * @param {Rebuilt} rebuilt
 * @param {number} reason
 * @param {Held} held
 * @returns {Promise<Check[]>}
 */
export async function checkStep(step, rebuilt, reason, { directory, fetched, logged }) {
  const { pos } = rebuilt.statement;
  const said = { step: pos + 1, verdict: reasonWords(reason), time: utc(step.decided) };
  // 5. A host certified the server's key for this token.
  const found = fetched.get(toHex(step.vk)) ?? [];
  if (!step.certified && !found.length) {
    const text = gettext(
      "Step %(step)s: the platform says that the server said: %(verdict)s at %(time)s; the server's signature was not checked (connect to check).",
      said,
    );
    return [unchecked(5, "server_unchecked", text, pos)];
  }
  let host, claim;
  try {
    ({ host, claim } = await findCertificate(step, directory, found, logged));
  } catch (error) {
    return [uncertified(expected(error), pos)];
  }
  const words = certifiedWords(pos + 1, step, host, claim);
  const certified = passed(5, "server_certificate", words, pos);
  // 6. That key signed the verdict on the statement rebuilt here, and so on all before it.
  if (await cose.isSignedBy(cose.parse(rebuilt.verdict), claim.certificate.key)) {
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
 * @param {ProtocolError} error
 * @param {number} pos
 * @returns {Check}
 */
function uncertified({ code, detail }, pos) {
  const said = { step: pos + 1, detail };
  if (code === KEY_COMPROMISED) {
    const text = gettext("Step %(step)s: who certified its server cannot be told: %(detail)s.", said);
    return unchecked(5, code, text, pos);
  }
  const text = gettext("Step %(step)s: no valid certificate for its server: %(detail)s.", said);
  return failed(5, "server_certificate_invalid", text, pos);
}

/**
 * Return a certificate for the server of a step, and the host that certified it: of several that
 * were fetched the first that fits, since a server that has moved has one of each host.
 * @param {Step} step
 * @param {Directory} directory
 * @param {Fetched[]} fetched Of this server; one at least where the step has none.
 * @param {Checkpoint | null} logged That the receipt is proved to be under.
 * @returns {Promise<{host: Host, claim: Claim}>}
 * @throws {ProtocolError} `key_compromised` when that cannot be told;
 *   `server_certificate_invalid`, or what is wrong with the last of several.
 */
async function findCertificate(step, directory, fetched, logged) {
  const faults = [];
  for (const each of step.certified ? [undefined] : fetched) {
    try {
      const claim = each ? await ofFetched(each, directory) : ofReceipt(step, directory);
      return { host: await certifier(step, claim, directory, logged), claim };
    } catch (error) {
      faults.push(expected(error));
    }
  }
  throw faults.find(({ code }) => code === KEY_COMPROMISED) ?? faults.at(-1);
}

/**
 * Say which host certified the server of a step, and how its word was come by.
 * @param {number} number Of the step, for people.
 * @param {Step} step
 * @param {Host} host
 * @param {Claim} claim
 */
function certifiedWords(number, { serial }, host, { fetched }) {
  const said = { step: number, host: host.name, serial };
  if (!fetched) {
    return gettext("Step %(step)s: host %(host)s certified the server for token %(serial)s.", said);
  }
  const fetchedSaid = { ...said, day: utc(fetched.at).slice(0, 10) };
  if (fetched.revokedAt === null) {
    return gettext(
      "Step %(step)s: host %(host)s certified the server for token %(serial)s by a certificate fetched on %(day)s.",
      fetchedSaid,
    );
  }
  return gettext(
    "Step %(step)s: host %(host)s certified the server for token %(serial)s by a certificate fetched on %(day)s and revoked on %(time)s.",
    { ...fetchedSaid, time: utc(fetched.revokedAt) },
  );
}

/**
 * Read a certificate that was fetched.
 * @param {Fetched} fetched
 * @param {Directory} directory
 * @returns {Promise<Claim>}
 * @throws {ProtocolError} whatever rule it breaks.
 */
async function ofFetched(fetched, { hosts }) {
  const signed = cose.parse(fetched.message);
  cose.requireTyp(signed, cose.Typ.SERVER);
  const certificate = await readServerCertificate(signed.payload);
  return { certificate, signed, hosts, fetched };
}

/**
 * Return the certificate that a receipt brought.
 * @param {Step} step
 * @param {Directory} directory
 * @returns {Claim}
 */
function ofReceipt({ vk, serial, certified }, { hosts }) {
  const { key, host, fromDay, toDay, signature } = /** @type {NonNullable<Step["certified"]>} */ (certified);
  const certificate = { vk, key, serial, fromDay, toDay };
  const payload = serverPayload(certificate);
  const signed = { typ: cose.Typ.SERVER, kid: new Uint8Array(), payload, signature };
  return { certificate, signed, hosts: hosts.filter(({ number }) => number === host) };
}

/**
 * @param {Step} step
 * @param {Claim} claim
 * @param {Directory} directory
 * @param {Checkpoint | null} logged
 * @returns {Promise<Host>}
 * @throws {ProtocolError} `server_certificate_invalid` or `key_compromised`.
 */
async function certifier(step, claim, directory, logged) {
  const { certificate, fetched } = claim;
  if (!isEqual(certificate.vk, step.vk) || certificate.serial !== step.serial) {
    throw invalid(gettext("it is for another token"));
  }
  if (!covers(certificate, step.decided)) throw invalid(gettext("it was not valid on that day"));
  const revokedAt = fetched?.revokedAt ?? Infinity;
  if (step.decided >= revokedAt) {
    throw invalid(gettext("it was revoked on %(time)s", { time: utc(revokedAt) }));
  }
  const { host, kid } = await findHost(claim);
  const end = endOf(directory, kid);
  if (end) checkEnd(end, claim, logged);
  return host;
}

/**
 * Return the host whose key signed a certificate, and the id of that key.
 * @param {Claim} claim
 * @returns {Promise<{host: Host, kid: Uint8Array}>}
 */
async function findHost({ certificate, signed, hosts }) {
  for (const host of hosts) {
    for (const known of host.keys) {
      const wasValid = known.fromDay <= certificate.fromDay && certificate.fromDay <= known.toDay;
      // A certificate in the receipt does not say which of the host's keys signed it.
      const kid = signed.kid.length ? signed.kid : await keyId(known.key);
      if (wasValid && (await cose.isSignedBy({ ...signed, kid }, known.key))) return { host, kid };
    }
  }
  throw invalid(gettext("no listed host signed it"));
}

/**
 * Refuse what a host's key signed after its end, or may not have signed itself.
 * @param {EndedKey} end
 * @param {Claim} claim
 * @param {Checkpoint | null} logged
 */
function checkEnd({ retiredAt, compromisedAt }, { certificate, fetched }, logged) {
  if (retiredAt !== null && certificate.fromDay > Math.floor(retiredAt / SECONDS_PER_DAY)) {
    throw invalid(gettext("the host's key had been retired"));
  }
  if (compromisedAt === null) return;
  // The log shows that a certificate in the receipt is older; of one fetched it knows nothing.
  if (!fetched && logged && logged.time < compromisedAt) return;
  const time = utc(compromisedAt);
  const detail = gettext("the host's key was compromised on %(time)s", { time });
  throw new ProtocolError(KEY_COMPROMISED, detail);
}

/** @param {string} detail */
function invalid(detail) {
  return new ProtocolError("server_certificate_invalid", detail);
}

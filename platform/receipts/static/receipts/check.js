/** From the text of a code to all that can be said of it. */

import { ProtocolError } from "./errors.js";
import { fetchCertificates, installKeys } from "./installed.js";
import { proofFor } from "./logged.js";
import { Outcome } from "./outcome.js";
import { Link, decode } from "./qrtext.js";
import { verifyReceipt } from "./verify.js";
import { gettext } from "./words.js";

export { isSupported } from "./ed25519.js";
export { NoKeysError, forgetKeys, installKeys } from "./installed.js";
export { Link, linkWords, recognise } from "./qrtext.js";
export { ProtocolError };

// Number of the line on the log.
const LOG_LINE = 10;

/**
 * @typedef {object} Finding
 * @property {string} text Of the code.
 * @property {import("./verify.js").Report} report
 * @property {import("./installed.js").Installed} keys
 * @property {Date | null} fetched When certificates were asked for beside the receipt.
 * @property {Uint8Array | null} proof The proof file that line 10 is about; to be kept beside the
 *   receipt, since it never ceases to be one.
 * @property {string[]} notes Sentences on what was asked for in vain.
 */

/**
 * Verify the receipt in a text, with what can be fetched for it.
 * @param {string} text
 * @returns {Promise<Finding>}
 * @throws {ProtocolError} the text is cut short or changed.
 * @throws {NoKeysError}
 */
export async function check(text) {
  const { content } = await decode(text, Link.RECEIPT);
  const keys = await installKeys();
  const { directory } = keys;
  const bare = await verifyReceipt(content, directory);
  const vks = bare.receipt?.steps.filter((step) => !step.certified).map((step) => step.vk) ?? [];
  const [certificates, { proof, note }] = await Promise.all([fetchCertificates(vks), proofFor(bare)]);
  const given = await verifyReceipt(content, directory, certificates, proof);
  const onLog = given.checks.find(({ number }) => number === LOG_LINE);
  const holds = onLog?.outcome === Outcome.PASSED;
  return {
    text,
    // A proof that does not hold does not make a receipt worse than it is without one.
    report: proof && !holds ? await verifyReceipt(content, directory, certificates) : given,
    keys,
    fetched: certificates.size ? new Date() : null,
    proof: holds ? proof : null,
    notes: [refusalWords(keys), holds ? "" : (onLog?.text ?? note)].filter(Boolean),
  };
}

/** @param {import("./installed.js").Installed} keys */
function refusalWords({ refused: detail }) {
  return detail && gettext("The site now offers keys that were refused: %(detail)s. Those known here were used.", { detail });
}

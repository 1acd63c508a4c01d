/** From the text of a code to all that can be said of it. */

import { ProtocolError } from "./errors.js";
import { fetchCertificates, installKeys } from "./installed.js";
import { Link, decode } from "./qrtext.js";
import { verifyReceipt } from "./verify.js";

export { isSupported } from "./ed25519.js";
export { NoKeysError, forgetKeys, installKeys } from "./installed.js";
export { Link, linkWords, recognise } from "./qrtext.js";
export { ProtocolError };

/**
 * @typedef {object} Finding
 * @property {string} text Of the code.
 * @property {import("./verify.js").Report} report
 * @property {import("./installed.js").Installed} keys
 * @property {Date | null} fetched When certificates were asked for beside the receipt.
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
  const report = await verifyReceipt(content, keys.directory);
  const bare = report.receipt?.steps.filter((step) => !step.certified) ?? [];
  const certificates = await fetchCertificates(bare.map((step) => step.vk));
  if (!certificates.size) return { text, report, keys, fetched: null };
  const complete = await verifyReceipt(content, keys.directory, certificates);
  return { text, report: complete, keys, fetched: new Date() };
}

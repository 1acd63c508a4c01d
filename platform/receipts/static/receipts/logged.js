/** The proof that a receipt is in the log of this site: kept here already, or asked for. */

import { find } from "./history.js";
import { toHex } from "./octets.js";
import { Outcome } from "./outcome.js";
import { gettext } from "./words.js";

/** @typedef {import("./outcome.js").Report} Report */

const PATIENCE_MS = 6000;

/**
 * Return the proof file of a receipt, or a sentence on why there is none.
 * @param {Report} report
 * @returns {Promise<{proof: Uint8Array | null, note: string}>} Nothing of what this site cannot
 *   have signed.
 */
export async function proofFor({ identity, checks }) {
  const isOurs = checks.some(({ number, outcome }) => number === 3 && outcome !== Outcome.FAILED);
  if (!isOurs) return { proof: null, note: "" };
  const digits = toHex(identity);
  const kept = await find(digits).catch(() => undefined);
  if (kept?.proof) return { proof: kept.proof, note: "" };
  const { status, content } = await ask(digits).catch(() => ({ status: 0, content: null }));
  return status === 200 ? { proof: content, note: "" } : { proof: null, note: words(status) };
}

/** @param {string} digits */
async function ask(digits) {
  const response = await fetch(`/api/v1/log/receipts/${digits}/proof.cbor`, {
    // Whoever is signed in here need not be known as the one who verifies.
    credentials: "omit",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return { status: response.status, content: new Uint8Array(await response.arrayBuffer()) };
}

/** @param {number} status What the site answered instead of a proof; 0 if nothing. */
function words(status) {
  if (status === 202) {
    return gettext("It is not yet in the log. A new receipt enters it within a minute: verify it again then.");
  }
  if (status === 404) {
    return gettext("It is not in the log, which every receipt enters within a minute. Ask the operator why.");
  }
  return gettext("Whether it is in the log was not checked (connect to check).");
}

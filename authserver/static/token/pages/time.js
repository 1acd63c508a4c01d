/** This phone's clock beside the host's. */

import { clockProblem, offset } from "../clock.js";
import { parseSuite } from "../suites.js";

const PATIENCE_MS = 6000;
// Before an enrolment nothing is stricter than what any clock is judged by.
const CLOCKLESS = "HOTP:SHA1-6";

/**
 * Ask the host what time it is.
 * @param {import("../token.js").Token[]} tokens By the strictest of which it is judged; there may be none yet.
 * @returns {Promise<string | null>} What is wrong, if anything; null when nobody can tell.
 */
export async function clockTrouble(tokens) {
  if (!navigator.onLine) return null;
  const sent = Date.now();
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const answer = await fetch("/healthz", { cache: "no-store", signal }).catch(() => null);
  const seconds = answer && offset(answer.headers.get("Date"), sent, Date.now());
  if (seconds === null) return null;
  const suites = tokens.length ? tokens.map(({ suite }) => suite) : [CLOCKLESS];
  const problems = suites.map((suite) => clockProblem(seconds, parseSuite(suite)));
  return problems.find((problem) => problem !== null) ?? "";
}

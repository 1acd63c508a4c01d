/** Whether this phone's clock is good enough for its tokens. */

import { gettext } from "../receipts/words.js";

// A paired server takes one time step around its own: half of it is left for the holder.
const MOST_SECONDS = 30;

/**
 * Return by how many seconds this clock is ahead of the host's, or behind it when below zero.
 * What the time on the way and the full seconds of the header may explain counts as none.
 * @param {string | null} date The Date header of an answer.
 * @param {number} sent Milliseconds by this clock.
 * @param {number} received
 * @returns {number | null} Null when the answer says no time.
 */
export function offset(date, sent, received) {
  const told = Date.parse(date ?? "");
  if (Number.isNaN(told)) return null;
  // The host wrote it between the two, within the second that the header names.
  const [least, most] = [sent - (told + 1000), received - told];
  if (least <= 0 && most >= 0) return 0;
  return Math.round((least > 0 ? least : most) / 1000);
}

/**
 * Say what is wrong with the clock, or return null.
 * @param {number} seconds As `offset` gives it.
 * @param {import("./suites.js").Suite} suite
 */
export function clockProblem(seconds, { timeStepSeconds }) {
  const most = Math.min(MOST_SECONDS, (timeStepSeconds ?? 2 * MOST_SECONDS) / 2);
  if (Math.abs(seconds) <= most) return null;
  const places = { seconds: Math.abs(seconds) };
  return seconds > 0
    ? gettext("this phone's clock is %(seconds)s seconds fast: set it, or codes will be refused", places)
    : gettext("this phone's clock is %(seconds)s seconds slow: set it, or codes will be refused", places);
}

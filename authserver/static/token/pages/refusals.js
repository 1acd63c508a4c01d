/** What the app says when it refuses, and what to do then. */

import { ProtocolError } from "../../receipts/errors.js";
import { gettext } from "../../receipts/words.js";
import { TokenError } from "../errors.js";

/**
 * Say why something was refused, and what to do.
 * @param {any} error
 * @returns {string}
 */
export function explain(error) {
  if (error instanceof TokenError || error instanceof ProtocolError) {
    const why = sentence(error.detail);
    const advice = ADVICE.get(error.code)?.() ?? (error instanceof ProtocolError ? damaged() : "");
    return advice ? `${why} ${advice}` : why;
  }
  // Known by their names: their modules are loaded with the first picture.
  if (["CameraError", "PictureError"].includes(error?.name)) return error.message;
  console.error(error);
  return gettext("Something went wrong in this browser, and nothing was signed. Load the page again.");
}

/**
 * Make a whole sentence of the detail of an error.
 * @param {string} detail
 */
export function sentence(detail) {
  const words = (detail.charAt(0).toUpperCase() + detail.slice(1)).replace(/[.。]$/, "");
  return gettext("%(words)s.", { words });
}

const damaged = () =>
  gettext("This code is damaged or was changed. Answer nothing; have the page show it anew, and read it again.");

/** @type {Map<string, () => string>} */
const ADVICE = new Map([
  ["not_ours", () => ""],
  ["wrong_platform", () => gettext("A token answers one platform alone. Whoever shows you this may be somebody else.")],
  ["signature_invalid", () => gettext("It was changed on its way, or is not from your platform. Answer nothing.")],
  ["previous_content_changed", () => gettext("Somebody changed what the others signed before. Answer nothing, and tell the operator.")],
  ["statement_key_unknown", () => gettext("Connect to the network and read the code again, or read the code that the page shows for a token that does not know the key. If that does not help, it is not from your platform.")],
  ["token_not_addressed", () => gettext("Choose the token on the page, or read the code with the phone that has that token.")],
  ["challenge_expired", () => gettext("If the page still counts down, check the clock of this phone.")],
  ["clock_wrong", () => gettext("Set the clock of this phone by the network, and read the code again.")],
  ["platform_root_wrong", again],
  ["host_root_wrong", again],
  ["certificate_wrong", again],
  ["confirmation_wrong", again],
  ["enrolment_not_ours", again],
  ["digits_differ", again],
  ["ticket_unknown", another],
  ["ticket_used", another],
  ["platform_untrue", () => gettext("Leave the page that asks, and sign in anew by an address that you know.")],
  ["server_unavailable", () => gettext("Without a network use what needs none: a code to type, or the code that the host shows for that.")],
]);

function again() {
  return gettext("Nothing was kept. Somebody may be between you and the host: begin again where you asked for the token.");
}

function another() {
  return gettext("An invitation is good for one token and ten minutes. Begin again where you asked for it.");
}

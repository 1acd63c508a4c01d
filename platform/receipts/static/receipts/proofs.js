/** What experts want to see: every byte that was signed, and what it says. */

import { messageNotation } from "./diagnostic.js";
import { toHex } from "./octets.js";
import { Link, decode } from "./qrtext.js";
import { copy, fill, showCopying } from "./report.js";
import { gettext } from "./words.js";

/**
 * Put them where they belong.
 * @param {import("./check.js").Finding} finding
 * @param {Element} place
 */
export async function drawProofs({ text, report }, place) {
  const { content } = await decode(text, Link.RECEIPT);
  const proofs = [
    proof("message", gettext("What the platform signed"), messageNotation(content)),
    proof("message-hex", gettext("The same, byte for byte"), toHex(content)),
  ];
  for (const { statement, payload, verdict } of report.steps) {
    const { pos } = statement;
    const step = pos + 1;
    proofs.push(
      proof(`statement-${pos}`, gettext("Step %(step)s: the statement, rebuilt", { step }), toHex(payload)),
      proof(`verdict-${pos}`, gettext("Step %(step)s: the verdict, rebuilt", { step }), messageNotation(verdict)),
      proof(`verdict-hex-${pos}`, gettext("Step %(step)s: the verdict, byte for byte", { step }), toHex(verdict)),
    );
  }
  place.replaceChildren(...proofs);
}

/**
 * @param {string} name
 * @param {string} title
 * @param {string} code
 */
function proof(name, title, code) {
  const part = copy("proof");
  fill(part, { title, code });
  const shown = /** @type {Element} */ (part.querySelector("[data-field=code]"));
  shown.id = `proof-${name}`;
  const copying = /** @type {HTMLElement} */ (part.querySelector("[data-copy]"));
  copying.dataset.copy = `#${shown.id}`;
  showCopying(part);
  return part;
}

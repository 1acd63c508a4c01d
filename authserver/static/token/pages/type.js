/** A token that is asked digits, or nothing: it answers what its holder types. */

import { gettext } from "../../receipts/words.js";
import { use } from "../keyring.js";
import { checkProof, drawChallenge } from "../proving.js";
import * as store from "../store.js";
import { Family, parseSuite } from "../suites.js";
import { answer } from "../token.js";
import { showCode } from "./code.js";
import { withPin } from "./pin.js";
import { FieldError, element, grouped, input, now, on, show, typed } from "./screens.js";

/** @type {import("../keyring.js").Kept} */
let open;
// Aborted when the screen is left.
let showing = AbortSignal.abort();
// The token's own, for the platform to prove itself by.
let challenge = "";

export function listen() {
  on("type-form", press);
}

/** @param {import("../keyring.js").Kept} kept */
export function openType(kept) {
  open = kept;
  const { family, questionLength, questionFormat } = parseSuite(kept.token.suite);
  element("type-title").textContent = questionLength ? gettext("Type a challenge") : gettext("Show the next code");
  element("type-words").textContent = questionLength
    ? gettext("This phone cannot show you what these digits stand for. Read it on the page that asks, and stop if it is not what you want.")
    : gettext("This phone cannot show you what this code is for. Read it on the page that asks, and stop if it is not what you want.");
  showing = show("type");
  element("type-question").hidden = !questionLength;
  const canAsk = questionLength > 0 && family === Family.OCRA;
  challenge = canAsk ? drawChallenge(kept.token) : "";
  element("own-challenge").textContent = grouped(challenge);
  element("type-proof").hidden = !canAsk;
  /** @type {HTMLDetailsElement} */ (element("type-proof")).open = false;
  input("question").inputMode = questionFormat === "N" ? "numeric" : "text";
}

async function press() {
  const signal = showing;
  const suite = parseSuite(open.token.suite);
  const question = suite.questionLength ? readQuestion(suite) : null;
  const { token, secrets } = await withPin("type-pin", (pin) => use(store, open.id, pin));
  secrets.postKey.fill(0);
  try {
    const isProved = question !== null && input("proof").value.trim() !== "";
    if (isProved) await checkProof(token, secrets.seed, question, challenge, typed("proof"), now());
    const response = await answer(token, secrets.seed, isProved ? question + challenge : question, now());
    // Left while the PIN was worked on: nobody gets to see the answer.
    if (signal.aborted) return;
    showCode({ response, until: null, timeStepSeconds: suite.timeStepSeconds, posting: null });
  } finally {
    secrets.seed.fill(0);
  }
}

/** @param {import("../suites.js").Suite} suite */
function readQuestion({ questionLength, questionFormat }) {
  const question = typed("question").replace(/[\s-]/g, "");
  const isWhole = question.length === questionLength && (questionFormat !== "N" || /^\d+$/.test(question));
  if (isWhole) return question;
  throw new FieldError("question", gettext("Type the %(count)s digits exactly as the page shows them.", { count: questionLength }));
}

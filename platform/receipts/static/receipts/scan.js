/** The page that verifies receipts: it begins with what every browser understands. */

import { takeAddress, takeBack } from "./address.js";
import { gettext } from "./words.js";

begin();

/** See whether this browser can verify at all, and go on with what the address holds. */
async function begin() {
  // Out of the address before anything else can read it there.
  const text = takeAddress() || takeBack();
  /** @type {typeof import("./page.js")} */
  let page;
  try {
    page = await import("./page.js");
    if (!(await page.isSupported())) throw new Error("no Ed25519");
  } catch {
    explainWhyNot();
    return;
  }
  await page.open(text);
}

function explainWhyNot() {
  const cannot = /** @type {HTMLElement} */ (document.getElementById("cannot"));
  cannot.querySelector(".note p:last-child")?.append(
    isSecureContext
      ? gettext("It lacks what checking signatures takes (Ed25519), or did not get all of this page. Load the page again. If that does not help, use the newest Firefox, Chrome, Edge or Safari.")
      : gettext("Browsers check signatures over https only. Open this page over https."),
  );
  cannot.hidden = false;
}

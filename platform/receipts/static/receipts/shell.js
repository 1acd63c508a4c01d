/**
 * What makes the page an app: this browser keeps it, and it is made for nobody in particular, so
 * that forms get here what proves that they come from this site.
 */

import { forgetPage, keepPage, onUpdate, reloadOnTakeover, takeOver } from "./keeping.js";
import { gettext } from "./words.js";

const WORKER = "/scan-worker.js";
const SCOPES = ["/scan", "/r"];

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * Send the forms of this page with the token against forgery that Django wants.
 * @param {(sentence: string) => void} complain
 */
export function sendForms(complain) {
  document.addEventListener(
    "submit",
    async (event) => {
      const form = /** @type {HTMLFormElement} */ (event.target);
      if (!form.dataset.tokenFrom) return;
      event.preventDefault();
      const { name, value } = /** @type {HTMLButtonElement} */ (event.submitter);
      if (!(await post(form, name, value, form.dataset.tokenFrom))) {
        complain(gettext("This takes a network. Connect, and try again."));
      }
    },
    { capture: true },
  );
  // Sent before now it would have been refused.
  /** @type {NodeListOf<HTMLFormElement>} */
  const forms = document.querySelectorAll("form[data-token-from]");
  for (const form of forms) form.hidden = false;
}

/** Keep the page in this browser, and offer newer versions of it. */
export async function keepApp() {
  if (!navigator.serviceWorker) return;
  reloadOnTakeover();
  try {
    const kept = [];
    // One after the other, since they share what they fetch.
    for (const scope of SCOPES) kept.push(await keepPage(WORKER, scope));
    element("is-kept").hidden = false;
    element("update-now").addEventListener("click", () => takeOver(kept));
    for (const each of kept) onUpdate(each, () => (element("update").hidden = false));
  } catch {
    // It works all the same, as long as there is a network.
  }
}

/** Say when there is none. */
export function watchNetwork() {
  const look = () => (element("is-offline").hidden = navigator.onLine);
  window.addEventListener("online", look);
  window.addEventListener("offline", look);
  look();
}

/** Offer to make it an app of the device, where the browser would. */
export function offerInstallation() {
  const button = element("install");
  /** @type {any} */
  let asking = null;
  window.addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    asking = event;
    button.hidden = false;
  });
  button.addEventListener("click", async () => {
    button.hidden = true;
    await asking?.prompt();
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name Of the button that sends it.
 * @param {string} value
 * @param {string} tokenFrom Path of a page with a form, which brings the token where there is none.
 * @returns {Promise<boolean>} Whether it is sent.
 */
async function post(form, name, value, tokenFrom) {
  const find = () => document.cookie.match(/(?:^|; )csrftoken=(\w+)/)?.[1];
  if (!find()) await fetch(tokenFrom).catch(() => {});
  const token = find();
  if (!token || !navigator.onLine) return false;
  const sent = { csrfmiddlewaretoken: token, ...(name && { [name]: value }) };
  for (const [name, value] of Object.entries(sent)) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  // In another language it is another page, which is not kept yet.
  if (name === "language") await forgetPage(SCOPES);
  form.submit();
  return true;
}

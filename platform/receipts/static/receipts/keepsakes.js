/** The list of what was verified in this browser, and whether the receipt shown is on it. */

import * as history from "./history.js";
import { copy, fill, moment, summary } from "./report.js";
import { toHex } from "./octets.js";
import { gettext } from "./words.js";

/** @typedef {import("./check.js").Finding} Finding */

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const section = element("history");
const list = element("history-list");
const everything = /** @type {HTMLInputElement} */ (element("history-on"));
const clearing = element("history-clear");

/** @type {(text: string) => void} */
let open = () => {};

everything.addEventListener("change", () => history.keepAll(everything.checked));
clearing.addEventListener("click", async () => {
  if (!confirm(gettext("Remove all receipts from this browser? They stay valid; only this list is gone."))) return;
  await history.forgetAll();
  await showList();
  everything.focus();
});

/**
 * Show the list.
 * @param {(text: string) => void} verify What opens a receipt of it: it is verified again.
 */
export async function showKept(verify) {
  open = verify;
  everything.checked = history.keepsAll();
  try {
    await showList();
    section.hidden = false;
  } catch {
    section.hidden = true; // this browser keeps nothing
  }
}

/**
 * Keep a receipt that was verified if its reader wants that of all, and say so beside it.
 * @param {Finding} finding
 */
export async function showKeeping(finding) {
  const place = document.querySelector("#result [data-field=keeping]");
  const entry = entryOf(finding);
  try {
    const isKept = Boolean(await history.find(entry.identity));
    if (isKept || history.keepsAll()) await history.keep(entry);
    place?.replaceChildren(choice(finding, isKept || history.keepsAll()));
  } catch {
    place?.remove();
  }
}

async function showList() {
  const entries = await history.entries();
  list.replaceChildren(...entries.map(drawEntry));
  list.hidden = clearing.hidden = !entries.length;
  element("history-empty").hidden = entries.length > 0;
}

/** @param {history.Entry} entry */
function drawEntry({ identity, text, at, verdict, title, who }) {
  const part = copy("keepsake");
  const found = copy(`verdict-${verdict}`);
  const seal = /** @type {Element} */ (found.querySelector(".seal"));
  seal.classList.remove("seal-large");
  const ending = found.querySelector("h2")?.textContent ?? "";
  fill(part, { seal, title, who, when: moment(new Date(at)), ending });
  const name = /** @type {Element} */ (part.querySelector("[data-field=title]"));
  name.id = `keepsake-${identity}`;
  const [again, remove] = part.querySelectorAll("button");
  for (const button of [again, remove]) button.setAttribute("aria-describedby", name.id);
  again.addEventListener("click", () => open(text));
  remove.addEventListener("click", async () => {
    await history.forget(identity);
    await showList();
    everything.focus();
  });
  return part;
}

/**
 * @param {Finding} finding
 * @param {boolean} isKept
 */
function choice(finding, isKept) {
  const part = copy(isKept ? "is-keepsake" : "no-keepsake");
  part.querySelector("button")?.addEventListener("click", async () => {
    const entry = entryOf(finding);
    await (isKept ? history.forget(entry.identity) : history.keep(entry));
    const place = document.querySelector("#result [data-field=keeping]");
    place?.replaceChildren(choice(finding, !isKept));
    place?.querySelector("button")?.focus();
  });
  return part;
}

/** @param {Finding} finding */
function entryOf(finding) {
  const identity = toHex(finding.report.identity);
  const { text, proof } = finding;
  return { ...summary(finding), identity, text, proof, at: Date.now() };
}

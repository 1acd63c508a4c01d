/** One token: what it is, and what its holder may do with it. */

import { gettext } from "../../receipts/words.js";
import { MAX_TRIES, changePin, wipe } from "../keyring.js";
import * as store from "../store.js";
import { parseSuite, sightOf } from "../suites.js";
import { openMove } from "./move.js";
import { newPin, withPin } from "./pin.js";
import { element, fail, home, on, show } from "./screens.js";
import { openType } from "./type.js";
import { catchUp } from "./update.js";

/** @typedef {import("../keyring.js").Kept} Kept */

/** @type {Kept} */
let open;

export function listen() {
  on("open-type", () => openType(open));
  on("open-press", () => openType(open));
  on("open-change", () => void show("change"));
  on("open-move", () => openMove(open));
  on("open-remove", () => void show("remove"));
  on("update", fetchKeys);
  on("change-form", change);
  on("remove-form", remove);
  for (const button of document.querySelectorAll("[data-back]")) {
    button.addEventListener("click", () => reopen().catch(fail));
  }
}

/** Show it as it stands now. */
async function reopen() {
  const held = await store.list();
  const kept = held.find(({ id }) => id === open.id);
  if (kept) details(kept);
  else home();
}

/** @param {Kept} kept */
export function details(kept) {
  open = kept;
  const { token, tries } = kept;
  element("token-serial").textContent = token.serial;
  show("token");
  element("token-platform").textContent = token.platformOrigin;
  element("token-host").textContent = token.hostOrigin;
  element("token-suite").textContent = token.suite;
  element("token-keys").textContent = token.keysIssued ? dayWords(token.keysIssued) : gettext("as it was enrolled");
  const sight = sightOf(parseSuite(token.suite));
  element("open-type").hidden = sight !== 1;
  element("open-press").hidden = sight !== 0;
  element("updated").textContent = tries
    ? gettext("Wrong PINs in a row: %(tries)s of %(most)s.", { tries, most: MAX_TRIES })
    : "";
}

/** @param {number} time Unix seconds. */
function dayWords(time) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium" });
  return format.format(time * 1000);
}

async function fetchKeys() {
  const asked = open;
  element("updated").textContent = gettext("Asking the host and the platform…");
  try {
    const newer = await catchUp(asked);
    // The holder may have gone on meanwhile.
    if (open !== asked || element("screen-token").hidden) return;
    details(newer);
    element("updated").textContent = gettext("The keys are the newest now.");
  } catch (error) {
    element("updated").textContent = "";
    throw error;
  }
}

async function change() {
  const pin = newPin("changed-pin");
  await withPin("old-pin", (old) => changePin(store, open.id, old, pin));
  await reopen();
  element("updated").textContent = gettext("The PIN was changed.");
}

async function remove() {
  await wipe(store, open.id);
  home();
}

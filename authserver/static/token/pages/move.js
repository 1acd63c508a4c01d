/** A token to another phone, and one from another phone. */

import { gettext } from "../../receipts/words.js";
import { UNLIMITED } from "../display.js";
import * as keyring from "../keyring.js";
import { drawCode, pack, unpack } from "../moving.js";
import * as store from "../store.js";
import { checkHost } from "./add.js";
import { choosePin, withPin } from "./pin.js";
import { sentence } from "./refusals.js";
import { FieldError, element, home, now, on, show, typed } from "./screens.js";

/** @type {import("../keyring.js").Kept} */
let leaving;
// Of the screen on which it leaves.
let signal = AbortSignal.abort();
let arriving = "";

export function listen() {
  on("move-form", showMove);
  on("move-done", async () => {
    await keyring.wipe(store, leaving.id);
    home();
  });
  on("arrive-form", receive);
}

/** @param {import("../keyring.js").Kept} kept */
export function openMove(kept) {
  leaving = kept;
  signal = show("move");
  element("move-form").hidden = false;
  element("moving").hidden = true;
  signal.addEventListener("abort", () => {
    element("move-picture").replaceChildren();
    element("move-code").textContent = "";
  });
}

async function showMove() {
  const [{ id }, left] = [leaving, signal];
  const { token, secrets } = await withPin("move-pin", (pin) => keyring.unlock(store, id, pin));
  const code = drawCode();
  let picture;
  try {
    // What is put on a screen that was left, nobody takes away again.
    if (left.aborted) return;
    const { draw } = await import("../../offline/link_qr.js");
    picture = await draw(await pack(token, secrets, code));
  } finally {
    keyring.erase(secrets);
  }
  if (left.aborted) return;
  await keyring.markShown(store, id, now());
  if (left.aborted) return;
  picture.setAttribute("aria-label", gettext("QR code with the token, locked by the characters below"));
  element("move-picture").replaceChildren(picture);
  element("move-code").textContent = code;
  element("move-form").hidden = true;
  element("moving").hidden = false;
}

/**
 * Ask for the characters that open a token.
 * @param {string} text
 */
export function arrive(text) {
  checkHost(new URL(text).origin);
  arriving = text;
  show("arrive");
}

async function receive() {
  const { token, secrets } = await unpack(arriving, typed("arrive-code"), UNLIMITED).catch((error) => {
    if (error.code !== "move_code_wrong") throw error;
    throw new FieldError("arrive-code", sentence(error.detail));
  });
  arriving = "";
  choosePin(secrets, async (pin) => {
    await keyring.add(store, token, secrets, pin);
    show("arrived");
  });
}

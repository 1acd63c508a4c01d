/** A new PIN, typed twice, wherever one is due. */

import { gettext } from "../../receipts/words.js";
import { checkPin, erase } from "../keyring.js";
import { sentence } from "./refusals.js";
import { FieldError, element, on, show, typed } from "./screens.js";

const nothing = () => {};
/** @type {(pin: string) => unknown} */
let then = nothing;

export function listen() {
  on("pin-form", () => then(newPin("new-pin")));
}

/**
 * Ask for one.
 * @param {import("../token.js").Secrets} secrets What it is for: wiped when the screen is left.
 * @param {(pin: string) => unknown} act Has copied them before it waits for anything.
 * @param {boolean} [isLast] Whether they cannot be had again.
 */
export function choosePin(secrets, act, isLast = false) {
  const signal = show("pin");
  then = act;
  signal.addEventListener("abort", () => {
    then = nothing;
    erase(secrets);
  });
  element("pin-stay").hidden = !isLast;
}

/**
 * Return the PIN that was typed twice.
 * @param {string} id Of the first field.
 * @throws {FieldError}
 */
export function newPin(id) {
  const pin = typed(id);
  try {
    checkPin(pin);
  } catch (error) {
    throw new FieldError(id, sentence(/** @type {any} */ (error).detail));
  }
  if (typed(`${id}-again`) !== pin) throw new FieldError(`${id}-again`, gettext("This is not the same PIN."));
  return pin;
}

/**
 * Do something with a PIN; a wrong one is said at its field.
 * @template Result
 * @param {string} id
 * @param {(pin: string) => Promise<Result>} act
 * @returns {Promise<Result>}
 */
export async function withPin(id, act) {
  const pin = typed(id);
  try {
    return await act(pin);
  } catch (error) {
    const { code, detail } = /** @type {any} */ (error);
    if (code === "pin_wrong") throw new FieldError(id, sentence(detail));
    throw error;
  }
}

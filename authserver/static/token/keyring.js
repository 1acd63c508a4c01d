/**
 * The tokens of this phone, their secrets sealed under PINs.  A wrong PIN is counted before it is
 * compared, and after the last try the token is wiped: nothing that the browser kept opens it.
 */

import { concat, toHex } from "../receipts/octets.js";
import { gettext, ngettext } from "../receipts/words.js";
import { TokenError } from "./errors.js";
import { decrypt, drawDeviceKey, pinnedBy, seal, stretch } from "./sealing.js";
import { advanced } from "./token.js";

export const MAX_TRIES = 10;
const KEY_BYTES = 32;

/**
 * @typedef {import("./token.js").Token} Token
 * @typedef {import("./token.js").Secrets} Secrets
 */

/**
 * One token as it is kept.
 * @typedef {object} Kept
 * @property {string} id
 * @property {Token} token
 * @property {import("./sealing.js").Sealed} sealed
 * @property {number} tries PINs tried since the last right one.
 * @property {number} [shownAt] Unix seconds: when another phone could have read it off this one.
 */

/**
 * What keeps them, store.js or a test.  `change` is one transaction, and what it returns is on the
 * disk; undefined takes the record away.
 * @typedef {object} Keeper
 * @property {(id: string, change: (kept: Kept | undefined) => Kept | undefined) => Promise<Kept | undefined>} change
 */

/**
 * Keep a new token.
 * @param {Keeper} keeper
 * @param {Token} token
 * @param {Secrets} secrets
 * @param {string} pin
 * @param {import("./sealing.js").Cost} [cost]
 * @returns {Promise<string>} Its id here.
 * @throws {TokenError} `pin_weak`, or `token_held` when it is here already.
 */
export async function add(keeper, token, secrets, pin, cost) {
  const id = idOf(token);
  const sealed = await sealSecrets(token, secrets, pin, cost);
  let isHeld = false;
  await keeper.change(id, (kept) => {
    isHeld = kept !== undefined;
    return kept ?? { id, token, sealed, tries: 0 };
  });
  if (isHeld) throw new TokenError("token_held", gettext("this phone holds this token already"));
  return id;
}

/**
 * Open a token with its PIN for one answer; of a suite with a counter this takes the next one,
 * stored before anybody sees the answer.
 * @param {Keeper} keeper
 * @param {string} id
 * @param {string} pin
 * @returns {Promise<{token: Token, secrets: Secrets}>}
 * @throws {TokenError} as `unlock`.
 */
export async function use(keeper, id, pin) {
  const { secrets, token: held } = await unlock(keeper, id, pin);
  let token = held;
  await keeper.change(id, (kept) => {
    if (!kept) return undefined;
    token = kept.token;
    return { ...kept, token: advanced(token) };
  });
  return { token, secrets };
}

/**
 * Open a token with its PIN.
 * @param {Keeper} keeper
 * @param {string} id
 * @param {string} pin
 * @returns {Promise<{token: Token, secrets: Secrets}>}
 * @throws {TokenError} `pin_wrong`, `token_wiped` after the last try, or `token_missing`.
 */
export async function unlock(keeper, id, pin) {
  const held = await keeper.change(id, (found) => found);
  if (!held) throw missing();
  // Before the try is counted: where this fails, no PIN was compared, and none is lost.
  const key = await stretch(pin, held.sealed);
  let wasHeld = false;
  const kept = await keeper.change(id, (found) => {
    wasHeld = found !== undefined;
    // A page that was closed before it could wipe gives no further try.
    return found && found.tries < MAX_TRIES ? { ...found, tries: found.tries + 1 } : undefined;
  });
  if (!kept) throw wasHeld ? wiped() : missing();
  const opened = await decrypt(kept.sealed, key, pinnedBy(kept.token));
  if (!opened) throw await wrong(keeper, kept);
  try {
    await keeper.change(id, (found) => found && { ...found, tries: 0 });
    const secrets = { postKey: opened.slice(0, KEY_BYTES), seed: opened.slice(KEY_BYTES) };
    return { token: kept.token, secrets };
  } finally {
    opened.fill(0);
  }
}

/**
 * Seal a token under another PIN.
 * @param {Keeper} keeper
 * @param {string} id
 * @param {string} pin
 * @param {string} newPin
 * @throws {TokenError} as `unlock`, or `pin_weak`.
 */
export async function changePin(keeper, id, pin, newPin) {
  checkPin(newPin);
  const { token, secrets } = await unlock(keeper, id, pin);
  try {
    const sealed = await sealSecrets(token, secrets, newPin);
    await keeper.change(id, (found) => found && { ...found, sealed });
  } finally {
    erase(secrets);
  }
}

/**
 * Leave nothing of what was opened in memory.
 * @param {import("./token.js").Secrets} secrets
 */
export function erase({ seed, postKey }) {
  seed.fill(0);
  postKey.fill(0);
}

/**
 * Keep what is not secret in a newer form: other keys of the platform, another server id.
 * @param {Keeper} keeper
 * @param {string} id
 * @param {(token: Token) => Token} change Leaves alone what the token pinned.
 */
export function update(keeper, id, change) {
  return keeper.change(id, (found) => found && { ...found, token: change(found.token) });
}

/**
 * Remember that a token was shown for another phone to read: whether one did, this one cannot know.
 * @param {Keeper} keeper
 * @param {string} id
 * @param {number} now Unix seconds.
 */
export async function markShown(keeper, id, now) {
  await keeper.change(id, (found) => found && { ...found, shownAt: now });
}

/**
 * Take a token away, with the key that its secrets were sealed with.
 * @param {Keeper} keeper
 * @param {string} id
 */
export async function wipe(keeper, id) {
  await keeper.change(id, () => undefined);
}

/**
 * Refuse a PIN that somebody would guess in a few tries.
 * @param {string} pin
 * @throws {TokenError} `pin_weak`.
 */
export function checkPin(pin) {
  const steps = new Set([...pin].slice(1).map((digit, place) => (Number(digit) - Number(pin[place]) + 10) % 10));
  if (/^[0-9]{6,12}$/.test(pin) && !(steps.size === 1 && [0, 1, 9].includes([...steps][0]))) return;
  const detail = gettext("a PIN has 6 to 12 digits, not all the same and not counting up or down");
  throw new TokenError("pin_weak", detail);
}

/**
 * Return what a token is kept under: two hosts may give out one serial.
 * @param {Token} token
 */
const idOf = ({ hostRoot, serial }) => `${toHex(hostRoot.subarray(0, 8))} ${serial}`;

/**
 * @param {Token} token
 * @param {Secrets} secrets
 * @param {string} pin
 * @param {import("./sealing.js").Cost} [cost]
 */
async function sealSecrets(token, { seed, postKey }, pin, cost) {
  checkPin(pin);
  // Before anything is waited for: whoever gives them may wipe them then.
  const content = concat(postKey, seed);
  try {
    return await seal(content, pin, pinnedBy(token), await drawDeviceKey(), cost);
  } finally {
    content.fill(0);
  }
}

/**
 * @param {Keeper} keeper
 * @param {Kept} kept
 */
async function wrong(keeper, { id, tries }) {
  const left = MAX_TRIES - tries;
  if (left > 0) {
    const detail = ngettext(
      "the PIN is wrong; one try is left before this token is wiped",
      "the PIN is wrong; %(left)s tries are left before this token is wiped",
      left,
      { left },
    );
    return new TokenError("pin_wrong", detail);
  }
  await wipe(keeper, id);
  return wiped();
}

const wiped = () =>
  new TokenError("token_wiped", gettext("too many wrong PINs: this token was wiped from this phone; enrol a new one"));

const missing = () => new TokenError("token_missing", gettext("this token is not on this phone"));

/** Newer keys of the platform, and the new id of a token's server: both checked under what it pinned. */

import { Link, decode } from "../../receipts/qrtext.js";
import { gettext } from "../../receipts/words.js";
import { directory, serverCertificate } from "../client.js";
import { TokenError } from "../errors.js";
import { update } from "../keyring.js";
import * as store from "../store.js";
import { withKey, withKeys, withServer } from "../updating.js";

// When every token was brought up to date last, in milliseconds.
const CAUGHT_UP = "countersign.token.caught-up";
const DAY_MS = 86_400_000;

/** @typedef {import("../keyring.js").Kept} Kept */

/**
 * Bring a token up to date.
 * @param {Kept} kept
 * @returns {Promise<Kept>} As it is kept now.
 * @throws As `withKeys`, `withServer` and the calls to host and platform.
 */
export async function catchUp({ id, token }) {
  const [keys, server] = await Promise.all([directory(token), serverCertificate(token)]);
  const newer = await withServer(await withKeys(token, keys), server.certificate, server.hostCertificates);
  // The counter may have gone on meanwhile, and another window may have got newer keys.
  const changed = await update(store, id, (held) =>
    held.keysNumber > newer.keysNumber ? held : { ...newer, counter: held.counter },
  );
  if (!changed) throw new TokenError("token_missing", gettext("this token is not on this phone"));
  return changed;
}

/**
 * Give the tokens of a platform the key in its code, as the page of a challenge shows it.
 * @param {string} text
 * @throws As `withKey`; `token_missing` or `wrong_platform` where no token here belongs to it.
 */
export async function takeKey(text) {
  const { origin } = await decode(text, Link.KEY);
  const held = await store.list();
  if (!held.length) throw new TokenError("token_missing", gettext("there is no token on this phone yet"));
  const named = held.filter(({ token }) => token.platformOrigin.toLowerCase() === origin);
  if (!named.length) {
    throw new TokenError("wrong_platform", gettext("the code is from %(origin)s, which no token on this phone belongs to", { origin }));
  }
  for (const { id, token } of named) {
    const { keys } = await withKey(token, text);
    // A newer directory that another window may have got says more.
    await update(store, id, (now) => (now.keysNumber > token.keysNumber ? now : { ...now, keys }));
  }
}

/**
 * Once a day, bring every token up to date, so that none trusts for long a key that got out.
 * Nobody waits for it, and what fails is tried again when the app is opened next.
 */
export async function keepUp() {
  try {
    const since = Math.abs(Date.now() - Number(localStorage.getItem(CAUGHT_UP)));
    if (!navigator.onLine || since < DAY_MS) return;
    await Promise.all((await store.list()).map(catchUp));
    localStorage.setItem(CAUGHT_UP, String(Date.now()));
  } catch {
    // No network, or no answer: the keys are as they were.
  }
}

/** A new token: the exchange with the host, a PIN, and the eight digits. */

import { isEqual } from "../../receipts/octets.js";
import { gettext } from "../../receipts/words.js";
import { enrol } from "../client.js";
import { begin, finish, isOver, provisioned, readInvitation } from "../enrolment.js";
import { TokenError } from "../errors.js";
import * as keyring from "../keyring.js";
import * as store from "../store.js";
import { choosePin } from "./pin.js";
import { element, grouped, home, now, on, show, tell } from "./screens.js";

/** @typedef {import("../enrolment.js").Enrolment} Enrolment */

// What there is to go on with: an invitation until it is accepted, a token until it is compared.
/** @type {import("../enrolment.js").Invitation | null} */
let invited = null;
/** @type {store.Added | null} */
let added = null;

export function listen() {
  on("add-form", () => invited && accept(invited));
  on("same", confirm);
  on("differ", differ);
  on("give-up", giveUp);
}

/**
 * Ask whether to enrol with the host of an invitation.
 * @param {string} text
 */
export async function invite(text) {
  const invitation = await readInvitation(text);
  checkHost(invitation.origin);
  if (await isUncompared()) return;
  invited = invitation;
  show("add");
  element("add-host").textContent = invitation.origin;
}

/**
 * Take a token whose secret the host showed, without a network.
 * @param {string} text
 */
export async function provide(text) {
  if (await isUncompared()) return;
  const { token, secrets, digits } = await provisioned(text, now());
  checkHost(token.hostOrigin);
  secure({ token, secrets, digits }, true);
}

/** Have the token compared first that was kept and is not compared yet: one is remembered. */
async function isUncompared() {
  const begun = await store.begun();
  if (!begun || !("digits" in begun)) return false;
  compare(begun);
  tell(gettext("You added this token before, and did not compare its digits. Do that first, then read the new code again."));
  return true;
}

/** Go on with what was begun before the page was closed. */
export async function resume() {
  const begun = await store.begun();
  if (!begun) return home();
  if ("digits" in begun) return compare(begun);
  if (!isOver(begun, now())) return accept(begun.invitation);
  await store.keepBegun(null);
  throw new TokenError("ticket_unknown", gettext("the ten minutes are over"));
}

/** @param {import("../enrolment.js").Invitation} invitation */
async function accept(invitation) {
  const before = await store.begun();
  // Another share for the same ticket would make the host give the token up.
  const isBegun = before && "share" in before && isEqual(before.invitation.ticket, invitation.ticket);
  const enrolment = isBegun ? before : await begin(invitation, now());
  await store.keepBegun(enrolment);
  secure(await finish(enrolment, await enrol(enrolment), now()));
}

/**
 * Keep a token under a PIN, and then have its digits compared.
 * @param {import("../enrolment.js").Enrolled} enrolled
 * @param {boolean} [isLast] Whether it cannot be had again.
 */
function secure({ token, secrets, digits }, isLast) {
  choosePin(secrets, async (pin) => {
    const id = await keyring.add(store, token, secrets, pin);
    const next = { id, digits, platform: token.platformOrigin };
    // In place of the enrolment, whose private key is needed no more.
    await store.keepBegun(next);
    compare(next);
  }, isLast);
}

/** @param {store.Added} token */
function compare(token) {
  added = token;
  show("compare");
  element("digits").textContent = grouped(token.digits);
}

async function confirm() {
  if (!added) return;
  const { id, digits, platform } = added;
  await store.endComparison(id);
  // Another window may have thrown it away.
  const held = await store.list();
  if (!held.some((kept) => kept.id === id)) {
    throw new TokenError("token_missing", gettext("this token is not on this phone"));
  }
  show("added");
  element("added-digits").textContent = grouped(digits);
  element("added-platform").textContent = platform;
}

/** Forget what was begun, with the token if there is one already. */
async function giveUp() {
  const begun = await store.begun();
  if (begun && "digits" in begun) await keyring.wipe(store, begun.id);
  await store.keepBegun(null);
  home();
}

async function differ() {
  if (!added) return;
  await keyring.wipe(store, added.id);
  await store.endComparison(added.id);
  throw new TokenError("digits_differ", gettext("the digits differ, so the token was thrown away"));
}

/** @param {string} origin Of the host that a code is from. */
export function checkHost(origin) {
  if (origin === location.origin) return;
  const detail = gettext("this is for the token app of another host: open %(origin)s/token/ and read it there", { origin });
  throw new TokenError("wrong_host", detail);
}

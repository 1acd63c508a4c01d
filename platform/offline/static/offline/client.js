/**
 * The phone as a client without a network: it asks over a near-field link, and signs what it was
 * shown; terminal/offline/client.py.
 */

import * as cbor from "../receipts/cbor.js";
import * as cose from "../receipts/cose.js";
import { statementDigest } from "../receipts/digests.js";
import { ProtocolError } from "../receipts/errors.js";
import { ID_BYTES, versioned } from "../receipts/fields.js";
import { fromHex, isEqual, sha256, toHex } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";
import { Device, RefusedError, readTrust } from "./device.js";
import * as messages from "./messages.js";
import { Asks, Kind, Level, pack } from "./messages.js";
import { alone, bringUpToDate, count, forgetClient, journal, note, register, registered, setPassword } from "./registering.js";
import { Talk } from "./talk.js";

/**
 * @typedef {import("./messages.js").Money} Money
 * @typedef {import("./messages.js").Offer} Offer
 * @typedef {import("./messages.js").Result} Result
 * @typedef {import("./messages.js").ToBeSigned} ToBeSigned
 * @typedef {import("./registering.js").Entry} Entry
 * @typedef {import("./registering.js").Registration} Registration
 * @typedef {import("./sound.js").Link} Link
 *
 * @typedef {object} Person Who holds the phone.
 * @property {(offer: Offer) => void} onOffer
 * @property {(tbs: ToBeSigned, bundle: Uint8Array | null) => Promise<Agreed | null>} agree Show what
 *   the platform signed, and ask; null declines.
 * @property {() => void} onSigned It is about to be said to the device.
 * @typedef {{password?: string, response?: string}} Agreed
 */

const NAME = "phone";
// How far apart the clocks of client, device and platform may be.
const CLOCK_SECONDS = 120;
const CODE_LIFE_MS = 60_000;
// The platform looks at twice as many in one call.
const MOST_ENTRIES = 1000;

export { forgetClient, journal };

export class Client {
  /**
   * @param {Device} device
   * @param {Registration} registration
   */
  constructor(device, registration) {
    this.device = device;
    this.registration = registration;
  }

  /**
   * Return the client that this browser is, if it is one.
   * @returns {Promise<Client | null>}
   */
  static async open() {
    const device = await Device.open(NAME);
    const registration = device && (await registered());
    return device && registration ? new Client(device, registration) : null;
  }

  // --- While on-line

  /**
   * Register a device as a client; again is the same.
   * @param {Device} device
   * @param {string} paymentPassword
   * @returns {Promise<Client>}
   * @throws {RefusedError}
   */
  static async register(device, paymentPassword) {
    return new Client(device, await register(device, paymentPassword));
  }

  /**
   * Set the offline password, which is kept nowhere here.
   * @param {string} paymentPassword
   * @param {string} password
   * @throws {RefusedError}
   */
  async setPassword(paymentPassword, password) {
    this.registration = await setPassword(this.device, paymentPassword, password);
  }

  /**
   * Fetch keys and limits, and learn what became of what this phone was not told the end of: that
   * not while an exchange is under way, here or in another window.
   * @throws {RefusedError}
   */
  async sync() {
    this.registration = await bringUpToDate(this.device);
  }

  /** Forget keys and journal of this phone. */
  async forget() {
    await this.device.forget();
    await forgetClient();
  }

  // --- Without a network

  /**
   * Ask for what the device beside it offers, and sign it once the person agrees.
   * @param {Link} link
   * @param {Person} person
   * @param {{level: number, step: Uint8Array | null}} wanted The least level; and the step that
   *   is to be signed, where the device passes on steps.
   * @param {AbortSignal} signal
   * @returns {Promise<Result>} The platform's word, approved or not.
   * @throws {RefusedError} Why not; the device has been told.
   */
  authorize(link, person, wanted, signal) {
    return alone({ signal }, () => this.#authorize(new Talk(link, signal), person, wanted, signal));
  }

  /**
   * @param {Talk} talk
   * @param {Person} person
   * @param {{level: number, step: Uint8Array | null}} wanted
   * @param {AbortSignal} signal
   */
  async #authorize(talk, person, { level, step }, signal) {
    const tbs = await talk.telling(async () => {
      const { parts } = await talk.hear(Kind.OFFER);
      const offer = messages.readOffer(parts);
      person.onOffer(offer);
      if ((offer.asks === Asks.STEP) !== (step !== null)) {
        throw new RefusedError("service_denied", "", { shown: step ? "step_undue" : "step_due" });
      }
      const application = await this.#apply(talk, offer, level, step);
      const [signed, bundle] = (await talk.hear(Kind.TO_BE_SIGNED)).parts;
      const tbs = await this.#check(application, signed, bundle);
      const agreed = await orAborted(person.agree(tbs, bundle), signal);
      if (!agreed) throw refused("declined");
      await this.#countersign(talk, tbs, signed, agreed, person.onSigned);
      return tbs;
    });
    return this.#conclude(tbs, (await talk.hear(Kind.RESULT)).parts[0]);
  }

  /**
   * Make a one-way code, which works once within a minute.
   * @param {Money} most
   * @returns {Promise<{message: Uint8Array, until: number}>}
   */
  code(most) {
    return alone({}, () => this.#code(most));
  }

  /** @param {Money} most */
  async #code(most) {
    const at = Date.now();
    const serial = await this.#drawSerial();
    const payload = messages.codePayload({ serial, most, time: Math.floor(at / 1000) });
    const signed = await this.device.sign(cose.Typ.OFFLINE_CODE, payload);
    const digest = toHex(await sha256(signed));
    const title = gettext("One-way code");
    await note({ serial: toHex(serial), at, state: "code", title, digest, money: most });
    return { message: pack(Kind.CODE, signed), until: at + CODE_LIFE_MS };
  }

  /**
   * @param {Talk} talk
   * @param {Offer} offer
   * @param {number} level
   * @param {Uint8Array | null} subject
   */
  async #apply(talk, { service, money, title }, level, subject) {
    const at = Date.now();
    const serial = await this.#drawSerial();
    const application = { serial, service, money, level, time: Math.floor(at / 1000), subject };
    await note({ serial: toHex(serial), at, state: "applied", title, digest: null, money });
    const payload = messages.applicationPayload(application);
    await talk.say(Kind.APPLICATION, await this.device.sign(cose.Typ.OFFLINE_APPLICATION, payload));
    return application;
  }

  /**
   * @param {import("./messages.js").Application} application
   * @param {Uint8Array} signed
   * @param {Uint8Array | null} bundle
   */
  async #check(application, signed, bundle) {
    const tbs = await this.#open(signed, messages.readTbs, "tbs_mismatch", "signer_unknown");
    const isOfStep = await isBundleOf(bundle, tbs.subject);
    if (!messages.answers(tbs, application) || !isOfStep) throw refused("tbs_mismatch");
    if (tbs.issued > seconds() + CLOCK_SECONDS) throw refused("tbs_expired");
    requireTime(tbs);
    return tbs;
  }

  /**
   * @param {Talk} talk
   * @param {ToBeSigned} tbs
   * @param {Uint8Array} signed
   * @param {Agreed} agreed
   * @param {() => void} onSigned
   */
  async #countersign(talk, tbs, signed, { password, response = null }, onSigned) {
    const { salt, boxKey } = this.registration;
    const digest = await messages.digestOf(signed);
    let proof = null;
    if (tbs.level === Level.HIGH) {
      // However a keyboard composes its letters, as the platform does.
      const key = await messages.passwordKey((password ?? "").normalize("NFKC"), salt);
      proof = await messages.passwordProof(key, digest);
    }
    const payload = messages.countersignPayload(digest, response);
    // The person may have taken their time.
    requireTime(tbs);
    const used = { state: "countersigned", digest: toHex(digest) };
    await note({ ...used, serial: toHex(tbs.serial), title: tbs.title, payee: tbs.payee.name ?? tbs.payee.account });
    // From now on it may be approved, also when whoever stands here does not wait for its end.
    onSigned();
    const countersign = await this.device.sign(cose.Typ.OFFLINE_COUNTERSIGN, payload);
    if (proof === null && response === null) return talk.say(Kind.COUNTERSIGN, countersign);
    // The device may be anybody's: sealed, it can guess at nothing and keep nothing.
    const sealed = await messages.seal(tbs.serial, countersign, proof, boxKey);
    await talk.say(Kind.SEALED, sealed);
  }

  /**
   * @param {ToBeSigned} tbs
   * @param {Uint8Array} signed
   */
  async #conclude(tbs, signed) {
    const result = await this.#open(signed, messages.readResult, "result_invalid");
    const named = [result.serial, result.device, result.service];
    const due = [tbs.serial, tbs.device, tbs.service];
    const isApproved = result.outcome === messages.Outcome.APPROVED;
    const isPaid = !isApproved || isSame(result.money, tbs.money);
    if (!isPaid || !named.every((part, place) => isEqual(part, due[place]))) {
      throw refused("result_invalid");
    }
    const state = isApproved ? "approved" : "rejected";
    await note({ serial: toHex(tbs.serial), state, code: result.code });
    return result;
  }

  /**
   * @template Read
   * @param {Uint8Array} signed
   * @param {(signed: import("../receipts/cose.js").Sign1) => Read} reader
   * @param {string} code With which it is refused when the platform did not sign it.
   * @param {string} [unknown] When a key did that this phone never heard of: the platform's newest,
   *   or a stranger's.
   */
  async #open(signed, reader, code, unknown = code) {
    const { root, platform } = readTrust(/** @type {any} */ (this.device.added));
    const { certificates, directory } = this.registration;
    const { keys, ended } = directory ?? {};
    const trust = { root, platform, certificates, keys, ended };
    try {
      return await messages.openOfPlatform(signed, trust, reader, seconds());
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw refused(error.code === "signer_unknown" ? unknown : code);
    }
  }

  /** Return a serial whose counter is on the disk before anything is made with it. */
  async #drawSerial() {
    const open = (await journal()).filter(({ isOver }) => !isOver);
    if (open.length >= MOST_ENTRIES) throw refused("journal_full");
    this.registration = await count();
    const { client, counter } = this.registration;
    return messages.drawSerial(fromHex(client), counter);
  }
}

/**
 * Whether a bundle is the challenge of the step that is to be signed; without a step there is none.
 * What it says the holder's token checks, and shows.
 * @param {Uint8Array | null} bundle
 * @param {Uint8Array | null} subject The first 8 bytes of the step's S.
 */
async function isBundleOf(bundle, subject) {
  if (!bundle || !subject) return bundle === subject;
  try {
    const [statement] = versioned("bundle", cbor.decode(bundle), 4);
    const s = await statementDigest(cose.parse(statement).payload);
    return isEqual(s.subarray(0, ID_BYTES), subject);
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}

/** @param {string} code */
function refused(code) {
  return new RefusedError(code, "");
}

/** @param {ToBeSigned} tbs */
function requireTime({ expires }) {
  if (seconds() >= expires) throw refused("tbs_expired");
}

function seconds() {
  return Math.floor(Date.now() / 1000);
}

/**
 * @param {Money | null} left
 * @param {Money | null} right
 */
function isSame(left, right) {
  return left?.amount === right?.amount && left?.currency === right?.currency;
}

/**
 * @template Value
 * @param {Promise<Value>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<Value>}
 */
function orAborted(promise, signal) {
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

/**
 * The device beside a service: on-line, it passes on what it cannot change or read, and opens for
 * nothing but a result that the platform signed; terminal/offline/relay.py.
 */

import * as cbor from "../receipts/cbor.js";
import * as cose from "../receipts/cose.js";
import { ProtocolError } from "../receipts/errors.js";
import { checkBytes, versioned } from "../receipts/fields.js";
import { fromHex, isEqual, toHex } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";
import { pause } from "./air.js";
import { fromBase64, toBase64 } from "./base64.js";
import { RefusedError, readTrust } from "./device.js";
import { Asks, Kind, offerParts, openOfPlatform, pack, readResult, unpack } from "./messages.js";

/**
 * @typedef {import("./device.js").Device} Device
 * @typedef {import("./sound.js").Link} Link
 * @typedef {import("./messages.js").Money} Money
 * @typedef {import("./messages.js").Result} Result
 */

// How far apart the clocks of this device and of the platform may be.
const CLOCK_SECONDS = 120;
// As long as what is to be signed lives.
const CONFIRM_MS = 90_000;
const SERIAL_BYTES = 16;
// So often something is posted that gets no answer, or none yet.
const TRIES = 3;
const PAUSE_MS = 1500;
// To the phone it is the device that does not get through.
const OWN_TROUBLE = ["network_failed", "idempotency_in_progress", "clock_wrong"];

/** How far an exchange is, for people to see. */
export const Stage = Object.freeze({
  OFFERED: "offered",
  ASKING: "asking",
  CONFIRMING: "confirming",
  DECIDING: "deciding",
  LISTENING: "listening",
});

/**
 * Where a device stands, as the platform says.
 * @typedef {object} Post
 * @property {string} device
 * @property {string} service
 * @property {string} title
 * @property {"gate" | "checkout" | "approval"} kind
 * @property {string} currency Of a checkout.
 * @property {boolean} takes_codes
 * @property {Record<string, string>} certificates
 */

/** One exchange with a phone that has no network. */
export class Relay {
  #again = new AbortController();

  /**
   * @param {Device} device
   * @param {Post} post
   * @param {Link} link To whoever is near: nobody that is trusted.
   * @param {(stage: string) => void} onStage
   */
  constructor(device, post, link, onStage = () => {}) {
    this.device = device;
    this.post = post;
    this.link = link;
    this.onStage = onStage;
    /** @type {Uint8Array | null} What the phone is told in the end. */
    this.lastWord = null;
    /** Whether the platform may have approved, and nobody here can tell. */
    this.isUnknown = false;
  }

  /** Say again what the phone is to answer. */
  again() {
    this.#again.abort();
  }

  /**
   * Offer the service to whoever is there, and pass on what both sides say.
   * @param {Money | null} money What is to be paid.
   * @param {AbortSignal} signal
   * @returns {Promise<Result>} The platform's word: approved or not.
   * @throws {RefusedError} There is no word of the platform, or none that can be trusted.
   */
  serve(money, signal) {
    return this.#telling(async () => {
      const asks = this.post.kind === "approval" ? Asks.STEP : money ? Asks.PAYMENT : Asks.RIGHT;
      const offer = { service: fromHex(this.post.service), title: this.post.title, asks, money };
      this.onStage(Stage.OFFERED);
      const said = pack(Kind.OFFER, ...offerParts(offer));
      const [application] = (await this.#ask(said, [Kind.APPLICATION], signal)).parts;
      const serial = serialOf(application, offer);
      this.onStage(Stage.ASKING);
      const asked = { application: toBase64(application) };
      const { tbs, bundle } = await this.#post("/offline/apply", asked);
      this.onStage(Stage.CONFIRMING);
      const toBeSigned = pack(Kind.TO_BE_SIGNED, fromBase64(tbs), bundle && fromBase64(bundle));
      const inTime = AbortSignal.any([signal, AbortSignal.timeout(CONFIRM_MS)]);
      const heard = await this.#ask(toBeSigned, [Kind.COUNTERSIGN, Kind.SEALED], inTime);
      this.onStage(Stage.DECIDING);
      const name = heard.kind === Kind.SEALED ? "sealed" : "countersign";
      const countersign = { serial: toHex(serial), [name]: toBase64(heard.parts[0]) };
      return this.#decide("/offline/countersign", countersign, serial, money);
    });
  }

  /**
   * Take an amount by the one-way code that comes next.
   * @param {Money} money
   * @param {AbortSignal} signal
   * @returns {Promise<Result>}
   * @throws {RefusedError} As `serve`.
   */
  async takeCode(money, signal) {
    this.onStage(Stage.LISTENING);
    const [code] = (await this.#ask(null, [Kind.CODE], signal)).parts;
    this.onStage(Stage.DECIDING);
    const { payload } = cose.parse(code);
    const [serial] = versioned("code", cbor.decode(payload), 4);
    checkBytes("serial", serial, SERIAL_BYTES);
    const taken = { code: toBase64(code), ...money };
    const result = await this.#decide("/offline/code", taken, serial, money);
    // Who shows such a code hears nothing.
    this.lastWord = null;
    return result;
  }

  /** Tell the phone how it ended, where it may wait for that. */
  async conclude() {
    if (this.lastWord) await this.link.send(this.lastWord);
  }

  /**
   * Have an answer judged, and read what the platform says of it.
   * @param {string} path
   * @param {Record<string, any>} body
   * @param {Uint8Array} serial
   * @param {Money | null} money
   */
  async #decide(path, body, serial, money) {
    this.isUnknown = true;
    const signed = fromBase64(await this.#post(path, body).then(resultOf, refusedResultOf));
    const result = await this.open(signed, serial, money);
    this.isUnknown = false;
    this.lastWord = pack(Kind.RESULT, signed);
    return result;
  }

  /**
   * Read a result, and refuse what is not the platform's word about this, here and now.
   * @param {Uint8Array} signed
   * @param {Uint8Array} serial
   * @param {Money | null} money
   * @returns {Promise<Result>}
   * @throws {RefusedError} `result_invalid`.
   */
  async open(signed, serial, money) {
    const now = Math.floor(Date.now() / 1000);
    const result = await this.#read(signed, now).catch(async (error) => {
      if (!(error instanceof ProtocolError)) throw error;
      // A gate may wait for days: by then the platform may sign with another key.
      this.post = await this.device.call("GET", "/offline/relay");
      return this.#read(signed, now).catch((again) => {
        throw again instanceof ProtocolError ? resultInvalid() : again;
      });
    });
    const due = [serial, fromHex(this.device.id), fromHex(this.post.service)];
    const named = [result.serial, result.device, result.service];
    const isAboutThis = named.every((part, place) => isEqual(part, due[place]));
    const isOfNow = Math.abs(now - result.decided) <= CLOCK_SECONDS;
    const isPaid = result.code !== "approved" || isSame(result.money, money);
    if (!isAboutThis || !isOfNow || !isPaid) throw resultInvalid();
    return result;
  }

  /**
   * @param {Uint8Array} signed
   * @param {number} now
   */
  #read(signed, now) {
    // The root is that of the first time, whatever the platform says today.
    const { root, platform } = /** @type {any} */ (this.device.added);
    const trust = readTrust({ root, platform, certificates: this.post.certificates });
    return openOfPlatform(signed, trust, readResult, now);
  }

  /**
   * Say something, and return what the phone answers.
   * @param {Uint8Array | null} message Nothing to be said before listening.
   * @param {number[]} kinds What may come now; anything else is not for us, or of an earlier time.
   * @param {AbortSignal} signal
   */
  async #ask(message, kinds, signal) {
    let isToBeSaid = message !== null;
    // Whoever was offered nothing refuses nothing: that is left of an earlier time.
    const awaited = message === null ? kinds : [...kinds, Kind.REFUSAL];
    for (;;) {
      if (message && isToBeSaid) await this.link.send(message);
      isToBeSaid = false;
      this.#again = new AbortController();
      const either = AbortSignal.any([signal, this.#again.signal]);
      try {
        const heard = unpack(await this.link.receive(either), ...awaited);
        if (heard.kind !== Kind.REFUSAL) return heard;
        throw new RefusedError(heard.parts[0], gettext("The phone refused."), { isHeard: true });
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        isToBeSaid = this.#again.signal.aborted;
        if (!isToBeSaid && !(error instanceof ProtocolError)) throw error;
      }
    }
  }

  /**
   * Post, and again when no answer came, or none yet: the platform does it once.
   * @param {string} path
   * @param {Record<string, any>} body
   */
  async #post(path, body) {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.device.call("POST", path, body, headers);
      } catch (error) {
        // What refuses a repetition says nothing of the first.
        if (!isOpen(error)) this.isUnknown &&= tries > 1;
        if (!isOpen(error) || tries === TRIES) throw error;
      }
      await pause(PAUSE_MS);
    }
  }

  /**
   * Remember to tell the phone why, when this side refuses.
   * @template Value
   * @param {() => Promise<Value>} exchange
   * @returns {Promise<Value>}
   */
  async #telling(exchange) {
    try {
      return await exchange();
    } catch (error) {
      const refusal = isTimeout(error) ? confirmingIsOver() : error;
      const isOurs = refusal instanceof RefusedError || refusal instanceof ProtocolError;
      const isHeard = refusal instanceof RefusedError && refusal.problem.isHeard;
      if (isOurs && !isHeard) this.lastWord = pack(Kind.REFUSAL, codeOver(refusal.code));
      throw refusal;
    }
  }
}

/**
 * Return the serial of an application for what was offered; its signature is for the platform.
 * @param {Uint8Array} application
 * @param {import("./messages.js").Offer} offer
 * @returns {Uint8Array}
 * @throws {ProtocolError} It is none.
 * @throws {RefusedError} `offer_mismatch`.
 */
function serialOf(application, offer) {
  const [serial, wanted, paid] = versioned("application", cbor.decode(cose.parse(application).payload), 7);
  checkBytes("serial", serial, SERIAL_BYTES);
  const asked = cbor.encode([wanted, paid]);
  const [id, , , price] = offerParts(offer);
  if (isEqual(asked, cbor.encode([id, price]))) return serial;
  throw new RefusedError("offer_mismatch", gettext("The phone asks for something else than was offered. Begin anew."));
}

/** @param {{result: string}} answer */
function resultOf({ result }) {
  return result;
}

/** @param {unknown} error With the platform's signed word, where it refused a countersign. */
function refusedResultOf(error) {
  if (error instanceof RefusedError && typeof error.problem.result === "string") {
    return error.problem.result;
  }
  throw error;
}

/** @param {unknown} error After which it may be done, or be done yet. */
function isOpen(error) {
  if (!(error instanceof RefusedError)) return false;
  return ["network_failed", "idempotency_in_progress"].includes(error.code) || error.problem.status >= 500;
}

/** @param {string} code As phones know it. */
function codeOver(code) {
  return OWN_TROUBLE.includes(code) ? "server_unavailable" : code;
}

function resultInvalid() {
  return new RefusedError("result_invalid", gettext("What came back is not the platform's word about this. Nothing was opened."));
}

function confirmingIsOver() {
  return new RefusedError("tbs_expired", gettext("The time to confirm is over. Begin anew."));
}

/**
 * @param {Money | null} left
 * @param {Money | null} right
 */
function isSame(left, right) {
  return left?.amount === right?.amount && left?.currency === right?.currency;
}

/** @param {unknown} error */
function isTimeout(error) {
  return error instanceof DOMException && error.name === "TimeoutError";
}

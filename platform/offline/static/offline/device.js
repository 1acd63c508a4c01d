/**
 * This browser as a device of an account: a key that never leaves it, and calls that are proved by
 * that key (RFC 9449); terminal/dpop.py and terminal/adding.py.
 */

import * as cose from "../receipts/cose.js";
import { sha256 } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";
import { fromBase64, toBase64 } from "./base64.js";
import * as store from "./store.js";

const PATH = "/api/v1";
const PATIENCE_MS = 15_000;
// A proof is taken for a minute before and after it was made; less what the way takes.
const CLOCK_MS = 45_000;

/** The platform refused, or could not be reached. */
export class RefusedError extends Error {
  name = "RefusedError";

  /**
   * @param {string} code Stable; `network_failed` when nobody answered.
   * @param {string} sentence For people.
   * @param {Record<string, any>} [problem] The whole problem document (RFC 9457).
   */
  constructor(code, sentence, problem = {}) {
    super(sentence);
    this.code = code;
    this.problem = problem;
  }
}

/**
 * A key pair; the private half cannot be read, not even by this page.
 * @typedef {{publicKey: CryptoKey, privateKey: CryptoKey}} Pair
 */

/** A device of an account, kept in this browser under a name. */
export class Device {
  /** @param {{name: string, pair: Pair, key: Uint8Array, added: Record<string, any> | null}} kept */
  constructor({ name, pair, key, added }) {
    this.name = name;
    this.pair = pair;
    /** Its public key, 32 bytes. */
    this.key = key;
    /** As the platform introduced itself: device, account, platform, root, certificates. */
    this.added = added;
  }

  /**
   * Return the device that this browser is.
   * @param {string} name Such as `phone`: what pages keep it under.
   * @returns {Promise<Device | null>}
   */
  static async open(name) {
    const kept = await store.read(`device.${name}`);
    return kept?.added ? new Device(kept) : null;
  }

  /**
   * Add this browser to the account whose code this is; its keys are made here.
   * @param {string} name
   * @param {{code: string, title: string}} asked The code as `deviceCode` returns it, and what the
   *   holder will call it.
   * @returns {Promise<Device>}
   * @throws {RefusedError}
   */
  static async add(name, { code, title }) {
    const pair = /** @type {Pair} */ (await makePair("Ed25519", ["sign", "verify"]));
    const box = /** @type {Pair} */ (await makePair("X25519", ["deriveBits"]));
    const device = new Device({ name, pair, key: await raw(pair.publicKey), added: null });
    device.added = await device.call("POST", "/devices", {
      code,
      name: title,
      box_key: toBase64(await raw(box.publicKey)),
    });
    const { key, added } = device;
    await store.write(`device.${name}`, { name, pair, box, key, added });
    return device;
  }

  /** Forget it: its key is gone, and whoever was added as it has to be removed on the platform. */
  async forget() {
    await store.write(`device.${this.name}`, undefined);
  }

  /** Its public id, 16 hexadecimal digits. */
  get id() {
    return this.added?.device;
  }

  /**
   * Call the platform, proved by the key.
   * @param {string} method
   * @param {string} path Behind /api/v1.
   * @param {any} [body] To be sent as JSON.
   * @param {Record<string, string>} [headers] Further ones, such as `Idempotency-Key`.
   * @returns {Promise<any>}
   * @throws {RefusedError}
   */
  async call(method, path, body, headers = {}) {
    const sent = body === undefined ? "" : JSON.stringify(body);
    const url = `${location.origin}${PATH}${path}`;
    const proof = await this.#proof(method, url, new TextEncoder().encode(sent));
    return ask(method, url, sent, { ...headers, DPoP: proof });
  }

  /**
   * Sign a message.
   * @param {string} typ One of `cose.Typ`.
   * @param {Uint8Array} payload
   * @returns {Promise<Uint8Array>} COSE_Sign1.
   */
  sign(typ, payload) {
    return cose.sign(typ, payload, { privateKey: this.pair.privateKey, publicKey: this.key });
  }

  /**
   * RFC 9449 section 4.2, without an access token; `bdh`, the SHA-256 of the body, is ours.
   * @param {string} method
   * @param {string} url
   * @param {Uint8Array} body
   */
  async #proof(method, url, body) {
    const header = {
      typ: "dpop+jwt",
      alg: "EdDSA",
      jwk: { kty: "OKP", crv: "Ed25519", x: toBase64(this.key) },
    };
    const claims = {
      jti: toBase64(crypto.getRandomValues(new Uint8Array(16))),
      htm: method,
      htu: url.split("?")[0],
      iat: Math.floor(Date.now() / 1000),
      bdh: toBase64(await sha256(body)),
    };
    const encoder = new TextEncoder();
    const parts = [header, claims].map((part) => toBase64(encoder.encode(JSON.stringify(part))));
    const covered = parts.join(".");
    const signature = await crypto.subtle.sign("Ed25519", this.pair.privateKey, encoder.encode(covered));
    return `${covered}.${toBase64(new Uint8Array(signature))}`;
  }
}

/**
 * Get the code that adds one device, as whoever is signed in on this page.
 * @param {string} csrfToken Of a form on the page.
 * @returns {Promise<string>}
 * @throws {RefusedError}
 */
export async function deviceCode(csrfToken) {
  return (await askAsHolder("POST", "/devices/codes", csrfToken)).code;
}

/**
 * Call the platform as whoever is signed in on this page.
 * @param {string} method
 * @param {string} path Behind /api/v1.
 * @param {string} csrfToken Of a form on the page.
 * @param {any} [body] To be sent as JSON.
 * @returns {Promise<any>}
 * @throws {RefusedError}
 */
export function askAsHolder(method, path, csrfToken, body) {
  const sent = body === undefined ? "" : JSON.stringify(body);
  return ask(method, `${location.origin}${PATH}${path}`, sent, { "X-CSRFToken": csrfToken });
}

/**
 * Whether this browser has the keys that a device needs: newer ones do, over https or localhost.
 * @returns {Promise<boolean>}
 */
export async function isAble() {
  try {
    await makePair("X25519", ["deriveBits"]);
    await makePair("Ed25519", ["sign", "verify"]);
    return true;
  } catch {
    return false;
  }
}

/**
 * What whoever relays or applies has to trust: the root and its platform, with certificates.
 * @param {{root: string, platform: {id: string}, certificates: Record<string, string> | string[]}} said
 *   As the platform's answers say it.
 */
export function readTrust({ root, platform, certificates }) {
  return {
    root: fromBase64(root),
    platform: platform.id,
    certificates: Object.values(certificates).map(fromBase64),
  };
}

/**
 * @param {string} method
 * @param {string} url
 * @param {string} body
 * @param {Record<string, string>} headers
 */
async function ask(method, url, body, headers) {
  let answer, read;
  try {
    answer = await fetch(url, {
      method,
      headers: { ...headers, ...(body && { "Content-Type": "application/json" }) },
      body: body || undefined,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    read = answer.status === 204 ? null : await answer.json();
  } catch {
    const sentence = gettext("The platform cannot be reached. Connect to the network and try again.");
    throw new RefusedError("network_failed", sentence);
  }
  if (answer.ok) return read;
  if (read.code === "device_proof_invalid" && isClockWrong(answer)) {
    throw new RefusedError("clock_wrong", gettext("The clock of this device is wrong. Set its date and time, then try again."));
  }
  throw new RefusedError(read.code, read.detail ?? read.title, read);
}

/**
 * Whether it is only by this device's clock that the platform refuses its proofs; to the platform
 * an unknown key is the same.
 * @param {Response} answer
 */
function isClockWrong({ headers }) {
  return Math.abs(Date.parse(headers.get("Date") ?? "") - Date.now()) > CLOCK_MS;
}

/**
 * @param {"Ed25519" | "X25519"} name
 * @param {KeyUsage[]} usages
 */
function makePair(name, usages) {
  return crypto.subtle.generateKey({ name }, false, usages);
}

/** @param {CryptoKey} key */
async function raw(key) {
  return new Uint8Array(await crypto.subtle.exportKey("raw", key));
}

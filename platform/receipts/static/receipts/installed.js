/** The keys of this site as this browser installed them: from here alone, and never older ones. */

import { checkSuccession, openDirectory, rootFingerprint } from "./directory.js";
import { bucketPath, readBucket } from "./keys.js";
import { fromHex, isEqual, toHex } from "./octets.js";
import { expected } from "./outcome.js";
import { gettext } from "./words.js";

/** @typedef {import("./directory.js").Directory} Directory */

const PATH = "/.well-known/countersign/keys";
const SHELF = "countersign.keys";
const PATIENCE_MS = 6000;

/**
 * @typedef {object} Kept
 * @property {Uint8Array} root Trusted since the first time.
 * @property {string} since When that was, ISO 8601.
 * @property {Directory} [directory] Missing where what was kept is damaged.
 */

/**
 * @typedef {object} Installed
 * @property {Directory} directory
 * @property {string} root Fingerprint of its root key.
 * @property {string} since When that root was first trusted, ISO 8601.
 * @property {string} offered Fingerprint of another root that the site offers now, or nothing.
 * @property {string} refused Why other keys that the site offers now were not installed, or nothing.
 */

/** There are no keys to verify with; the message says why. */
export class NoKeysError extends Error {}

/**
 * Return the keys to verify with: the newest that this site publishes under the root that this
 * browser has trusted since the first time, or those it kept.
 * @returns {Promise<Installed>}
 * @throws {NoKeysError}
 */
export async function installKeys() {
  const kept = await takeDown();
  const message = await downloadDirectory();
  let offered = "";
  let refused = "";
  try {
    const directory = message && (await openDirectory(message, kept?.root));
    if (message && directory) {
      if (kept?.directory) checkSuccession(kept.directory, directory);
      const since = kept?.since ?? new Date().toISOString();
      keep(message, directory.root, since);
      return installed(directory, since);
    }
  } catch (error) {
    const { code, detail } = expected(error);
    offered = message && kept ? await otherRoot(message, kept.root) : "";
    // An older one may come out of any cache.
    if (!offered && code !== "directory_outdated") refused = detail;
  }
  if (kept?.directory) return installed(kept.directory, kept.since, offered, refused);
  throw new NoKeysError(
    message
      ? gettext("The site offers keys that cannot be used, so nothing can be verified. Tell the operator.")
      : gettext("The keys to verify with are not here yet. Connect to the network and try again."),
  );
}

/** Return what this site publishes as its directory of keys, unread, if it can be had now. */
export function downloadDirectory() {
  return download(PATH);
}

/** Forget the trusted root: the next that is offered will be trusted. */
export function forgetKeys() {
  localStorage.removeItem(SHELF);
}

/**
 * Return those certificates of servers that the site publishes and that can be had now.
 * @param {Uint8Array[]} vks
 * @returns {Promise<Map<string, import("./keys.js").Fetched[]>>} By `vk` in hexadecimal digits.
 */
export async function fetchCertificates(vks) {
  const found = new Map();
  const now = Math.floor(Date.now() / 1000);
  for (const path of new Set(vks.map(bucketPath))) {
    const file = await download(path);
    // Of a damaged file nothing is used.
    const bucket = file ? await readBucket(file, now).catch(() => new Map()) : new Map();
    for (const vk of vks.map(toHex)) if (bucket.has(vk)) found.set(vk, bucket.get(vk));
  }
  return found;
}

/**
 * @param {Directory} directory
 * @param {string} since
 * @param {string} [offered]
 * @param {string} [refused]
 * @returns {Promise<Installed>}
 */
async function installed(directory, since, offered = "", refused = "") {
  return { directory, root: await rootFingerprint(directory.root), since, offered, refused };
}

/** @returns {Promise<Kept | null>} */
async function takeDown() {
  let root, since, message;
  try {
    ({ root, since, message } = JSON.parse(localStorage.getItem(SHELF) ?? ""));
    root = fromHex(root);
  } catch {
    return null; // nothing is kept, or this browser keeps nothing
  }
  try {
    return { root, since, directory: await openDirectory(fromHex(message), root) };
  } catch {
    return { root, since };
  }
}

/**
 * @param {Uint8Array} message
 * @param {Uint8Array} root
 * @param {string} since
 */
function keep(message, root, since) {
  try {
    const kept = { root: toHex(root), since, message: toHex(message) };
    localStorage.setItem(SHELF, JSON.stringify(kept));
  } catch {
    // This browser keeps nothing: the keys go for this time only.
  }
}

/**
 * Return the fingerprint of the root that the site offers, when it is another than the known one.
 * @param {Uint8Array} message
 * @param {Uint8Array} known
 */
async function otherRoot(message, known) {
  const { root } = await openDirectory(message).catch(() => ({ root: known }));
  return isEqual(root, known) ? "" : rootFingerprint(root);
}

/**
 * @param {string} path On this site.
 * @returns {Promise<Uint8Array | null>}
 */
async function download(path) {
  try {
    const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

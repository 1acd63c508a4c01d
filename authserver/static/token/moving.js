/**
 * A token on its way to another phone: a QR code that opens with a code of sixteen characters,
 * which the holder types.  Whoever has both has the token.
 */

import { fromBase64, toBase64 } from "../offline/base64.js";
import * as cbor from "../receipts/cbor.js";
import { KEY_BYTES } from "../receipts/ed25519.js";
import { readEnded } from "../receipts/ended.js";
import { ProtocolError } from "../receipts/errors.js";
import { ID_BYTES, MAX_DAY, MAX_TIME, checkBytes, checkList, checkUint, versioned } from "../receipts/fields.js";
import { Purpose, checkKey } from "../receipts/keys.js";
import { checkAscii, checkOrigin } from "../receipts/text.js";
import { gettext } from "../receipts/words.js";
import { TokenError } from "./errors.js";
import { fromBytes, open, seal, toBytes } from "./sealing.js";
import { enrolmentProblem, parseSuite, seedOctets } from "./suites.js";

const VERSION = 1;
// Behind the app's own address: the camera of the new phone leads there.
const PATH = "/token/#m";
const BOUND = new TextEncoder().encode("countersign/token-move/1");
// Crockford's letters and digits: none that people take for another.  16 of them are 80 bits.
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LENGTH = 16;
const MAX_KEYS = 8;
const MAX_ENDED = 8;

/**
 * @typedef {import("./token.js").Token} Token
 * @typedef {import("./token.js").Secrets} Secrets
 */

/** Draw a code, in groups of four. */
export function drawCode() {
  const drawn = crypto.getRandomValues(new Uint8Array(CODE_LENGTH));
  return [...drawn].map((byte) => LETTERS[byte % LETTERS.length]).join("").replace(/.{4}(?=.)/g, "$&-");
}

/**
 * Return the text of a QR code with the token in it.
 * @param {Token} token
 * @param {Secrets} secrets
 * @param {string} code
 * @returns {Promise<string>}
 */
export async function pack(token, { seed, postKey }, code) {
  const ended = lastEnded(token.keysEnded);
  // With some left out it is no whole directory, and must not pass for the one of that number.
  const isWhole = ended.length === token.keysEnded.length;
  const keys = token.keys.map(({ key, fromDay, toDay }) => [key, fromDay, toDay]);
  const content = cbor.encode([
    VERSION,
    [token.serial, token.suite, token.counter, token.vk],
    [token.hostOrigin, token.hostRoot],
    [token.platformId, token.platformOrigin, token.platformRoot],
    // The newest are enough: the new phone fetches the others.
    keys.slice(-MAX_KEYS),
    [
      isWhole ? token.keysNumber : Math.max(0, token.keysNumber - 1),
      token.keysIssued,
      ended.map((end) => [end.kid, end.retiredAt, end.compromisedAt]),
    ],
    [seed, postKey],
  ]);
  try {
    const sealed = await seal(content, letters(code), BOUND, null);
    return token.hostOrigin + PATH + toBase64(toBytes(sealed));
  } finally {
    content.fill(0);
  }
}

/**
 * Return the token that a QR code holds.
 * @param {string} text
 * @param {string} code As the holder typed it.
 * @param {import("./display.js").Profile} profile What this phone's display holds.
 * @returns {Promise<{token: Token, secrets: Secrets}>}
 * @throws {ProtocolError} `not_ours` or whatever rule it breaks.
 * @throws {TokenError} `move_code_wrong`, `wrong_host` or `suite_refused`.
 */
export async function unpack(text, code, profile) {
  const [origin, sealed, ...rest] = text.trim().split(PATH);
  if (!sealed || rest.length) {
    throw new ProtocolError("not_ours", gettext("this is no token on its way to another phone"));
  }
  const content = await open(fromBytes(fromBase64(sealed)), letters(code), BOUND);
  if (!content) {
    const detail = gettext("the code is wrong, or the QR code was not read whole");
    throw new TokenError("move_code_wrong", detail);
  }
  const { token, secrets } = readContent(content);
  if (token.hostOrigin !== origin) {
    throw new TokenError("wrong_host", gettext("the token belongs to another host"));
  }
  return { token: { ...token, profile }, secrets };
}

/**
 * Return the keys that ended last: a code has no room for all of them.
 * @param {import("../receipts/ended.js").EndedKey[]} ended
 */
function lastEnded(ended) {
  /** @param {import("../receipts/ended.js").EndedKey} end */
  const time = ({ retiredAt, compromisedAt }) => Math.max(retiredAt ?? 0, compromisedAt ?? 0);
  return [...ended].sort((one, other) => time(other) - time(one)).slice(0, MAX_ENDED);
}

/** @param {Uint8Array} content */
function readContent(content) {
  const parts = versioned("token", cbor.decode(content), 7);
  const [own, host, platform, keys, edition, shared] = parts;
  const [serial, suite, counter, vk] = checkList("token", own, 4);
  const [hostOrigin, hostRoot] = checkList("host", host, 2);
  const [platformId, platformOrigin, platformRoot] = checkList("platform", platform, 3);
  const [keysNumber, keysIssued, ended] = checkList("edition", edition, 3);
  const [seed, postKey] = checkList("secrets", shared, 2);
  checkAscii("serial", serial, 16);
  checkAscii("suite", suite, 64);
  checkUint("counter", counter);
  checkBytes("vk", vk, ID_BYTES);
  checkOrigin("host origin", hostOrigin);
  checkKey(hostRoot);
  checkAscii("platform id", platformId, 16);
  checkOrigin("platform origin", platformOrigin);
  checkKey(platformRoot);
  checkUint("keys number", keysNumber);
  checkUint("keys issued", keysIssued, { high: MAX_TIME });
  checkBytes("K_post", postKey, KEY_BYTES);
  const parsed = parseSuite(suite);
  const problem = enrolmentProblem(parsed);
  if (problem) throw new TokenError("suite_refused", problem);
  checkBytes("seed", seed, seedOctets(parsed));
  const token = {
    ...{ serial, suite, counter, vk, hostOrigin, hostRoot },
    ...{ platformId, platformOrigin, platformRoot, keysNumber, keysIssued },
    keysEnded: readEnded(ended),
    keys: checkList("keys", keys, 0, MAX_KEYS).map((value) => readKey(value, platformId)),
  };
  return { token, secrets: { seed, postKey } };
}

/**
 * @param {cbor.Value} value
 * @param {string} subject
 */
function readKey(value, subject) {
  const [key, fromDay, toDay] = checkList("key", value, 3);
  checkKey(key);
  checkUint("from_day", fromDay, { high: MAX_DAY });
  checkUint("to_day", toDay, { high: MAX_DAY });
  return { key, purpose: Purpose.STATEMENT, subject, fromDay, toDay };
}

/**
 * Read a code as people write it: in small letters, with spaces, O for 0, and I or L for 1.
 * @param {string} code
 */
function letters(code) {
  return code.toUpperCase().replace(/[^0-9A-Z]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
}

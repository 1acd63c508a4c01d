// How the token app keeps tokens, moves them and calls, in Node; test_token_app.py starts it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { mayPass, postResponse, serverCertificate } from "./app/client.js";
import { clockProblem, offset } from "./app/clock.js";
import * as keyring from "./app/keyring.js";
import { drawCode, pack, unpack } from "./app/moving.js";
import { clockTrouble } from "./app/pages/time.js";
import { drawChallenge } from "./app/proving.js";
import { parseSuite } from "./app/suites.js";
import { fromBase64, toBase64 } from "./offline/base64.js";
import { checkSuccessor } from "./receipts/ended.js";
import { toHex } from "./receipts/octets.js";
import { tokenOf } from "./token_app.mjs";

const [path] = Object.keys(JSON.parse(process.env.VECTORS)).filter((name) => /token_app/.test(name));
const { base } = JSON.parse(await readFile(path, "utf-8"));
const { token, seed, postKey } = await tokenOf(base);
const secrets = { seed, postKey };
const counting = { ...token, suite: "OCRA-1:HOTP-SHA256-8:C-QH64", serial: "T-0002" };
const PIN = "470293";
// What the app spends on a PIN would be the time of this test.
const CHEAP = { iterations: 1, memorySize: 8 };

/** What store.js does, in a Map; it clones as the browser does. */
class Keeper {
  records = new Map();

  async change(id, change) {
    const changed = change(structuredClone(this.records.get(id)));
    if (changed) this.records.set(id, structuredClone(changed));
    else this.records.delete(id);
    return changed;
  }
}

async function held(of = token) {
  const keeper = new Keeper();
  return { keeper, id: await keyring.add(keeper, of, secrets, PIN, CHEAP) };
}

const refused = (code) => (error) => error.code === code;

test("a token opens with its PIN and gives its secrets back", async () => {
  const { keeper, id } = await held();
  const opened = await keyring.unlock(keeper, id, PIN);
  assert.deepEqual(opened.secrets, secrets);
  assert.deepEqual(opened.token, token);
});

test("a PIN costs 64 MiB of memory and three passes unless a test says otherwise", async () => {
  const keeper = new Keeper();
  const id = await keyring.add(keeper, token, secrets, PIN);
  assert.deepEqual(keeper.records.get(id).sealed.cost, { iterations: 3, memorySize: 65_536 });
});

test("nothing that is kept holds a secret in clear, and the browser's key is never given out", async () => {
  const { keeper, id } = await held();
  const { sealed, ...rest } = keeper.records.get(id);
  assert.equal(sealed.deviceKey.extractable, false);
  const bytes = [toHex(sealed.box), JSON.stringify(rest, (_, value) => (value instanceof Uint8Array ? toHex(value) : value))];
  for (const secret of [seed, postKey].map(toHex)) assert.ok(!bytes.join().includes(secret));
});

test("a wrong PIN is counted, and a right one takes the count back", async () => {
  const { keeper, id } = await held();
  await assert.rejects(keyring.unlock(keeper, id, "000001"), refused("pin_wrong"));
  assert.equal(keeper.records.get(id).tries, 1);
  await keyring.unlock(keeper, id, PIN);
  assert.equal(keeper.records.get(id).tries, 0);
});

test("a try is on the disk before the PIN is compared", async () => {
  const { keeper, id } = await held();
  let seen = 0;
  const watching = {
    change: async (name, change) => {
      const changed = await keeper.change(name, change);
      seen ||= changed.tries;
      return changed;
    },
  };
  await keyring.unlock(watching, id, PIN);
  assert.equal(seen, 1);
});

test("no try is counted where the browser cannot compare a PIN", async () => {
  const { keeper, id } = await held();
  const { cost } = keeper.records.get(id).sealed;
  keeper.records.get(id).sealed.cost = { iterations: 1, memorySize: 0 };
  await assert.rejects(keyring.unlock(keeper, id, PIN), (error) => !error.code);
  assert.equal(keeper.records.get(id).tries, 0);
  keeper.records.get(id).sealed.cost = cost;
  await keyring.unlock(keeper, id, PIN);
});

test("a token that was shown for another phone is marked, whatever happens to it but its end", async () => {
  const { keeper, id } = await held();
  await keyring.markShown(keeper, id, 1_700_000_000);
  await keyring.use(keeper, id, PIN);
  await keyring.changePin(keeper, id, PIN, "915384");
  assert.equal(keeper.records.get(id).shownAt, 1_700_000_000);
});

test("the last wrong PIN wipes the token", async () => {
  const { keeper, id } = await held();
  keeper.records.get(id).tries = keyring.MAX_TRIES - 1;
  await assert.rejects(keyring.unlock(keeper, id, "000001"), refused("token_wiped"));
  assert.equal(keeper.records.size, 0);
  await assert.rejects(keyring.unlock(keeper, id, PIN), refused("token_missing"));
});

test("a page that was closed before it wiped gives no further try, not even with the right PIN", async () => {
  const { keeper, id } = await held();
  keeper.records.get(id).tries = keyring.MAX_TRIES;
  await assert.rejects(keyring.unlock(keeper, id, PIN), refused("token_wiped"));
  assert.equal(keeper.records.size, 0);
});

test("what a token pinned cannot be changed under its secrets", async () => {
  const { keeper, id } = await held();
  await keyring.update(keeper, id, (kept) => ({ ...kept, platformOrigin: "https://evil.example" }));
  await assert.rejects(keyring.unlock(keeper, id, PIN), refused("pin_wrong"));
});

test("new keys and a new server id leave the secrets as they are", async () => {
  const { keeper, id } = await held();
  await keyring.update(keeper, id, (kept) => ({ ...kept, vk: new Uint8Array(8), keysIssued: 9 }));
  assert.deepEqual((await keyring.unlock(keeper, id, PIN)).secrets, secrets);
});

test("each answer of a counter suite takes its own counter, stored before it is given", async () => {
  const { keeper, id } = await held(counting);
  const first = await keyring.use(keeper, id, PIN);
  assert.equal(keeper.records.get(id).token.counter, 1);
  const others = await Promise.all([keyring.use(keeper, id, PIN), keyring.use(keeper, id, PIN)]);
  const counters = [first, ...others].map((used) => used.token.counter);
  assert.deepEqual(counters.sort(), [0, 1, 2]);
});

test("a PIN is changed by who knows it", async () => {
  const { keeper, id } = await held();
  await keyring.changePin(keeper, id, PIN, "915384");
  await assert.rejects(keyring.unlock(keeper, id, PIN), refused("pin_wrong"));
  assert.deepEqual((await keyring.unlock(keeper, id, "915384")).secrets, secrets);
});

test("no copy of the secrets stays behind in memory", async (context) => {
  const { subtle } = crypto;
  const [encrypt, decrypt] = [subtle.encrypt.bind(subtle), subtle.decrypt.bind(subtle)];
  const seen = [];
  context.mock.method(subtle, "encrypt", (cipher, key, content) => {
    seen.push(content);
    return encrypt(cipher, key, content);
  });
  context.mock.method(subtle, "decrypt", async (...given) => {
    seen.push(new Uint8Array(await decrypt(...given)));
    return seen.at(-1).buffer;
  });
  const { keeper, id } = await held();
  const opened = await keyring.unlock(keeper, id, PIN);
  await keyring.changePin(keeper, id, PIN, "602817");
  await pack(token, secrets, drawCode());
  // Sealed, opened; opened and sealed anew; packed.
  assert.equal(seen.length, 5);
  for (const content of seen) assert.deepEqual([...content].filter(Boolean), []);
  assert.deepEqual(opened.secrets, secrets);
});

test("a phone holds several tokens, and none twice", async () => {
  const { keeper } = await held();
  await keyring.add(keeper, counting, secrets, PIN, CHEAP);
  assert.equal(keeper.records.size, 2);
  await assert.rejects(keyring.add(keeper, token, secrets, PIN, CHEAP), refused("token_held"));
});

test("PINs that somebody would guess are refused", () => {
  for (const pin of ["", "12345", "1234567890123", "000000", "123456", "987654", "890123", "abcdef", "１２３４５９"]) {
    assert.throws(() => keyring.checkPin(pin), refused("pin_weak"), pin);
  }
  for (const pin of [PIN, "112233", "123457", "246813579024"]) keyring.checkPin(pin);
});

test("a token moves to another phone by a QR code that fits, and by the code alone", async () => {
  const code = drawCode();
  assert.match(code, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
  const text = await pack({ ...token, counter: 7 }, secrets, code);
  // Version 25 at level M holds 997 bytes.
  assert.ok(text.length <= 997, `${text.length} bytes`);
  const profile = { columns: 40, rows: 20 };
  const moved = await unpack(text, ` ${code.toLowerCase().replaceAll("0", "o").replaceAll("1", "l")}`, profile);
  assert.deepEqual(moved, { token: { ...token, counter: 7, profile }, secrets });
  await assert.rejects(unpack(text, drawCode(), profile), refused("move_code_wrong"));
  await assert.rejects(unpack(text.replace("https://host", "https://other"), code, profile), refused("wrong_host"));
  const [front, back] = text.split("#m");
  const changed = fromBase64(back).map((byte, place) => (place === 60 ? byte ^ 1 : byte));
  await assert.rejects(unpack(`${front}#m${toBase64(changed)}`, code, profile), refused("move_code_wrong"));
  for (const other of ["", "hello", front, `${text}/token/#mAA`]) {
    await assert.rejects(unpack(other, code, profile), refused("not_ours"));
  }
  await assert.rejects(unpack(`${front}#mAA`, code, profile), refused("encoding_invalid"));
});

test("a token that moved without all ended keys takes the very directory that it came from", async () => {
  const keysEnded = Array.from({ length: 9 }, (_, place) => ({
    kid: new Uint8Array(8).fill(place),
    retiredAt: 1_800_000_000 + place,
    compromisedAt: null,
  }));
  const directory = { number: 5, issued: 1_800_000_100, ended: keysEnded };
  const code = drawCode();
  for (const [count, number] of [[8, 5], [9, 4]]) {
    const ended = keysEnded.slice(0, count);
    const from = { ...token, keysNumber: 5, keysIssued: directory.issued, keysEnded: ended };
    const { token: moved } = await unpack(await pack(from, secrets, code), code, token.profile);
    assert.deepEqual([moved.keysEnded.length, moved.keysNumber], [8, number]);
    const held = { number: moved.keysNumber, issued: moved.keysIssued, ended: moved.keysEnded };
    checkSuccessor(held, { ...directory, ended }, new Uint8Array(8).fill(0xff));
  }
});

test("a token's own challenge has the form of its suite's questions, and is never the same", () => {
  const drawn = [drawChallenge(token), drawChallenge(token)];
  for (const challenge of drawn) assert.match(challenge, /^[0-9a-f]{64}$/);
  assert.notEqual(...drawn);
  assert.match(drawChallenge({ ...token, suite: "OCRA-1:HOTP-SHA256-8:QN10" }), /^[1-9][0-9]{9}$/);
  assert.throws(() => drawChallenge({ ...token, suite: "TOTP:SHA1-6:T30" }), refused("challenge_unfit"));
});

test("a clock is as far off as neither the way nor the header's full second explain", () => {
  const date = "Sun, 22 Nov 2026 12:00:00 GMT";
  const told = Date.parse(date);
  assert.equal(offset(date, told + 200, told + 900), 0);
  assert.equal(offset(date, told - 2000, told + 2000), 0);
  assert.equal(offset(date, told + 41_000, told + 41_500), 40);
  assert.equal(offset(date, told - 41_500, told - 40_000), -40);
  assert.equal(offset(null, told, told), null);
  assert.equal(offset("yesterday", told, told), null);
});

test("a clock is told to be wrong before codes are refused", () => {
  const minute = parseSuite("OCRA-1:HOTP-SHA256-8:QH64-T1M");
  assert.equal(clockProblem(30, minute), null);
  assert.match(clockProblem(31, minute), /31 seconds fast/);
  assert.match(clockProblem(-31, minute), /31 seconds slow/);
  assert.match(clockProblem(16, parseSuite("TOTP:SHA1-6:T30")), /16 seconds fast/);
  assert.equal(clockProblem(30, parseSuite("HOTP:SHA1-6")), null);
});

test("before the first token a clock is judged as well", async (context) => {
  const had = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });
  context.after(() => (had ? Object.defineProperty(globalThis, "navigator", had) : delete globalThis.navigator));
  for (const [ahead, expected] of [[0, /^$/], [90_000, /9\d seconds fast|8\d seconds fast/]]) {
    const signals = [];
    globalThis.fetch = async (_, { signal }) => {
      signals.push(signal);
      return new Response("", { headers: { Date: new Date(Date.now() - ahead).toUTCString() } });
    };
    assert.match(await clockTrouble([]), expected);
    assert.ok(signals[0] instanceof AbortSignal);
  }
  delete globalThis.fetch;
});

async function answering(status, body, ask) {
  const asked = [];
  globalThis.fetch = async (url, options) => {
    asked.push({ url, ...options });
    if (status === null) throw new TypeError("no network");
    return new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
  };
  try {
    return { answer: await ask(), asked };
  } finally {
    delete globalThis.fetch;
  }
}

const shown = { s: new Uint8Array(32) };
const posted = () => postResponse(token, postKey, shown, "12345678");

test("a response goes to the token's platform alone, with its tag and no cookie", async () => {
  const { answer, asked } = await answering(200, { accepted: false, reason: "response_wrong", tries_left: 4 }, posted);
  assert.deepEqual(answer, { accepted: false, reason: "response_wrong", triesLeft: 4 });
  const [{ url, credentials, redirect, body, signal }] = asked;
  assert.ok(signal instanceof AbortSignal, "it waits for no answer for ever");
  assert.deepEqual([url, credentials, redirect], [`${token.platformOrigin}/api/v1/responses`, "omit", "error"]);
  assert.deepEqual(Object.keys(JSON.parse(body)), ["s", "response", "tag"]);
});

test("what is no answer is refused, and a refusal keeps its code", async () => {
  const cases = [
    [null, "", "server_unavailable"],
    [500, "<h1>Error</h1>", "answer_invalid"],
    [200, "[]", "answer_invalid"],
    [200, { accepted: "yes" }, "answer_invalid"],
    [200, { accepted: false, reason: "Bad Reason" }, "answer_invalid"],
    [200, { accepted: true, padding: "x".repeat(64_000) }, "answer_invalid"],
    [423, { code: "token_locked", detail: "Wait." }, "token_locked"],
  ];
  for (const [status, body, code] of cases) {
    await assert.rejects(answering(status, body, posted), refused(code), code);
  }
  await assert.rejects(answering(200, { certificate: "AA" }, () => serverCertificate(token)), refused("answer_invalid"));
});

test("an answer that may still be judged right is told from one that is refused", async () => {
  const cases = [
    [null, "", true],
    [500, "<h1>Error</h1>", true],
    [503, { code: "authserver_unavailable", detail: "Nothing was lost." }, true],
    [429, { code: "rate_limited", detail: "Wait." }, true],
    [409, { code: "challenge_void", detail: "It has ended." }, false],
    [423, { code: "token_locked", detail: "Wait." }, false],
  ];
  for (const [status, body, expected] of cases) {
    const error = await answering(status, body, posted).then(assert.fail, (thrown) => thrown);
    assert.equal(mayPass(error), expected, error.code);
  }
});

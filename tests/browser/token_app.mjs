// Checks the token app's modules, beside which it stands, against files of known answers.  Node
// and a page import it; a check says what is wrong with a row, or returns null.

import { layOut } from "./app/display.js";
import { begin, finish, provisioned, readAnswer, readInvitation } from "./app/enrolment.js";
import { TokenError } from "./app/errors.js";
import { checkPlatform } from "./app/proving.js";
import { compute } from "./app/responses.js";
import { parseSuite } from "./app/suites.js";
import * as tokens from "./app/token.js";
import * as updating from "./app/updating.js";
import { fromBase64 } from "./offline/base64.js";
import { ProtocolError } from "./receipts/errors.js";
import { concat, fromHex, isEqual, toHex } from "./receipts/octets.js";
import { readStatement } from "./receipts/statement.js";

// Numbers that JavaScript would round stay text, which BigInt reads.
export const parse = (text) => JSON.parse(text.replace(/(": ?)(\d{16,})(?=[,\s}])/g, '$1"$2"'));

// What a row's "status" begins with when the standard decides it: tokens/selftest.py.
const SETTLED = /^(certain|grammar of RFC)/;

/** Return `{passed, failed, skipped}`: a number, lines, and a number. */
export async function checkFile(document) {
  const result = { passed: 0, failed: [], skipped: 0 };
  for (const [about, check, rows] of parts(document)) {
    for (const [place, row] of rows.entries()) {
      if (isOpen(document, row)) {
        result.skipped += 1;
        continue;
      }
      const problem = await attempt(check, row, document);
      if (problem === null) result.passed += 1;
      else result.failed.push(`${about} ${row.id ?? row.about ?? row.suite ?? place}: ${problem}`);
    }
  }
  return result;
}

function parts(document) {
  const { algorithm } = document;
  if (algorithm) return [[algorithm, ALGORITHMS[algorithm], document.vectors ?? document.cases]];
  return Object.entries(PARTS).flatMap(([name, check]) =>
    document[name] ? [[name, check, document[name]]] : [],
  );
}

function isOpen(document, row) {
  const isSettled = SETTLED.test(row.status ?? "certain");
  return Boolean(row.ambiguity || document.warning || row.cnpack_reading) || !isSettled;
}

async function attempt(check, row, document) {
  try {
    return await check(row, document);
  } catch (error) {
    return error.stack;
  }
}

const big = (value) => (value === null || value === undefined ? null : BigInt(value));
const bytes = (digits) => (digits === null || digits === undefined ? null : fromHex(digits));
const compare = (row, computed) =>
  computed === row.expected ? null : `computed ${computed}, expected ${row.expected}`;

async function ocra(row) {
  const inputs = {
    question: row.question,
    counter: big(row.counter),
    session: bytes(row.session_info_hex),
    timeStep: big(row.timestamp_steps),
  };
  const suite = parseSuite(row.suite);
  const given = { ...inputs, pin: row.pin ?? null };
  return compare(row, await compute(suite, fromHex(row.key_hex), given));
}

function suite({ suite: text, valid }) {
  const code = codeOf(() => parseSuite(text));
  if (valid) return code;
  return code === "suite_invalid" ? null : `refused with ${code}`;
}

async function gmt0021(row) {
  const input = [
    row.T !== null && row.T !== undefined && `T${row.interval_seconds}`,
    row.counter !== null && row.counter !== undefined && "C",
    row.challenge && `Q${row.challenge.length}`,
  ].filter(Boolean);
  const suite = parseSuite(`GMT0021:${row.function}-${row.digits}:${input.join("-")}`);
  const given = { question: row.challenge ?? null, counter: big(row.counter), timeStep: big(row.T) };
  return compare(row, await compute(suite, fromHex(row.key_hex), given));
}

async function unsettled(row) {
  try {
    return `should have been refused: ${await gmt0021(row)}`;
  } catch (error) {
    return ["suite_invalid", "seed_invalid"].includes(error.code) ? null : error.stack;
  }
}

async function hotp(row) {
  const suite = parseSuite(`HOTP:${row.hash}-${row.digits}`);
  return compare(row, await compute(suite, fromHex(row.key_hex), { counter: big(row.counter) }));
}

async function totp(row) {
  const suite = parseSuite(`TOTP:${row.hash}-${row.digits}:T${row.timestep_seconds}`);
  const timeStep = BigInt(row.unix_time) / BigInt(row.timestep_seconds);
  return compare(row, await compute(suite, fromHex(row.key_hex), { timeStep }));
}

const ALGORITHMS = {
  "OCRA (RFC 6287)": ocra,
  "OCRASuite parsing": suite,
  "GM/T 0021-2012": gmt0021,
  "GM/T 0021 SM4 with more than one 16-byte block of key or ID": unsettled,
  "HOTP (RFC 4226)": hotp,
  "TOTP (RFC 6238)": totp,
  "HOTP/TOTP": (row) => (row.algorithm === "HOTP" ? hotp : totp)(row),
};

// --- Files of token_vectors.py

const PARTS = {
  cases: (row) =>
    same(row, ["lines"], () => {
      const [statement, ...earlier] = [row.statement, ...row.earlier].map((hex) =>
        readStatement(fromHex(hex)),
      );
      return { lines: layOut(statement, earlier, profile(row)).lines };
    }),
  read: async (row, { base }) => {
    let isShown = false;
    const names = ["lines", "hidden", "response", "response_tag", "decline_tag", "counter"];
    const problem = await same(row, names, async () => {
      const { token, seed, postKey } = await tokenOf({ ...base, ...row.token });
      const shown = await tokens.read(token, row.text, row.now);
      isShown = true;
      const response = await tokens.respond(token, seed, shown, row.now + row.waited);
      return {
        lines: shown.lines,
        hidden: shown.hidden,
        response,
        response_tag: toHex(await tokens.responseTag(postKey, shown.s, response)),
        decline_tag: toHex(await tokens.declineTag(postKey, shown.s, "not mine")),
        counter: tokens.advanced(token).counter,
      };
    });
    return problem ?? (isShown === row.is_shown ? null : `shown: ${isShown}`);
  },
  enrolment: (row, { base }) =>
    same(row, ["enrolled", "digits"], async () => {
      const invitation = await readInvitation(row.invitation);
      const enrolment = { ...(await begin(invitation, row.now)), ...(await keyOf(row.private)) };
      const { token, secrets, digits } = await finish(enrolment, readAnswer(row.answer), row.now);
      return { enrolled: await differences(token, base, secrets), digits };
    }),
  provision: (row, { base }) =>
    same(row, ["enrolled", "digits"], async () => {
      const { token, secrets, digits } = await provisioned(row.text, row.now);
      return { enrolled: await differences(token, base, secrets), digits };
    }),
  keys: (row, { base }) =>
    same(row, ["keys", "keys_number", "keys_issued", "keys_ended"], async () => {
      const { token } = await tokenOf({ ...base, ...row.token });
      const renewed = await updating.withKeys(token, fromHex(row.directory));
      return {
        keys: renewed.keys.map(({ key }) => toHex(key)),
        keys_number: renewed.keysNumber,
        keys_issued: renewed.keysIssued,
        keys_ended: renewed.keysEnded.map((end) => [
          ...[toHex(end.kid), end.retiredAt, end.compromisedAt],
        ]),
      };
    }),
  key_codes: (row, { base }) =>
    same(row, ["keys"], async () => {
      const { token } = await tokenOf({ ...base, ...row.token });
      const renewed = await updating.withKey(token, row.text);
      return { keys: renewed.keys.map(({ key }) => toHex(key)) };
    }),
  server: (row, { base }) =>
    same(row, ["updated"], async () => {
      const { token } = await tokenOf({ ...base, ...row.token });
      const hosts = row.host_certificates.map(fromHex);
      const updated = await updating.withServer(token, fromHex(row.certificate), hosts);
      return { updated: await differences(updated, base) };
    }),
  platform: (row, { base }) =>
    same(row, ["response"], async () => {
      const { token, seed } = await tokenOf({ ...base, ...row.token });
      const shown = await tokens.read(token, row.text, row.now);
      await checkPlatform(token, seed, shown, row.challenge, row.given, row.now);
      return { response: await tokens.respond(token, seed, shown, row.now, row.challenge) };
    }),
};

async function same(row, names, attempt) {
  let found;
  try {
    found = await attempt();
  } catch (error) {
    if (!(error instanceof TokenError || error instanceof ProtocolError)) return error.stack;
    return error.code === row.code ? null : `refused: ${error.message}, expected ${row.code ?? "none"}`;
  }
  if (row.code) return `should have been refused with ${row.code}`;
  for (const name of names) {
    const [is, due] = [found[name], row[name]].map((value) => JSON.stringify(sorted(value)));
    if (is !== due) return `${name} is ${is}, expected ${due}`;
  }
  return null;
}

const sorted = (value) =>
  value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort())
    : value;

const profile = ({ columns, rows }) => ({ columns, rows });

export async function tokenOf(fields) {
  const root = fromHex(fields.platform_root);
  const messages = fields.certificates.map(fromHex);
  const keys = await updating.statementKeys(messages, root, fields.platform_id);
  const token = {
    serial: fields.serial,
    suite: fields.suite,
    counter: fields.counter,
    vk: fromHex(fields.vk),
    hostOrigin: fields.host_origin,
    hostRoot: fromHex(fields.host_root),
    platformId: fields.platform_id,
    platformOrigin: fields.platform_origin,
    platformRoot: root,
    keys,
    keysNumber: fields.keys_number,
    keysIssued: fields.keys_issued,
    keysEnded: fields.keys_ended.map(([kid, retiredAt, compromisedAt]) => ({
      ...{ kid: fromHex(kid), retiredAt, compromisedAt },
    })),
    profile: profile(fields),
  };
  return { token, seed: fromHex(fields.seed), postKey: fromHex(fields.post_key) };
}

async function differences(token, base, secrets) {
  const given = {
    serial: token.serial,
    suite: token.suite,
    counter: token.counter,
    vk: toHex(token.vk),
    host_origin: token.hostOrigin,
    host_root: toHex(token.hostRoot),
    platform_id: token.platformId,
    platform_origin: token.platformOrigin,
    platform_root: toHex(token.platformRoot),
    keys_number: token.keysNumber,
    keys_issued: token.keysIssued,
    ...token.profile,
    seed: secrets ? toHex(secrets.seed) : base.seed,
    post_key: secrets ? toHex(secrets.postKey) : base.post_key,
  };
  // The vectors have certificates as messages; the app keeps the keys in them.
  const { keys } = (await tokenOf(base)).token;
  const found = Object.entries(given).filter(([name, value]) => value !== base[name]);
  const isKnown = token.keys.length === 1 && isEqual(token.keys[0].key, keys[0].key);
  return Object.fromEntries(isKnown ? found : [...found, ["keys", token.keys]]);
}

const PKCS8_X25519 = "302e020100300506032b656e04220420";

async function keyOf(secret) {
  const encoded = concat(fromHex(PKCS8_X25519), fromHex(secret));
  const privateKey = await crypto.subtle.importKey("pkcs8", encoded, { name: "X25519" }, true, ["deriveBits"]);
  const { x } = await crypto.subtle.exportKey("jwk", privateKey);
  const share = fromBase64(x);
  return { privateKey, share };
}

function codeOf(check) {
  try {
    check();
    return null;
  } catch (error) {
    return error.code ?? error.stack;
  }
}

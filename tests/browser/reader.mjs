// Reads messages with the modules of the pages, beside which it stands.  A page imports it;
// Node runs it, and gets a line of JSON for each.

import * as cbor from "./receipts/cbor.js";
import { readCharge } from "./receipts/charge.js";
import * as cose from "./receipts/cose.js";
import { EXPONENTS } from "./receipts/currency.js";
import { checkSuccession, openDirectory, rootFingerprint } from "./receipts/directory.js";
import { isSupported, isValidSignature } from "./receipts/ed25519.js";
import { ProtocolError } from "./receipts/errors.js";
import * as keys from "./receipts/keys.js";
import { checkLogged, readProof } from "./receipts/log.js";
import { fromHex, toHex } from "./receipts/octets.js";
import { Link, decode, linkWords, recognise } from "./receipts/qrtext.js";
import { rebuild } from "./receipts/rebuild.js";
import { readReceipt } from "./receipts/receipt.js";
import { readStatement, sightWords, statementPayload } from "./receipts/statement.js";
import { checkText } from "./receipts/text.js";
import { readVerdict, verdictPayload } from "./receipts/verdict.js";
import { verifyReceipt } from "./receipts/verify.js";
import { OFFLINE_READERS } from "./offline_reader.mjs";

const READERS = {
  ...OFFLINE_READERS,
  supported: () => isSupported(),
  currencies: () => Object.fromEntries(EXPONENTS),
  sights: () => [0, 1, 2].map(sightWords),
  fingerprint: ({ hex }) => rootFingerprint(fromHex(hex)),
  texts: ({ texts }) => texts.map((text) => codeOf(() => checkText("text", text, 4))),
  signature: ({ key, signature, hex }) =>
    isValidSignature(fromHex(key), fromHex(signature), fromHex(hex)),
  cbor: ({ hex, max }) => cbor.decode(fromHex(hex), max),
  message: ({ hex }) => cose.parse(fromHex(hex)),
  signed: ({ hex, typ, key }) => cose.openSigned(fromHex(hex), typ, fromHex(key)),
  statement: ({ hex }) => againAs(statementPayload, readStatement(fromHex(hex))),
  verdict: ({ hex }) => againAs(verdictPayload, readVerdict(fromHex(hex))),
  server_certificate: ({ hex }) => keys.readServerCertificate(fromHex(hex)),
  key_certificate: ({ hex, root }) => keys.openCertificate(fromHex(hex), fromHex(root)),
  directory: async ({ hex, root }) => {
    const { message, ...read } = await openDirectory(fromHex(hex), root && fromHex(root));
    return read;
  },
  successor: async ({ held, hex }) => {
    const known = await openDirectory(fromHex(held));
    const offered = await openDirectory(fromHex(hex));
    checkSuccession(known, offered);
    return offered.number;
  },
  bucket: async ({ hex, at }) => Object.fromEntries(await keys.readBucket(fromHex(hex), at)),
  proof: ({ hex }) => readProof(fromHex(hex)),
  logged: async ({ hex, receipt, directory }) =>
    checkLogged(fromHex(receipt), readProof(fromHex(hex)), await opened(directory)),
  bucket_path: ({ hex }) => keys.bucketPath(fromHex(hex)),
  receipt: async ({ hex }) => rebuild(await readReceipt(cose.parse(fromHex(hex)))),
  charge: ({ hex }) => readCharge(cose.parse(fromHex(hex))),
  verify,
  qr_text: ({ text, link = "RECEIPT" }) => decode(text, Link[link]),
  recognise: ({ text }) => withWords(recognise(text)),
};

const directories = new Map();

async function opened(hex) {
  directories.set(hex, directories.get(hex) ?? (await openDirectory(fromHex(hex))));
  return directories.get(hex);
}

async function verify({ hex, directory, fetched, proof, words }) {
  // The sentences of a page in another language.
  globalThis.gettext = words && ((message) => words[message] ?? message);
  const beside = Object.entries(fetched).map(([vk, given]) => [
    vk,
    given.map(([message, at, revokedAt]) => ({ message: fromHex(message), at, revokedAt })),
  ]);
  const report = await verifyReceipt(
    fromHex(hex),
    await opened(directory),
    new Map(beside),
    proof === null ? null : fromHex(proof),
  );
  const { isValid, isRefusal, isComplete } = report;
  return { ...report, isValid, isRefusal, isComplete };
}

function againAs(write, read) {
  return { ...read, payload: write(read) };
}

function withWords(found) {
  return found && { ...found, words: linkWords(found.link) };
}

function codeOf(check) {
  try {
    check();
    return null;
  } catch (error) {
    return error.code;
  }
}

// As JSON: bytes as hexadecimal digits, and maps as lists of pairs.
function plain(value) {
  if (value instanceof Uint8Array) return { bytes: toHex(value) };
  if (value instanceof Map) return { map: [...value].map(plain) };
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}

export async function answer({ reader, ...given }) {
  try {
    return { value: plain(await READERS[reader](given)) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) return { crash: error.stack };
    return { code: error.code, detail: error.detail };
  }
}

if (globalThis.process) {
  const { createInterface } = await import("node:readline");
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line))));
  }
}

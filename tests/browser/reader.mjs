// Reads messages with the modules of the scan page, beside which it stands.  A page imports it;
// Node runs it, and gets a line of JSON for each.

import * as cbor from "./receipts/cbor.js";
import * as cose from "./receipts/cose.js";
import { EXPONENTS } from "./receipts/currency.js";
import { openDirectory, rootFingerprint } from "./receipts/directory.js";
import { isSupported, isValidSignature } from "./receipts/ed25519.js";
import { ProtocolError } from "./receipts/errors.js";
import * as keys from "./receipts/keys.js";
import { fromHex, toHex } from "./receipts/octets.js";
import { Link, decode, linkWords, recognise } from "./receipts/qrtext.js";
import { rebuild } from "./receipts/rebuild.js";
import { readReceipt } from "./receipts/receipt.js";
import { readStatement, sightWords, statementPayload } from "./receipts/statement.js";
import { checkText } from "./receipts/text.js";
import { readVerdict, verdictPayload } from "./receipts/verdict.js";
import { verifyReceipt } from "./receipts/verify.js";

const READERS = {
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
  directory: ({ hex, root }) => openDirectory(fromHex(hex), root && fromHex(root)),
  bucket: async ({ hex }) => Object.fromEntries(await keys.readBucket(fromHex(hex))),
  bucket_path: ({ hex }) => keys.bucketPath(fromHex(hex)),
  receipt: async ({ hex }) => rebuild(await readReceipt(cose.parse(fromHex(hex)))),
  verify,
  qr_text: ({ text, link = "RECEIPT" }) => decode(text, Link[link]),
  recognise: ({ text }) => withWords(recognise(text)),
};

const opened = new Map();

async function verify({ hex, directory, fetched, words }) {
  // The sentences of a page in another language.
  globalThis.gettext = words && ((message) => words[message] ?? message);
  opened.set(directory, opened.get(directory) ?? (await openDirectory(fromHex(directory))));
  const message = fromHex(hex);
  const messages = Object.entries(fetched ?? {}).map(([vk, given]) => [vk, given.map(fromHex)]);
  const report = await verifyReceipt(message, opened.get(directory), new Map(messages));
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

/** Whether a receipt is in the receipt log (docs/protocol.md section 22); protocol/log.py. */

import * as cbor from "./cbor.js";
import * as cose from "./cose.js";
import { ofPurpose } from "./directory.js";
import { KEY_COMPROMISED, endOf, isCompromised, isOver } from "./ended.js";
import { ProtocolError } from "./errors.js";
import { DIGEST_BYTES, MAX_TIME, checkBytes, checkList, checkUint, versioned } from "./fields.js";
import { Purpose, covers, findSigner } from "./keys.js";
import { MAX_PATH, rootOfPath } from "./merkle.js";
import { isEqual, sha256 } from "./octets.js";
import { checkOrigin } from "./text.js";
import { gettext } from "./words.js";

// So many stand in a proof file, of hosts whose keys a directory has.
const MAX_COSIGNATURES = 10;

/** @typedef {import("./directory.js").Directory} Directory */

/**
 * The platform's word for its whole log at a time, typ cs-checkpoint.
 * @typedef {object} Checkpoint
 * @property {string} origin Of the platform, as its directory says.
 * @property {number} size Number of entries; never 0.
 * @property {Uint8Array} root Root hash over them, 32 bytes.
 * @property {number} time Unix seconds.
 */

/**
 * A proof file: `[1, checkpoint, index, [* hash], ? [* cosignature]]`.
 * @typedef {object} Proof
 * @property {Uint8Array} checkpoint COSE_Sign1, typ cs-checkpoint.
 * @property {number} index Of the receipt's entry, from 0.
 * @property {Uint8Array[]} path From the entry up to the root.
 * @property {Uint8Array[]} cosignatures Of hosts on that checkpoint; often none.
 */

/**
 * Read a proof file; nothing in it is checked against any key here.
 * @param {Uint8Array} content
 * @returns {Proof}
 * @throws {ProtocolError} whatever rule it breaks.
 */
export function readProof(content) {
  const value = cbor.decode(content);
  const length = Array.isArray(value) && value.length === 5 ? 5 : 4;
  const [checkpoint, index, hashes, ...more] = versioned("proof", value, length);
  const path = checkList("path", hashes, 0, MAX_PATH);
  const cosignatures = more.flatMap((each) => checkList("cosignatures", each, 1, MAX_COSIGNATURES));
  if (!(checkpoint instanceof Uint8Array)) {
    throw new ProtocolError("type_wrong", gettext("the checkpoint must be bytes"));
  }
  checkUint("index", index);
  for (const hash of path) checkBytes("hash", hash, DIGEST_BYTES);
  if (!cosignatures.every((each) => each instanceof Uint8Array)) {
    throw new ProtocolError("type_wrong", gettext("the cosignatures must be bytes"));
  }
  return { checkpoint, index, path, cosignatures };
}

/**
 * Check that a receipt is in the log of a directory's platform.
 * @param {Uint8Array} receipt COSE_Sign1 bytes; what it says is not looked at.
 * @param {Proof} proof
 * @param {Directory} directory The keys the reader installed.
 * @returns {Promise<Checkpoint>} Under which it stands.
 * @throws {ProtocolError} that of the checkpoint, or `proof_invalid`; `key_compromised` when it
 *   cannot be told.
 */
export async function checkLogged(receipt, proof, directory) {
  const signed = cose.parse(proof.checkpoint);
  const checkpoint = readCheckpoint(signed);
  await checkSigner(signed, checkpoint, directory);
  const entry = await sha256(receipt);
  const root = await rootOfPath(entry, proof.index, checkpoint.size, proof.path);
  if (!isEqual(root, checkpoint.root)) {
    throw new ProtocolError("proof_invalid", gettext("the proof is not for this receipt"));
  }
  // Whoever has the key can write any time, so that alone it says nothing any more.
  if (isCompromised(endOf(directory, signed.kid))) {
    throw new ProtocolError(KEY_COMPROMISED, gettext("the key of the log was compromised"));
  }
  return checkpoint;
}

/**
 * @param {cose.Sign1} signed
 * @param {Checkpoint} checkpoint What it says.
 * @param {Directory} directory
 * @throws {ProtocolError} `signature_invalid` when no log key of that platform signed it on a day
 *   of its certificate, or one that had ended.
 */
async function checkSigner(signed, { time }, directory) {
  const current = ofPurpose(directory.keys, Purpose.LOG).filter((key) => covers(key, time));
  if (!(await findSigner(signed, current))) {
    const detail = gettext("no log key of the platform signed it");
    throw new ProtocolError("signature_invalid", detail);
  }
  if (isOver(endOf(directory, signed.kid), time)) {
    throw new ProtocolError("signature_invalid", gettext("the key of the log had ended"));
  }
}

/**
 * @param {cose.Sign1} signed Its signature is not checked here.
 * @param {string} [typ] A host's word for a checkpoint has another one.
 * @returns {Checkpoint}
 */
export function readCheckpoint(signed, typ = cose.Typ.CHECKPOINT) {
  cose.requireTyp(signed, typ);
  const [origin, size, root, time] = versioned("checkpoint", cbor.decode(signed.payload), 5);
  checkOrigin("origin", origin);
  checkUint("size", size, { low: 1 });
  checkBytes("root", root, DIGEST_BYTES);
  checkUint("time", time, { high: MAX_TIME });
  return { origin, size, root, time };
}

/**
 * A host's word that a platform's receipt log only grew (docs/protocol.md section 22);
 * protocol/cosignature.py.
 */

import * as cose from "./cose.js";
import { endOf, isCompromised, isRetired } from "./ended.js";
import { ProtocolError } from "./errors.js";
import { covers, findSigner } from "./keys.js";
import { readCheckpoint } from "./log.js";
import { isEqual } from "./octets.js";
import { gettext } from "./words.js";

/**
 * @typedef {import("./directory.js").Directory} Directory
 * @typedef {import("./directory.js").Host} Host
 * @typedef {import("./log.js").Checkpoint} Checkpoint
 */

/**
 * Return the names of the hosts that signed for a proof's checkpoint, each once.  Hosts and keys
 * that the directory does not list are left out: it may be older than they are.
 * @param {import("./log.js").Proof} proof
 * @param {Checkpoint} checkpoint
 * @param {Directory} directory
 * @returns {Promise<string[]>}
 * @throws {ProtocolError} whatever rule one of them breaks; no such file is a proof.
 */
export async function cosigners({ cosignatures }, checkpoint, directory) {
  const names = new Set();
  for (const message of cosignatures) {
    const { signed, time } = readCosignature(message, checkpoint);
    const host = await findHost(signed, time, directory.hosts);
    const end = endOf(directory, signed.kid);
    // A key that had ended counts for nothing; of one that got out nobody knows when it signed.
    if (host && !isCompromised(end) && !isRetired(end, time)) names.add(host.name);
  }
  return [...names];
}

/**
 * @param {Uint8Array} message Its signature is not checked here.
 * @param {Checkpoint} checkpoint
 * @returns {{signed: cose.Sign1, time: number}} When by the host's clock.
 * @throws {ProtocolError} whatever rule it breaks; `cosignature_wrong` when it is for another log.
 */
function readCosignature(message, checkpoint) {
  const signed = cose.parse(message);
  const { origin, size, root, time } = readCheckpoint(signed, cose.Typ.COSIGNATURE);
  const isIt = origin === checkpoint.origin && size === checkpoint.size;
  if (!isIt || !isEqual(root, checkpoint.root)) {
    throw new ProtocolError("cosignature_wrong", gettext("the host signed for another log"));
  }
  return { signed, time };
}

/**
 * Return which of these hosts signed, with a key whose certificate covers that day.
 * @param {cose.Sign1} signed
 * @param {number} time
 * @param {Host[]} hosts
 * @returns {Promise<Host | undefined>}
 */
async function findHost(signed, time, hosts) {
  for (const host of hosts) {
    const current = host.keys.filter((key) => covers(key, time));
    if (await findSigner(signed, current)) return host;
  }
}

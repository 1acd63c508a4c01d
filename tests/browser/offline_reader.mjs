// Reads and makes messages with the modules of the phone's page: more readers for reader.mjs.

import { fromBase64, toBase64 } from "./offline/base64.js";
import { Assembler, LinkError, Splitter, separate } from "./offline/frames.js";
import * as hpke from "./offline/hpke.js";
import * as messages from "./offline/messages.js";
import { newest } from "./offline/registering.js";
import * as cose from "./receipts/cose.js";
import { openDirectory } from "./receipts/directory.js";
import { readEnded } from "./receipts/ended.js";
import { openCertificate } from "./receipts/keys.js";
import { concat, fromHex, toHex } from "./receipts/octets.js";
import { Link, encode } from "./receipts/qrtext.js";

export const OFFLINE_READERS = {
  offline_unpack: ({ hex, kinds }) => messages.unpack(fromHex(hex), ...kinds),
  offline_offer: ({ hex }) => {
    const { parts } = messages.unpack(fromHex(hex), messages.Kind.OFFER);
    const offer = messages.readOffer(parts);
    return { ...offer, again: messages.pack(messages.Kind.OFFER, ...messages.offerParts(offer)) };
  },
  offline_tbs: ({ hex }) => messages.readTbs(cose.parse(fromHex(hex))),
  offline_result: ({ hex }) => messages.readResult(cose.parse(fromHex(hex))),
  offline_answers: ({ hex, asked }) =>
    messages.answers(messages.readTbs(cose.parse(fromHex(hex))), applicationOf(asked)),
  offline_opened: async ({ hex, root, platform, certificates, directory, ended, now }) => {
    const listed = directory.map((message) => openCertificate(fromHex(message), fromHex(root)));
    const trust = {
      keys: await Promise.all(listed),
      root: fromHex(root),
      platform,
      certificates: certificates.map(fromHex),
      ended: readEnded(ended.map(([kid, ...times]) => [fromHex(kid), ...times])),
    };
    return messages.openOfPlatform(fromHex(hex), trust, messages.readTbs, now);
  },
  offline_newest: async ({ held, offered }) => {
    const [known, other] = await Promise.all(
      [held, offered].map((hex) => (hex ? openDirectory(fromHex(hex)) : undefined)),
    );
    return newest(known, other)?.number;
  },
  offline_signed: async ({ seed, key, typ, made }) =>
    cose.sign(typ, payloadOf(typ, made), {
      privateKey: await privateKey("Ed25519", seed, ["sign"]),
      publicKey: fromHex(key),
    }),
  offline_serial: ({ client, counter }) => messages.drawSerial(fromHex(client), counter),
  offline_sealed: ({ serial, countersign, proof, box }) =>
    messages.seal(fromHex(serial), fromHex(countersign), proof && fromHex(proof), fromHex(box)),
  offline_password: async ({ password, salt, digest }) => {
    const key = await messages.passwordKey(password, fromHex(salt));
    return { key, proof: await messages.passwordProof(key, fromHex(digest)) };
  },
  hpke_encapsulated: async ({ box, ephemeral, enc, info, aead }) => {
    const pair = {
      privateKey: await privateKey("X25519", ephemeral, ["deriveBits"]),
      publicKey: await crypto.subtle.importKey("raw", fromHex(enc), "X25519", true, []),
    };
    const { secret, enc: again } = await hpke.encapsulate(fromHex(box), pair);
    return { secret, enc: again, ...(await hpke.schedule(secret, fromHex(info), aead)) };
  },
  frames_split: ({ hex, first }) => new Splitter(first).split(fromHex(hex)),
  frames_separate: ({ hex }) => separate(fromHex(hex)),
  frames_joined: ({ frames }) => {
    let now = 0;
    const assembler = new Assembler(() => now);
    return frames.map(({ hex, at = 0 }) => {
      now = at * 1000;
      try {
        return assembler.add(fromHex(hex));
      } catch (error) {
        if (error instanceof LinkError) return error.code;
        throw error;
      }
    });
  },
  qr_text_of: ({ hex, origin }) => encode(origin, Link.OFFLINE, fromHex(hex)),
  offline_typs: () => Object.values(cose.Typ).filter((typ) => typ.startsWith("cs-offline-")),
  base64: ({ hex }) => toBase64(fromHex(hex)),
  from_base64: ({ text }) => fromBase64(text),
};

// RFC 8410: what stands before the seed in PKCS #8, by the last byte of the algorithm.
const PKCS8 = { Ed25519: "302e020100300506032b657004220420", X25519: "302e020100300506032b656e04220420" };

function privateKey(name, seed, usages) {
  const encoded = concat(fromHex(PKCS8[name]), fromHex(seed));
  return crypto.subtle.importKey("pkcs8", encoded, { name }, false, usages);
}

function payloadOf(typ, made) {
  if (typ === cose.Typ.OFFLINE_APPLICATION) {
    return messages.applicationPayload(applicationOf(made));
  }
  if (typ === cose.Typ.OFFLINE_COUNTERSIGN) {
    return messages.countersignPayload(fromHex(made.digest), made.response);
  }
  return messages.codePayload({ ...made, serial: fromHex(made.serial) });
}

function applicationOf({ serial, service, subject, ...rest }) {
  const bytes = { serial: fromHex(serial), service: fromHex(service) };
  return { ...rest, ...bytes, subject: subject && fromHex(subject) };
}

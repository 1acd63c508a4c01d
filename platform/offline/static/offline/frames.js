/** Messages cut into frames, and put together again; terminal/links/frames.py. */

import { concat, isEqual } from "../receipts/octets.js";
import { gettext } from "../receipts/words.js";

const MAGIC = [0x43, 0x53]; // CS
const HEAD_BYTES = 7;
const CHECK_BYTES = 4;
export const MAX_PAYLOAD = 100;
export const MAX_FRAMES = 255;
export const MAX_FRAME = HEAD_BYTES + MAX_PAYLOAD + CHECK_BYTES;
// Of messages begun, and of those that came whole: enough for a link with two ends.
const KEPT = 4;
// After this a message whose frames do not come any more is forgotten.
const LIFETIME_MS = 60_000;

/** What a link refuses; the next message may pass again. */
export class LinkError extends Error {
  name = "LinkError";

  /** @param {"link_corrupt" | "link_timeout" | "link_too_large" | "link_unusable"} code */
  constructor(code) {
    const sentences = {
      link_corrupt: gettext("What came over the link was damaged: try again."),
      link_timeout: gettext("Nothing came over the link in time: try again."),
      link_too_large: gettext("This message is too long for the link."),
      link_unusable: gettext("This link cannot be used here."),
    };
    super(sentences[code]);
    this.code = code;
  }
}

/**
 * @typedef {object} Frame
 * @property {number} message Number of the message.
 * @property {number} index From 0.
 * @property {number} total How many frames the message has.
 * @property {Uint8Array} payload
 */

/** Cuts messages into frames; the number of the first is drawn, the next ones follow. */
export class Splitter {
  /** @param {number} [first] Given by tests alone. */
  constructor(first = crypto.getRandomValues(new Uint16Array(1))[0]) {
    this.next = first;
  }

  /**
   * @param {Uint8Array} message
   * @returns {Uint8Array[]} Its frames.
   * @throws {LinkError} `link_too_large`.
   */
  split(message) {
    const total = Math.ceil(message.length / MAX_PAYLOAD);
    if (total < 1 || total > MAX_FRAMES) throw new LinkError("link_too_large");
    const number = this.next;
    this.next = (number + 1) % 2 ** 16;
    return Array.from({ length: total }, (_, index) => {
      const payload = message.subarray(index * MAX_PAYLOAD, (index + 1) * MAX_PAYLOAD);
      return write({ message: number, index, total, payload });
    });
  }
}

/**
 * Take apart frames that were written one behind the other; none is looked into.
 * @param {Uint8Array} frames
 * @returns {Uint8Array[]}
 */
export function separate(frames) {
  const found = [];
  for (let start = 0; start < frames.length; ) {
    // Cut short, the last one is shorter than it says: reading it refuses.
    const frame = unpadded(frames.subarray(start));
    found.push(frame);
    start += frame.length;
  }
  return found;
}

/**
 * Return the frame that some bytes begin with, as long as it says; it is not looked into.
 * @param {Uint8Array} data
 */
export function unpadded(data) {
  return data.subarray(0, HEAD_BYTES + (data[HEAD_BYTES - 1] ?? 0) + CHECK_BYTES);
}

/** Puts frames together, whatever their order, and however often each comes. */
export class Assembler {
  /** @type {Map<number, {total: number, until: number, payloads: Map<number, Uint8Array>}>} */
  #messages = new Map();
  #now;

  /** @param {() => number} now Milliseconds that only rise. */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Take one frame in.
   * @param {Uint8Array} data
   * @returns {Uint8Array | null} The message whose last missing frame this was, once.
   * @throws {LinkError} `link_corrupt`: it is damaged, or contradicts an earlier frame of the
   *   same message, which is then forgotten.
   */
  add(data) {
    const { message, index, total, payload } = read(data);
    this.#forget();
    const begun = this.#messages.get(message) ?? {
      total,
      until: this.#now() + LIFETIME_MS,
      payloads: new Map(),
    };
    this.#messages.set(message, begun);
    const wasWhole = begun.payloads.size === begun.total;
    const earlier = begun.payloads.get(index) ?? payload;
    if (begun.total !== total || !isEqual(earlier, payload)) {
      this.#messages.delete(message);
      throw new LinkError("link_corrupt");
    }
    begun.payloads.set(index, payload);
    if (wasWhole || begun.payloads.size < total) return null;
    const inOrder = [...begun.payloads].sort(([left], [right]) => left - right);
    return concat(...inOrder.map(([, each]) => each));
  }

  #forget() {
    const now = this.#now();
    for (const [number, begun] of this.#messages) {
      if (begun.until <= now || this.#messages.size > KEPT) this.#messages.delete(number);
    }
  }
}

/**
 * @param {Frame} frame
 * @returns {Uint8Array} Big-endian: magic 2, message 2, index 1, total 1, length 1, payload, CRC 4.
 */
function write({ message, index, total, payload }) {
  const head = [...MAGIC, message >> 8, message & 0xff, index, total, payload.length];
  const body = concat(Uint8Array.from(head), payload);
  return concat(body, crc32(body));
}

/**
 * @param {Uint8Array} data
 * @returns {Frame}
 * @throws {LinkError} `link_corrupt`: it is none, or is damaged.
 */
function read(data) {
  const [first, second, high, low, index, total, length] = data;
  const payload = data.slice(HEAD_BYTES, -CHECK_BYTES);
  const isWhole = length >= 1 && length <= MAX_PAYLOAD && payload.length === length;
  // Only where `Splitter` would cut: a message has one form.
  const isCutThere = index === total - 1 || (index < total - 1 && length === MAX_PAYLOAD);
  const isSound =
    isWhole &&
    isCutThere &&
    first === MAGIC[0] &&
    second === MAGIC[1] &&
    isEqual(crc32(data.subarray(0, -CHECK_BYTES)), data.subarray(-CHECK_BYTES));
  if (!isSound) throw new LinkError("link_corrupt");
  return { message: (high << 8) | low, index, total, payload };
}

/**
 * CRC-32 (ISO-HDLC), as zlib has it: it finds accidents; against malice the messages are signed.
 * @param {Uint8Array} bytes
 */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  const check = ~crc >>> 0;
  return Uint8Array.of(check >>> 24, check >>> 16, check >>> 8, check);
}

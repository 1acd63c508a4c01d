/** How the phone talks over the near-field link; terminal/offline/talking.py. */

import { ProtocolError } from "../receipts/errors.js";
import { RefusedError } from "./device.js";
import { Kind, pack, unpack } from "./messages.js";

/** @typedef {import("./sound.js").Link} Link */

/** One exchange over a link: kinds that are awaited, and refusals. */
export class Talk {
  /**
   * @param {Link} link
   * @param {AbortSignal} signal
   */
  constructor(link, signal) {
    this.link = link;
    this.signal = signal;
  }

  /**
   * @param {number} kind
   * @param {...any} parts
   */
  say(kind, ...parts) {
    return this.link.send(pack(kind, ...parts));
  }

  /**
   * Return the next message of these kinds; what else comes was said before, or to somebody else:
   * so is a refusal, to a phone that awaits an offer and has asked for nothing.
   * @param {...number} kinds
   * @throws {RefusedError} The device refused.
   */
  async hear(...kinds) {
    const awaited = kinds.includes(Kind.OFFER) ? kinds : [...kinds, Kind.REFUSAL];
    for (;;) {
      const message = await this.link.receive(this.signal);
      let heard;
      try {
        heard = unpack(message, ...awaited);
      } catch (error) {
        if (error instanceof ProtocolError) continue;
        throw error;
      }
      if (heard.kind !== Kind.REFUSAL) return heard;
      throw new RefusedError(heard.parts[0], "", { isHeard: true });
    }
  }

  /**
   * Tell the device why, when this side refuses.
   * @template Value
   * @param {() => Promise<Value>} exchange
   * @returns {Promise<Value>}
   */
  async telling(exchange) {
    try {
      return await exchange();
    } catch (error) {
      const isOurs = error instanceof RefusedError || error instanceof ProtocolError;
      const isHeard = error instanceof RefusedError && error.problem.isHeard;
      if (isOurs && !isHeard && !this.signal.aborted) await this.say(Kind.REFUSAL, error.code);
      throw error;
    }
  }
}

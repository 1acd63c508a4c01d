/** The one error of this package. */

/** A message breaks a rule of the protocol. */
export class ProtocolError extends Error {
  /**
   * @param {string} code Stable, lower_snake_case: docs/protocol.md section 1.
   * @param {string} detail One clear sentence without its full stop, in the reader's language.
   */
  constructor(code, detail) {
    super(`${code}: ${detail}`);
    this.name = "ProtocolError";
    this.code = code;
    this.detail = detail;
  }
}

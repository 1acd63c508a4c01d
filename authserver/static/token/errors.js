/** Why the token app refuses; tokens/errors.py. */

/** The app refuses what it was given. */
export class TokenError extends Error {
  /**
   * @param {string} code Stable, lower_snake_case; those of tokens/errors.py where it has them.
   * @param {string} detail One clear sentence without its full stop, in the reader's language.  It
   *   never holds a seed, a PIN or a response.
   */
  constructor(code, detail) {
    super(`${code}: ${detail}`);
    this.name = "TokenError";
    this.code = code;
    this.detail = detail;
  }
}

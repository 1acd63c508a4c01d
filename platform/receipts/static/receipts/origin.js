/** The origin of a web address, as it stands in QR texts and certificates; protocol/text.py. */

/** As a pattern: scheme, host and port in lower case and nothing behind; 40 bytes at most. */
export const ORIGIN = String.raw`(?:https://[a-z0-9.\-\[\]:]{1,32}|http://[a-z0-9.\-\[\]:]{1,33})`;

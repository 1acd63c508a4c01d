/** Sentences in the reader's language: Django's JavaScript catalogue where a page loaded it. */

// A page without the catalogue has no such functions, and the sentences stay as they are.
const catalogue = /** @type {any} */ (globalThis);

/**
 * Return a sentence in the reader's language.
 * @param {string} message With places such as `%(step)s`.
 * @param {Record<string, string | number>} [values] What goes into the places.
 * @returns {string}
 */
export function gettext(message, values = {}) {
  return fill(catalogue.gettext?.(message) ?? message, values);
}

/**
 * Return the sentence that fits a number.
 * @param {string} one The sentence for one.
 * @param {string} many The sentence for any other number.
 * @param {number} count
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function ngettext(one, many, count, values = {}) {
  const chosen = catalogue.ngettext?.(one, many, count) ?? (count === 1 ? one : many);
  return fill(chosen, values);
}

/**
 * @param {string} sentence
 * @param {Record<string, string | number>} values
 */
function fill(sentence, values) {
  return sentence.replace(/%\((\w+)\)s/g, (place, name) => String(values[name] ?? place));
}

/** What the address of the page holds, and what this entry of the browser's history does. */

/**
 * Take a receipt out of the address, where a phone's own camera app puts it.
 * @returns {string} Its text, or nothing.
 */
export function takeAddress() {
  const { hash, origin, pathname } = location;
  // There may also be the name of a place on this page.
  if (!/^#\d/.test(hash)) return "";
  history.replaceState(null, "", pathname);
  return `${origin}/r${hash}`;
}

/**
 * Return what was shown when this page was left, if the reader comes back to it.
 * @returns {string}
 */
export function takeBack() {
  // A link to this page, from this page itself, means to begin anew.
  const [how] = performance.getEntriesByType("navigation");
  const isNew = /** @type {PerformanceNavigationTiming} */ (how).type === "navigate";
  return (!isNew && history.state?.receipt) || "";
}

/** @param {string} [text] What is shown now. */
export function putBack(text) {
  history.replaceState(text ? { receipt: text } : null, "");
}

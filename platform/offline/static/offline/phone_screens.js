/** The screens of the phone's page, and what stands on them. */

import { amountWords } from "../receipts/amounts.js";
import { element, input } from "./screens.js";

const SCREENS = ["cannot", "new", "ready", "busy", "confirm", "outcome"];
const CHOICES = "countersign.phone.choices";
const CHOSEN = ["by-qr", "by-sound", "always", "front"];

/** @param {string} name */
export function show(name) {
  for (const screen of SCREENS) element(screen).hidden = screen !== name;
  element("facing").hidden = name !== "busy";
  window.scrollTo(0, 0);
}

/** @param {string} sentence */
export function tell(sentence) {
  element("trouble").hidden = !sentence;
  element("trouble-words").textContent = sentence;
}

export function showNetwork() {
  element("is-online").hidden = element("sync").hidden = !navigator.onLine;
  element("is-offline").hidden = navigator.onLine;
}

/**
 * @param {string} title
 * @param {import("./messages.js").Money | null} money
 */
export function head(title, money) {
  element("busy-title").textContent = title;
  element("busy-price").textContent = money ? amountWords(money.amount, money.currency) : "";
}

/** @param {string} words */
export function stage(words) {
  element("stage").textContent = words;
}

export function isByCode() {
  return input("by-qr").checked;
}

/** Choose what was chosen before, and keep what is chosen from now on. */
export function recallChoices() {
  const choices = keptChoices();
  for (const id of CHOSEN) {
    if (id in choices) input(id).checked = Boolean(choices[id]);
    input(id).addEventListener("change", keepChoices);
  }
}

/** @returns {Record<string, boolean>} */
function keptChoices() {
  try {
    return { ...JSON.parse(localStorage.getItem(CHOICES) ?? "{}") };
  } catch {
    return {}; // they are chosen again
  }
}

function keepChoices() {
  const choices = CHOSEN.map((id) => [id, input(id).checked]);
  try {
    localStorage.setItem(CHOICES, JSON.stringify(Object.fromEntries(choices)));
  } catch {
    // Not for the next time, then.
  }
}

/** What was found, as the page shows it: the verdict, the steps, and every line of the report. */

import { amountWords } from "./amounts.js";
import { wayWords } from "./charge.js";
import { SECONDS_PER_DAY } from "./fields.js";
import { canUnfold } from "./folded.js";
import { toHex } from "./octets.js";
import { Kind, sightWords } from "./statement.js";
import { Reason } from "./verdict.js";
import { Outcome, REFUSED } from "./verify.js";
import { gettext } from "./words.js";

/**
 * @typedef {import("./check.js").Finding} Finding
 * @typedef {import("./rebuild.js").Rebuilt} Rebuilt
 * @typedef {import("./verify.js").Report} Report
 */

const language = document.documentElement.lang;
// Names of kinds, by number.
const kinds = JSON.parse(document.getElementById("kinds")?.textContent ?? "{}");

// Number of the line on the platform's own signature.
const SIGNATURE_LINE = 3;

// For each verdict: how its steps are shown, and the seal on those that no line speaks against.
const LOOKS = {
  complete: { steps: "signed", seal: Outcome.PASSED },
  incomplete: { steps: "signed", seal: Outcome.PASSED },
  test: { steps: "signed", seal: Outcome.PASSED },
  // Never green: the platform alone says so.
  charge: { steps: "charged", seal: "charged" },
  right: { steps: "authorized", seal: "charged" },
  refusal: { steps: "refused", seal: Outcome.FAILED },
  unclear: { steps: "claimed", seal: Outcome.UNCHECKED },
  changed: { steps: "claimed", seal: Outcome.FAILED },
  foreign: { steps: "claimed", seal: Outcome.UNCHECKED },
};

/**
 * Return a finding as the page shows it.
 * @param {Finding} finding
 * @returns {DocumentFragment}
 */
export function draw(finding) {
  const { text, report, keys, fetched, notes } = finding;
  const { receipt, charge, identity } = report;
  const named = receipt ?? charge;
  const verdict = verdictOf(finding);
  const page = copy("report");
  const also = fetched
    ? [gettext("Certificates of servers fetched on %(time)s.", { time: moment(fetched) })]
    : [];
  fill(page, {
    verdict: drawVerdict(verdict, report),
    warning: keys.offered ? drawNewRoot(keys) : null,
    steps: named && drawSteps(verdict, report),
    checks: together(report.checks.map(drawCheck)),
    always: together([...report.always, ...also, ...notes].map(item)),
    platform: named && platformWords(named.platform),
    transaction: receipt && toHex(receipt.tx),
    charge: charge && toHex(charge.uid),
    identity: toHex(identity),
    root: keys.root,
    since: gettext("Trusted by this browser since %(time)s.", { time: moment(keys.since) }),
    code: text,
    continue: canContinue(report) ? drawContinuation(text) : null,
  });
  showCopying(page);
  return page;
}

/**
 * Say what a finding is about, for a list.
 * @param {Finding} finding
 */
export function summary(finding) {
  const { report, text } = finding;
  const verdict = verdictOf(finding);
  const about = report.charge ?? report.steps.at(-1)?.statement.demand;
  if (!about) return { verdict, title: gettext("Not a receipt"), who: text.slice(0, 40) };
  const kind = "kind" in about ? kinds[about.kind] : about.text;
  const amount = about.amount === null ? [] : [amountWords(about.amount, about.currency ?? "")];
  const party = report.charge?.payee ?? report.steps.at(-1)?.statement.party;
  return { verdict, title: [kind, ...amount].join(" · "), who: party?.name ?? party?.account ?? "" };
}

/**
 * Show the buttons that copy, where a page can: site.js, which does it, has looked for them before.
 * @param {DocumentFragment} part
 */
export function showCopying(part) {
  for (const button of part.querySelectorAll("[data-copy]")) {
    /** @type {HTMLElement} */ (button).hidden = !navigator.clipboard;
  }
}

/**
 * Return a copy of a template of the page.
 * @param {string} id
 * @returns {DocumentFragment}
 */
export function copy(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {DocumentFragment} */ (template.content.cloneNode(true));
}

/**
 * Put values where a template names them.  Text goes in as text, whatever it says.
 * @param {DocumentFragment} part
 * @param {Record<string, string | Node | null>} values With `null` the place goes, and the row of
 *   facts that it is in.
 */
export function fill(part, values) {
  for (const [name, value] of Object.entries(values)) {
    const place = part.querySelector(`[data-field="${name}"]`);
    if (value === null) (place?.closest(".facts > div") ?? place)?.remove();
    else place?.replaceChildren(value);
  }
}

/**
 * Tell the outcomes apart that people have to tell apart.
 * @param {Finding} finding
 * @returns {keyof typeof LOOKS}
 */
function verdictOf({ report, keys }) {
  if (report.isValid && report.charge) return report.charge.amount === null ? "right" : "charge";
  // Genuine or not, a test is never to be taken for the real thing.
  if (report.isValid && kindOfNewest(report) === Kind.TEST) return "test";
  if (report.isValid) return report.isComplete ? "complete" : "incomplete";
  if (report.isRefusal) return "refusal";
  const failed = report.failures.map(({ code }) => code);
  // Nothing speaks against it, but a key got out, and the platform may not have signed it.
  if (failed.every((code) => code === REFUSED)) return "unclear";
  if (failed.includes("receipt_not_ours")) return "foreign";
  // Two platforms may have taken one id: then their keys differ, and their origins.
  const named = report.receipt ?? report.charge;
  const isElsewhere = named?.platform.origin !== keys.directory.platform.origin;
  return isElsewhere && failed.includes("receipt_signature_invalid") ? "foreign" : "changed";
}

/**
 * @param {keyof typeof LOOKS} verdict
 * @param {Report} report
 */
function drawVerdict(verdict, { receipt, charge, failures, checks }) {
  const part = copy(`verdict-${verdict}`);
  const platform = (receipt ?? charge)?.platform;
  const whys = new Map([
    ["foreign", platform && platformWords(platform)],
    ["unclear", checks.find(({ number }) => number === SIGNATURE_LINE)?.text],
  ]);
  fill(part, { why: (whys.has(verdict) ? whys.get(verdict) : failures[0]?.text) ?? null });
  return part;
}

/**
 * @param {keyof typeof LOOKS} verdict
 * @param {Report} report
 */
function drawSteps(verdict, report) {
  const { steps, seal } = LOOKS[verdict];
  const part = copy(`steps-${steps}`);
  const drawn = report.steps.map((step, place) => {
    const { pos } = step.statement;
    const isOpen = report.checks.some((check) => check.step === pos && check.outcome === Outcome.UNCHECKED);
    return drawStep(step, report, place, isOpen ? Outcome.UNCHECKED : seal);
  });
  if (report.charge) drawn.push(drawCharge(report.charge, seal));
  fill(part, {
    list: together(drawn.reverse()),
    folded: report.checks.find(({ code }) => code === "folded")?.text ?? null,
    unfold: canUnfold(report) ? copy("unfold") : null,
  });
  return part;
}

/**
 * @param {Rebuilt} step
 * @param {Report} report
 * @param {number} place
 * @param {string} seal
 */
function drawStep({ statement }, { receipt }, place, seal) {
  const { party, demand, serial, sight, pos, issued } = statement;
  const part = copy("step");
  const decided = time(receipt?.steps[place].decided ?? 0);
  const isSigned = receipt?.reason === Reason.ACCEPTED;
  fill(part, {
    seal: copy(`seal-${seal}`),
    number: gettext("Step %(step)s", { step: pos + 1 }),
    who: party.name ?? party.account,
    kind: kinds[demand.kind],
    amount: demand.amount === null ? null : amountWords(demand.amount, demand.currency ?? ""),
    payeeName: demand.payeeName,
    payeeAccount: demand.payeeAccount,
    text: demand.text,
    reference: demand.reference,
    due: demand.dueDays === null ? null : dayWords(issued, demand.dueDays),
    remark: party.remark,
    account: inGroups(party.account),
    signedAt: isSigned ? decided : null,
    refusedAt: isSigned ? null : decided,
    serial,
    sight: sightWords(sight),
  });
  return part;
}

/**
 * @param {import("./charge.js").Charge} charge
 * @param {string} seal
 */
function drawCharge({ payer, payee, text, amount, currency, way, captured }, seal) {
  const part = copy(amount === null ? "right" : "charge");
  fill(part, {
    seal: copy(`seal-${seal}`),
    payer: payer.name ?? payer.account,
    payee: payee.name ?? payee.account,
    amount: amount === null ? null : amountWords(amount, currency ?? ""),
    text,
    way: wayWords(way),
    payerAccount: inGroups(payer.account),
    payeeAccount: inGroups(payee.account),
    captured: time(captured),
  });
  return part;
}

/** @param {import("./verify.js").Check} check */
function drawCheck({ number, outcome, text }) {
  const part = copy("check");
  fill(part, { badge: copy(`badge-${outcome}`), number: `${number}.`, text });
  return part;
}

/** @param {import("./installed.js").Installed} keys */
function drawNewRoot({ root, offered }) {
  const part = copy("new-root");
  fill(part, { known: root, offered });
  return part;
}

/** @param {Report} report */
function canContinue(report) {
  return report.isValid && !report.charge && kindOfNewest(report) <= Kind.OTHER;
}

/** @param {Report} report */
function kindOfNewest({ steps }) {
  return steps[steps.length - 1].statement.demand.kind;
}

/** @param {string} text */
function drawContinuation(text) {
  const part = copy("continuation");
  /** @type {HTMLInputElement} */ (part.querySelector("[name=receipt]")).value = text;
  return part;
}

/**
 * Write digits in groups of four, so that they are read without losing the place.
 * @param {string} digits
 */
function inGroups(digits) {
  return digits.replace(/.{4}(?=.)/g, "$& ");
}

/** @param {import("./statement.js").Platform} platform */
function platformWords({ id, name, origin }) {
  return `${name} (${id}), ${origin}`;
}

/**
 * @param {number} issued
 * @param {number} days Behind the day of issue (UTC).
 */
function dayWords(issued, days) {
  const day = new Date((issued + days * SECONDS_PER_DAY) * 1000);
  return new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" }).format(day);
}

/** @param {Date | string} date */
export function moment(date) {
  const format = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  return format.format(new Date(date));
}

/** @param {number} seconds */
function time(seconds) {
  const element = document.createElement("time");
  element.dateTime = element.title = new Date(seconds * 1000).toISOString();
  element.textContent = moment(element.dateTime);
  return element;
}

/** @param {string} text */
function item(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

/** @param {Node[]} parts */
function together(parts) {
  const whole = document.createDocumentFragment();
  whole.append(...parts);
  return whole;
}

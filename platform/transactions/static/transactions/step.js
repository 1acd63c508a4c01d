// An open step: counts down, and notices by itself when the step has changed.  Asking costs no try.

const live = document.querySelector("#live");
const offline = document.querySelector("#offline");
const countdowns = document.querySelectorAll("[data-countdown]");
const announcements = [...document.querySelectorAll("#announcements > [data-at]")];

const BETWEEN_MS = 2000;
const LONGEST_MS = 30_000;

// By this page's own stopwatch: the clock of the computer may be wrong.
let endsAt = performance.now() + Number(live.dataset.secondsLeft) * 1000;

function secondsLeft() {
  return Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
}

function count() {
  const left = secondsLeft();
  for (const countdown of countdowns) {
    countdown.hidden = false;
    countdown.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    countdown.classList.toggle("countdown-short", left <= 30);
  }
  for (const text of announcements) {
    // Told once, when it is reached; a few seconds wide, since a busy page may skip one.
    const sooner = Number(text.dataset.at) - left;
    text.hidden = sooner < 0 || sooner > 4;
  }
}

count();
setInterval(count, 1000);

let failures = 0;
let timer;

async function ask() {
  clearTimeout(timer);
  if (document.hidden) return; // becoming visible asks again
  try {
    const answer = await fetch(live.dataset.stateUrl, { headers: { Accept: "application/json" } });
    if (answer.redirected) return; // signed out: what was typed stays, and sending it leads to the sign-in
    if (!answer.ok) throw new Error(String(answer.status));
    const { state, seconds_left: left } = await answer.json();
    // Not reload(): a page that came after a form would be sent again.
    if (state !== live.dataset.state) return location.replace(location.pathname);
    endsAt = performance.now() + left * 1000;
    failures = 0;
  } catch {
    failures += 1;
  }
  offline.hidden = failures === 0;
  timer = setTimeout(ask, Math.min(LONGEST_MS, BETWEEN_MS * 2 ** failures));
}

timer = setTimeout(ask, BETWEEN_MS);
document.addEventListener("visibilitychange", ask);
window.addEventListener("online", ask);
window.addEventListener("pageshow", (event) => event.persisted && ask());

// The link's fragment never leaves the browser by itself: send it in a form, and clear it from
// the address and the history.
"use strict";

const field = document.getElementById("link");
if (field && /^#[0-9]+$/.test(location.hash)) {
  field.value = location.href;
  history.replaceState(null, "", location.pathname);
  field.form.submit();
}

// Here a fragment is a token's secret, which is nothing for the history.
if (location.pathname === "/p") history.replaceState(null, "", location.pathname);

// A second press would ask again, and the answer with the code would never be seen.
const show = document.getElementById("show");
show?.addEventListener("submit", (event) => {
  if (show.dataset.sent) event.preventDefault();
  show.dataset.sent = "yes";
});

// While the QR code is shown, look again every three seconds; the page changes when there is news.
const again = document.getElementById("again");

async function ask() {
  const body = new URLSearchParams(new FormData(again));
  const answer = await fetch(again.action, { method: "POST", body });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function look() {
  // An answer that does not come, or breaks off, is no news.
  const news = await ask().catch(() => null);
  if (!news?.querySelector("main") || news.getElementById("again")) {
    setTimeout(look, 3000);
    return;
  }
  document.querySelector("main").replaceWith(news.querySelector("main"));
  document.querySelector("h1").focus();
}

if (again) setTimeout(look, 3000);

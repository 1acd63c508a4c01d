// What the operator pages have: times in the reader's own zone, and a look again while work goes on.
"use strict";

function tellTimes(root) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: "medium",
    timeStyle: "short",
  });
  for (const time of root.querySelectorAll("time")) {
    time.title = time.textContent;
    time.textContent = format.format(new Date(time.dateTime));
  }
}

// <div id="…" data-again="1500"> is fetched anew until it says so no more.
async function lookAgain(part) {
  await new Promise((wake) => setTimeout(wake, Number(part.dataset.again)));
  const answer = await fetch("?again=1").catch(() => null);
  // Signed out meanwhile: let the page say so.
  if (answer?.redirected) return location.reload();
  const news = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = news && news.getElementById(part.id);
  if (!fresh) return lookAgain(part);
  tellTimes(fresh);
  part.replaceWith(fresh);
  if (fresh.dataset.again) return lookAgain(fresh);
  fresh.querySelector("h1").tabIndex = -1;
  fresh.querySelector("h1").focus();
}

tellTimes(document);
for (const part of document.querySelectorAll("[data-again]")) lookAgain(part);

// A form is sent once; one that hands out a file may be sent again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || "download" in form.dataset) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
});

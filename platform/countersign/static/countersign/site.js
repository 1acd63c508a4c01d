// What every page has: times in the reader's own zone, copying, and forms that are sent once.

for (const time of document.querySelectorAll("time[data-when]")) {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: "medium",
    timeStyle: time.dataset.when === "exact" ? "medium" : "short",
  });
  time.title = time.textContent;
  time.textContent = format.format(new Date(time.dateTime));
}

// <button data-copy="#id" data-done="Copied"> copies the text of what it names.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
  const label = button.lastElementChild ?? button;
  const before = label.textContent;
  label.textContent = button.dataset.done;
  setTimeout(() => (label.textContent = before), 2000);
});
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard; // not there on plain http
}

// A form is sent once; the page that comes back with the Back button is ready again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("button")) button.removeAttribute("aria-disabled");
  }
});

// <img data-lost="…"> says so when it cannot be shown: what is stored may not verify any more.
for (const image of document.querySelectorAll("img[data-lost]")) {
  const tell = () => {
    const text = document.createElement("p");
    text.setAttribute("role", "alert");
    text.textContent = image.dataset.lost;
    image.parentElement.replaceWith(text);
  };
  if (image.complete && image.naturalWidth === 0) tell();
  else image.addEventListener("error", tell);
}

// <button data-print> prints; it is hidden where there is no script.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// How much waits, in the navigation: asked for while the page is looked at.
const counted = document.querySelector("[data-count-url]");
if (counted) {
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch(counted.dataset.countUrl, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    for (const [what, number] of Object.entries(await answer.json())) {
      const mark = counted.querySelector(`[data-count="${what}"]`);
      mark.textContent = number;
      mark.hidden = number === 0;
    }
  }, 20_000);
}

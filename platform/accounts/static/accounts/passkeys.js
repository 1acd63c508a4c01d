// Passkeys by allauth's scripts: what they leave out.

const note = document.getElementById("passkey-problem");

// The person said no, or has no such key: the browser does not tell which.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  note.hidden = false;
  note.focus();
});

// The Enter key in a form does what its button does: ask for the passkey first.
for (const credential of document.querySelectorAll("input[name=credential]")) {
  credential.value = ""; // "null", to begin with
  credential.form.addEventListener("submit", (event) => {
    if (credential.value) return;
    event.preventDefault();
    credential.form.querySelector("[data-passkey]")?.click();
  });
}

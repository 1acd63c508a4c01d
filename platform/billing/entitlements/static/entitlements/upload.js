// <form data-upload> shows how far the file has come; without this it is sent as any other form.

document.addEventListener("submit", onSubmit, { capture: true });

function onSubmit(event) {
  const form = event.target;
  if (!form.matches("[data-upload]")) return;
  event.preventDefault();
  if (form.dataset.sent) return;
  const said = form.querySelector("[data-said]");
  const [file] = form.querySelector("input[type=file]").files;
  form.querySelector("[data-progress]").hidden = false;
  if (file && file.size > Number(form.dataset.limit)) {
    said.textContent = said.dataset.tooLarge;
    return;
  }
  send(form, said);
}

function send(form, said) {
  const bar = form.querySelector("progress");
  const request = new XMLHttpRequest();
  form.dataset.sent = "yes";
  said.textContent = "";
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    bar.value = (100 * loaded) / total;
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value"); // busy, for as long as it takes
    said.textContent = said.dataset.encrypting;
  });
  request.addEventListener("load", () => answered(request));
  request.addEventListener("error", () => {
    delete form.dataset.sent;
    bar.value = 0;
    said.textContent = said.dataset.lost;
  });
  request.open("POST", location.href);
  request.send(new FormData(form));
}

function answered(request) {
  if (request.status === 200) {
    location.assign(request.responseURL);
    return;
  }
  // Refused: the same page, with what is wrong on it.
  const page = new DOMParser().parseFromString(request.responseText, "text/html");
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.querySelector("main").focus();
}

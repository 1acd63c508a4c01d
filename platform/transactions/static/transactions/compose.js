// While a step is written, the server reads along: what it says stands beside each field.
// No rule is repeated here.

const PAUSE = 400;
const form = document.querySelector("form[data-compose]");
if (form) {
  const fields = new Map();
  for (const box of form.querySelectorAll(".field")) {
    const input = box.querySelector("input, select, textarea");
    fields.set(input.name, field(box));
  }
  // What nobody has touched is not complained about.
  const touched = new Set([...fields].filter(([, shown]) => shown.isWrong()).map(([name]) => name));
  let timer;
  let last;

  const check = async () => {
    last?.abort();
    last = new AbortController();
    const body = new FormData(form);
    body.append("check", "1");
    const request = { method: "POST", body, signal: last.signal, headers: { Accept: "application/json" } };
    // Without a connection or a session nothing is said: sending will tell.
    const said = await fetch(location.href, request)
      .then((answer) => (answer.ok && !answer.redirected ? answer.json() : null))
      .catch(() => null);
    if (!said) return;
    const { errors, notes } = said;
    for (const [name, shown] of fields) {
      shown.note(notes[name] ?? "");
      if (touched.has(name)) shown.complain(errors[name] ?? "");
    }
    form.querySelector("[data-said-of-all]").textContent = errors.__all__ ?? "";
  };
  const checkSoon = () => {
    // What is still to be said is about what stood there before.
    last?.abort();
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE);
  };

  // A page that comes back with the Back button is the same drawing, also when it is loaded anew: what is sent from
  // it again is then known again.
  const drawing = document.createElement("input");
  drawing.type = "hidden";
  drawing.name = "drawing";
  drawing.value = history.state?.drawing ?? form.elements.csrfmiddlewaretoken.value;
  form.append(drawing);
  history.replaceState({ ...history.state, drawing: drawing.value }, "");

  form.addEventListener("input", checkSoon);
  form.addEventListener("change", (event) => {
    touched.add(event.target.name);
    checkSoon();
  });

  // The fields about money are folded where the kind is not about money and they are empty.
  const money = form.querySelector("[data-about-money]");
  const fold = () => {
    const kind = form.querySelector("[name=kind]:checked");
    const isUsed = [...money.querySelectorAll("input")].some((input) => input.value);
    money.open = isUsed || !kind || "money" in kind.dataset || money.querySelector(".field-wrong") !== null;
  };
  for (const kind of form.querySelectorAll("[name=kind]")) kind.addEventListener("change", fold);
  // A browser that restores what was typed does so after this has run.
  window.addEventListener("pageshow", () => {
    fold();
    check();
  });
}

// Returns what shows a complaint and a note at one field.
function field(box) {
  const inputs = box.querySelectorAll("input, select, textarea");
  const said = box.querySelector(".errorlist") ?? document.createElement("div");
  const complaint = document.createElement("div");
  complaint.className = "errorlist";
  complaint.id = `${inputs[0].id}_said`;
  complaint.setAttribute("aria-live", "polite");
  complaint.textContent = said.textContent.trim();
  said.remove();
  const note = document.createElement("div");
  note.className = "help used";
  const help = box.querySelector(".help");
  if (help) help.before(note);
  else box.append(note);
  box.append(complaint);
  const described = box.querySelector("fieldset") ?? inputs[0];
  const ids = (described.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== said.id);
  described.setAttribute("aria-describedby", [...ids, complaint.id].join(" "));
  return {
    isWrong: () => box.classList.contains("field-wrong"),
    note: (text) => (note.textContent = text),
    complain: (text) => {
      if (complaint.textContent !== text) complaint.textContent = text;
      box.classList.toggle("field-wrong", text !== "");
      for (const input of inputs) input.setAttribute("aria-invalid", text !== "");
    },
  };
}

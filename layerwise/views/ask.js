// A question: options to choose from, to put in order, or a field to fill in; an answer button; what is said of it.

let count = 0;

function choices(about, several, name) {
  const list = make("ul", { className: "lw-options" });
  about.options.forEach((html, number) => {
    const input = make("input", { type: several ? "checkbox" : "radio", name, value: String(number) });
    list.append(make("li", {}, make("label", { className: "lw-option" }, input, make("span", { html }))));
  });
  const inputs = [...list.querySelectorAll("input")];
  return {
    node: list,
    read: () => {
      const chosen = inputs.filter((input) => input.checked).map((input) => Number(input.value));
      return several ? chosen : chosen.length ? chosen[0] : null;
    },
    write: (given) => inputs.forEach((input) => {
      input.checked = [given].flat().includes(Number(input.value));
    }),
  };
}

function order(about) {
  let numbers = [...about.first];
  const list = make("ol", { className: "lw-options lw-order" });
  const move = (from, to, again) => {
    if (to < 0 || to >= numbers.length) return;
    [numbers[from], numbers[to]] = [numbers[to], numbers[from]];
    draw();
    list.children[to].querySelector(again).focus();
  };
  const draw = () => {
    list.replaceChildren(...numbers.map((number, place) => {
      const text = make("span", { html: about.options[number] });
      const where = `${text.textContent}, now ${place + 1} of ${numbers.length}`;
      const up = make("button", { type: "button", className: "lw-up", textContent: "↑", disabled: place === 0, ariaLabel: `Move up: ${where}` });
      const down = make("button", { type: "button", className: "lw-down", textContent: "↓", disabled: place === numbers.length - 1, ariaLabel: `Move down: ${where}` });
      up.onclick = () => move(place, place - 1, place - 1 === 0 ? ".lw-down" : ".lw-up");
      down.onclick = () => move(place, place + 1, place + 2 === numbers.length ? ".lw-up" : ".lw-down");
      return make("li", {}, make("span", { className: "lw-place", textContent: `${place + 1}.` }), up, down, text);
    }));
  };
  draw();
  return {
    node: list,
    read: () => numbers,
    write: (given) => {
      if (Array.isArray(given) && given.length === numbers.length) numbers = [...given];
      draw();
    },
  };
}

function field(about, name) {
  const input = make("input", { className: "lw-field", id: name, autocomplete: "off", spellcheck: false });
  input.type = about.kind === "number" ? "number" : "text";
  if (about.kind === "number") input.step = "any";
  const unit = make("span", { textContent: about.unit });
  return {
    node: make("div", { className: "lw-row" }, input, unit),
    read: () => (about.kind === "number" && input.value !== "" ? Number(input.value) : input.value || null),
    write: (given) => {
      if (given !== null) input.value = String(given);
    },
    label: input,
  };
}

function render({ model, el }) {
  const about = model.get("about");
  const name = `lw-ask-${Date.now()}-${(count += 1)}`;
  const node = root(el, "lw-ask");
  const part = about.kind === "order" ? order(about)
    : about.options.length ? choices(about, about.kind === "several", name) : field(about, name);
  const legend = make("legend", { html: about.question });
  if (part.label) part.label.setAttribute("aria-label", legend.textContent + (about.unit ? ` (${about.unit})` : ""));

  const submit = make("button", { type: "submit", className: "lw-primary" });
  const show = make("button", { type: "button", className: "lw-quiet", textContent: "Show the answer", hidden: true });
  const mark = make("span", { className: "lw-mark", ariaHidden: "true" });
  const words = make("span");
  const said = make("p", { className: "lw-note lw-said", role: "status" }, mark, words);
  const fault = make("p", { className: "lw-fault", role: "alert" });
  const kicker = about.predicts ? "Predict first" : about.kind === "several" ? "Question; more than one may be right" : "Question";
  const form = make("form", { className: "lw-box" },
    make("p", { className: "lw-kicker", textContent: kicker }),
    make("fieldset", {}, legend, part.node),
    make("div", { className: "lw-row" }, submit, show), said, fault);
  node.append(form);

  const silent = (text) => { fault.textContent = text || model.get("fault"); };
  let asked = null;  // how many messages had been handled when the answer was sent
  form.onsubmit = (event) => {
    event.preventDefault();
    asked = model.get("heard");
    tell(model, { do: "answer", given: part.read() }, silent);
  };
  show.onclick = () => tell(model, { do: "show" }, silent);

  const drawn = [
    follow(model, ["given"], () => {
      if (model.get("given") !== null) part.write(model.get("given"));
    }),
    follow(model, ["said", "given"], () => {
      const { state = "", mark: sign = "", html = "" } = model.get("said");
      said.className = `lw-note lw-said lw-is-${state || "open"}`;
      said.hidden = !html;
      mark.textContent = sign;
      words.innerHTML = html;
      const answered = model.get("given") !== null;
      submit.textContent = about.predicts ? (answered ? "Change my prediction" : "Keep my prediction") : answered && state !== "right" ? "Answer again" : "Answer";
      show.hidden = about.predicts || state !== "wrong";
      if (asked === null || !(model.get("said").to > asked)) return;
      asked = null;
      if (state === "right" || state === "kept") focusNextCell(el);  // a wrong answer can be given again at once
    }),
    follow(model, ["fault"], () => silent("")),
  ];
  takeFocus(el, form.querySelector("input:checked, input, button:not(:disabled)"));
  return () => drawn.forEach((undo) => undo());
}

export default { render };

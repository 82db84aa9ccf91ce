// A question: what it is answered with, an answer button, what is said of it.

let count = 0;

function render({ model, el }) {
  const about = model.get("about");
  const name = `lw-ask-${Date.now()}-${(count += 1)}`;
  const node = root(el, "lw-ask");
  const part = answering(about, name);
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

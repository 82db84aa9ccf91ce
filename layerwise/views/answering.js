// Options to choose from, options to put in order, or a field to fill in: for a question, wherever it is asked.

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

// What a question is answered with: its node, what is read from it and written to it, and, for a field, what to label.
function answering(about, name) {
  if (about.kind === "order") return order(about);
  return about.options.length ? choices(about, about.kind === "several", name) : field(about, name);
}

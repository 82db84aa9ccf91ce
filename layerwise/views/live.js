// Shared by the scripts of all views. Text arrives as HTML made and escaped in Python; nothing is put together here.

const SILENCE = "The notebook's kernel does not answer yet: it is at work on another cell, or it was stopped. " +
  "In that case, run this cell again.";

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "html") node.innerHTML = value;
    else if (name in node && name !== "list" && name !== "form") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// The element all of a view stands in. JupyterLab's single-letter shortcuts do not apply inside it.
function root(el, kind) {
  const node = make("div", { className: `lw lw-live ${kind}`, "data-lm-suppress-shortcuts": "true" });
  el.append(node);
  return node;
}

// Send a message; call `silent` when it is not taken up within three seconds, and again with "" once it is.
function tell(model, message, silent) {
  const before = model.get("heard");
  const timer = setTimeout(() => silent(SILENCE), 3000);
  const heard = () => {
    if (model.get("heard") <= before) return;
    clearTimeout(timer);
    model.off("change:heard", heard);
    silent("");
  };
  model.on("change:heard", heard);
  model.send(message);
}

// Follow traits, and call once now. Returns what undoes it.
function follow(model, traits, draw) {
  const events = traits.map((name) => `change:${name}`).join(" ");
  model.on(events, draw);
  draw();
  return () => model.off(events, draw);
}

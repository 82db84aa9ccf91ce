// Shared by the scripts of all views. Text arrives as HTML made and escaped in Python; nothing is put together here.

const SILENCE = "The notebook's kernel does not answer yet. It may be running another cell. " +
  "If it was stopped, run this cell again.";

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

// The element that holds a whole view. JupyterLab's single-letter shortcuts do not apply inside it; Escape leaves it, and
// the keys that run a cell do so.
function root(el, kind) {
  const node = make("div", { className: `lw lw-live ${kind}`, "data-lm-suppress-shortcuts": "true" });
  // JupyterLab looks at the element with the focus first, and at those around it only if its shortcut is one of theirs.
  node.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", "true"));
  node.addEventListener("keydown", handToCell);
  el.append(node);
  return node;
}

// Hand a key that means something to a cell on to the cell that holds the view.
function handToCell(event) {
  const runs = event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey);
  const cell = event.currentTarget.closest(".jp-Cell");
  if (!cell || event.defaultPrevented || !(runs || event.key === "Escape")) return;
  event.preventDefault();
  event.stopPropagation();
  cell.focus({ preventScroll: true });
  if (!runs) return;
  cell.dataset.lwLeft = "";
  const { key, code, keyCode, shiftKey, ctrlKey, metaKey, altKey } = event;
  const again = { key, code, keyCode, shiftKey, ctrlKey, metaKey, altKey, bubbles: true, cancelable: true };
  cell.dispatchEvent(new KeyboardEvent("keydown", again));
}

// Take the focus for a control of the view, if its cell was just run with Shift+Enter: JupyterLab then waits at the cell
// below. Not if that was pressed inside the view: who goes on is not held back.
function takeFocus(el, control, tries = 20) {
  const cell = el.closest(".jp-Cell");
  if (!cell) {
    if (tries) requestAnimationFrame(() => takeFocus(el, control, tries - 1));  // not shown yet
    return;
  }
  const left = "lwLeft" in cell.dataset;
  delete cell.dataset.lwLeft;
  if (!left && document.activeElement === cell.nextElementSibling) control.focus();
}

// Move on to the cell below the one that holds the view, as running a cell does. The page does not scroll.
function focusNextCell(el) {
  const next = el.closest(".jp-Cell")?.nextElementSibling;
  if (next?.classList.contains("jp-Cell")) next.focus({ preventScroll: true });
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
  try {
    model.send(message);
  } catch {  // the kernel was stopped
    silent(SILENCE);
  }
}

// Follow traits, and call once now. Returns what undoes it.
function follow(model, traits, draw) {
  const events = traits.map((name) => `change:${name}`).join(" ");
  model.on(events, draw);
  draw();
  return () => model.off(events, draw);
}

// A picture with lists of files: a search box, and more of a list when asked for. The kernel finds; this only shows.

function render({ model, el }) {
  const node = root(el, "lw-listing");
  const field = make("input", { className: "lw-field", type: "search", placeholder: "Search paths", ariaLabel: "Search the paths of all files", autocomplete: "off", spellcheck: false });
  const said = make("span", { className: "lw-soft", role: "status" });
  const fault = make("p", { className: "lw-fault", role: "alert" });
  const tools = make("div", { className: "lw-row lw-search" }, field, said);
  const silent = (text) => { fault.textContent = text || model.get("fault"); };
  const folded = (list) => list.closest("details.lw-layer");
  let waiting = null;
  let opened = [];
  let asked = "";

  field.oninput = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      asked = field.value;
      tell(model, { do: "search", text: asked }, silent);
    }, 250);
  };
  node.addEventListener("click", (event) => {
    const button = event.target.closest("[data-more]");
    if (button) tell(model, { do: "more", list: Number(button.dataset.more) }, silent);
  });

  const drawn = [
    follow(model, ["picture"], () => {
      node.replaceChildren(make("div", { html: model.get("picture") }));
      const place = node.querySelector(".lw-tools") || node;
      place.append(tools, fault);
    }),
    follow(model, ["lists", "picture"], () => {
      for (const [number, html] of Object.entries(model.get("lists"))) {
        const list = node.querySelector(`[data-list="${number}"]`);
        if (!list) continue;
        const held = list.contains(document.activeElement);
        list.innerHTML = html;
        // The button that asked is gone: the keyboard goes on from the list.
        if (held) {
          list.tabIndex = -1;
          list.focus();
        }
      }
    }),
    follow(model, ["hits", "picture"], () => {
      const hits = model.get("hits");
      const searching = Object.keys(hits).length > 0;
      if (!searching) {
        opened.forEach((part) => { part.open = false; });
        opened = [];
      }
      for (const list of node.querySelectorAll("[data-list]")) {
        const part = folded(list);
        if (!part) continue;
        const found = hits[list.dataset.list] || 0;
        part.classList.toggle("lw-nothing", searching && !found);
        if (found && !part.open) {
          part.open = true;
          opened.push(part);
        }
      }
    }),
    follow(model, ["said"], () => { said.textContent = model.get("said"); }),
    follow(model, ["fault"], () => silent("")),
  ];
  return () => {
    clearTimeout(waiting);
    drawn.forEach((undo) => undo());
  };
}

export default { render };

// A build as it goes on: drawn in Python, placed here. What runs is also said, to those who listen.

function render({ model, el }) {
  const node = root(el, "lw-building");
  const place = make("div");
  const said = make("span", { className: "lw-heard", role: "status" });
  node.append(place, said);
  const drawn = [
    follow(model, ["picture"], () => {
      const open = place.querySelector("details[open]");
      place.innerHTML = model.get("picture");
      if (open) place.querySelectorAll("details").forEach((fold) => { fold.open = true; });
    }),
    follow(model, ["said"], () => { said.textContent = model.get("said"); }),
  ];
  return () => drawn.forEach((undo) => undo());
}

export default { render };

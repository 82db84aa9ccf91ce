// An exercise: story, start, grade, hints, report. JupyterLab's own commands open and save files, through its command
// links; elsewhere the links are plain ones.

const link = (node, command, args) => {
  node.setAttribute("data-commandlinker-command", command);
  node.setAttribute("data-commandlinker-args", JSON.stringify(args));
};

// A link to a file that JupyterLab opens beside the lesson; the second one joins the first.
function fileLink(path) {
  const node = make("a", { href: `../${path}`, textContent: path.split("/").pop() });
  const aim = () => {
    const editor = document.querySelector(".jp-MainAreaWidget:has(.jp-FileEditor)");
    const options = editor ? { mode: "tab-after", ref: editor.id } : { mode: "split-right" };
    link(node, "docmanager:open", { path, options });
  };
  node.addEventListener("click", aim, { capture: true });
  return node;
}

// Lessons named in the report open in JupyterLab, at the section.
function linkLessons(card) {
  for (const node of card.querySelectorAll('a[href*=".ipynb"]')) {
    const [path, id = ""] = node.getAttribute("href").split("#");
    link(node, "rendermime:handle-local-link", { path: `course/${path}`, id: id ? `#${id}` : "" });
  }
}

// Save what is open, so that what is graded is what is seen; wait until nothing is unsaved, at most two seconds.
async function saveAll(node) {
  const press = make("span", { hidden: true });
  link(press, "docmanager:save-all", {});
  node.append(press);
  press.click();
  press.remove();
  const deadline = Date.now() + 2000;
  await new Promise((done) => setTimeout(done, 150));
  while (document.querySelector(".lm-DockPanel-tabBar .jp-mod-dirty") && Date.now() < deadline) {
    await new Promise((done) => setTimeout(done, 100));
  }
}

function render({ model, el }) {
  const about = model.get("about");
  const node = root(el, "lw-check");
  const button = (text, className = "") => make("button", { type: "button", textContent: text, className });
  const start = button("Start", "lw-primary");
  const grade = button("Grade my work", "lw-primary");
  const stop = button("Stop");
  const hint = button("");
  const reset = button("Put back to the starter", "lw-quiet");
  const yes = button("Put it back");
  const no = button("Keep my work");
  const sure = make("div", { className: "lw-row", hidden: true },
    make("span", { textContent: "Begin again? Your work so far is kept in work/.trash." }), yes, no);
  const files = make("p", { className: "lw-files" });
  const news = make("span", { role: "status" });
  const clock = make("span", { className: "lw-clock", ariaHidden: "true" });
  const busy = make("div", { className: "lw-busy", hidden: true }, make("div", { className: "lw-pulse", ariaHidden: "true" }), news, clock);
  const hints = make("ol");
  const hintBox = make("div", { className: "lw-hints", hidden: true }, make("p", { className: "lw-kicker", textContent: "Hints" }), hints);
  const result = make("p", { className: "lw-heard", role: "status" });
  const note = make("p", { className: "lw-note lw-soft" });
  const fault = make("p", { className: "lw-fault", role: "alert" });
  const card = make("div", { className: "lw-card" });
  const judged = make("details", { className: "lw-judged" }, make("summary", { textContent: "What is judged" }),
    make("ul", {}, ...about.judged.map(([points, html]) =>
      make("li", {}, make("span", { className: "lw-points", textContent: points }), make("span", { html })))));
  node.append(
    make("div", { className: "lw-box" },
      make("p", { className: "lw-kicker" }, "Exercise ", make("code", { textContent: about.name }), `, ${about.facts}`),
      make("p", { className: "lw-title", role: "heading", ariaLevel: "3", html: about.title }),
      make("div", { html: about.story }), judged, files,
      make("div", { className: "lw-row" }, start, grade, stop, hint, reset),
      sure, busy, note, fault, hintBox, result),
    card);

  const silent = (text) => { fault.textContent = text || model.get("fault"); };
  const send = (what) => tell(model, { do: what }, silent);
  start.onclick = () => send("start");
  let saving = false;  // a button that is disabled meanwhile would lose the keyboard's focus
  grade.onclick = async () => {
    if (saving) return;
    saving = true;
    await saveAll(node);
    saving = false;
    send("grade");
  };
  stop.onclick = () => send("stop");
  hint.onclick = () => send("hint");
  reset.onclick = () => { sure.hidden = false; no.focus(); };
  no.onclick = () => { sure.hidden = true; reset.focus(); };
  yes.onclick = () => { sure.hidden = true; send("reset"); grade.focus(); };

  let ticking = null;
  const drawn = [
    follow(model, ["files", "news", "hints"], () => {
      const paths = model.get("files");
      const working = model.get("news") !== "";
      const seen = model.get("hints");
      // A button that goes while it has the focus hands it on, so that the keyboard is never lost.
      const held = document.activeElement;
      start.hidden = paths.length > 0;
      grade.hidden = paths.length === 0 || working;
      stop.hidden = !working;
      reset.hidden = paths.length === 0 || working;
      hint.hidden = paths.length === 0 || seen.length >= about.hints;
      hint.textContent = `Hint ${seen.length + 1} of ${about.hints}`;
      files.hidden = paths.length === 0;
      const names = paths.flatMap((path) => [", ", fileLink(path)]).slice(1);
      files.replaceChildren("Your copy: ", ...names);
      if (held === start && start.hidden) grade.focus();
      if (held === grade && grade.hidden) stop.focus();
      if (held === stop && stop.hidden) grade.focus();
    }),
    follow(model, ["hints"], () => {
      const seen = model.get("hints");
      hintBox.hidden = seen.length === 0;
      hints.replaceChildren(...seen.map((html) => make("li", { html })));
    }),
    follow(model, ["news", "seconds"], () => {
      const text = model.get("news");
      busy.hidden = text === "";
      news.textContent = text;
      clearInterval(ticking);
      if (text === "") return;
      const began = Date.now() - 1000 * model.get("seconds");
      const tick = () => { clock.textContent = `${Math.round((Date.now() - began) / 1000)} s`; };
      tick();
      ticking = setInterval(tick, 1000);
    }),
    follow(model, ["report"], () => {
      card.innerHTML = model.get("report");
      linkLessons(card);
    }),
    follow(model, ["result"], () => { result.textContent = model.get("result"); }),
    follow(model, ["note"], () => { note.innerHTML = model.get("note"); }),
    follow(model, ["fault"], () => silent("")),
  ];
  return () => {
    clearInterval(ticking);
    drawn.forEach((undo) => undo());
  };
}

export default { render };

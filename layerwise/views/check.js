// An exercise: story, start, grade, hints, report.

function render({ model, el }) {
  const about = model.get("about");
  const node = root(el, "lw-check");
  const button = (text, className = "") => make("button", { type: "button", textContent: text, className });
  const start = button("Start", "lw-primary");
  const grade = button("Grade my work", "lw-primary");
  const stop = button("Stop");
  const hint = button("");
  const reset = button("Go back to the starter", "lw-quiet");
  const yes = button("Go back");
  const no = button("Keep my work");
  const sure = make("div", { className: "lw-row", hidden: true },
    make("span", { textContent: "Go back to the starter? Your work so far is kept in work/.trash." }), yes, no);
  const files = make("p", { className: "lw-files" });
  const news = make("span", { role: "status" });
  const clock = make("span", { className: "lw-clock", ariaHidden: "true" });
  const busy = make("div", { className: "lw-busy", hidden: true }, make("div", { className: "lw-pulse", ariaHidden: "true" }), news, clock);
  const hints = make("ol");
  const hintBox = make("div", { className: "lw-hints", hidden: true }, make("p", { className: "lw-kicker", textContent: "Hints" }), hints);
  const result = make("p", { className: "lw-result", role: "status" });
  const note = make("p", { className: "lw-note lw-soft" });
  const fault = make("p", { className: "lw-fault", role: "alert" });
  const card = make("div", { className: "lw-card" });
  const compare = button("Compare with ours");
  const compared = make("div", { className: "lw-compared" });
  const learnt = make("div");
  const after = make("div", { className: "lw-box lw-after", hidden: true },
    make("div", { className: "lw-row" }, compare), compared, learnt);
  const judged = make("details", { className: "lw-judged" }, make("summary", { textContent: "What is judged" }),
    make("ul", {}, ...about.judged.map(([points, html]) =>
      make("li", {}, make("span", { className: "lw-points", textContent: points }), make("span", { html })))));
  node.append(
    make("div", { className: "lw-box" },
      make("p", { className: "lw-kicker" }, "Exercise ", make("code", { textContent: about.name }), `, ${about.facts}`),
      make("p", { className: "lw-title", role: "heading", ariaLevel: "3", html: about.title }),
      make("div", { html: about.story }), judged, files,
      make("div", { className: "lw-row" }, start, grade, stop, hint, reset),
      sure, busy, result, note, fault, hintBox),
    card, after);

  const silent = (text) => { fault.textContent = text || model.get("fault"); };
  const send = (what) => tell(model, { do: what }, silent);
  start.onclick = () => send("start");
  let waiting = false;  // for the result of a grading that was started here
  let saving = false;  // a button that is disabled meanwhile would lose the keyboard's focus
  grade.onclick = async () => {
    if (saving) return;
    saving = true;
    await saveAll(node);
    saving = false;
    waiting = true;
    send("grade");
  };
  stop.onclick = () => send("stop");
  hint.onclick = () => send("hint");
  compare.onclick = () => send("compare");
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
      const links = paths.map(fileLink);
      const terminal = button("Open a terminal there", "lw-quiet");
      terminal.onclick = () => openTerminal(node, links[0], `work/${about.name}`);
      files.replaceChildren("Your copy: ", ...links.flatMap((one) => [", ", one]).slice(1), " ", terminal);
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
    follow(model, ["after"], () => {
      learnt.innerHTML = model.get("after");
      after.hidden = !learnt.innerHTML;
      linkLessons(learnt);
    }),
    follow(model, ["compared"], () => {
      compared.innerHTML = model.get("compared");
      compare.setAttribute("aria-expanded", String(compared.innerHTML !== ""));
    }),
    follow(model, ["result"], () => {
      const text = model.get("result");
      result.textContent = text;
      if (!text || !waiting) return;
      waiting = false;
      card.scrollIntoView({ block: card.offsetHeight < innerHeight / 2 ? "nearest" : "start" });
      // Whoever is elsewhere by now, such as in the Dockerfile, stays there.
      if (node.contains(document.activeElement) || document.activeElement === document.body) focusNextCell(el);
    }),
    follow(model, ["note"], () => { note.innerHTML = model.get("note"); }),
    follow(model, ["fault"], () => silent("")),
  ];
  takeFocus(el, start.hidden ? grade : start);
  return () => {
    clearInterval(ticking);
    drawn.forEach((undo) => undo());
  };
}

export default { render };

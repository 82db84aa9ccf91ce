// Interview practice: what is due, a drill, a mock interview, the rating of its answers, and the report.

let views = 0;

const html = (tag, className, text) => make(tag, { className, html: text });

function startScreen(screen, send, id) {
  const resume = button(screen.resume, "lw-primary");
  const watch = button("Only look");
  resume.onclick = () => send({ do: "resume" });
  watch.onclick = () => send({ do: "watch" });
  const open = make("div", { className: "lw-open", hidden: !screen.session }, html("p", "", screen.session),
    make("div", { className: "lw-row" }, resume, ...(screen.held ? [watch] : [])));

  const skill = make("select", { id: `${id}-skill`, className: "lw-field lw-choose" },
    make("option", { value: "", textContent: "what is most urgent" }),
    ...screen.skills.map(([value, textContent]) => make("option", { value, textContent })));
  const drill = make("button", { type: "submit", textContent: "Drill", className: screen.session ? "" : "lw-primary" });
  const drills = make("form", {}, make("p", { className: "lw-asked", textContent: "Drill: a question from memory" }),
    make("div", { className: "lw-row" }, make("label", { htmlFor: skill.id, textContent: "About" }), skill, drill));
  drills.onsubmit = (event) => { event.preventDefault(); send({ do: "drill", skill: skill.value }); };

  const radios = (name, legend, options) => make("fieldset", { className: "lw-choice" }, make("legend", { textContent: legend }),
    ...options.map(([value, text, checked]) => make("label", { className: "lw-radio" },
      make("input", { type: "radio", name: `${id}-${name}`, value, checked }), text)));
  const minutes = radios("minutes", "Minutes", screen.minutes.map((each, place) => [String(each), String(each), place === 0]));
  const assistant = radios("assistant", "AI assistant", [["yes", "allowed"], ["no", "not allowed"]]);
  const seed = make("input", { id: `${id}-seed`, className: "lw-field", inputMode: "numeric", autocomplete: "off", maxLength: 9 });
  const note = make("span", { className: "lw-soft", id: `${id}-seed-note`, textContent: "empty: by chance, with what is due" });
  seed.setAttribute("aria-describedby", note.id);
  const timeline = make("input", { type: "checkbox" });
  const mocks = make("form", { hidden: !!screen.session }, make("p", { className: "lw-asked", textContent: "Mock interview: questions and a task, against the clock" }),
    minutes, assistant, make("div", { className: "lw-row" }, make("label", { htmlFor: seed.id, textContent: "Seed" }), seed, note),
    make("div", { className: "lw-row" }, make("label", { className: "lw-option" }, timeline,
      make("span", { textContent: "Timeline: record the commands that I run in the session’s shell" }))),
    make("div", { className: "lw-row" }, make("button", { type: "submit", textContent: "Begin", className: "lw-primary" })));
  const chosen = (part) => part.querySelector("input:checked")?.value;
  mocks.onsubmit = (event) => {
    event.preventDefault();
    const allowed = chosen(assistant);
    send({ do: "begin", minutes: Number(chosen(minutes)), seed: seed.value, assistant: allowed === undefined ? null : allowed === "yes", timeline: timeline.checked });
  };
  const earlier = make("select", { id: `${id}-earlier`, className: "lw-field lw-choose" },
    ...screen.earlier.map(([value, textContent]) => make("option", { value, textContent })));
  const reports = make("form", { hidden: !screen.earlier.length }, make("p", { className: "lw-asked", textContent: "Reports on earlier sessions" }),
    make("div", { className: "lw-row" }, make("label", { htmlFor: earlier.id, textContent: "Session" }), earlier,
      make("button", { type: "submit", textContent: "Show" })));
  reports.onsubmit = (event) => { event.preventDefault(); send({ do: "report", session: Number(earlier.value) }); };
  const node = make("div", { className: "lw-box" }, html("p", "lw-note", screen.note), html("div", "", screen.today), open, drills, mocks, reports);
  return { node, first: screen.session ? resume : drill };
}

function lookScreen(screen, send) {
  const again = button("Look again");
  const back = button("Back", "lw-quiet");
  again.onclick = () => send({ do: "watch" });
  back.onclick = () => send({ do: "home" });
  return { node: make("div", { className: "lw-box" }, html("div", "", screen.html), make("div", { className: "lw-row" }, again, back)), first: again };
}

// The first line of what is read from there on. It takes the focus, so that a long screen is read from its top.
const heading = (text) => make("p", { className: "lw-kicker", tabIndex: -1, html: text });

// The points of a rubric, to tick those that were shown.
function rubricOf(points) {
  const boxes = points.map((point) => make("input", { type: "checkbox", checked: point.given, disabled: !point.open }));
  const list = make("ul", { className: "lw-options" }, ...points.map((point, place) => make("li", {},
    make("label", { className: "lw-option" }, boxes[place], make("span", {}, html("span", "", point.evidence), " ",
      make("span", { className: "lw-soft", textContent: point.open ? `(${point.dimension})` : `(${point.dimension}; not with this answer)` }))))));
  return {
    node: make("fieldset", { className: "lw-rubric" }, make("legend", { textContent: "Tick what was in your answer, as strictly as a stranger would" }), list),
    ticked: () => boxes.flatMap((box, place) => (box.checked ? [place] : [])),
  };
}

function rateScreen(screen, send) {
  const rubric = rubricOf(screen.rubric);
  const next = button(screen.last ? "Keep, and see the report" : "Keep, and go on", "lw-primary");
  const back = button("Back", "lw-quiet");
  next.onclick = () => send({ do: "rate", points: rubric.ticked() });
  back.onclick = () => send({ do: "back" });
  const card = html("div", "lw-card", screen.card);
  linkLessons(card);
  const head = heading(screen.head);
  const node = make("div", { className: "lw-box" }, head,
    html("p", "lw-asked", screen.text), make("p", { className: "lw-note lw-soft", textContent: screen.late }),
    make("div", { className: "lw-versus" }, html("div", "", screen.own), html("div", "", screen.model)), card, rubric.node,
    make("div", { className: "lw-row" }, next, ...(screen.first ? [] : [back])));
  return { node, first: head };
}

function drillScreen(screen, send, id) {
  const stop = button("Stop", "lw-quiet");
  const top = heading(screen.head);
  const head = [top, html("p", "lw-asked", screen.text)];
  if (!screen.revealed) {
    const area = writing(`${id}-answer`, "", 6);
    const part = screen.asked && answering(screen.asked, `${id}-part`);
    if (part?.label) part.label.setAttribute("aria-label", `Your answer${screen.asked.unit ? ` (${screen.asked.unit})` : ""}`);
    const form = make("form", { className: "lw-box" }, ...head,
      part ? make("fieldset", { className: "lw-part" }, make("legend", { textContent: "Your answer" }), part.node)
        : make("div", { className: "lw-part" }, make("label", { htmlFor: area.id, textContent: "Your answer, aloud or in words" }), area),
      make("div", { className: "lw-row" }, make("button", { type: "submit", className: "lw-primary", textContent: "Reveal" }), stop));
    form.onsubmit = (event) => { event.preventDefault(); send({ do: "reveal", answer: part ? part.read() : area.value }); };
    stop.onclick = () => send({ do: "home" });
    return { node: form, first: part ? part.node.querySelector("input, button:not(:disabled)") : area };
  }
  const rubric = rubricOf(screen.rubric);
  const next = button("Keep, and next question", "lw-primary");
  next.onclick = () => send({ do: "keep", points: rubric.ticked() });
  stop.textContent = "Keep, and stop";
  stop.onclick = () => send({ do: "keep", points: rubric.ticked(), stop: true });
  const after = html("div", "", screen.after);
  linkLessons(after);
  const node = make("div", { className: "lw-box" }, ...head,
    make("div", { className: "lw-versus" }, html("div", "", screen.own), html("div", "", screen.model)),
    ...(screen.rubric.length ? [rubric.node] : []), after, make("div", { className: "lw-row" }, next, stop));
  return { node, first: top };
}

function reportScreen(screen, send) {
  const address = URL.createObjectURL(new Blob([screen.page], { type: "text/html" }));
  const save = make("a", { href: address, download: screen.file, textContent: `Save as ${screen.file}` });
  const back = button("Back to practice");
  back.onclick = () => send({ do: "home" });
  const node = make("div", {}, make("div", { className: "lw-row" }, save, back), html("div", "lw-card lw-session", screen.html));
  return { node, first: save, stop: () => URL.revokeObjectURL(address) };
}

const SCREENS = { start: startScreen, look: lookScreen, rate: rateScreen, drill: drillScreen, report: reportScreen };

function render({ model, el }) {
  const node = root(el, "lw-practice");
  const place = make("div");
  const said = make("p", { className: "lw-note", role: "status" });
  const fault = make("p", { className: "lw-fault", role: "alert" });
  node.append(place, said, fault);
  const silent = (text) => { fault.textContent = text || model.get("fault"); };
  let acted = false;  // something was done here: the next screen takes the focus
  const send = (message) => {
    if (message.do !== "draft" && message.do !== "time") acted = true;
    tell(model, message, silent);
  };
  let shown = null;
  const drawn = [
    follow(model, ["screen"], () => {
      const screen = model.get("screen");
      const id = `lw-practice-${Date.now()}-${(views += 1)}`;
      const held = place.contains(document.activeElement);
      shown?.stop?.();
      shown = screen.name === "mock" ? mock(model, screen, send, id) : SCREENS[screen.name](screen, send, id);
      place.replaceChildren(shown.node);
      if (held || acted) {
        shown.first?.focus({ preventScroll: true });
        node.scrollIntoView({ block: node.offsetHeight > innerHeight / 2 ? "start" : "nearest" });
      }
      acted = false;
    }),
    follow(model, ["said"], () => { said.textContent = model.get("said"); }),
    follow(model, ["fault"], () => silent("")),
  ];
  takeFocus(el, shown.first);
  return () => {
    shown?.stop?.();
    drawn.forEach((undo) => undo());
  };
}

export default { render };

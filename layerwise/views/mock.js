// A mock interview: the clock, the items, and the one that is open, with what it is answered with.

const SAVE_AFTER = 3000;  // milliseconds from a change to its being saved
const TOLD = [10, 5, 1];  // minutes left that are said aloud

const button = (text, className = "") => make("button", { type: "button", textContent: text, className });

// The time left. It runs here from what the kernel said last. `onEnd` is called once if it is over, for the kernel knows
// best; `known` says that the kernel has said so.
function timer(model, known, onEnd) {
  const shown = make("span", { className: "lw-left", ariaHidden: "true" });
  const aloud = make("span", { className: "lw-heard", role: "status" });
  let end = 0, before = Infinity, ticking = null, asked = known;
  const draw = () => {
    const left = model.get("clock").runs ? (end - performance.now()) / 1000 : model.get("clock").left;
    const whole = Math.max(0, Math.ceil(left));
    shown.textContent = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} left`;
    const passed = TOLD.find((minutes) => left <= 60 * minutes && before > 60 * minutes);
    if (passed && left > 0) aloud.textContent = passed === 1 ? "1 minute left" : `${passed} minutes left`;
    before = left;
    if (left > 0) asked = false;
    else if (!asked && !model.get("news")) {
      asked = true;
      onEnd();
    }
  };
  const stop = follow(model, ["clock"], () => {
    const { left, runs } = model.get("clock");
    clearInterval(ticking);
    if (left === undefined) return;
    if (before === Infinity) before = left;
    end = performance.now() + 1000 * left;
    if (runs) ticking = setInterval(draw, 1000);
    draw();
  });
  return {
    node: make("span", { className: "lw-timer" }, shown, aloud),
    left: () => (end - performance.now()) / 1000,
    stop: () => { clearInterval(ticking); stop(); },
  };
}

// The items of the session, to go to any of them.
function itemList(model, go) {
  const list = make("ol", { className: "lw-items" });
  const stop = follow(model, ["items"], () => {
    const held = [...list.querySelectorAll("button")].indexOf(document.activeElement);
    list.replaceChildren(...model.get("items").map((item, number) => {
      const one = button("");
      one.append(make("span", { textContent: item.label }), make("span", { className: "lw-soft", textContent: `${item.points}, ${item.standing}` }));
      if (item.here) one.setAttribute("aria-current", "step");
      one.onclick = () => go(number);
      return make("li", {}, one);
    }));
    if (held >= 0) list.querySelectorAll("button")[held]?.focus();
  });
  return { node: make("nav", { ariaLabel: "Items of the session" }, list), stop };
}

// A text that an answer is written in. The keys that run a cell do nothing in it.
function writing(id, value, rows) {
  const area = make("textarea", { id, rows, className: "lw-writing", spellcheck: false });
  area.value = value || "";
  area.addEventListener("keydown", (event) => { if (event.key === "Enter") event.stopPropagation(); });
  return area;
}

// The fields of an item: what is in them, and whether that differs from what was last saved.
function fieldsOf(item, id) {
  const parts = {};
  const nodes = item.fields.map(({ name, label, value, part }) => {
    const own = `${id}-${name}`;
    if (part) {
      const asked = answering(item.asked, own);
      if (value !== null && value !== undefined) asked.write(value);
      if (asked.label) asked.label.setAttribute("aria-label", label + (item.asked.unit ? ` (${item.asked.unit})` : ""));
      parts[name] = asked.read;
      return make("fieldset", { className: "lw-part" }, make("legend", { textContent: label }), asked.node);
    }
    const area = writing(own, value, item.task ? 3 : item.asked ? 3 : 8);
    parts[name] = () => area.value;
    return make("div", { className: "lw-part" }, make("label", { htmlFor: own, textContent: label }), area);
  });
  const read = () => Object.fromEntries(Object.entries(parts).map(([name, of]) => [name, of()]));
  let saved = JSON.stringify(read());
  return {
    nodes,
    read,
    changed: () => JSON.stringify(read()) !== saved,
    saved: (what) => { saved = JSON.stringify(what); },
    first: () => nodes[0].querySelector("textarea, input:checked, input, button:not(:disabled)"),
  };
}

function taskOf(task) {
  const files = make("p", { className: "lw-files" });
  if (task.files.length) {
    const links = task.files.map(fileLink);
    const terminal = button("Open a terminal there", "lw-quiet");
    terminal.onclick = () => openTerminal(files, links[0], task.folder);
    files.append("The files are in ", make("code", { textContent: task.folder }), ": ", ...links.flatMap((one) => [", ", one]).slice(1), " ", terminal);
  }
  const judged = make("details", { className: "lw-judged" }, make("summary", { textContent: "What is judged" }),
    make("ul", {}, ...task.judged.map(([points, html]) =>
      make("li", {}, make("span", { className: "lw-points", textContent: points }), make("span", { html })))));
  const shell = task.shell ? [make("p", { className: "lw-soft" }, "To have your commands recorded, first run ",
    make("code", { textContent: task.shell }), " in that terminal.")] : [];
  return [make("div", { html: task.story }), files, ...shell, judged];
}

// Draws the session. `send` takes a message; `id` is for the fields.
function mock(model, screen, send, id) {
  const item = screen.item;
  const fields = item && fieldsOf(item, id);
  const gone = [];
  const leave = (message) => {
    if (!fields) return send(message);
    const answer = fields.read();
    if (fields.changed()) fields.saved(answer);
    return send({ ...message, from: item.number, answer });
  };
  const clock = timer(model, screen.over, () => leave({ do: "time" }));
  const items = itemList(model, (number) => {
    if (number === item?.number) fields.first().focus();  // it is open already
    else leave({ do: "open", item: number });
  });
  gone.push(clock.stop, items.stop);

  const kept = make("span", { className: "lw-soft lw-kept", ariaHidden: "true" });
  let waiting = null;
  let sent = null;  // a draft that is on its way: the answer, and how many messages had been handled before
  const save = () => {
    clearTimeout(waiting);
    waiting = null;
    if (!fields?.changed() || sent || model.get("news")) return;
    sent = { answer: fields.read(), after: model.get("heard") };
    send({ do: "draft", from: item.number, answer: sent.answer });
  };
  const later = () => {
    if (!fields.changed()) return;
    kept.textContent = "Not saved yet";
    waiting ??= setTimeout(save, Math.max(0, Math.min(SAVE_AFTER, 1000 * clock.left() - 1500)));
  };
  gone.push(() => clearTimeout(waiting), follow(model, ["clock", "fault"], () => {
    const taken = model.get("clock").at > sent?.after;
    if (!taken && !(sent && model.get("fault"))) return;
    if (taken) fields.saved(sent.answer);
    sent = null;
    kept.textContent = taken ? "Saved" : "Not saved";
    if (taken) later();
  }));

  const next = button("Save and go on", "lw-primary");
  const skip = button("Skip for now");
  const handIn = button("Hand in", "lw-primary");
  const halt = button("Pause");
  const goOn = button("Go on", "lw-primary");
  const end = button("End the session", screen.over ? "lw-primary" : "lw-quiet");
  const yes = button("End");
  const no = button("Go on");
  const sure = make("div", { className: "lw-row", hidden: true, role: "group", ariaLabel: "End the session?" },
    make("span", { textContent: `End now? ${screen.left} Then you rate your answers, and cannot change them.` }), yes, no);
  next.onclick = () => leave({ do: "next" });
  skip.onclick = () => leave({ do: "skip" });
  halt.onclick = () => leave({ do: "pause" });
  goOn.onclick = () => send({ do: "continue" });
  end.onclick = () => { if (screen.over) leave({ do: "end" }); else { sure.hidden = false; no.focus(); } };
  no.onclick = () => { sure.hidden = true; end.focus(); };
  yes.onclick = () => leave({ do: "end" });

  const news = make("span", { role: "status" });
  const halted = button("Stop");
  halted.onclick = () => send({ do: "stop" });
  const busy = make("div", {}, make("div", { className: "lw-busy" }, make("div", { className: "lw-pulse", ariaHidden: "true" }), news),
    make("div", { className: "lw-row" }, make("span", { textContent: "The clock stands still while your work is graded." }), halted));

  const body = make("div", { className: "lw-item" });
  if (item) {
    const title = make("p", { className: item.task ? "lw-title" : "lw-asked", id: `${id}-title`, html: item.text });
    const form = make("form", { "aria-labelledby": `${id}-title` },
      make("p", { className: "lw-kicker", textContent: item.head }), title,
      ...(item.problem ? [make("p", { className: "lw-fault", html: item.problem })] : []),
      ...(item.task ? taskOf(item.task) : []), ...fields.nodes,
      make("div", { className: "lw-row" }, ...(item.task?.folder ? [handIn] : []), ...(screen.over ? [] : [next, skip]), kept));
    if (item.task) next.className = "";
    form.onsubmit = (event) => { event.preventDefault(); if (!screen.over) next.click(); };
    for (const kind of ["input", "click"]) form.addEventListener(kind, later);
    form.addEventListener("focusout", save);
    handIn.onclick = async () => {
      await saveAll(form);
      leave({ do: "hand-in" });
    };
    body.append(form);
  } else if (screen.paused) {
    body.append(make("p", { textContent: "Paused. The clock stands still, and the item is hidden until you go on. The report tells of the pause." }));
  } else if (!screen.over) {
    body.append(make("p", { textContent: "Choose an item to go on." }));
  }
  if (screen.over) {
    body.prepend(make("p", { className: "lw-fault", role: "alert", textContent: "The time is over. What was saved counts. What you still write is kept as late, and does not count." }));
  }
  const rest = make("div", { className: "lw-row" }, ...(screen.paused ? [goOn] : screen.over ? [end] : [halt, end]));
  const work = make("div", {}, items.node, body, rest, sure);
  gone.push(follow(model, ["news"], () => {
    const text = model.get("news");
    const held = work.contains(document.activeElement) || document.activeElement === halted;
    work.inert = text !== "";
    busy.hidden = text === "";
    news.textContent = text;
    if (held) (text ? halted : item?.task ? handIn : end).focus();
  }));
  const node = make("div", { className: "lw-box" },
    make("div", { className: "lw-top" }, make("p", { className: "lw-kicker", html: screen.about }), clock.node), busy, work);
  return { node, first: screen.paused ? goOn : screen.over ? end : fields ? fields.first() : items.node.querySelector("button"), stop: () => gone.forEach((undo) => undo()) };
}

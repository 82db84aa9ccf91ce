// Keeps the page up to date. All HTML is made, and escaped, by the server; here it is only put in its place.

const SOON = 2000, LATER = 15000;  // milliseconds between two looks: while something is coming up, and otherwise
const PATIENCE = 10000;

const news = document.getElementById("news");
let said = "";
let timer = null;

// Put HTML into a part of the page, if it is not there yet. What has the focus keeps it.
function put(name, html) {
  const part = document.getElementById(name);
  const made = document.createElement("template");
  made.innerHTML = html;
  if (made.innerHTML === part.innerHTML) return;
  const held = part.contains(document.activeElement) ? document.activeElement.id : "";
  part.replaceChildren(made.content);
  if (held) document.getElementById(held)?.focus({ preventScroll: true });
}

// Say a change of the lab aloud, once.
function tell(text) {
  if (said && text !== said) news.textContent = text;
  said = text;
}

function give(name) {
  const words = document.getElementById(name);
  put("lab", words.innerHTML);
  tell(words.content.firstChild.textContent);
}

async function look() {
  clearTimeout(timer);
  if (document.hidden) return;
  let wait = LATER;
  try {
    const steps = document.querySelector(".steps") ? "?steps=1" : "";
    const reply = await fetch(document.body.dataset.state + steps, { signal: AbortSignal.timeout(PATIENCE) });
    if (reply.ok) {
      const state = await reply.json();
      for (const [name, html] of Object.entries(state.parts)) put(name, html);
      tell(state.said);
      if (state.coming_up) wait = SOON;
    } else {
      give(reply.status === 403 ? "logged-out" : "silent");
    }
  } catch {
    give("silent");
  }
  clearTimeout(timer);
  timer = setTimeout(look, wait);
}

document.addEventListener("visibilitychange", look);
window.addEventListener("pageshow", look);

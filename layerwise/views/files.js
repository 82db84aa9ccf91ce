// A learner's files, a terminal beside them, and lessons, in JupyterLab: its own commands open and save them, through its
// command links; elsewhere the links are plain ones.

const link = (node, command, args) => {
  node.setAttribute("data-commandlinker-command", command);
  node.setAttribute("data-commandlinker-args", JSON.stringify(args));
};

// Run one of JupyterLab's commands: by a click on a link to it inside the view, since it asks before it follows others.
function execute(node, command, args) {
  const press = make("span", { hidden: true });
  link(press, command, args);
  node.append(press);
  press.click();
  press.remove();
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Fold the file browser, so that a lesson and a file have room beside each other.
function foldSidebar(node) {
  const side = document.querySelector("#jp-left-stack");
  if (side && side.offsetWidth > 0) execute(node, "application:toggle-left-area", {});
}

// A link to a file that JupyterLab opens beside the lesson; the second one joins the first.
function fileLink(path) {
  const node = make("a", { href: `../${path}`, textContent: path.split("/").slice(2).join("/") });
  const aim = () => {
    const editor = document.querySelector(".jp-MainAreaWidget:has(.jp-FileEditor)");
    const options = editor ? { mode: "tab-after", ref: editor.id } : { mode: "split-right" };
    link(node, "docmanager:open", { path, options });
    foldSidebar(node.parentNode);
  };
  node.addEventListener("click", aim, { capture: true });
  return node;
}

// Open a terminal in the learner's folder, beside the lesson: JupyterLab puts it where the widget in front is, so a file is
// brought to the front first.
async function openTerminal(node, file, folder) {
  const name = file.textContent.split("/").pop();
  file.click();
  const deadline = Date.now() + 5000;
  while (document.querySelector(".lm-TabBar-tab.jp-mod-current")?.textContent !== name && Date.now() < deadline) {
    await pause(50);
  }
  execute(node, "terminal:create-new", { cwd: folder });
}

// The files that are open and not saved. A notebook is not graded, and by its outputs it is nearly always one of them.
const unsaved = () => [...document.querySelectorAll(".lm-DockPanel-tabBar .jp-mod-dirty")]
  .filter((tab) => !tab.textContent.trim().endsWith(".ipynb"));

// Save what is open, so that what is graded is what is seen; wait until nothing is unsaved, at most two seconds. If all is
// saved, nothing is written: a file that was changed in a terminal meanwhile would make JupyterLab ask which one counts.
async function saveAll(node) {
  if (!unsaved().length) return;
  execute(node, "docmanager:save-all", {});
  const deadline = Date.now() + 2000;
  await pause(150);
  while (unsaved().length && Date.now() < deadline) await pause(100);
}

// Lessons that a report names open in JupyterLab, at the section.
function linkLessons(card) {
  for (const node of card.querySelectorAll('a[href*=".ipynb"]')) {
    const [path, id = ""] = node.getAttribute("href").split("#");
    link(node, "rendermime:handle-local-link", { path: `course/${path}`, id: id ? `#${id}` : "" });
  }
}

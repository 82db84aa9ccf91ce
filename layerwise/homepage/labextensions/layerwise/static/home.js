// What the home page needs in JupyterLab: a link back in its top bar, and the cell that an address names. This file is a
// container as webpack's module federation makes them, written by hand: JupyterLab calls init with the modules that it
// shares, and get for the plugins.

const PATIENCE = 60000;  // milliseconds until the cell of an address is in sight
const LOOKS = 10;  // how many times in a row it has to be

let shared;

const home = {
  id: "layerwise:home",
  description: "A link to the home page of the course",
  autoStart: true,
  activate: async (app) => {
    const { Widget } = (await Object.values(shared["@lumino/widgets"])[0].get())();
    const link = document.createElement("a");
    link.href = `${app.serviceManager.serverSettings.baseUrl}layerwise`;
    link.textContent = "Course home";
    link.title = "Lessons, exercises, and what is next";
    link.style.cssText = "margin: auto 1rem auto 0.75rem; color: var(--jp-content-link-color); white-space: nowrap";
    const bar = new Widget({ node: document.createElement("div") });
    bar.id = "layerwise-home";
    bar.node.style.cssText = "display: flex";
    bar.node.append(link);
    app.shell.add(bar, "top", { rank: 900 });
  },
};

// JupyterLab follows "#cell-id=NAME" in a notebook's links, but not in the address that it is opened with. The notebook
// scrolls to its first cell more than once while it is drawn: so it is asked again, until the cell stays in sight or the
// reader does something.
async function showCell(app, hash) {
  const path = JSON.parse(document.getElementById("jupyter-config-data").textContent).treePath;
  const deadline = Date.now() + PATIENCE;
  const reader = new AbortController();
  for (const kind of ["wheel", "pointerdown", "keydown"]) {
    document.addEventListener(kind, () => reader.abort(), { capture: true, signal: reader.signal });
  }
  await app.restored;
  for (let seen = 0; seen < LOOKS && Date.now() < deadline && !reader.signal.aborted;) {
    const panel = app.shell.currentWidget;
    const cells = panel?.context?.path === path ? panel.content.widgets : [];
    const cell = cells.find((one) => `#cell-id=${one.model.id}` === hash);
    seen = cell && isInSight(cell.node, panel.node) ? seen + 1 : 0;
    if (cell && !seen) panel.setFragment(hash);
    await new Promise((done) => setTimeout(done, 200));
  }
  reader.abort();
}

function isInSight(node, frame) {
  const [inner, outer] = [node.getBoundingClientRect(), frame.getBoundingClientRect()];
  return inner.height > 0 && inner.top < outer.bottom && inner.bottom > outer.top;
}

const cell = {
  id: "layerwise:cell",
  description: "Shows the cell that the address of a notebook names",
  autoStart: true,
  activate: (app) => {
    if (window.location.hash.startsWith("#cell-id=")) showCell(app, window.location.hash);  // once all plugins are active
  },
};

(window._JUPYTERLAB ??= {}).layerwise = {
  init: (modules) => { shared = modules; },
  get: async () => () => ({ __esModule: true, default: [home, cell] }),
};

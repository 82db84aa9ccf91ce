// What the home page needs in JupyterLab: a link back in its top bar, and the cell that an address names. This file is a
// container as webpack's module federation makes them, written by hand: JupyterLab calls init with the modules that it
// shares, and get for the plugins.

const PATIENCE = 60000;  // milliseconds until the notebook of an address is there

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

// JupyterLab follows "#cell-id=NAME" in a notebook's links, but not in the address that it is opened with.
async function showCell(app, hash) {
  const path = JSON.parse(document.getElementById("jupyter-config-data").textContent).treePath;
  const deadline = Date.now() + PATIENCE;
  await app.restored;
  while (app.shell.currentWidget?.context?.path !== path) {
    if (Date.now() > deadline) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  await app.shell.currentWidget.context.ready;
  app.shell.currentWidget.setFragment(hash);  // which waits until the cells are drawn
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

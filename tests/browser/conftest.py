"""A JupyterLab on the live lab as `lab up` starts it, with folders of its own, and a page of Chromium in it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from grader.verify import cleanup
from layerwise.stack import environment, jupyter, paths

SECONDS = 1000
"""in milliseconds, as the browser counts"""

_RUN = """
async source => {
    const notebook = window.jupyterapp.shell.currentWidget.content
    const index = notebook.widgets.findIndex(
        cell => cell.model.type === 'code' && cell.model.sharedModel.getSource().includes(source)
    )
    notebook.activeCellIndex = index
    notebook.deselectAll()
    return index >= 0 && await window.jupyterapp.commands.execute('notebook:run-cell')
}
"""

_THEME = """
([theme, light]) => {
    if (document.body.dataset.jpThemeLight === light) return true
    window.jupyterapp.commands.execute('apputils:change-theme', { theme })
    return false
}
"""


@dataclass(frozen=True)
class Desk:
    """A JupyterLab of its own: the address that `lab up` prints, the learner's work folder and home, and the
    environment in which a lab command in a terminal of it would run."""

    url: str
    work: Path
    home: paths.Home
    env: Mapping[str, str]

    def address(self, notebook: str) -> str:
        """Where a notebook of the course opens, and nothing else."""
        return self.url.replace("/layerwise", f"/lab/tree/course/{notebook}") + "&reset"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One server for all tests of a module: they share the learner's folders and progress."""
    top = tmp_path_factory.mktemp("bench")
    lab, home, work = paths.home(), paths.Home(top / "home"), top / "work"
    home.path.mkdir()
    shutil.copy(lab.state_file, home.state_file)  # where the engine is
    home.bin.symlink_to(lab.bin)
    home.docker_config.symlink_to(lab.docker_config)
    learner = cleanup.new_learner()
    env = environment.lab_env() | {
        "LAYERWISE_WORK": str(work),
        "LAYERWISE_HOME": str(home.path),
        "LAYERWISE_LEARNER": learner,
    }
    with socket.socket() as probe:
        probe.bind((jupyter.ADDRESS, 0))
        port = int(probe.getsockname()[1])
    settings = {"LabApp": {"expose_app_in_browser": True}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERWISE_WORK", str(work))
        try:
            yield Desk(jupyter.start(home=home, env=env, port=port, settings=settings), work, home, env)
        finally:
            jupyter.stop(home)
            cleanup.remove(learner)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert path, "expected chromium on PATH; install it with: apt-get install chromium"
    # Five seconds are too few for a notebook while other tests keep the machine busy.
    expect.set_options(timeout=60 * SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"], timeout=60 * SECONDS
        )
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60 * SECONDS)
    # Shown where a test fails: what the page asked for and did not get.
    page.on("requestfailed", lambda request: print(f"no answer: {request.url} ({request.failure})"))
    yield page
    page.close()


def wait_for_kernel(page: Page) -> None:
    """Until the notebook in front can run a cell."""
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")


def run_cell(page: Page, source: str) -> None:
    """Run the first code cell that holds this text, in the notebook in front."""
    if not page.evaluate(_RUN, source):
        said = page.locator(".jp-OutputArea-output").all_inner_texts()
        raise AssertionError(f"no cell holds {source!r}, or it failed: {said[-1:]}")


def press(button: Locator) -> None:
    """With the keyboard alone: to the button, and press it."""
    button.focus()
    button.press("Enter")


def fits(part: Locator) -> bool:
    """Whether nothing of it runs over its edge."""
    return bool(part.evaluate("node => node.scrollWidth <= node.clientWidth + 1"))


def set_theme(page: Page, *, light: bool) -> None:
    """Change JupyterLab's theme, and wait until it shows: said again, for JupyterLab may lose it while it starts."""
    theme = "JupyterLab Light" if light else "JupyterLab Dark"
    page.wait_for_function(_THEME, arg=[theme, str(light).lower()], polling=500)


def barriers(page: Page, part: str) -> list[str]:
    """What keeps somebody from using a part of the page, as far as axe-core finds it serious: one line for each."""
    found = Axe().run(page, context=part, options={"resultTypes": ["violations"]}).response
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]

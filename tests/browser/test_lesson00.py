"""Lesson 00 as a reader sees it, in JupyterLab as `lab up` starts it: run, its exercise started, failed, solved."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from layerwise.stack import environment, jupyter, paths

pytestmark = [pytest.mark.lab, pytest.mark.browser]

ROOT = Path(__file__).resolve().parents[2]
SOLUTION = ROOT / "exercises" / "00-hello-image" / "solution"
SECONDS = 1000
"""in milliseconds, as the browser counts"""


@dataclass(frozen=True)
class Desk:
    """A JupyterLab of its own on the live lab: its address, and the learner's work folder."""

    url: str
    work: Path


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    env = environment.lab_env()
    lab, home = paths.home(), paths.Home(tmp_path / "home")
    home.path.mkdir()
    shutil.copy(lab.state_file, home.state_file)  # where the engine is
    home.bin.symlink_to(lab.bin)
    home.docker_config.symlink_to(lab.docker_config)
    monkeypatch.setenv("LAYERWISE_WORK", str(tmp_path / "work"))
    env |= {"LAYERWISE_WORK": str(tmp_path / "work"), "LAYERWISE_HOME": str(home.path)}
    with socket.socket() as probe:
        probe.bind((jupyter.ADDRESS, 0))
        port = int(probe.getsockname()[1])
    settings = {"LabApp": {"expose_app_in_browser": True}}
    try:
        url = jupyter.start(home=home, env=env, port=port, settings=settings)
        yield Desk(url, tmp_path / "work")
    finally:
        jupyter.stop(home)


@pytest.fixture
def page() -> Iterator[Page]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert path, "expected chromium on PATH; install it with: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"], timeout=60 * SECONDS
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60 * SECONDS)
        yield page
        chromium.close()


def test_the_lesson_is_run_and_its_exercise_failed_then_solved(bench: Desk, page: Page) -> None:
    page.goto(bench.url)
    page.locator(".jp-Notebook .jp-MarkdownOutput h1", has_text="Start here").wait_for()
    expect(page.locator(".jp-Dialog, .jp-toast-message, .Toastify__toast")).to_have_count(0)
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")
    assert page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')"), "a cell of the lesson failed"

    exercise = page.locator(".lw-check.lw-live")
    exercise.scroll_into_view_if_needed()
    # With the keyboard alone: to the button, and press it.
    press(exercise.get_by_role("button", name="Start", exact=True))
    grade = exercise.get_by_role("button", name="Grade my work")
    expect(grade).to_be_focused()
    assert (bench.work / "00-hello-image" / "Dockerfile").is_file()
    for name in ("Dockerfile", "guests.txt", "hello.sh"):
        expect(exercise.get_by_role("link", name=name)).to_be_visible()

    press(grade)
    result = exercise.locator(".lw-card .lwr-report")
    expect(result).to_contain_text("2 of 10 points", timeout=120 * SECONDS)
    expect(result).to_contain_text("Running the image greets every guest")
    expect(grade).to_be_focused()
    assert fits(result)

    shutil.copy(SOLUTION / "Dockerfile", bench.work / "00-hello-image")
    press(grade)
    expect(result).to_contain_text("10 of 10 points", timeout=120 * SECONDS)

    # A link of the recap leads to its cell.
    page.get_by_role("link", name="the push that failed").click()
    expect(page.get_by_text("docker push hello:v1", exact=False).first).to_be_in_viewport()


def press(button: Locator) -> None:
    button.focus()
    button.press("Enter")


def fits(part: Locator) -> bool:
    """Whether nothing of it runs over its edge."""
    return bool(part.evaluate("node => node.scrollWidth <= node.clientWidth + 1"))

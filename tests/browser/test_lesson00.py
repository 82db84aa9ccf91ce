"""Lesson 00 as a reader sees it, in JupyterLab as `lab up` starts it: run, its exercise started, failed, solved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from layerwise.progress import Progress

from .conftest import SECONDS, Desk, fits, run_cell, wait_for_kernel

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.alone]
# The same lesson, run as a notebook among other tests, makes and removes images of the same names.

ROOT = Path(__file__).resolve().parents[2]
SOLUTION = ROOT / "exercises" / "00-hello-image" / "solution"


CELL = "window.jupyterapp.shell.currentWidget.content.activeCell"


def test_the_lesson_is_run_and_its_exercise_failed_then_solved_with_the_keyboard(bench: Desk, page: Page) -> None:
    page.goto(bench.url)
    page.get_by_role("heading", name="Start here").get_by_role("link").click()
    page.locator(".jp-Notebook .jp-MarkdownOutput h1", has_text="Start here").wait_for()
    assert page.locator(".jp-Dialog, .jp-toast-message, .Toastify__toast").all_inner_texts() == []
    wait_for_kernel(page)
    expect(page.locator(".jp-Cell").first).to_be_focused()

    seen = walk(page, until="exercise")
    assert seen == ["predict-same", "predict-push", "predict-run"]
    assert page.locator(".jp-OutputArea-output[data-mime-type*=stderr], .jp-RenderedError").all_inner_texts() == []
    assert [
        answer.cell for answer in Progress(bench.home.progress_file).answers("00-start-here") if answer.correct is None
    ] == ["same", "push", "gone"]

    exercise = page.locator(".lw-check.lw-live")
    expect(exercise.get_by_role("button", name="Start", exact=True)).to_be_focused()
    page.keyboard.press("Space")
    grade = exercise.get_by_role("button", name="Grade my work")
    expect(grade).to_be_focused()
    assert (bench.work / "00-hello-image" / "Dockerfile").is_file()
    for name in ("Dockerfile", "guests.txt", "hello.sh"):
        expect(exercise.get_by_role("link", name=name)).to_be_visible()

    page.keyboard.press("Space")
    result = exercise.locator(".lw-card .lwr-report")
    expect(result).to_contain_text("2 of 10 points", timeout=120 * SECONDS)
    expect(result).to_contain_text("Running the image greets every guest")
    expect(exercise.locator(".lw-result")).to_contain_text("2 of 10 points")
    expect(result).to_be_in_viewport()
    assert fits(result)
    assert active(page) == "terminal-words", "the cell below"

    shutil.copy(SOLUTION / "Dockerfile", bench.work / "00-hello-image")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+Enter")
    expect(grade).to_be_focused()
    page.keyboard.press("Space")
    expect(result).to_contain_text("10 of 10 points", timeout=120 * SECONDS)
    expect(exercise.locator(".lw-result")).to_contain_text("10 of 10 points")  # now the page has scrolled to the report

    # A link of the recap leads to its cell.
    page.get_by_role("link", name="the push that failed").click()
    expect(page.locator(".jp-CodeCell", has_text="pushed = !docker push").first).to_be_in_viewport()


def test_what_keys_mean_in_a_question(bench: Desk, page: Page) -> None:
    page.goto(bench.address("01-layers.ipynb"))
    wait_for_kernel(page)
    run_cell(page, "import layerwise")
    run_cell(page, 'lw.ask("01-layers/deletion")')
    first = page.locator(".lw-ask input").first
    cells = page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")

    first.focus()
    for key in "b", "x", "m", "ArrowDown":  # which change a cell, or choose another one
        page.keyboard.press(key)
    assert active(page) == "check-small"
    assert page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length") == cells
    expect(page.locator(".lw-ask input").nth(1)).to_be_focused()

    page.keyboard.press("Escape")
    expect(page.locator(".jp-Cell.jp-mod-active")).to_be_focused()
    assert active(page) == "check-small"

    first.focus()
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(f"{CELL}.model.id === 'containers'")
    expect(page.locator(".jp-Cell.jp-mod-active")).to_be_focused()

    first.focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".jp-Cell.jp-mod-active")).to_be_focused()
    assert active(page) == "check-small"

    # Where the answer is wrong it can be given again, and where it is right one goes on.
    first.check()
    page.get_by_role("button", name="Answer").press("Space")
    expect(page.locator(".lw-said")).to_contain_text("Not yet.")
    expect(page.get_by_role("button", name="Answer again")).to_be_focused()
    page.locator(".lw-ask input").nth(1).check()
    page.get_by_role("button", name="Answer again").press("Space")
    expect(page.locator(".lw-said")).to_contain_text("Yes.")
    page.wait_for_function(f"{CELL}.model.id === 'containers'")
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(f"{CELL}.model.id === 'predict-two'")


def walk(page: Page, until: str) -> list[str]:
    """Run cell after cell with Shift+Enter, and answer each question on the way, until that cell has run. Returns the
    cells that asked."""
    asked = []
    for _ in range(100):
        page.wait_for_function(f"document.activeElement === {CELL}.node")
        cell, source = page.evaluate(f"[{CELL}.model.id, {CELL}.model.sharedModel.getSource()]")
        page.keyboard.press("Shift+Enter")
        if cell == until:
            return asked
        page.wait_for_function(f"{CELL}.model.id !== {json.dumps(cell)}")
        if "lw.ask(" in source:
            asked.append(cell)
            answer(page)
        wait_for_kernel(page)
        assert active(page) != cell
    raise AssertionError(f"no cell {until}")


def answer(page: Page) -> None:
    """Choose something in the question that has taken the focus, and hand it in."""
    page.wait_for_function("document.activeElement.matches('.lw-ask input')")
    several = page.evaluate("document.activeElement.type === 'checkbox'")
    page.keyboard.press("Space" if several else "ArrowDown")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.lw-ask button[type=submit]')"):
            page.keyboard.press("Space")
            page.wait_for_function("document.activeElement.matches('.jp-Cell')")
            return
    raise AssertionError("the button cannot be reached")


def active(page: Page) -> str:
    """The name of the cell that JupyterLab takes for the present one."""
    return str(page.evaluate(f"{CELL}.model.id"))

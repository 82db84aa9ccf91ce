"""One exercise of each lesson as a learner does it in JupyterLab."""

from __future__ import annotations

import re
import shutil

import pytest
from playwright.sync_api import Page, expect

from grader.exercise import load
from grader.verify import setup
from grader.verify.variants import solution_script

from .conftest import SECONDS, Desk, barriers, fits, press, run_cell, set_theme, wait_for_kernel

pytestmark = [pytest.mark.lab, pytest.mark.browser]


ONE_OF_EACH_LESSON = (
    "01b-lost-and-found",
    "02-cache-order",
    "03b-same-layer",
    "04d-build-secret",
    "05-drop-root",
    "06-push-by-digest",
    "07b-triage",
    "08-sign-and-verify",
    "09-on-call",
    "10-capstone",
)


@pytest.mark.long
@pytest.mark.parametrize("name", ONE_OF_EACH_LESSON)
def test_an_exercise_is_started_graded_solved_and_graded_again(bench: Desk, page: Page, name: str) -> None:
    exercise, work = load(name), bench.work / name
    page.goto(bench.address(f"{exercise.lesson}.ipynb"))
    wait_for_kernel(page)
    run_cell(page, "import layerwise")
    run_cell(page, f'lw.check("{name}")')
    card = page.locator(".lw-check.lw-live")
    card.scroll_into_view_if_needed()
    expect(card.get_by_role("heading")).to_have_text(exercise.title)

    press(card.get_by_role("button", name="Start", exact=True))
    grade = card.get_by_role("button", name="Grade my work")
    expect(grade).to_be_focused()
    assert sorted(path.name for path in work.iterdir()) == sorted(path.name for path in exercise.starter.iterdir())
    press(card.get_by_role("button", name="Open a terminal there"))
    expect(page.locator(".jp-Terminal")).to_be_visible()
    expect(page.locator("#jp-left-stack")).to_be_hidden()
    expect(card).to_be_visible()

    press(grade)
    result = card.locator(".lwr-report")
    score = re.compile(rf"([0-9.]+) of {exercise.points:g} points")
    expect(result).to_contain_text(score, timeout=120 * SECONDS)
    assert points(result.inner_text(), score) < exercise.points
    assert fits(result)

    shutil.copytree(exercise.solution, work, dirs_exist_ok=True)
    if doing := solution_script(exercise):  # what the learner does in a terminal: build, push, sign
        setup.run(doing, work, bench.env["LAYERWISE_LEARNER"])
    press(grade)
    full = f"{exercise.points:g} of {exercise.points:g} points"
    expect(card.locator(".lw-result")).to_contain_text(full, timeout=120 * SECONDS)
    expect(result).to_contain_text(full)
    press(card.get_by_role("button", name="Compare with ours"))
    expect(card.locator(".lw-compared")).to_contain_text("ours")
    card.get_by_text("Why each check exists").click()
    for light in (False, True):
        set_theme(page, light=light)
        assert fits(card)
        assert fits(result)
        assert barriers(page, ".lw-check.lw-live") == []


def test_what_is_seen_is_what_is_graded(bench: Desk, page: Page) -> None:
    """A file that is open and not saved is saved first; one that was changed in a terminal meanwhile is left alone.

    JupyterLab's autosave is off: if it writes the notebook just when the button saves everything, JupyterLab asks which
    of the two counts.
    """
    exercise = load("02c-ignore-the-noise")
    work = bench.work / exercise.name
    page.goto(bench.address("02-caching.ipynb"))
    wait_for_kernel(page)
    page.evaluate("window.jupyterapp.commands.execute('docmanager:toggle-autosave')")
    page.wait_for_function("!window.jupyterapp.commands.isToggled('docmanager:toggle-autosave')")
    run_cell(page, "import layerwise")
    run_cell(page, f'lw.check("{exercise.name}")')
    title = page.get_by_role("heading", name=exercise.title, exact=True)
    card = page.locator(".lw-check.lw-live").filter(has=title)  # another test's may be in the notebook, too
    press(card.get_by_role("button", name="Start", exact=True))
    card.get_by_role("link", name="Dockerfile").click()
    page.locator(".jp-FileEditor .cm-content").locator("visible=true").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("# mine")
    page.keyboard.press("Enter")
    press(card.get_by_role("button", name="Grade my work"))
    expect(card.locator(".lw-result")).to_contain_text("of 10 points", timeout=60 * SECONDS)
    assert (work / "Dockerfile").read_text().startswith("# mine\n")

    shutil.copytree(exercise.solution, work, dirs_exist_ok=True)
    # With the mouse: the focus is moving to the next cell, and would take the key with it.
    card.get_by_role("button", name="Grade my work").click()
    expect(card.locator(".lw-result")).to_contain_text("10 of 10 points", timeout=60 * SECONDS)
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    page.evaluate("window.jupyterapp.commands.execute('docmanager:toggle-autosave')")
    page.wait_for_function("window.jupyterapp.commands.isToggled('docmanager:toggle-autosave')")


def points(text: str, score: re.Pattern[str]) -> float:
    found = score.search(text)
    assert found, text
    return float(found[1])

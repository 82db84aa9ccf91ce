"""Lesson 00 as a reader sees it, in JupyterLab as `lab up` starts it: run, its exercise started, failed, solved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .conftest import SECONDS, Desk, fits, press, wait_for_kernel

pytestmark = [pytest.mark.lab, pytest.mark.browser]

ROOT = Path(__file__).resolve().parents[2]
SOLUTION = ROOT / "exercises" / "00-hello-image" / "solution"


def test_the_lesson_is_run_and_its_exercise_failed_then_solved(bench: Desk, page: Page) -> None:
    page.goto(bench.url)
    page.locator(".jp-Notebook .jp-MarkdownOutput h1", has_text="Start here").wait_for()
    expect(page.locator(".jp-Dialog, .jp-toast-message, .Toastify__toast")).to_have_count(0)
    wait_for_kernel(page)
    assert page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')"), "a cell of the lesson failed"

    exercise = page.locator(".lw-check.lw-live")
    exercise.scroll_into_view_if_needed()
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

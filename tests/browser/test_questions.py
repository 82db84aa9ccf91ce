"""A question of each kind in JupyterLab: everybody can use it, in each state, light and dark, wide and narrow."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .conftest import Desk, barriers, fits, run_cell, set_theme, wait_for_kernel

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.long]

CELL = """
from pathlib import Path
from layerwise.questions import lessons
lessons.FOLDER = Path({folder!r})
for kind in "choice", "several", "order", "number", "text", "predicted":
    display(lw.ask(f"01-layers/{{kind}}"))
"""
QUESTIONS = """
[[question]]
id = "choice"
ask = "Which `one`?"
options = ["this", "that, of which there is a good deal more to say, so that it takes more than one line of the page"]
answer = 1
why = "Since *that* is."

[[question]]
id = "several"
kind = "several"
ask = "Which of them?"
options = ["this", "that", "neither"]
answer = [0, 1]
why = "Both."

[[question]]
id = "order"
kind = "order"
ask = "In which order?"
options = ["first", "second", "third"]
why = "As they come."

[[question]]
id = "number"
kind = "number"
unit = "MB"
ask = "How many?"
answer = 3
why = "Three."

[[question]]
id = "text"
kind = "text"
ask = "What is it called?"
answer = "layer"
why = "A layer."

[[question]]
id = "predicted"
predict = true
ask = "What happens?"
options = ["this", "that"]
why = "It did."
"""


def test_everybody_can_use_it(bench: Desk, page: Page) -> None:
    folder = bench.work / "questions"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "01-layers.toml").write_text(QUESTIONS)
    page.goto(bench.address("01-layers.ipynb"))
    wait_for_kernel(page)
    page.evaluate(
        "source => window.jupyterapp.shell.currentWidget.content.widgets.find(cell => cell.model.type === 'code')"
        ".model.sharedModel.setSource(source)",
        "import layerwise as lw" + CELL.format(folder=str(folder)),
    )
    run_cell(page, "import layerwise as lw")
    asked = page.locator(".lw-ask.lw-live")
    expect(asked).to_have_count(6)
    look(page)
    for number in range(6):
        one = asked.nth(number)
        if one.locator("input[type=radio], input[type=checkbox]").count():
            one.locator("input").first.check()
        elif one.locator("input").count():
            one.locator("input").fill("7")
        one.get_by_role("button", name="Answer").or_(one.get_by_role("button", name="Keep my prediction")).click()
        expect(one.locator(".lw-said")).not_to_be_empty()
    look(page)


def look(page: Page) -> None:
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 900})
        for light in (False, True):
            set_theme(page, light=light)
            assert barriers(page, ".lw-live") == []
            for one in page.locator(".lw-ask.lw-live").all():
                assert fits(one)

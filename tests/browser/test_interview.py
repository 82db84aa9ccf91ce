"""Interview practice in JupyterLab: a mock interview by keyboard, from its beginning to its report; the end of time;
light and dark, wide and narrow."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Download, Locator, Page, expect

from layerwise.interview import tasks
from layerwise.interview.mix import mix
from layerwise.interview.plan import Plan, Sources
from layerwise.interview.state import load
from layerwise.interview.store import Sessions
from layerwise.progress import Progress
from layerwise.questions import bank

from .conftest import SECONDS, Desk, barriers, fits, press, run_cell, set_theme, wait_for_kernel

pytestmark = [pytest.mark.lab, pytest.mark.browser]

TASK = "slow-build"
HOSTILE = "<img src=x onerror=alert(1)> & `code`"
INJECTED = """
import layerwise
from layerwise.interview import tasks
from layerwise.interview.clock import Clock
from layerwise.interview.plan import Sources
from layerwise.questions import bank
from layerwise.views.practice import Practice
passed = [0.0]
lw = type("lw", (), {"practice": lambda: Practice(Sources(bank.load(), tasks), clock=Clock(lambda: passed[0]))})
"""


def plan_with(task: str) -> Plan:
    """A session of 30 minutes with that task."""
    sources = Sources(bank.load(), tasks)
    plans = (mix(seed, 30, sources) for seed in range(200))
    return next(plan for plan in plans if any(item.name == task for item in plan.items))


def seed_with_words_first() -> str:
    """The seed of a session of 30 minutes whose first question asks for sentences."""
    sources = Sources(bank.load(), tasks)
    return next(str(seed) for seed in range(50) if sources.bank[mix(seed, 30, sources).items[0].name].kind == "open")


FIRST_CELL = """
async source => {
    await window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')
    const cells = window.jupyterapp.shell.currentWidget.content.widgets
    cells.find(cell => cell.model.type === 'code').model.sharedModel.setSource(source)
}
"""


def show(page: Page, bench: Desk, first: str = "import layerwise as lw") -> Locator:
    """The view, in the lesson, as an earlier test may have left that; `first` is its first cell."""
    page.goto(bench.address("11-interview.ipynb"))
    wait_for_kernel(page)
    page.evaluate(FIRST_CELL, first)
    run_cell(page, "import layerwise")
    run_cell(page, "lw.practice()")
    view = page.locator(".lw-practice.lw-live")
    view.scroll_into_view_if_needed()
    return view


def choose(view: Locator, group: str, option: str) -> None:
    """Choose one of several, by keyboard."""
    radio = view.get_by_role("group", name=group).get_by_label(option, exact=True)
    radio.focus()
    radio.press("Space")


def begin(view: Locator, seed: str) -> None:
    press(view.get_by_role("button", name="Begin"))
    expect(view.get_by_role("alert")).to_contain_text("choose whether an AI assistant is allowed")
    choose(view, "AI assistant", "not allowed")
    view.get_by_label("Seed").press_sequentially(seed)
    press(view.get_by_role("button", name="Begin"))
    expect(view.get_by_role("navigation", name="Items of the session")).to_be_visible()


def item(view: Locator, number: int) -> Locator:
    return view.get_by_role("navigation").get_by_role("button").nth(number)


def go_to(view: Locator, number: int) -> None:
    press(item(view, number))
    expect(view.locator(".lw-item")).to_contain_text(f"Item {number + 1} of ")
    expect(item(view, number)).to_have_attribute("aria-current", "step")


def look_at(page: Page, view: Locator, folder: Path, name: str) -> None:
    """Light and dark, wide and narrow: everybody can use it, and nothing runs over its edge."""
    for width in (1280, 800):
        page.set_viewport_size({"width": width, "height": 2400})  # a picture shows no more than fits
        for light in (False, True):
            set_theme(page, light=light)
            assert fits(view), (name, width)
            assert barriers(page, ".lw-practice.lw-live") == [], (name, width, light)
            view.screenshot(path=folder / f"{name}-{width}-{'light' if light else 'dark'}.png")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_a_session_is_begun_answered_and_ended(bench: Desk, page: Page) -> None:
    view = show(page, bench)
    begin(view, seed_with_words_first())
    expect(view.get_by_label("Your answer")).to_be_focused()
    area = view.get_by_label("Your answer")
    area.press_sequentially(HOSTILE)
    for keys in ("Shift+Enter", "Control+Enter"):  # which do not run the cell
        area.press(keys)
    area.fill(HOSTILE)
    area.press("Enter")
    expect(area).to_have_value(f"{HOSTILE}\n")
    area.press_sequentially("second line")
    press(view.get_by_role("button", name="Save and go on"))
    expect(item(view, 0)).to_contain_text("answered")
    expect(item(view, 1)).to_have_attribute("aria-current", "step")
    press(view.get_by_role("button", name="End the session"))
    expect(view.get_by_role("button", name="Go on", exact=True)).to_be_focused()
    press(view.get_by_role("button", name="End", exact=True))
    assert view.locator(".lw-own").inner_text() == f"{HOSTILE}\nsecond line"
    assert view.locator("img").count() == 0
    press(view.get_by_role("button", name="Keep, and see the report"))
    expect(view.locator(".lw-session")).to_contain_text("What you said")
    assert Sessions(bench.home).unfinished() is None


def test_a_timeline_and_the_report_of_an_earlier_session(bench: Desk, page: Page, tmp_path: Path) -> None:
    plan = plan_with(TASK)
    view = show(page, bench)
    timeline = view.get_by_label("Timeline")
    timeline.focus()
    timeline.press("Space")
    begin(view, str(plan.seed))
    go_to(view, next(place for place, one in enumerate(plan.items) if one.name == TASK))
    expect(view.locator(".lw-item")).to_contain_text("lab interview shell")
    look_at(page, view, tmp_path, "recorded")
    press(view.get_by_role("button", name="End the session"))
    press(view.get_by_role("button", name="End", exact=True))
    press(view.get_by_role("button", name="Back to practice"))
    press(view.get_by_role("button", name="Show"))
    expect(view.locator(".lw-session")).to_contain_text("0 commands recorded")
    number = Sessions(bench.home).numbers()[-1]
    assert load(Sessions(bench.home), number)[1].timeline


@pytest.mark.long
def test_a_mock_interview_from_start_to_report(bench: Desk, page: Page, tmp_path: Path) -> None:
    plan = plan_with(TASK)
    task_place = next(place for place, one in enumerate(plan.items) if one.name == TASK)
    first, second, third = [place for place, one in enumerate(plan.items) if one.kind == "question"][:3]
    view = show(page, bench)
    look_at(page, view, tmp_path, "start")
    begin(view, str(plan.seed))
    expect(view).to_contain_text("30 minutes")
    expect(view).to_contain_text("no AI assistant")

    # Two questions are answered, one is skipped.
    for place in (first, second):
        go_to(view, place)
        answer(page, view)
        press(view.get_by_role("button", name="Save and go on"))
        expect(item(view, place)).to_contain_text("answered")
    look_at(page, view, tmp_path, "question")
    go_to(view, third)
    press(view.get_by_role("button", name="Skip for now"))
    expect(item(view, third)).to_contain_text("skipped")

    press(view.get_by_role("button", name="Pause"))
    expect(view.get_by_role("button", name="Go on", exact=True)).to_be_focused()
    expect(view.get_by_label("Your answer")).to_have_count(0)
    press(view.get_by_role("button", name="Go on", exact=True))
    expect(item(view, task_place)).to_be_visible()
    expect(view.get_by_role("button", name="Pause")).to_be_visible()

    # The task, solved by its solution.
    go_to(view, task_place)
    expect(view.get_by_label("What do you think is wrong?")).to_be_focused()
    for label in ("What do you think is wrong?", "Which command shows it?", "What did it show?"):
        view.get_by_label(label).press_sequentially(f"{label} {HOSTILE}")
    look_at(page, view, tmp_path, "task")
    exercise = tasks.load(TASK, plan.items[task_place].seed).exercise
    shutil.copytree(exercise.solution, bench.work / TASK, dirs_exist_ok=True)
    press(view.get_by_role("button", name="Hand in"))
    expect(view.get_by_role("button", name="Stop")).to_be_focused()
    expect(view).to_contain_text("Handed in. You hear at the end how it was.", timeout=180 * SECONDS)
    expect(item(view, task_place)).to_contain_text("handed in")
    assert "10 of 10" not in view.inner_text()

    # The kernel stops in the middle: nothing is lost.
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    wait_for_kernel(page)
    run_cell(page, "import layerwise")
    run_cell(page, "lw.practice()")
    press(view.get_by_role("button", name="Resume"))
    expect(item(view, task_place)).to_contain_text("handed in")
    expect(view.get_by_label("What did it show?")).to_have_value(f"What did it show? {HOSTILE}")

    press(view.get_by_role("button", name="End the session"))
    press(view.get_by_role("button", name="End", exact=True))
    for place, button in enumerate(("go on", "go on", "see the report"), 1):
        expect(view).to_contain_text(f"Answer {place} of 3")
        box = view.locator(".lw-rubric input:not(:disabled)").first
        box.focus()
        box.press("Space")
        if place != 2:
            look_at(page, view, tmp_path, f"rate-{place}")
        press(view.get_by_role("button", name=f"Keep, and {button}"))
    report = view.locator(".lw-session")
    expect(report).to_contain_text("By dimension")
    expect(report).to_contain_text("10 of 10")
    assert view.locator("img").count() == 0
    look_at(page, view, tmp_path, "report")
    with page.expect_download() as saving:
        press(view.get_by_role("link", name=re.compile("^Save as")))
    saved: Download = saving.value
    assert "What you said" in saved.path().read_text(encoding="utf-8")

    number = Sessions(bench.home).numbers()[-1]
    state = load(Sessions(bench.home), number)[1]
    assert not state.assistant
    assert [stop.seconds is None for stop in state.stops] == [False, True], "a pause, and the kernel's end"
    assert {review.skill for review in Progress(bench.home.progress_file).reviews()} >= set(plan.items[first].skills)
    press(view.get_by_role("button", name="Back to practice"))
    expect(view).to_contain_text("Next: ")


@pytest.mark.long
def test_the_time_is_told_and_ends(bench: Desk, page: Page) -> None:
    view = show(page, bench, INJECTED)
    begin(view, seed_with_words_first())
    left = view.locator(".lw-left")
    told = view.locator(".lw-timer [role=status]")
    expect(left).to_have_text(re.compile(r"^(30:00|29:5\d) left$"))
    for passed, said in ((1202, "10 minutes left"), (1501, "5 minutes left"), (1742, "1 minute left")):
        run_source(page, f"passed[0] = {passed}")
        view.get_by_label("Your answer").press_sequentially(f"{passed} ")
        expect(told).to_have_text(said)
    expect(view.locator(".lw-kept")).to_have_text("Saved")
    run_source(page, "passed[0] = 1801")
    view.get_by_label("Your answer").press_sequentially("late")
    expect(view.get_by_role("alert").first).to_contain_text("The time is over.")
    expect(view.get_by_label("Your answer")).to_have_value("1202 1501 1742 late")
    press(view.get_by_role("button", name="End the session"))
    expect(view.locator(".lw-own")).to_have_text("1202 1501 1742")
    press(view.get_by_role("button", name="Keep, and see the report"))
    expect(view.locator(".lw-session")).to_be_visible()


@pytest.mark.long
def test_a_second_view_says_so_and_may_look_or_take_over(bench: Desk, page: Page) -> None:
    view = show(page, bench)
    begin(view, seed_with_words_first())
    answer(page, view)
    expect(view.locator(".lw-kept")).to_have_text("Saved")
    page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.widgets.findLast(cell => cell.model.type === 'code')"
        ".model.sharedModel.setSource('lw.practice()  # again')"
    )
    run_cell(page, "# again")
    second = page.locator(".lw-practice.lw-live").last
    expect(second).to_contain_text("A session is open in another view of this notebook.")
    press(second.get_by_role("button", name="Only look"))
    expect(second).to_contain_text("1. Question: answered")
    expect(second.locator("textarea")).to_have_count(0)
    press(second.get_by_role("button", name="Back"))
    press(second.get_by_role("button", name="Go on here"))
    expect(second.get_by_label("Your answer")).to_have_value("By its key.")
    expect(view.first).to_contain_text("A session is open in another view of this notebook.")
    press(second.get_by_role("button", name="End the session"))
    press(second.get_by_role("button", name="End", exact=True))
    press(second.get_by_role("button", name="Keep, and see the report"))
    expect(second.locator(".lw-session")).to_be_visible()


@pytest.mark.long
def test_a_drill(bench: Desk, page: Page, tmp_path: Path) -> None:
    view = show(page, bench)
    view.get_by_label("About").select_option("image-size")
    press(view.get_by_role("button", name="Drill"))
    expect(view.get_by_label("Your answer, aloud or in words")).to_be_focused()
    page.keyboard.type(HOSTILE)
    press(view.get_by_role("button", name="Reveal"))
    expect(view).to_contain_text("Strong answer")
    expect(view.locator(".lw-kicker").first).to_be_focused()
    box = view.locator(".lw-rubric input").first
    box.focus()
    box.press("Space")
    look_at(page, view, tmp_path, "drill")
    press(view.get_by_role("button", name="Keep, and stop"))
    expect(view.get_by_role("button", name="Drill")).to_be_visible()
    reviews = [review for review in Progress(bench.home.progress_file).reviews() if review.skill == "image-size"]
    assert reviews


def answer(page: Page, view: Locator) -> None:
    """Write, or choose, an answer of whatever kind the open item asks for."""
    part = view.locator(".lw-part input")
    if part.count():
        part.first.focus()
        page.keyboard.press("Space")
    writing = view.locator(".lw-part textarea")
    if writing.count():
        writing.first.focus()
        page.keyboard.type("By its key.")


def run_source(page: Page, source: str) -> None:
    """Run a line in the kernel of the notebook in front."""
    page.evaluate(
        "async code => { await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
        ".requestExecute({ code }).done }",
        source,
    )

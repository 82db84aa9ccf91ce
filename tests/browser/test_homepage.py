"""The home page in a browser, light and dark, wide and narrow, by keyboard; and the ways to the lessons and back."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from grader.exercise import load
from layerwise.progress import Progress
from layerwise.questions.skills import SKILLS
from layerwise.stack import lock
from layerwise.stack.coming import Record, Step

from .conftest import SECONDS, Desk, barriers, wait_for_kernel

pytestmark = [pytest.mark.lab, pytest.mark.browser]

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
EDGES = """() => [...document.querySelectorAll("body *:not(.lw-heard, .lw-heard *, .skip, .detail)")].filter((node) => {
    const own = node.getBoundingClientRect()
    return own.width && (own.right > innerWidth + 1 || own.left < -1)
}).map((node) => `${node.tagName}.${node.className}: ${node.textContent.slice(0, 40)}`)"""


def steps() -> list[Step]:
    long = "Making the engine (Debian 13, 0.6 GB), which takes a while on a slow machine"
    return [Step("rootfs", long, 40), Step("registry", "Registries", 6), Step("images", "Base images (5)", 40)]


def test_it_follows_what_lab_up_does(bench: Desk, page: Page) -> None:
    page.goto(bench.url)
    assert page.url.endswith("/layerwise"), "the token is gone"
    lab, news = page.get_by_role("region", name="The lab"), page.locator("#news")
    expect(lab).to_have_text("The lab is up.")
    with lock.held(bench.home, "up"):
        record = Record(bench.home, steps())
        record.began("rootfs")
        record.said("rootfs", "unpacking " + "a-package-with-a-long-name " * 9)
        page.reload()
        expect(lab).to_contain_text("The lab is coming up: 0 of 3 steps done.")
        expect(lab.get_by_role("listitem")).to_have_count(3)
        look_at(page)
        top = page.locator("#lessons").bounding_box()
        record.ended("rootfs", 12)
        expect(news).to_have_text("The lab is coming up: 1 of 3 steps done.")
        for key in ("registry", "images"):
            record.began(key)
            record.ended(key, 2)
    expect(news).to_have_text("The lab is up.")
    expect(lab.get_by_role("listitem")).to_have_count(3), "nothing jumps"
    after = page.locator("#lessons").bounding_box()
    assert top
    assert after
    assert abs(top["y"] - after["y"]) < 30, "but for one line"
    with lock.held(bench.home, "up"):
        Record(bench.home, steps()).began("rootfs")
    page.reload()
    expect(lab).to_contain_text("Run ./lab up")
    look_at(page)
    bench.home.coming_up.unlink()


def test_it_says_so_if_nobody_answers_and_goes_on_by_itself(bench: Desk, page: Page) -> None:
    page.goto(bench.url)
    lab, news = page.get_by_role("region", name="The lab"), page.locator("#news")
    refusals: list[tuple[Callable[[Route], None], str]] = [
        (lambda route: route.fulfill(status=503), "JupyterLab does not answer."),
        (lambda route: route.fulfill(status=403), "This browser is not logged in any more."),
        (lambda route: route.abort(), "JupyterLab does not answer."),
    ]
    for refuse, said in refusals:
        page.route("**/layerwise/state*", refuse)
        page.evaluate("dispatchEvent(new Event('pageshow'))")
        expect(news).to_have_text(said)
        expect(lab).to_contain_text("./lab up")
    page.unroute("**/layerwise/state*")
    expect(lab).to_have_text("The lab is up.")


def test_what_cannot_be_started_is_told_on_the_page(bench: Desk, page: Page) -> None:
    page.goto(bench.url)
    page.evaluate("""() => {
        const button = document.querySelector("button.go")
        button.value = "01-layers"
        button.click()
    }""")
    expect(page.get_by_role("alert")).to_have_text("The course has no exercise '01-layers'.")
    look_at(page)


def look_at(page: Page) -> None:
    """Light and dark, at three widths: all is there, can be read, and can be used by everybody."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for width in (1280, 800, 400):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(EDGES) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRAST) == []
        assert barriers(page, "body") == []
    page.set_viewport_size({"width": 1280, "height": 900})


def test_an_exercise_is_started_opened_and_solved(bench: Desk, page: Page) -> None:
    exercise = load("01-layer-detective")
    page.goto(bench.url)
    row = page.get_by_role("listitem").filter(has_text=exercise.name)
    expect(row).to_contain_text("not begun")
    row.get_by_role("button", name="Start").click()
    expect(page.locator(".jp-FileEditor")).to_be_visible()
    assert (bench.work / exercise.name / "answers.toml").is_file()
    expect(page.locator(".jp-DirListing-item", has_text="answers.toml")).to_be_visible()

    page.get_by_role("link", name="Course home").click()
    expect(row).to_contain_text("begun")
    expect(row.get_by_role("link", name="Open files")).to_have_attribute("href", re.compile("/lab/tree/work/01-layer"))
    shutil.copytree(exercise.solution, bench.work / exercise.name, dirs_exist_ok=True)
    words = [sys.executable, "-m", "layerwise.cli", "grade", exercise.name]
    subprocess.run(words, env=bench.env, check=True, capture_output=True, timeout=60)
    page.evaluate("dispatchEvent(new Event('pageshow'))")
    expect(row).to_contain_text("10 of 10")
    expect(page.locator("#next-link")).not_to_have_text(exercise.title)
    look_at(page)

    row.get_by_role("link", name=exercise.title, exact=True).click()
    expect(page.get_by_text(f'lw.check("{exercise.name}")')).to_be_in_viewport(timeout=60 * SECONDS)


def test_a_lesson_is_opened_and_left_with_the_keyboard(bench: Desk, page: Page) -> None:
    page.goto(bench.url)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the lessons")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Lessons and exercises")).to_be_in_viewport()
    page.keyboard.press("Tab")
    lesson = page.get_by_role("link", name="Start here").last
    expect(lesson).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator(".jp-MarkdownOutput h1", has_text="Start here")).to_be_visible(timeout=60 * SECONDS)
    wait_for_kernel(page)
    page.locator("a", has_text="the home page of the course").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/layerwise$"))


def test_what_is_due_today_leads_to_interview_practice(bench: Desk, page: Page) -> None:
    Progress(bench.home.progress_file).forget()  # other tests at this desk have answered questions
    page.goto(bench.url)
    practice = page.get_by_role("region", name="Interview practice: today")
    expect(practice).to_have_count(0)
    then = Progress(bench.home.progress_file, now=lambda: time.time() - 20 * 86_400)
    for skill in SKILLS:
        then.record_review(skill, 0.9, "x")
    page.evaluate("dispatchEvent(new Event('pageshow'))")
    expect(practice.get_by_role("listitem").first).to_contain_text("for 18 days")
    look_at(page)
    practice.get_by_role("link", name="Practise now").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("lw.practice()", exact=True)).to_be_in_viewport(timeout=60 * SECONDS)


def test_it_is_a_page_without_javascript_too(bench: Desk, chromium: Browser) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(bench.url)
    expect(page.get_by_role("region", name="The lab")).to_have_text("The lab is up.")
    row = page.get_by_role("listitem").filter(has_text="02-cache-order")
    row.get_by_role("button", name="Start").click()
    page.goto(bench.url)
    expect(row.get_by_role("link", name="Open files")).to_be_visible()
    context.close()

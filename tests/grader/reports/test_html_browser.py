"""The page in a real browser: its policy allows its style, it fits a phone, it is dark in the dark, keys fold it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from grader.reports import html
from tests.grader.reports import samples

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert path, "expected chromium on PATH; install it with: apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"], timeout=60_000
        )
        yield chromium
        chromium.close()


def show(browser: Browser, folder: Path, name: str, *, width: int = 900, scheme: str = "light") -> Page:
    """The page of a sample, opened from disk; whatever the browser complains about fails the test."""
    file = folder / f"{name}.html"
    file.write_text(html.page(samples.ALL[name]), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(file.as_uri())
    assert complaints == []
    return page


@pytest.mark.parametrize("width", [320, 420, 900])
@pytest.mark.parametrize("name", samples.ALL)
def test_nothing_runs_over_the_edge(browser: Browser, tmp_path: Path, name: str, width: int) -> None:
    page = show(browser, tmp_path, name, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(browser: Browser, tmp_path: Path, scheme: str) -> None:
    """At least 4.5 to 1, as WCAG 2.1 asks (1.4.3), for every colour of text on the page."""
    page = show(browser, tmp_path, "partial", scheme=scheme)
    background, *inks = page.evaluate(
        """() => {
            const parts = (element, name) => getComputedStyle(element)[name].match(/[\\d.]+/g).slice(0, 3).map(Number);
            const report = document.querySelector('.lwr-report');
            const texts = [...report.querySelectorAll('p, span, dt, dd, td, th, code, strong')];
            return [parts(report, 'backgroundColor'), ...texts.map(text => parts(text, 'color'))];
        }"""
    )
    assert (sum(background) > 600) is (scheme == "light")
    assert min(contrast(ink, background) for ink in inks) >= 4.5
    page.close()


def test_a_check_folds_with_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    page = show(browser, tmp_path, "partial")
    first = page.locator("details").first
    assert first.get_attribute("open") == ""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert first.get_attribute("open") is None
    page.close()


def contrast(one: list[float], other: list[float]) -> float:
    """The contrast ratio of two sRGB colours (WCAG 2.1)."""

    def luminance(colour: list[float]) -> float:
        linear = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)

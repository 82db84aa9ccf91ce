"""The page and the card: well-formed, static, readable without colour, with a keyboard and by a screen reader."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from grader.reports import html
from grader.verdict import Report
from tests.grader.reports import samples
from tests.grader.reports.validators import HTML_TAGS, Markup

MAKERS = {"page": html.page, "card": html.card}


@pytest.fixture(params=MAKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("name", samples.ALL)
def test_well_formed_and_static(kind: str, name: str) -> None:
    source = MAKERS[kind](samples.ALL[name])
    markup = Markup(source)
    assert set(markup.tags) <= HTML_TAGS[kind]
    assert not markup.comments
    for _, attribute, value in markup.attributes:
        assert not attribute.startswith("on")
        assert attribute not in {"style", "src", "href", "id"}
        if attribute == "class":
            assert all(word.startswith("lwr-") for word in value.split())
    assert "url(" not in source
    assert "@import" not in source
    assert "http" not in markup.text


def test_every_class_has_the_prefix_in_the_stylesheet_too() -> None:
    rules = re.sub(r"/\*.*?\*/|\{[^{}]*\}|@media[^{]*", " ", html.STYLE, flags=re.DOTALL)
    names = re.findall(r"\.([a-zA-Z][\w-]*)", rules)
    assert names
    assert all(name.startswith("lwr-") for name in names)
    for selector in rules.split(","):
        assert not selector.strip() or "lwr-" in selector, f"a rule for the whole page: {selector}"


def test_the_page_allows_its_own_style_and_nothing_else() -> None:
    source = html.page(samples.PARTIAL)
    [style] = re.findall(r"<style>(.*?)</style>", source, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in source
    assert '<html lang="en">' in source
    assert "<title>02-cache-order: 5.2 of 13 points</title>" in source


@pytest.mark.parametrize("name", samples.ALL)
def test_the_words_are_those_of_the_terminal(kind: str, name: str) -> None:
    from grader.reports.reading import read

    reader = read(samples.ALL[name])
    text = " ".join(Markup(MAKERS[kind](samples.ALL[name])).text.split())
    order = [reader.score, reader.title, reader.next]
    order += [check.title for check in (*reader.errors, *reader.lost, *reader.skipped, *reader.passed)]
    place = 0
    for words in order:
        assert words in text[place:]
        place = text.index(words, place)


def test_what_failed_is_open_and_what_passed_is_folded() -> None:
    source = html.card(samples.PARTIAL)
    folds = re.findall(r'<details class="lwr-check lwr-(\w+)"( open)?>', source)
    assert folds == [("failed", " open"), ("partial", " open"), ("passed", "")]


def test_what_was_skipped_is_one_line_that_says_what_it_waits_for() -> None:
    source = html.card(samples.NOT_BUILT)
    folds = re.findall(r'<details class="lwr-check lwr-skipped">\n<summary>(.*?)</summary>', source)
    assert len(folds) == 1
    assert "2 checks" in folds[0]
    assert "Not judged: the check &#x27;build&#x27; did not pass." in folds[0]


def test_pictures_are_hidden_from_screen_readers_and_words_stand_beside_them() -> None:
    source = html.card(samples.PARTIAL)
    for picture in re.findall(r"<svg[^>]*>", source):
        assert 'aria-hidden="true"' in picture
    for summary in re.findall(r"<summary>.*?</summary>", source):
        assert re.search(r'<span class="lwr-word">(passed|partial|failed|skipped|error)</span>', summary)
    assert 'aria-label="Report: Make the second build instant"' in source
    assert 'role="heading" aria-level="2"' in source


def test_no_score_no_bar_no_points() -> None:
    source = html.page(samples.ERROR)
    assert "lwr-bar" not in source.split("</style>")[1]
    assert 'class="lwr-points"' not in source
    assert "No score: the grader could not judge every check" in source


def with_lesson(lesson: str) -> Report:
    return replace(samples.LOST_ALL, checks=[replace(samples.LOST_ALL.checks[0], lesson=lesson)])


@pytest.mark.parametrize(
    ("lesson", "lessons", "href"),
    [
        ("02-caching#order-of-steps", "", "02-caching.ipynb#cell-id=order-of-steps"),
        ("02-caching", "../course/", "../course/02-caching.ipynb"),
        ("02-caching", None, None),
        ("javascript:alert(1)", "", None),
        ("../../etc/passwd", "", None),
        ('02-caching#"onclick="x', "", None),
        ("//evil.example/02-caching", "", None),
    ],
)
def test_links_to_lessons(lesson: str, lessons: str | None, href: str | None) -> None:
    markup = Markup(html.card(with_lesson(lesson), lessons=lessons))
    assert [value for _, name, value in markup.attributes if name == "href"] == ([href] if href else [])


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "</style><script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "<!-- -->",
        "</article></details>",
        "&lt;b&gt; &amp; &#x3c;script&#x3e;",
    ],
)
def test_text_is_never_markup(kind: str, text: str) -> None:
    check = replace(samples.PARTIAL.checks[1], title=text, message=text, hint=text, lesson=text)
    check = replace(check, evidence=dict.fromkeys(("expected", "found", text), text) | {"where": [{"text": text}]})
    markup = Markup(MAKERS[kind](Report(exercise=text, title=text, checks=[check])))
    plain = Markup(MAKERS[kind](Report(exercise="x", title="x", checks=[replace(check, title="x")])))
    assert set(markup.tags) == set(plain.tags)
    assert not markup.comments
    assert markup.text.count(text) >= 7

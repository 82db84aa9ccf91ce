"""The pages that learners get back: what they say, and names and texts that would do harm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from layerwise.classroom.feedback import pages, sentences
from layerwise.classroom.gradebook import State
from layerwise.classroom.lateness import Lateness
from tests.grader.reports.validators import HTML_TAGS, Markup
from tests.layerwise.classroom.classes import HOSTILE, LATE, TINY, WORDS, Class, failed, hand_in, keep, report
from tests.layerwise.conftest import Lab


@pytest.fixture
def a_class(tmp_path: Path) -> Class:
    return Class(tmp_path)


@pytest.mark.parametrize(
    ("state", "made", "late", "wanted"),
    [
        (State.GRADED, report(), None, []),
        (State.GRADED, report(), LATE, ["Handed in 1 day 2 h late, which costs 1.2 points of 6: 4.8 count."]),
        (
            State.GRADED,
            report(),
            Lateness(True, LATE.by, 1.0),
            ["Handed in 1 day 2 h late. Nothing is taken off for that."],
        ),
        (
            State.GRADED,
            report(),
            Lateness(True),
            ["Handed in late, as the LMS says. Nothing is taken off for that."],
        ),
        (State.STALE, report(), None, ["This score may change: the hand-in changed since."]),
        (State.MISSING, report(), None, ["Nothing was handed in."]),
        (State.WAITING, None, LATE, ["Not graded yet.", "Handed in 1 day 2 h late."]),
        (
            State.ERROR,
            failed(),
            None,
            ["There is no score yet, because the grader failed. That is not your fault, and it costs you nothing."],
        ),
    ],
)
def test_what_a_learner_is_told(
    a_class: Class, state: State, made: object, late: Lateness | None, wanted: list[str]
) -> None:
    a_class.add("ann", made, state=state, late=late)  # type: ignore[arg-type]
    assert sentences(a_class.entries[0]) == wanted


def test_a_page_has_all_exercises_of_one_learner(a_class: Class) -> None:
    a_class.add("ann", report()).add("ben", report()).add("ann", report(WORDS), exercise=WORDS)
    found = pages(a_class.book)
    assert sorted(found) == ["ann.html", "ben.html"]
    assert re.findall("<h2>(.*?)</h2>", found["ann.html"]) == ["01-tiny", "02-words"]
    assert found["ann.html"].count("<article") == 2
    assert found["ann.html"].count("<style>") == 1
    assert "ben" not in found["ann.html"]


def test_what_has_no_score_shows_none(a_class: Class) -> None:
    a_class.add("ann", report(), state=State.MISSING).add("ann", failed(WORDS), exercise=WORDS, state=State.ERROR)
    text = pages(a_class.book)["ann.html"]
    assert "<article" not in text
    assert "points" not in re.sub("<style>.*</style>", "", text, flags=re.DOTALL)


def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing(a_class: Class) -> None:
    text = '<script src="http://x/"></script><img onerror=x>'
    for learner in HOSTILE:
        a_class.add(learner, report(TINY, 1.0, 0.5, title=text, message=text))
    for name, page in pages(a_class.book).items():
        assert "/" not in name
        page.encode()
        markup = Markup(page)
        assert set(markup.tags) <= HTML_TAGS["page"] | {"section", "h1", "h2"}
        assert all(attribute not in {"style", "src", "href", "id"} for _, attribute, _ in markup.attributes)
        assert not re.search("<(script|img|link|iframe|object)|url\\(|@import", page)
        assert "default-src 'none'" in page
        assert "prefers-color-scheme: dark" in page
        assert not set(page) & set("\u202e\u200b\x1b\x01")


def test_the_command(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    for learner in ("ann", "<b>ben"):
        hand_in(folder, learner, "01-tiny", {"Dockerfile": "FROM scratch\n"})
    keep(folder, lab.exercises, {("ann", "01-tiny"): report()})
    ended = lab("classroom", "feedback", folder)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == f"Wrote 2 pages to {folder}/feedback.\n"
    made = sorted((folder / "feedback").iterdir())
    assert [path.name for path in made] == ["_b_ben-" + made[0].name[-17:], "ann.html"]
    assert "&lt;b&gt;ben" in made[0].read_text()
    assert "Not graded yet." in made[0].read_text()
    assert "<strong>6</strong> of 8 points" in made[1].read_text()
    status = lab("classroom", "status", folder)
    assert "2 handed in, 1 graded, 1 to grade" in status.out  # the pages are no hand-ins


@pytest.mark.parametrize("name", ["feedback", "pages"])
def test_a_link_in_place_of_the_folder_is_refused(lab: Lab, tmp_path: Path, name: str) -> None:
    folder, elsewhere = tmp_path / "class", tmp_path / "elsewhere"
    elsewhere.mkdir()
    hand_in(folder, "ann", "01-tiny", {"Dockerfile": "FROM scratch\n"})
    (folder / name).symlink_to(elsewhere)
    words = () if name == "feedback" else ("-o", folder / name)
    ended = lab("classroom", "feedback", folder, *words)
    assert ended.status == 2
    assert "is a link" in ended.err
    assert list(elsewhere.iterdir()) == []

"""Where the learner stands, on a course of two lessons: what is said of each state, and what is next."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import layerwise as lw
from grader.verdict import CheckResult, Report, Verdict
from layerwise import course_progress
from layerwise.progress import Progress
from layerwise.views.home import Home

from .conftest import EXERCISE, Bench

LESSON = ["# The *noise*\n", "\n", "In about 20 minutes you hear less."]


def lesson(folder: Path, name: str, *code: str) -> None:
    cells = [{"id": "title", "cell_type": "markdown", "source": LESSON}]
    cells += [{"id": f"cell-{number}", "cell_type": "code", "source": source} for number, source in enumerate(code)]
    (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")


@pytest.fixture
def course(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lesson 02 with two questions, exercise 01-noise in it, and 03-silence in a lesson that is not written."""
    folder = tmp_path / "course"
    folder.mkdir()
    asked = 'lw.ask("02-caching/one")\nlw.ask("02-caching/two")\nlw.ask("07-other/one")'
    lesson(folder, "02-caching", asked, 'lw.check("01-noise")')
    (folder / "notes.ipynb").write_text("no lesson")
    other = bench.exercises / "03-silence"
    other.mkdir()
    text = EXERCISE.replace("02-caching", "03-silence").replace("*noise*", "<b>silence</b>").replace("core", "stretch")
    (other / "exercise.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(course_progress, "COURSE", folder)
    return folder


def home() -> Home:
    found = lw.home()
    assert isinstance(found, Home)
    return found


def attempt(name: str, fraction: float) -> None:
    check = CheckResult.of(Verdict.share(fraction, "…"), id="context", kind="context", title="…", max_points=4.0)
    Progress().record_attempt(name, Report(name, name, [check]))


def answer(name: str) -> None:
    Progress().record_answer("02-caching", name, 0, correct=None)


def said(html: str) -> str:
    """What is read aloud: the words, without the look."""
    html = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    html = re.sub(r'<span[^>]* aria-hidden="true">.*?</span>', "", html)
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("&nbsp;", " ").split())


@pytest.mark.usefixtures("course")
def test_at_the_beginning_the_first_lesson_is_next() -> None:
    html = home()._repr_html_()
    assert 'Next: the lesson <a href="02-caching.ipynb">The <em>noise</em></a>, about 20 minutes</p>' in html
    assert "0 of 2 lessons and 0 of 2 exercises done, 0 of 8 points." in html
    words = said(html)
    assert "The noise about 20 min, 0 of 2 questions answered" in words
    assert "not begun Leave the noise out 01-noise core, 5 min – of 4" in words
    assert '<a href="02-caching.ipynb#cell-id=cell-1">Leave the <em>noise</em> out</a>' in html


@pytest.mark.usefixtures("course")
def test_an_exercise_of_a_lesson_that_is_not_written_has_no_link() -> None:
    html = home()._repr_html_()
    assert "03-silence.ipynb" not in html
    assert '<th scope="row">Leave the &lt;b&gt;silence&lt;/b&gt; out ' in html
    assert "03-silence not written yet" in said(html)


def test_each_step_changes_what_is_next(bench: Bench, course: Path) -> None:
    def first() -> str:
        shown = home()
        sentence = repr(shown).splitlines()[0]
        assert sentence.partition(" (")[0] in said(shown._repr_html_()).replace(" ,", ",")
        return sentence

    assert first() == "Next: the lesson The noise, about 20 minutes (02-caching.ipynb)"
    answer("one")
    there = "(02-caching.ipynb#cell-id=cell-1)"
    assert first() == f"Next: the exercise Leave the noise out, in The noise {there}"
    lw.check("01-noise").start()
    assert first() == f"Next: go on with Leave the noise out, in The noise {there}"
    attempt("01-noise", 1.0)
    assert first() == "Next: lab start 03-silence"
    (bench.work / "03-silence").mkdir()
    (bench.work / "03-silence" / "Dockerfile").touch()
    assert first() == "Next: lab grade 03-silence"
    attempt("03-silence", 1.0)
    assert first() == "All exercises are done."
    assert "2 of 2 lessons and 2 of 2 exercises done, 8 of 8 points." in repr(home())


@pytest.mark.usefixtures("course")
def test_the_best_of_all_tries_counts() -> None:
    attempt("01-noise", 0.5)
    attempt("01-noise", 0.25)
    answer("one")
    answer("one")
    answer("gone")
    words = said(home()._repr_html_())
    assert "begun Leave the noise out 01-noise core, 5 min, 2 tries 2 of 4" in words
    assert "1 of 2 questions answered" in words
    assert "begun        2 of 4  01-noise: Leave the noise out (core, 5 min, 2 tries)" in repr(home())
    attempt("01-noise", 1.0)
    words = said(home()._repr_html_())
    assert "The noise about 20 min, 1 of 2 questions answered done" in words
    assert "done Leave the noise out 01-noise core, 5 min, 3 tries 4 of 4" in words


def test_a_stretch_comes_after_all_others_and_is_no_part_of_being_done(bench: Bench, course: Path) -> None:
    manifest = bench.exercises / "01-noise" / "exercise.toml"
    manifest.write_text(manifest.read_text().replace("core", "stretch"))
    other = bench.exercises / "03-silence" / "exercise.toml"
    other.write_text(other.read_text().replace("stretch", "core").replace("03-silence", "02-caching"))
    assert repr(home()).startswith("Next: the lesson The noise")
    assert home().course.next.exercise.name == "03-silence"  # type: ignore[union-attr]
    attempt("03-silence", 1.0)
    assert home().course.lessons[0].done
    assert home().course.next.exercise.name == "01-noise"  # type: ignore[union-attr]


def test_a_lesson_without_exercises_is_done_with_its_questions(course: Path) -> None:
    lesson(course, "01-talk", 'lw.ask("01-talk/one")')
    assert not home().course.lessons[0].done
    Progress().record_answer("01-talk", "one", 0, correct=True)
    assert home().course.lessons[0].done


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": [1]}', '{"cells": [{"cell_type": "code"}]}', "\xff"])
def test_what_cannot_be_read_is_one_line_each_and_the_rest_is_shown(bench: Bench, course: Path, text: str) -> None:
    manifest = bench.exercises / "03-silence" / "exercise.toml"
    manifest.write_text(manifest.read_text().replace("title", '"<titel>"', 1))
    (course / "04-spoilt.ipynb").write_text(text, encoding="latin-1")
    bench.home.mkdir()
    Progress().file.write_bytes(b"no database" * 100)
    shown = home()
    html = shown._repr_html_()
    lines = [line for line in repr(shown).splitlines() if line.startswith("warning: ")]
    assert len(lines) == html.count('<p class="lw-fault">') == 3
    assert any(line.endswith("04-spoilt.ipynb: not a notebook") for line in lines)
    assert any("is damaged" in line for line in lines)
    assert any("titel" in line for line in lines)
    assert "<titel>" not in html
    assert "01-noise" in html


@pytest.mark.usefixtures("course")
def test_after_an_exercise_comes_the_one_below_it(bench: Bench) -> None:
    manifest = bench.exercises / "03-silence" / "exercise.toml"
    manifest.write_text(manifest.read_text().replace("stretch", "core"))

    def after(name: str) -> str:
        following = course_progress.course().next_after(name)
        return following.exercise.name if following else ""

    assert [after("01-noise"), after("03-silence"), after("none")] == ["03-silence", "01-noise", "01-noise"]
    attempt("01-noise", 1.0)
    assert after("01-noise") == after("03-silence") == "03-silence"
    attempt("03-silence", 1.0)
    assert after("01-noise") == ""


def test_with_no_exercises_there_is_nothing_next(bench: Bench, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERWISE_EXERCISES", str(bench.home))
    assert repr(home()).startswith("0 of 1 lesson and 0 of 0 exercises done, 0 of 0 points.")
    assert "Next" not in home()._repr_html_()

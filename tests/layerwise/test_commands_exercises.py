"""`lab exercises`: the list, and where the learner stands, by the real command."""

from __future__ import annotations

import json

import pytest

from grader.exercise import EXERCISES, load
from grader.verdict import CheckResult, Report, Verdict
from layerwise.progress import Progress


def attempt(lab, name, fraction):
    """An attempt that got this share of each check's points."""
    judged = [
        CheckResult.of(Verdict.share(fraction, "…"), id=check.id, kind=check.kind, title="…", max_points=check.points)
        for check in load(lab.exercise(name)).checks
    ]
    Progress(lab.home / "progress.sqlite").record_attempt(name, Report(name, name, judged))


def row(ended, name):
    return " ".join(next(line for line in ended.out.splitlines() if f" {name} " in line).split())


def test_the_list_goes_by_lesson_and_says_what_comes_next(lab):
    ended = lab("exercises")
    assert (ended.status, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    order = ["lesson 01-first", "01-tiny A tiny image core 1 of 10", "lesson 02-second"]
    assert [line for line in lines if line in order] == order
    assert row(ended, "02-words") == "02-words Another [bold]one[/bold] stretch 20 of 2.5"
    assert "Interview tasks, another one for each seed: find-it. Begin with: ./lab start find-it" in " ".join(lines)
    assert lines[-1] == "0 of 2 done, 0 of 12.5 points. Next: ./lab start 01-tiny"
    assert max(len(line) for line in ended.out.splitlines()) <= 80


def test_the_best_score_and_what_is_done_show(lab):
    attempt(lab, "01-tiny", 0.8)
    attempt(lab, "01-tiny", 0.5)
    lab("start", "01-tiny")
    ended = lab("exercises")
    assert row(ended, "01-tiny") == "… 01-tiny A tiny image core 1 8 of 10"
    assert ended.out.splitlines()[-1] == "0 of 2 done, 8 of 12.5 points. Next: ./lab grade 01-tiny"
    attempt(lab, "01-tiny", 1.0)
    attempt(lab, "01-tiny", 0.5)
    ended = lab("exercises")
    assert row(ended, "01-tiny") == "✓ 01-tiny A tiny image core 1 10 of 10"
    assert ended.out.splitlines()[-1] == "1 of 2 done, 10 of 12.5 points. Next: ./lab start 02-words"
    attempt(lab, "02-words", 1.0)
    ended = lab("exercises")
    assert ended.out.splitlines()[-1] == "2 of 2 done, 12.5 of 12.5 points."
    assert row(ended, "lesson 02-second").startswith("✓ lesson 02-second")


def test_a_score_of_other_checks_than_todays_is_marked(lab):
    attempt(lab, "01-tiny", 0.8)
    manifest = lab.exercise("01-tiny") / "exercise.toml"
    manifest.write_text(manifest.read_text().replace("points = 4", "points = 5"))
    ended = lab("exercises")
    assert row(ended, "01-tiny").endswith("8 of 10*")
    assert ended.out.splitlines()[-2] == "* the checks of this exercise have changed since: grade it again"
    assert "* the checks" not in lab("exercises", LAYERWISE_HOME=str(lab.work)).out


def test_the_list_as_json(lab):
    attempt(lab, "01-tiny", 0.8)
    ended = lab("exercises", "--json")
    assert (ended.status, ended.err) == (0, "")
    shown = json.loads(ended.out)
    assert shown["schema"] == 1
    assert shown["next"] == "01-tiny"
    assert [exercise["name"] for exercise in shown["exercises"]] == ["01-tiny", "02-words"]
    assert shown["exercises"][0] == {
        "name": "01-tiny",
        "title": "A tiny image",
        "lesson": "01-first",
        "level": "core",
        "minutes": 1,
        "skills": [],
        "points": 10.0,
        "best": 8.0,
        "attempts": 1,
        "begun": False,
        "done": False,
    }
    assert shown["exercises"][1]["best"] is None
    assert (shown["score"], shown["max_score"]) == (8.0, 12.5)
    lessons = {lesson["name"]: lesson for lesson in shown["lessons"]}
    assert lessons["01-first"] == {
        "name": "01-first",
        "title": "01-first",
        "written": False,
        "minutes": None,
        "questions": 0,
        "answered": 0,
        "exercises": ["01-tiny"],
        "done": False,
    }
    assert lessons["00-start-here"]["title"] == "Start here"
    assert lessons["00-start-here"]["written"]


def test_a_lesson_that_is_written_says_its_title_and_minutes(lab):
    manifest = lab.exercise("01-tiny") / "exercise.toml"
    manifest.write_text(manifest.read_text().replace("01-first", "00-start-here"))
    assert row(lab("exercises"), "lesson 00-start-here") == "lesson 00-start-here Start here 30"


def test_a_lesson_without_exercises_is_listed_with_those_of_the_course(lab):
    assert "lesson 11-interview" not in lab("exercises").out
    ended = lab("exercises", LAYERWISE_EXERCISES=str(EXERCISES))
    assert "lesson 11-interview" in ended.out


def test_an_invalid_exercise_is_named_and_the_others_are_listed(lab):
    manifest = lab.exercise("02-words") / "exercise.toml"
    manifest.write_text(manifest.read_text().replace("title", "titel", 1))
    for words in (("exercises",), ("exercises", "--json")):
        ended = lab(*words)
        assert ended.status == 2
        assert ended.err == f"lab: {manifest}: unknown key 'titel'; did you mean 'title'?\n"
        assert "01-tiny" in ended.out


def test_no_exercises_are_said_so(lab, tmp_path):
    ended = lab("exercises", LAYERWISE_EXERCISES=str(tmp_path / "none"))
    assert (ended.status, ended.out) == (0, "0 of 0 done.\n")


def test_damaged_progress_is_a_warning_and_the_list_is_shown(lab):
    lab.home.mkdir()
    (lab.home / "progress.sqlite").write_bytes(b"not a database" * 100)
    ended = lab("exercises")
    assert ended.status == 0
    assert ended.err.startswith("lab: warning: ")
    assert ended.err.count("\n") == 1
    assert "is damaged" in ended.err
    assert "0 of 2 done" in ended.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("exercises", "verify", "01-tinny"), "no exercise '01-tinny': did you mean 01-tiny?"),
        (("exercises", "verfy"), "No such command 'verfy'"),
        (("exercises", "--jsn"), "No such option '--jsn'"),
        (("exercises", "verify", "--jobs", "0"), "0 is not in the range 1<=x<=16"),
    ],
)
def test_wrong_words_are_unusable_input(lab, words, said):
    ended = lab(*words)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err


def test_verify_of_nothing_is_unusable_input(lab, tmp_path):
    ended = lab("exercises", "verify", LAYERWISE_EXERCISES=str(tmp_path / "none"))
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == f"lab: no exercises in {tmp_path / 'none'}\n"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "solution").rename(folder / "solved"), "expected a folder solution/"),
        (lambda folder: (folder / "variants").rename(folder / "v"), "variants/starter/expect.toml: missing"),
        (lambda folder: (folder / "variants/forgotten").mkdir(), "forgotten/expect.toml: missing"),
        (
            lambda folder: (folder / "variants/as-root/expect.toml").write_text('why = "x"\nknd = "cheat"\n[checks]'),
            "unknown key 'knd'; did you mean 'kind'?",
        ),
        (
            lambda folder: (folder / "variants/no-copy/expect.toml").write_text(
                (folder / "variants/no-copy/expect.toml").read_text().replace("greeting.txt", "greting.txt")
            ),
            "greting.txt: No such file or directory",
        ),
    ],
)
def test_an_exercise_that_is_not_complete_is_not_verified(lab, spoil, said):
    spoil(lab.exercise("01-tiny"))
    ended = lab("exercises", "verify", DOCKER_HOST="unix:///nowhere.sock")
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert said in ended.err


@pytest.mark.engine
def test_verify_proves_every_submission(lab):
    ended = lab("exercises", "verify")
    assert ended.status == 0, ended.out + ended.err
    lines = ended.out.splitlines()
    assert {line.rpartition(",")[0] for line in lines[:-1]} == {
        "✓ 01-tiny: solution",
        "✓ 01-tiny: starter",
        "✓ 01-tiny: as-root (near-miss)",
        "✓ 01-tiny: no-copy (near-miss)",
        "✓ 02-words: solution",
        "✓ 02-words: starter",
        *(f"✓ find-it, seed {seed}: {each}" for seed in (1, 2, 3) for each in ("solution", "starter")),
    }
    assert lines[-1] == "12 of 12 submissions of 5 exercises proved"
    assert ended.err == ""
    ended = lab("exercises", "verify")
    lines = ended.out.splitlines()
    assert ended.status == 0
    assert all(line.endswith(", proved before") for line in lines[:-1])
    assert "✓ 01-tiny: as-root (near-miss), proved before" in lines
    assert lines[-1] == ("12 of 12 submissions of 5 exercises proved, 12 of them before (--again proves them again)")
    assert "before" not in lab("exercises", "verify", "--again", "02-words").out


@pytest.mark.engine
def test_verify_finds_wrong_verdicts(lab):
    """Each way in which an exercise can be wrong: a starter that passes, a solution that fails, a wrong expectation."""
    tiny = lab.exercise("01-tiny")
    (tiny / "starter/Dockerfile").write_text((tiny / "solution/Dockerfile").read_text())
    (tiny / "solution/Dockerfile").write_text("FROM scratch\nCOPY greeting.txt /\nUSER 0\n")
    expectation = tiny / "variants/as-root/expect.toml"
    expectation.write_text(expectation.read_text().replace("4.0", "5.0"))
    ended = lab("exercises", "verify", "01-tiny")
    assert ended.status == 1
    text = ended.out
    assert "✗ 01-tiny: starter, " in text
    assert "    build: expected failed, got passed: " in text
    assert "    user: expected skipped, got passed: " in text
    assert "✗ 01-tiny: solution, " in text
    assert "    user: expected passed, got failed: " in text
    assert "✗ 01-tiny: as-root (near-miss), " in text
    assert "    what it shows: nobody said who" in text
    assert "    score: expected 5, got 4" in text
    assert "✓ 01-tiny: no-copy (near-miss), " in text
    assert text.splitlines()[-1] == ("1 of 4 submissions of 1 exercise proved; 3 with another verdict than expected")


@pytest.mark.engine
def test_verify_calls_what_cannot_be_graded_a_finding(lab):
    (lab.exercise("01-tiny") / "variants/as-root/Dockerfile").unlink()
    (lab.exercise("01-tiny") / "solution/Dockerfile").rename(lab.exercise("01-tiny") / "solution/dockerfile")
    ended = lab("exercises", "verify", "01-tiny")
    assert ended.status == 1
    assert "    nothing to grade: expected a Dockerfile" in ended.out


def test_verify_with_no_engine_proves_nothing(lab):
    ended = lab("exercises", "verify", "02-words", DOCKER_HOST="unix:///nowhere.sock")
    assert ended.status == 3
    assert "! 02-words: solution, " in ended.out
    assert "    no grade: No Docker engine answers at unix:///nowhere.sock" in ended.out
    assert ended.out.splitlines()[-1] == "1 of 2 submissions of 1 exercise proved; 1 could not be graded"
    ended = lab("exercises", "verify", DOCKER_HOST="")
    assert (ended.status, ended.out, ended.err) == (3, "", "lab: the lab is not up; run: ./lab up\n")

"""Known submissions: how they are laid out, which are graded alone, and what counts as a difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import ExerciseInvalid
from grader.exercise import Exercise, load
from grader.facts.registry.names import learner_name
from grader.lib import owner
from grader.verdict import CheckResult, Report, Verdict
from grader.verify.trials import Outcome, Trial, differences, must_be_alone, trials
from tests.grader.conftest import exercise as made_up

TINY = Path(__file__).resolve().parents[2] / "layerwise" / "minicourse" / "01-tiny"
EXERCISE = """
title = "t"
lesson = "l"
level = "core"
minutes = 1
[[check]]
kind = "build"
title = "b"
points = 1
"""
STARTER = {
    "starter/Dockerfile": "COPPY",
    "variants/starter/expect.toml": 'why = "w"\nkind = "starter"\nbase = "starter"\n[checks]\nbuild = "failed"\n',
}
SOLUTION = {"solution/Dockerfile": "FROM scratch", "solution/answer": "42"}


def exercise(folder: Path, files: dict[str, str]) -> Exercise:
    for name, text in {"exercise.toml": EXERCISE, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return load(folder)


def variant(name: str, base: str = "solution", **files: str) -> dict[str, str]:
    """The files of a variant that passes, or fails if it is laid over nothing."""
    kind, status = ("cheat", "failed") if base == "none" else ("odd-but-right", "passed")
    expected = f'why = "w"\nkind = "{kind}"\nbase = "{base}"\n[checks]\nbuild = "{status}"\n'
    return {f"variants/{name}/{file}": text for file, text in {"expect.toml": expected, **files}.items()}


def laid_out(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_an_exercise_is_tried_with_its_solution_and_every_variant(tmp_path):
    found = {one.submission: one for one in trials(load(TINY), tmp_path)}
    assert set(found) == {"solution", "starter", "as-root", "no-copy"}
    assert found["solution"].checks == {"build": "passed", "user": "passed"}
    assert found["starter"].checks == {"build": "failed", "user": "skipped"}
    assert found["as-root"].score == 4.0
    assert sorted(path.name for path in found["as-root"].folder.iterdir()) == ["Dockerfile", "greeting.txt"]
    assert sorted(path.name for path in found["no-copy"].folder.iterdir()) == ["Dockerfile"]


def test_the_solution_is_copied_only_if_a_script_may_write_to_it(tmp_path):
    files = STARTER | SOLUTION | variant("odd") | variant("own", **{"do.sh": ""}) | variant("bare", "none", x="")
    tried = exercise(tmp_path / "ex", files)
    assert trials(tried, tmp_path)[0].folder == tried.solution
    (tried.folder / "solution.sh").touch()
    found = {one.submission: one for one in trials(tried, tmp_path)}
    assert found["solution"].folder != tried.solution
    assert laid_out(found["solution"].folder) == laid_out(tried.solution)
    scripts = {name: one.script and one.script.relative_to(tried.folder).as_posix() for name, one in found.items()}
    assert scripts == {
        "solution": "solution.sh",
        "odd": "solution.sh",
        "own": "variants/own/do.sh",
        "bare": None,
        "starter": None,
    }


def test_each_trial_pushes_under_a_name_of_its_own_that_tells_its_process(tmp_path):
    learners = [one.learner for exercise in (load(TINY), load(TINY)) for one in trials(exercise, tmp_path)]
    assert len(set(learners)) == len(learners) == 8
    assert [learner_name(name) for name in learners] == learners
    assert all(name.startswith(f"verify-{owner.mark()}-") for name in learners)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("a/ex", "odd"), ("b/ex", "odd")),
        (("ex", "a-b"), ("ex-a", "b")),
        (("ex", "solution"), ("other", "solution")),
        (("ex", "odd"), ("ex.solution", "odd")),
    ],
    ids=["the same name", "a name that begins with the other", "a variant named solution", "a name with a dot"],
)
def test_no_submission_is_laid_over_another(first, second, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = []
    for folder, odd in (first, second):
        files = STARTER | SOLUTION | {"solution.sh": ""} | variant(odd, me=folder)
        found += trials(exercise(tmp_path / folder, files), scratch)
    assert len({one.folder for one in found}) == len(found) == 6
    odd_ones = [one for one in found if one.kind == "odd-but-right"]
    assert [laid_out(one.folder)["me"] for one in odd_ones] == [first[0], second[0]]
    assert not any("me" in laid_out(one.folder) for one in found if one not in odd_ones)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (STARTER, r"ex: expected a folder solution/ that gets full marks, found none"),
        (SOLUTION, r"variants/starter/expect\.toml: missing"),
        (STARTER | SOLUTION | {"variants/odd/Dockerfile": ""}, r"variants/odd/expect\.toml: missing"),
        (
            STARTER
            | SOLUTION
            | {"solution/data/x": "", "variants/odd/data": ""}
            | variant("odd", **{"Dockerfile/x": ""}),
            r"variants/odd/expect\.toml: cannot be laid over its base",
        ),
    ],
    ids=["no solution", "no starter", "no verdicts", "a folder in a file's place"],
)
def test_an_exercise_that_is_not_complete_is_said(files, says, tmp_path):
    with pytest.raises(ExerciseInvalid, match=says):
        trials(exercise(tmp_path / "ex", files), tmp_path)


STOP = ("stop", {})
FASTER = ("rebuild", {"edit": ["app.py"], "speedup": 3})
REBUILD = ("rebuild", {"edit": ["app.py"], "cached": ["pip"]})
MINE = ("pushed", {"repository": "localhost:5000/{learner}/x", "tags": ["1"]})
SHARED = ("pushed", {"repository": "localhost:5000/all/x", "tags": ["1"]})


@pytest.mark.parametrize(
    ("check", "status", "alone", "deadline"),
    [
        (("build", {}), "failed", False, False),
        (REBUILD, "failed", False, False),
        (FASTER, "passed", True, False),
        (FASTER, "skipped", True, False),
        (STOP, "passed", False, True),
        (STOP, "skipped", False, True),
        (STOP, "partial", True, True),
        (STOP, "failed", True, True),
        (MINE, "failed", False, False),
        (SHARED, "passed", True, False),
    ],
)
def test_what_is_graded_alone(check, status, alone, deadline, tmp_path):
    of_one = made_up(check)
    expected = {of_one.checks[0].id: status}
    assert must_be_alone(of_one, expected) is alone
    trial = Trial(of_one, "v", "near-miss", "so", tmp_path, expected)
    assert (trial.alone, trial.deadline) == (alone, deadline)


def test_what_must_happen_by_a_deadline_and_is_not_expected_at_all_is_graded_alone():
    assert must_be_alone(made_up(STOP), {})


VERDICTS = {
    "passed": Verdict.passed("fine"),
    "partial": Verdict.share(0.5, "half\nof it"),
    "failed": Verdict.failed("no"),
    "skipped": Verdict.skipped("not looked at"),
    "error": Verdict.error("the engine went away"),
}


def trial(score: float | None = None, **checks: str) -> Trial:
    return Trial(load(TINY), "v", "near-miss", "so", TINY, checks, score)


def report(**checks: str | Verdict) -> Report:
    results = [
        CheckResult.of(
            VERDICTS[verdict] if isinstance(verdict, str) else verdict, id=name, kind=name, title=name, max_points=4.0
        )
        for name, verdict in checks.items()
    ]
    return Report("x", "X", results)


@pytest.mark.parametrize(
    ("expected", "got", "found"),
    [
        (trial(build="passed", user="failed"), report(build="passed", user="failed"), []),
        (trial(build="failed"), report(build="passed"), ["build: expected failed, got passed: fine"]),
        (trial(build="passed"), report(build="partial"), ["build: expected passed, got partial: half of it"]),
        (trial(build="failed"), report(build="skipped"), ["build: expected failed, got skipped: not looked at"]),
        (trial(4.0, build="passed", user="failed"), report(build="passed", user="failed"), []),
        (
            trial(5.0, build="passed", user="failed"),
            report(build="passed", user="failed"),
            ["score: expected 5, got 4"],
        ),
        (
            trial(0.0, build="failed", user="skipped"),
            report(build="passed", user="passed"),
            [
                "build: expected failed, got passed: fine",
                "user: expected skipped, got passed: fine",
                "score: expected 0, got 8",
            ],
        ),
        (
            trial(0.0, build="failed"),
            report(build="error"),
            ["build: expected failed, got error: the engine went away", "no score"],
        ),
        (
            trial(build="passed"),
            report(build=Verdict.failed("no", found="user\n0\x1b[31m")),
            ["build: expected passed, got failed: no (found: user 0)"],
        ),
    ],
)
def test_every_difference_is_said_on_one_line(expected, got, found):
    assert differences(expected, got) == found


def test_what_was_found_is_cut_short():
    (said,) = differences(trial(build="passed"), report(build=Verdict.failed("no", found="x" * 5000)))
    assert len(said) < 300


@pytest.mark.parametrize(
    ("became", "proved"),
    [({}, True), ({"remembered": True}, True), ({"problems": ["build: …"]}, False), ({"error": "no engine"}, False)],
)
def test_an_outcome_is_of_its_trial(became, proved):
    outcome = Outcome.of(trial(build="passed"), **became)
    assert (outcome.exercise, outcome.submission, outcome.kind, outcome.why) == ("01-tiny", "v", "near-miss", "so")
    assert outcome.proved is proved

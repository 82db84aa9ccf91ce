"""What is graded beside what, what counts, and what is remembered: with gradings whose outcome is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from grader.exercise import Exercise, load
from grader.verify import proving
from grader.verify.proofs import Proofs
from grader.verify.proving import verify
from grader.verify.trials import Outcome, Trial

EXERCISE = """
title = "t"
lesson = "l"
level = "core"
minutes = 1
"""
CHECKS = {
    "build": '[[check]]\nkind = "build"\ntitle = "b"\npoints = 1\n',
    "stop": '[[check]]\nkind = "stop"\ntitle = "s"\npoints = 1\n',
    "health": '[[check]]\nkind = "health"\ntitle = "h"\npoints = 1\n',
    "rebuild": '[[check]]\nkind = "rebuild"\ntitle = "r"\npoints = 1\nedit = ["app.py"]\ncached = ["pip"]\n',
    "faster": '[[check]]\nkind = "rebuild"\nid = "faster"\ntitle = "f"\npoints = 1\nedit = ["app.py"]\nspeedup = 3\n',
    "mine": '[[check]]\nkind = "pushed"\nid = "mine"\ntitle = "p"\npoints = 1\n'
    'repository = "localhost:5000/{learner}/x"\ntags = ["1"]\n',
    "shared": '[[check]]\nkind = "pushed"\nid = "shared"\ntitle = "p"\npoints = 1\n'
    'repository = "localhost:5000/all/x"\ntags = ["1"]\n',
}


def exercise(folder: Path, *checks: str, **variants: str) -> Exercise:
    """An exercise with these checks, a solution, a starter, and variants that get this status from the last check."""
    text = EXERCISE + "".join(CHECKS[name] for name in checks)
    files = {"exercise.toml": text, "starter/Dockerfile": "FROM scratch\n", "solution/Dockerfile": "FROM scratch\n"}
    for name, status in {"starter": "failed", **variants}.items():
        kind = "starter" if name == "starter" else "odd-but-right" if status == "passed" else "near-miss"
        verdicts = "".join(f'{check} = "passed"\n' for check in checks[:-1]) + f'{checks[-1]} = "{status}"\n'
        base = 'base = "starter"\n' if name == "starter" else ""
        files[f"variants/{name}/expect.toml"] = f'why = "w"\nkind = "{kind}"\n{base}[checks]\n{verdicts}'
    for name, content in files.items():
        path = folder / "ex" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return load(folder / "ex")


class Gradings:
    """Stands in for the processes that grade: `wrong` are submissions that get a verdict other than expected while
    others are graded, `always` those that always do. `runs` says what was graded, and how many at a time."""

    def __init__(self, wrong: Sequence[str] = (), always: Sequence[str] = ()) -> None:
        self.wrong, self.always = wrong, always
        self.runs: list[tuple[int, list[str]]] = []

    def __call__(self, trials: Sequence[Trial], jobs: int) -> Iterator[tuple[Trial, Outcome]]:
        if trials:
            self.runs.append((jobs, sorted(trial.submission for trial in trials)))
        for trial in trials:
            bad = trial.submission in self.always or (jobs > 1 and trial.submission in self.wrong)
            yield trial, Outcome.of(trial, problems=["other than expected"] if bad else [])


@pytest.fixture
def gradings(monkeypatch: pytest.MonkeyPatch) -> Gradings:
    made = Gradings()
    monkeypatch.setattr(proving, "graded", made)
    return made


@pytest.mark.parametrize(
    ("checks", "variants", "alone"),
    [
        (["build"], {"odd": "passed", "miss": "failed"}, []),
        (["build", "rebuild"], {"odd": "passed", "miss": "failed"}, []),
        (["build", "mine"], {"odd": "passed"}, []),
        (["build", "shared"], {"odd": "passed"}, ["odd", "solution", "starter"]),
        (["build", "faster"], {"odd": "passed"}, ["odd", "solution", "starter"]),
        (["build", "stop"], {"odd": "passed", "miss": "failed"}, ["miss", "starter"]),
        (["build", "health"], {"odd": "passed", "broken": "skipped"}, ["starter"]),
        (["health", "build"], {"odd": "passed"}, []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_timed_or_must_miss_a_deadline_is_graded_alone(checks, variants, alone, tmp_path, gradings):
    outcomes = list(verify([exercise(tmp_path, *checks, **variants)], jobs=2))
    everything = {"solution", "starter", *variants}
    assert {outcome.submission for outcome in outcomes} == everything
    together = sorted(everything - set(alone))
    assert gradings.runs == [run for run in ((2, together), (1, alone)) if run[1]]


@pytest.mark.parametrize(
    ("check", "wrong", "always", "runs", "refuted"),
    [
        # What missed its deadline among others is graded again alone, and only that counts.
        ("stop", ["solution"], [], [(2, ["odd", "solution"]), (1, ["solution", "starter"])], []),
        ("stop", [], ["odd"], [(2, ["odd", "solution"]), (1, ["odd", "starter"])], ["odd"]),
        ("stop", [], ["starter"], [(2, ["odd", "solution"]), (1, ["starter"])], ["starter"]),
        # Where no deadline decides, a verdict that changes is a fault, and shown.
        ("build", ["solution"], [], [(2, ["odd", "solution", "starter"])], ["solution"]),
        ("rebuild", ["odd"], [], [(2, ["odd", "solution", "starter"])], ["odd"]),
    ],
)
def test_what_came_out_otherwise_than_expected(check, wrong, always, runs, refuted, tmp_path, gradings):
    gradings.wrong, gradings.always = wrong, always
    outcomes = list(verify([exercise(tmp_path, check, odd="passed")], jobs=2))
    assert sorted(outcome.submission for outcome in outcomes) == ["odd", "solution", "starter"]
    assert gradings.runs == runs
    assert [outcome.submission for outcome in outcomes if not outcome.proved] == refuted


def test_one_at_a_time_everything_is_graded_alone_and_once(tmp_path, gradings):
    gradings.always = ["solution"]
    outcomes = list(verify([exercise(tmp_path, "stop")], jobs=1))
    assert [run[1] for run in gradings.runs] == [["solution"], ["starter"]]
    assert [outcome.proved for outcome in outcomes] == [False, True]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the fingerprint of every exercise is."""
    said = {"is": "f1"}
    monkeypatch.setattr(Proofs, "fingerprint", lambda *_: said["is"])
    return said


def test_what_is_proved_is_not_graded_again(tmp_path, gradings, told):
    tried = exercise(tmp_path, "build", odd="passed", miss="failed")
    gradings.always = ["odd"]
    first = list(verify([tried], proofs=Proofs(tmp_path / "proofs")))
    assert not any(outcome.remembered for outcome in first)
    gradings.runs.clear()
    second = list(verify([tried], proofs=Proofs(tmp_path / "proofs")))
    assert gradings.runs == [(2, ["odd"])]
    assert {outcome.submission for outcome in second if outcome.remembered} == {"solution", "starter", "miss"}
    assert all(outcome.proved for outcome in second if outcome.remembered)
    assert [outcome.submission for outcome in second][-1] == "odd", "what is remembered is said at once"


@pytest.mark.parametrize(
    ("again", "fingerprint", "graded"),
    [
        (False, "f1", []),
        (False, "f2", ["solution", "starter"]),
        (False, "", ["solution", "starter"]),
        (True, "f1", ["solution", "starter"]),
    ],
    ids=["the same", "changed", "cannot be told", "again"],
)
def test_what_is_graded_a_second_time(again, fingerprint, graded, tmp_path, gradings, told):
    tried = exercise(tmp_path, "build")
    list(verify([tried], proofs=Proofs(tmp_path / "proofs")))
    gradings.runs.clear()
    told["is"] = fingerprint
    outcomes = list(verify([tried], proofs=Proofs(tmp_path / "proofs", again=again)))
    assert gradings.runs == ([(2, graded)] if graded else [])
    assert len(outcomes) == 2
    assert all(outcome.proved for outcome in outcomes)


def test_a_proof_that_is_refuted_later_does_not_count_any_more(tmp_path, gradings, told):
    tried = exercise(tmp_path, "build")
    list(verify([tried], proofs=Proofs(tmp_path / "proofs")))
    gradings.always = ["solution"]
    list(verify([tried], proofs=Proofs(tmp_path / "proofs", again=True)))
    gradings.runs.clear()
    list(verify([tried], proofs=Proofs(tmp_path / "proofs")))
    assert gradings.runs == [(2, ["solution"])]


def test_stopped_in_the_middle_what_was_proved_so_far_is_remembered(tmp_path, gradings, told):
    tried = exercise(tmp_path, "build", odd="passed")
    outcomes = verify([tried], proofs=Proofs(tmp_path / "proofs"))
    first = next(outcomes).submission
    outcomes.close()
    second = list(verify([tried], proofs=Proofs(tmp_path / "proofs")))
    assert [outcome.submission for outcome in second if outcome.remembered] == [first]

"""A batch: what it grades, what it takes over, what it grades again, and what it tells. The gradings are made up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from grader.errors import EngineUnavailable
from grader.exercise import Exercise, load
from layerwise.classroom import gradebook, grading, keys
from layerwise.classroom.gradebook import Gradebook, State
from layerwise.classroom.grading import Graded
from layerwise.classroom.judging import Outcome, Task
from layerwise.classroom.layouts import recognise
from layerwise.classroom.store import Store
from tests.layerwise.classroom.conftest import EXERCISE, ROOT, failed, report

pytestmark = pytest.mark.usefixtures("no_engine")


class Judge:
    """Judges by the first line of the Dockerfile, and remembers what it was asked, and how many at a time."""

    def __init__(self, exercise: Exercise) -> None:
        self.jobs = 2
        self.exercise = exercise
        self.asked: list[tuple[str, int]] = []

    def engines(self) -> list[str]:
        return [keys.engine_line()]

    def check(self) -> None:
        keys.ask_engine()

    def run(self, tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Outcome]]:
        for task in tasks:
            self.asked.append((task.hand_in.learner, jobs))
            yield task, self.outcome((task.hand_in.path / "Dockerfile").read_text().strip(), jobs)

    def outcome(self, text: str, jobs: int) -> Outcome:
        line = keys.engine_line()
        if text == "the grader fails":
            return Outcome(failed(self.exercise).to_dict(), alone_counts=True, engine=line)
        if text == "dies":
            return Outcome(error="the process died")
        share = 0.0 if text == "bad" or (text == "unlucky in parallel" and jobs > 1) else 1.0
        alone_counts = text == "unlucky in parallel" and jobs > 1
        return Outcome(report(self.exercise, share).to_dict(), alone_counts=alone_counts, engine=line)


@pytest.fixture
def judge(exercise: Exercise) -> Judge:
    return Judge(exercise)


@pytest.fixture
def batch(store: Store, judge: Judge, exercise: Exercise) -> Callable[..., list[Graded]]:
    def run(jobs: int = 2, **options: object) -> list[Graded]:
        judge.asked.clear()
        judge.jobs = jobs
        layout = recognise(store.folder, [exercise.name])
        found = {exercise.name: load(exercise.folder)}
        return list(grading.grade(layout, found, store, runner=judge, **options))  # type: ignore[arg-type]

    return run


def book(store: Store, exercise: Exercise) -> Gradebook:
    return gradebook.read(recognise(store.folder, [exercise.name]), {exercise.name: load(exercise.folder)}, store)


def states(store: Store, exercise: Exercise) -> dict[str, tuple[State, float | None]]:
    return {entry.learner: (entry.state, entry.score) for entry in book(store, exercise).entries}


def test_each_hand_in_gets_its_verdict_and_is_graded_once(batch, judge, store, exercise, hand_in):
    hand_in("ada", "good")
    hand_in("bob", "bad")
    assert states(store, exercise) == {"ada": (State.WAITING, None), "bob": (State.WAITING, None)}
    told = batch()
    assert [(one.entry.learner, one.left) for one in told] == [("ada", 1), ("bob", 0)]
    assert states(store, exercise) == {"ada": (State.GRADED, 10.0), "bob": (State.GRADED, 9.0)}
    assert batch() == []
    assert judge.asked == []


def test_equal_hand_ins_are_graded_once_now_and_later(batch, judge, store, exercise, hand_in):
    hand_in("ada", "good")
    hand_in("bob", "good")
    assert [one.entry.learner for one in batch()] == ["ada", "bob"]
    assert judge.asked == [("ada", 2)]
    hand_in("carl", "good")
    assert batch() == []
    assert states(store, exercise)["carl"] == (State.GRADED, 10.0)


def test_but_each_has_its_own_verdict_where_the_exercise_looks_at_a_repository(
    batch, judge, store, exercise, hand_in, monkeypatch
):
    monkeypatch.setattr(keys, "is_of_learner", lambda exercise: True)
    hand_in("ada", "good")
    hand_in("bob", "good")
    batch()
    assert judge.asked == [("ada", 2), ("bob", 2)]


def test_which_exercises_look_at_a_repository():
    of_learner = {path.parent.name for path in ROOT.glob("exercises/*/*.toml") if "{learner}" in path.read_text()}
    found = {path.parent.name: load(path.parent) for path in ROOT.glob("exercises/*/exercise.toml")}
    assert of_learner
    assert {name for name, exercise in found.items() if keys.is_of_learner(exercise)} == of_learner


def test_what_did_not_count_beside_others_is_graded_again_alone(batch, judge, store, exercise, hand_in):
    hand_in("ada", "unlucky in parallel")
    hand_in("bob", "good")
    told = batch(jobs=3)
    assert judge.asked == [("ada", 3), ("bob", 3), ("ada", 1)]
    assert [(one.entry.learner, one.report.score) for one in told] == [("bob", 10.0), ("ada", 10.0)]


def test_one_at_a_time_everything_counts(batch, judge, hand_in):
    hand_in("ada", "unlucky in parallel")
    batch(jobs=1)
    assert judge.asked == [("ada", 1)]


@pytest.mark.parametrize(("text", "why"), [("the grader fails", "The engine went away."), ("dies", "the process died")])
def test_a_failure_of_the_grader_is_no_score_and_is_tried_again(text, why, batch, judge, store, exercise, hand_in):
    hand_in("ada", text)
    hand_in("bob", "good")
    told = {one.entry.learner: one.error for one in batch()}
    assert told == {"ada": why, "bob": ""}
    assert judge.asked.count(("ada", 1)) == 1  # once more, alone
    assert states(store, exercise)["ada"] == (State.ERROR, None)
    hand_in("ada", "good now")
    assert [one.entry.learner for one in batch()] == ["ada"]
    assert states(store, exercise)["ada"] == (State.GRADED, 10.0)


def test_a_batch_ends_when_the_engine_is_gone_and_goes_on_later(batch, judge, store, exercise, hand_in, monkeypatch):
    def gone() -> str:
        raise EngineUnavailable("no engine answers")

    hand_in("ada", "good")
    hand_in("bob", "dies")
    hand_in("carl", "fine")
    with monkeypatch.context() as patch, pytest.raises(EngineUnavailable):
        patch.setattr(keys, "ask_engine", gone)
        batch()
    assert {name: state for name, (state, _) in states(store, exercise).items()} == {
        "ada": State.GRADED,
        "bob": State.WAITING,
        "carl": State.GRADED,
    }


def test_a_new_hand_in_is_stale_until_it_is_graded_and_an_old_one_is_known(batch, judge, store, exercise, hand_in):
    hand_in("ada", "bad")
    batch()
    hand_in("ada", "good")
    entry = book(store, exercise).entries[0]
    assert (entry.state, entry.score, entry.why) == (State.STALE, 9.0, "the hand-in changed since")
    batch()
    assert states(store, exercise)["ada"] == (State.GRADED, 10.0)
    hand_in("ada", "bad")
    batch()
    assert judge.asked == []
    assert states(store, exercise)["ada"] == (State.GRADED, 9.0)


CHANGES = [("version_of", "the exercise"), ("grader_fingerprint", "the grader")]


@pytest.mark.parametrize(("part", "word"), CHANGES)
def test_a_score_is_stale_once_its_judge_changed(part, word, batch, judge, store, exercise, hand_in, monkeypatch):
    hand_in("ada", "good")
    batch()
    monkeypatch.setattr(keys, part, lambda *_: "another")
    entry = book(store, exercise).entries[0]
    assert (entry.state, entry.why) == (State.STALE, f"{word} changed since")
    assert batch() == []
    assert [one.entry.learner for one in batch(regrade="changed")] == ["ada"]
    assert states(store, exercise)["ada"] == (State.GRADED, 10.0)


def test_what_to_grade_again(batch, judge, hand_in):
    hand_in("ada", "good")
    hand_in("bob", "bad")
    batch()
    assert [one.entry.learner for one in batch(regrade="failed")] == ["bob"]
    assert [one.entry.learner for one in batch(regrade="all")] == ["ada", "bob"]
    assert batch(regrade="changed") == []


def test_what_was_graded_before_a_kill_is_not_graded_again(batch, judge, store, exercise, hand_in):
    for learner in ("ada", "bob", "carl"):
        hand_in(learner, f"good {learner}")
    graded = grading.grade(recognise(store.folder, [EXERCISE]), {EXERCISE: exercise}, store, runner=judge)
    assert next(graded).entry.learner == "ada"
    graded.close()
    assert [one.entry.learner for one in batch()] == ["bob", "carl"]


def test_a_typo_in_the_text_makes_no_score_stale(exercise: Exercise, tmp_path: Path):
    import shutil

    copy = shutil.copytree(exercise.folder, tmp_path / exercise.name)
    before = keys.version_of(load(copy))
    (copy / "README.md").write_text("# Corrected\n")
    (copy / "solution" / "Dockerfile").write_text("FROM x\n")
    assert keys.version_of(load(copy)) == before
    (copy / "exercise.toml").write_text((copy / "exercise.toml").read_text().replace("points = 4", "points = 5"))
    assert keys.version_of(load(copy)) != before


def test_somebody_who_handed_in_nothing_is_missing(batch, store, exercise, hand_in):
    import shutil

    shutil.rmtree(hand_in("ada", "good").parent.parent / "nobody", ignore_errors=True)
    folder = hand_in("bob", "good")
    batch()
    shutil.rmtree(folder.parent)
    assert states(store, exercise)["bob"] == (State.MISSING, None)

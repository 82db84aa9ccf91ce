"""Other right ways, and the reasons of written answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import ExerciseInvalid
from grader.exercise import Exercise, load
from layerwise.differences import FileDifference
from layerwise.views.solutions import Written, other_ways, written
from tests.layerwise.test_differences import folder

HEAD = 'title = "T"\nlesson = "L"\nlevel = "core"\nminutes = 1\n[[check]]\nkind = "answers"\ntitle = "A"\npoints = 1\n'


@pytest.fixture
def exercise(tmp_path: Path) -> Callable[..., Exercise]:
    def make(key: str = "", **variants: str) -> Exercise:
        made = folder(tmp_path / "01-it", **{"exercise.toml": HEAD + 'file = "answers.toml"\n', "key.toml": key})
        folder(made / "solution", **{"answers.toml": "one = 1\n"})
        for name, kind in variants.items():
            status = "passed" if kind == "odd-but-right" else "failed"
            (made / "variants").mkdir(exist_ok=True)
            folder(
                made / "variants" / name,
                **{
                    "expect.toml": f'why = "It is {name}."\nkind = "{kind}"\n[checks]\nanswers = "{status}"\n',
                    "answers.toml": f"one = 1 # {name}\n",
                },
            )
        return load(made)

    return make


def test_other_ways_are_those_that_pass(exercise: Callable[..., Exercise]) -> None:
    ways = other_ways(exercise(other="odd-but-right", wrong="near-miss", third="odd-but-right"))
    assert [(way.name, way.why) for way in ways] == [("other", "It is other."), ("third", "It is third.")]
    assert ways[0].differences == (FileDifference("answers.toml", (("-", "one = 1"), ("+", "one = 1 # other"))),)


def test_a_variant_that_is_not_valid_is_told(exercise: Callable[..., Exercise]) -> None:
    made = exercise(other="odd-but-right")
    (made.folder / "variants" / "other" / "expect.toml").write_text("why = 1")
    with pytest.raises(ExerciseInvalid):
        other_ways(made)


KEY = """
[one]
kind = "number"
answer = 1
why = "There is one."
[two]
kind = "number"
answer = 2
[three]
kind = "order"
answer = ["a", "b"]
why = "First a."
"""


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ('one = 1\ntwo = 2\nthree = ["a", "b"]\n', [("one", "1", "There is one."), ("three", "a, b", "First a.")]),
        ("two = 2\n", []),
        ("not TOML", []),
        (None, []),
    ],
)
def test_written_answers_with_their_reasons(
    exercise: Callable[..., Exercise], tmp_path: Path, answers: str | None, found: list[tuple[str, str, str]]
) -> None:
    mine = folder(tmp_path / "mine", **({} if answers is None else {"answers.toml": answers}))
    assert written(exercise(KEY), mine) == [Written(*each) for each in found]

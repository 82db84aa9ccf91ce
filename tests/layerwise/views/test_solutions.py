"""How two folders differ, whatever is in them; other right ways; the reasons of written answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import ExerciseInvalid
from grader.exercise import Exercise, load
from layerwise.views import solutions
from layerwise.views.solutions import FileDifference, Written, compare, other_ways, written


def folder(path: Path, **files: str | bytes) -> Path:
    path.mkdir(exist_ok=True)
    for name, content in files.items():
        (path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("mine", "ours", "lines", "words"),
    [
        ("a\n", "a\n", (), None),
        ("a\nb\n", "a\nc\n", ((" ", "a"), ("-", "b"), ("+", "c")), ""),
        ("", "a\n", (("+", "a"),), ""),
        ("a", "a\n", (), "differs in its line ends only"),
        ("a\r\n", "a\n", (), "differs in its line ends only"),
        ("\0", "a", (), "differs, and is not text"),
        (b"\xff", "a", (("-", "\ufffd"), ("+", "a")), ""),
        ("x" * 70_000, "a", (), "too large to compare here"),
        ("x\n" * 1001, "a", (), "has too many lines to compare here"),
        (
            "\n".join("abcdefghijk"),
            "\n".join("abcdefghijK"),
            (("…", ""), (" ", "h"), (" ", "i"), (" ", "j"), ("-", "k"), ("+", "K")),
            "",
        ),
    ],
)
def test_one_file(tmp_path: Path, mine: str | bytes, ours: str, lines: tuple[object, ...], words: str | None) -> None:
    found = compare(folder(tmp_path / "a", file=mine), folder(tmp_path / "b", file=ours), "Dockerfile", "only mine")
    assert found == ([] if words is None else [FileDifference("file", lines, words)])  # type: ignore[arg-type]


def test_the_dockerfile_is_first_and_what_only_one_has_is_told(tmp_path: Path) -> None:
    mine = folder(tmp_path / "a", Dockerfile="FROM a\n", a="1", notes="2")
    ours = folder(tmp_path / "b", Dockerfile="FROM b\n", a="1", b="3\n", c="")
    found = compare(mine, ours, "Dockerfile", "only mine")
    assert [(one.path, one.lines, one.words) for one in found] == [
        ("Dockerfile", (("-", "FROM a"), ("+", "FROM b")), ""),
        ("b", (("+", "3"),), ""),
        ("c", (), "empty"),
        ("notes", (), "only mine"),
    ]


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    mine = folder(tmp_path / "a")
    (mine / "link").symlink_to("/etc/passwd")
    (mine / "loop").symlink_to(mine)
    os.mkfifo(mine / "pipe")
    assert compare(mine, folder(tmp_path / "b"), "Dockerfile", "only mine") == []


def test_many_files_are_not_all_shown(tmp_path: Path) -> None:
    mine = folder(tmp_path / "a", **{f"f{number:03}": "x" for number in range(200)})
    assert len(compare(mine, folder(tmp_path / "b"), "Dockerfile", "only mine")) == solutions.MAX_FILES


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

"""Equal work is found, whatever the files are called; what came with the exercise is not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from layerwise.classroom.duplicates import Found, Shared, find
from layerwise.classroom.layouts import recognise
from tests.layerwise.classroom.classes import TINY, hand_in
from tests.layerwise.conftest import Lab

STARTER = {path.name: path.read_text() for path in TINY.starter.iterdir()}
MINE = "FROM busybox\nUSER 1000\n"
YOURS = "FROM busybox\nUSER 1001\n"


def found(folder: Path) -> Found:
    [made] = find(recognise(folder, ["01-tiny"]), {"01-tiny": TINY})
    return made


@pytest.mark.parametrize(
    ("hand_ins", "same", "shared"),
    [
        ({"a": STARTER, "b": STARTER}, (), ()),
        ({"a": {"Dockerfile": MINE}, "b": {"Dockerfile": YOURS}}, (), ()),
        ({"a": {"Dockerfile": MINE}, "b": {"Dockerfile": MINE}}, (("a", "b"),), ()),
        ({"a": {**STARTER, "Dockerfile": MINE}, "b": {"Dockerfile": MINE}}, (("a", "b"),), ()),
        ({"a": {"Dockerfile": MINE}, "b": {"Dockerfile": MINE + "\n"}}, (), ()),
        ({"a": {"Dockerfile": MINE}, "b": {"Dockerfile": MINE + "# mine\n"}}, (), ()),
        ({"a": {"Dockerfile": MINE, "x": ""}, "b": {"Dockerfile": YOURS, "x": ""}}, (), ()),
        (
            {"a": {"Dockerfile": MINE, "x.py": "1"}, "b": {"Dockerfile": YOURS, "y.py": "1"}},
            (),
            (Shared(("x.py", "y.py"), ("a", "b")),),
        ),
        # Who shares all of it is told once, and a file that a third one has too is told as well.
        (
            {
                "a": {"Dockerfile": MINE, "x": "1"},
                "b": {"Dockerfile": MINE, "x": "1"},
                "c": {"Dockerfile": YOURS, "x": "1"},
            },
            (("a", "b"),),
            (Shared(("x",), ("a", "b", "c")),),
        ),
        (
            {
                "a": {"Dockerfile": MINE},
                "b": {"Dockerfile": MINE},
                "c": {"Dockerfile": YOURS},
                "d": {"Dockerfile": YOURS},
            },
            (("a", "b"), ("c", "d")),
            (),
        ),
        ({"a": {"Dockerfile": MINE, "copy": MINE}, "b": {"Dockerfile": YOURS}}, (), ()),
        # Of the starter under another name, and only removed: nothing of their own.
        ({"a": {"other": STARTER["Dockerfile"]}, "b": {"other": STARTER["Dockerfile"]}}, (), ()),
    ],
)
def test_what_is_equal(
    tmp_path: Path,
    hand_ins: dict[str, dict[str, str]],
    same: tuple[tuple[str, ...], ...],
    shared: tuple[Shared, ...],
) -> None:
    for learner, files in hand_ins.items():
        hand_in(tmp_path, learner, "01-tiny", files)
    made = found(tmp_path)
    assert (made.same, made.shared) == (same, shared)
    assert (made.read, made.unreadable) == (len(hand_ins), ())


def test_the_solution_counts(tmp_path: Path) -> None:
    solution = {path.name: path.read_text() for path in TINY.solution.iterdir()}
    for learner in "ab":
        hand_in(tmp_path, learner, "01-tiny", solution)
    assert found(tmp_path).same == (("a", "b"),)


def test_an_archive_equals_a_folder_and_a_broken_one_stops_nobody(tmp_path: Path) -> None:
    hand_in(tmp_path, "a", "01-tiny", {"Dockerfile": MINE})
    for learner in "bcd":
        (tmp_path / learner).mkdir()
    with zipfile.ZipFile(tmp_path / "b/01-tiny.zip", "w") as packed:
        packed.writestr("work/Dockerfile", MINE)
    (tmp_path / "c/01-tiny.zip").write_bytes(b"PK\x03\x04 broken")
    with zipfile.ZipFile(tmp_path / "d/01-tiny.zip", "w") as packed:
        packed.writestr("../Dockerfile", MINE)
    made = found(tmp_path)
    assert made.same == (("a", "b"),)
    assert [learner for learner, _ in made.unreadable] == ["c", "d"]
    assert made.read == 2


def test_links_are_not_followed(tmp_path: Path) -> None:
    for learner in "ab":
        hand_in(tmp_path, learner, "01-tiny", {"Dockerfile": f"FROM busybox\n# {learner}\n", "one": f"{learner}"})
        (tmp_path / learner / "01-tiny/link").symlink_to("one")
    assert (found(tmp_path).same, found(tmp_path).shared) == ((), ())


def test_the_command(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    for learner in ("ann", "be\u202en"):
        hand_in(folder, learner, "01-tiny", {"Dockerfile": MINE})
    hand_in(folder, "ann", "02-words", {"Dockerfile": MINE, "=x": "1"})
    hand_in(folder, "cat", "02-words", {"Dockerfile": YOURS, "=x": "1"})
    (folder / "dan").mkdir()
    (folder / "dan" / "02-words.zip").write_bytes(b"no archive")
    ended = lab("classroom", "duplicates", folder)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines()[:-1] == [
        "01-tiny: 2 hand-ins read.",
        "  the same work: ann, ben",
        "02-words: 2 hand-ins read.",
        "  the same file =x: ann, cat",
    ]
    assert ended.out.splitlines()[-1].startswith("  not read: dan: the archive cannot be unpacked")
    only = lab("classroom", "duplicates", folder, "--exercise", "01-tiny")
    assert "02-words" not in only.out
    assert not (folder / "layerwise.db").exists()


def test_nothing_equal_is_said(lab: Lab, tmp_path: Path) -> None:
    hand_in(tmp_path / "class", "ann", "01-tiny", {"Dockerfile": MINE})
    ended = lab("classroom", "duplicates", tmp_path / "class")
    assert ended.out == "01-tiny: 1 hand-in read, nothing is equal.\n"

"""What each layer did to the files below it, told from archives made by hand."""

from __future__ import annotations

import tarfile
from typing import NamedTuple

import pytest

from .archives import FOLDER, Layer, anatomy, entry


class Case(NamedTuple):
    """A lower and an upper layer, and what the upper one did: (what, path, size, note)."""

    name: str
    lower: Layer
    upper: Layer
    did: list[tuple[str, str, int, str]]


CASES = [
    Case("a new file", {"a": b"1"}, {"b": b"22"}, [("added", "b", 2, "")]),
    Case("more in a file", {"a": b"1"}, {"a": b"22"}, [("changed", "a", 2, "was 1 byte")]),
    Case("sizes that read alike", {"a": b"1" * 4000}, {"a": b"1" * 4001}, [("changed", "a", 4001, "was 4,000 bytes")]),
    Case("the same once more", {"a": b"1"}, {"a": b"1"}, [("changed", "a", 1, "")]),
    Case("another mode", {"a": b""}, {"a": entry(mode=0o755)}, [("changed", "a", 0, "mode 644 to 755")]),
    Case("another owner", {"a": b""}, {"a": entry(uid=7)}, [("changed", "a", 0, "owner 0:0 to 7:0")]),
    Case("a folder again", {"d": FOLDER}, {"d": FOLDER, "d/a": b"1"}, [("added", "d/a", 1, "")]),
    Case("a folder for a file", {"a": b"1"}, {"a": FOLDER}, [("changed", "a", 0, "was a file")]),
    Case("a deleted file", {"a": b"123"}, {".wh.a": b""}, [("removed", "a", 3, "")]),
    Case("a deleted folder", {"d/a": b"123", "d/e/b": b"4", "d2": b"5"}, {".wh.d": b""},
         [("removed", "d", 4, "a folder of 2 files")]),
    Case("an emptied folder", {"d/a": b"123"}, {"d/.wh..wh..opq": b"", "d/b": b"1"},
         [("removed", "d", 3, "everything that was in it: 1 files"), ("added", "d/b", 1, "")]),
    Case("renamed", {"a": b"1"}, {".wh.a": b"", "b": b"1"}, [("removed", "a", 1, ""), ("added", "b", 1, "")]),
    Case("what is not there cannot be deleted", {"a": b"1"}, {".wh.b": b""}, []),
    Case("a driver's own mark", {"a": b"1"}, {".wh..wh.plnk": b""}, []),
    Case("a link", {"a": b"1"}, {"l": entry(tarfile.SYMTYPE, link="/a")}, [("added", "l", 0, "link to /a")]),
    Case("a second name", {"a": b"1"}, {"b": b"22", "c": entry(tarfile.LNKTYPE, link="b")},
         [("added", "b", 2, ""), ("added", "c", 0, "same file as b")]),
    Case("the root itself", {"a": b"1"}, {"./": FOLDER}, []),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_what_a_layer_did(case: Case) -> None:
    slices = anatomy(case.lower, case.upper).slices
    assert [(change.what, change.path, change.size, change.note) for change in slices[1].changes] == case.did


def test_waste_is_marked_with_the_layer_that_hides_it() -> None:
    slices = anatomy(
        {"d/key": b"1234", "keep": b"1", "twice": b"22"}, {"twice": b"333"}, {"other": b"1"}, {".wh.d": b""}
    ).slices
    assert {change.path: change.hidden for change in slices[0].changes if change.kind == "file"} == {
        "d/key": 3,
        "keep": None,
        "twice": 1,
    }
    assert [part.wasted for part in slices] == [6, 0, 0, 0]


def test_the_base_is_told_from_the_rest() -> None:
    taken = anatomy({"a": b"1"}, {"b": b"2"}, {"c": b"3"}, base=2)
    assert [part.base for part in taken.slices] == [True, True, False]
    assert taken.base_size == sum(part.layer.size for part in taken.slices[:2]) < taken.size


def test_steps_that_made_no_layer_stand_between_those_that_did() -> None:
    taken = anatomy({"a": b"1"}, {"b": b"2"}, history=[("ADD a", True), ("ENV B=2", False), ("COPY b /", True)])
    assert [(step.instruction, step.layer) for step in taken.steps] == [
        ("ADD a", 0),
        ("ENV B=2", None),
        ("COPY b /", 1),
    ]


def test_a_history_that_does_not_fit_is_left_out() -> None:
    taken = anatomy({"a": b"1"}, {"b": b"2"}, history=[("ADD a", True)])
    assert [tuple(step) for step in taken.steps] == [("", 0), ("", 1)]

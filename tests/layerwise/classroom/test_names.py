"""Names of learners as text, as names of files, and with an LMS's number."""

from __future__ import annotations

import pytest

from layerwise.classroom.names import file_names, labels, numbered
from tests.layerwise.classroom.classes import HOSTILE


def test_labels_differ_are_clean_and_have_one_line() -> None:
    found = labels(["alice", *HOSTILE])
    assert len(set(found.values())) == len(found)
    assert (found["alice"], found["Alice"]) == ("alice", "Alice")
    for label in found.values():
        assert label == " ".join(label.split())
        assert label.isprintable()
        assert 0 < len(label) <= 210


@pytest.mark.parametrize("other", ["\x01alice", "alice\u200b", " alice", "\u202ealice", "alice\x1b[0m"])
def test_nobody_passes_for_somebody_else(other: str) -> None:
    assert labels([other, "alice"]) == {"alice": "alice", other: "alice (2)"}


def test_file_names_differ_and_stay_in_their_folder() -> None:
    found = file_names(["alice", *HOSTILE])
    assert len({name.casefold() for name in found.values()}) == len(found)
    assert found["Alice"] == "Alice"
    for name in found.values():
        assert name == name.strip(" .")
        assert not set(name) & set('/\\:*?"<>|\n\x01\u202e')
        assert not name.startswith(("-", "."))
        assert len(name) <= 80


def test_a_changed_name_is_the_same_whoever_else_is_there() -> None:
    assert file_names(["../x"])["../x"] == file_names(["../x", ".._x", "_x", "x"])["../x"]


@pytest.mark.parametrize(
    ("learner", "wanted"),
    [
        ("Ann Lee_1234", ("Ann Lee", "1234")),
        ("a_5_77", ("a_5", "77")),
        ("alice", ("alice", "")),
        ("_7", ("_7", "")),
        ("x_\u0661", ("x_\u0661", "")),
        ("a\nb_7", ("a\nb", "7")),
    ],
)
def test_the_number_of_an_lms(learner: str, wanted: tuple[str, str]) -> None:
    assert numbered([learner]) == {learner: wanted}


def test_a_number_of_two_learners_is_nobodys() -> None:
    assert numbered(["a_5", "b_5", "c_6"]) == {"a_5": ("a", ""), "b_5": ("b", ""), "c_6": ("c", "6")}

"""How a class hands in: every layout is recognised, names are taken apart, and what is passed over is told."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from layerwise.classroom.layouts import recognise, shown
from layerwise.classroom.store import Store
from layerwise.errors import InputError

EXERCISES = ("02-cache-order", "02b-cache-mount", "05-drop-root")

BY_PATH = [
    (
        "an nbgrader course",
        ["submitted/ada/05-drop-root/Dockerfile", "submitted/bob/02-cache-order/x", "source/05-drop-root/y"],
        {
            ("ada", "05-drop-root"): "submitted/ada/05-drop-root",
            ("bob", "02-cache-order"): "submitted/bob/02-cache-order",
        },
    ),
    (
        "a folder for each exercise",
        ["05-drop-root/ada/Dockerfile", "05-drop-root/bob.zip", "02-cache-order/ada.ZIP"],
        {
            ("ada", "05-drop-root"): "05-drop-root/ada",
            ("bob", "05-drop-root"): "05-drop-root/bob.zip",
            ("ada", "02-cache-order"): "02-cache-order/ada.ZIP",
        },
    ),
    (
        "a folder for each learner",
        ["ada/05-drop-root/Dockerfile", "ada/02-cache-order.zip", "bob/05-drop-root/Dockerfile"],
        {
            ("ada", "05-drop-root"): "ada/05-drop-root",
            ("ada", "02-cache-order"): "ada/02-cache-order.zip",
            ("bob", "05-drop-root"): "bob/05-drop-root",
        },
    ),
    (
        "a repository for each learner",
        ["02b-cache-mount-ada/.git/HEAD", "02b-cache-mount-ada-lovelace/Dockerfile", "05-drop-root-bob/Dockerfile"],
        {
            ("ada", "02b-cache-mount"): "02b-cache-mount-ada",
            ("ada-lovelace", "02b-cache-mount"): "02b-cache-mount-ada-lovelace",
            ("bob", "05-drop-root"): "05-drop-root-bob",
        },
    ),
]

OF_ONE = [
    ("one entry for each learner", ["ada/Dockerfile", "bob.zip"], {"ada": "ada", "bob": "bob.zip"}),
    (
        "a download from Moodle",
        ["Ada Lovelace_12_assignsubmission_file_work.zip", "Ada Lovelace_13_assignsubmission_file/Dockerfile"],
        {
            "Ada Lovelace_12": "Ada Lovelace_12_assignsubmission_file_work.zip",
            "Ada Lovelace_13": "Ada Lovelace_13_assignsubmission_file",
        },
    ),
    (
        "a download from Canvas",
        ["lovelaceada_12_345_work.zip", "byronbob_LATE_13_346_work-1.zip"],
        {"lovelaceada_12": "lovelaceada_12_345_work.zip", "byronbob_13": "byronbob_LATE_13_346_work-1.zip"},
    ),
    (
        "a download from Blackboard",
        [
            "Drop root_ada_attempt_2026-11-20-10-00-00_old.zip",
            "Drop root_ada_attempt_2026-11-21-10-00-00_new.zip",
            "Drop root_ada_attempt_2026-11-21-10-00-00.txt",
            "Drop root_bob_attempt_2026-11-20-10-00-00_x.zip",
        ],
        {
            "ada": "Drop root_ada_attempt_2026-11-21-10-00-00_new.zip",
            "bob": "Drop root_bob_attempt_2026-11-20-10-00-00_x.zip",
        },
    ),
    (
        "an export from Gradescope",
        ["submission_77/Dockerfile", "submission_78/Dockerfile", "submission_metadata.yml"],
        {"submission_77": "submission_77", "submission_78": "submission_78"},
    ),
]


def lay_out(root: Path, paths: list[str]) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x")
    return root


@pytest.mark.parametrize(("name", "paths", "found"), BY_PATH, ids=[case[0] for case in BY_PATH])
def test_a_layout_that_tells_the_exercise(
    name: str, paths: list[str], found: dict[tuple[str, str], str], tmp_path: Path
):
    layout = recognise(lay_out(tmp_path, paths), EXERCISES)
    assert layout.name == name
    assert {(one.learner, one.exercise): str(one.path.relative_to(tmp_path)) for one in layout.hand_ins} == found


@pytest.mark.parametrize(("name", "paths", "found"), OF_ONE, ids=[case[0] for case in OF_ONE])
def test_a_layout_of_one_exercise_needs_its_name(name: str, paths: list[str], found: dict[str, str], tmp_path: Path):
    lay_out(tmp_path, paths)
    layout = recognise(tmp_path, EXERCISES, "05-drop-root")
    assert layout.name == name
    assert {one.learner: str(one.path.relative_to(tmp_path)) for one in layout.hand_ins} == found
    with pytest.raises(InputError, match="name it with --exercise"):
        recognise(tmp_path, EXERCISES)


@pytest.mark.parametrize(("name", "paths", "found"), OF_ONE, ids=[case[0] for case in OF_ONE])
def test_a_download_may_lie_in_a_folder_of_the_exercise(
    name: str, paths: list[str], found: dict[str, str], tmp_path: Path
):
    lay_out(tmp_path, [f"05-drop-root/{path}" for path in paths])
    layout = recognise(tmp_path, EXERCISES)
    assert {one.learner for one in layout.hand_ins} == set(found)


def test_files_that_a_learner_uploads_one_by_one_are_one_hand_in(tmp_path: Path):
    lay_out(tmp_path, ["lovelaceada_12_1_Dockerfile", "lovelaceada_12_2_app-1.py", "byronbob_13_3_Dockerfile"])
    layout = recognise(tmp_path, EXERCISES, "05-drop-root")
    assert {one.learner: sorted(one.files) for one in layout.hand_ins} == {
        "lovelaceada_12": ["Dockerfile", "app.py"],
        "byronbob_13": ["Dockerfile"],
    }


def test_the_lms_says_who_is_late(tmp_path: Path):
    lay_out(tmp_path, ["a_12_1_x.zip", "b_LATE_13_2_x.zip", "c_late_14_2_x.zip"])
    found = recognise(tmp_path, EXERCISES, "05-drop-root").hand_ins
    assert [one.marked_late for one in found] == [False, True, True]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2026-11-20 10:00:00.123456 UTC", datetime(2026, 11, 20, 10, 0, 0, 123456, UTC)),
        ("2026-11-20 10:00:00.123456789 UTC", datetime(2026, 11, 20, 10, 0, 0, 123456, UTC)),
        ("2026-11-20T10:00:00+00:00", datetime(2026, 11, 20, 10, 0, 0, 0, UTC)),
        ("yesterday", None),
        ("9" * 5000, None),
        ("", None),
    ],
)
def test_the_time_that_nbgrader_noted(text: str, when: datetime | None, tmp_path: Path):
    lay_out(tmp_path, ["submitted/ada/05-drop-root/Dockerfile"])
    (tmp_path / "submitted/ada/05-drop-root/timestamp.txt").write_text(text)
    assert recognise(tmp_path, EXERCISES).hand_ins[0].when == when


def test_what_is_passed_over_is_told(tmp_path: Path):
    lay_out(tmp_path, ["ada/05-drop-root/Dockerfile", "notes.txt", "carl/essay/x", ".hidden/05-drop-root/x"])
    layout = recognise(tmp_path, EXERCISES)
    assert [name for name, _ in layout.passed_over] == ["carl", "notes.txt"]
    lines = list(shown(layout))
    assert lines[0] == "A folder for each learner: 1 hand-in of 1 learner for 1 exercise."
    assert "Passed over: notes.txt: not recognised as a hand-in." in lines


def test_two_hand_ins_of_one_learner_are_told_and_one_is_graded(tmp_path: Path):
    lay_out(tmp_path, ["ada/05-drop-root/Dockerfile", "ada/05-drop-root.zip"])
    layout = recognise(tmp_path, EXERCISES)
    assert [one.path.name for one in layout.hand_ins] == ["05-drop-root"]
    assert layout.passed_over == (("05-drop-root.zip", "ada handed in 05-drop-root twice; 05-drop-root is graded"),)


def test_names_cannot_speak_to_the_terminal(tmp_path: Path):
    lay_out(tmp_path, ["ada/05-drop-root/Dockerfile", "\x1b[31mred\u202e/essay/x"])
    assert not set("\x1b\u202e") & set("".join(shown(recognise(tmp_path, EXERCISES))))


def test_a_name_that_is_not_utf_8_can_be_kept(tmp_path: Path, store: Store):
    os.makedirs(os.fsencode(tmp_path / "class") + b"/Jos\xe9/05-drop-root")
    (learner,) = recognise(tmp_path / "class", EXERCISES).learners
    assert learner == "Jos\\xe9"
    store.extend(learner, "05-drop-root", datetime(2026, 11, 20, tzinfo=UTC))


def test_a_link_is_no_hand_in(tmp_path: Path):
    lay_out(tmp_path, ["class/ada/05-drop-root/Dockerfile", "secret/05-drop-root/Dockerfile"])
    (tmp_path / "class" / "eve").symlink_to(tmp_path / "secret")
    (tmp_path / "class" / "ada" / "02-cache-order").symlink_to(tmp_path / "secret" / "05-drop-root")
    layout = recognise(tmp_path / "class", EXERCISES)
    assert [(one.learner, one.exercise) for one in layout.hand_ins] == [("ada", "05-drop-root")]
    assert [name for name, _ in layout.passed_over] == ["ada/02-cache-order", "eve"]


@pytest.mark.parametrize(
    ("paths", "said"),
    [([], "is empty"), (["nothing"], "name it with --exercise")],
)
def test_a_folder_without_hand_ins(paths: list[str], said: str, tmp_path: Path):
    with pytest.raises(InputError, match=said):
        recognise(lay_out(tmp_path, paths), EXERCISES)


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(InputError, match="there is no folder"):
        recognise(tmp_path / "never", EXERCISES)

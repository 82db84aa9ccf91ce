"""The grades of a class in other formats: what is in them, what is left empty, and names that would do harm."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from grader.reports import gradescope
from layerwise.classroom.exports import FOLDERS, FORMATS
from layerwise.classroom.exports.export import Export, render
from layerwise.classroom.gradebook import State
from layerwise.errors import InputError
from tests.grader.reports.validators import junit_root
from tests.layerwise.classroom.classes import HOSTILE, LATE, TINY, WORDS, Class, failed, hand_in, keep, report
from tests.layerwise.conftest import Lab


@pytest.fixture
def a_class(tmp_path: Path) -> Class:
    return Class(tmp_path)


def mixed(a_class: Class) -> Class:
    """An entry of each sort."""
    return (
        a_class.add("ann_1", report())
        .add("ben_2", report(), late=LATE)
        .add("cat_3", report(), state=State.STALE)
        .add("dan_4", failed(), state=State.ERROR)
        .add("eve_5", state=State.WAITING)
        .add("fay_6", report(), state=State.MISSING)  # was graded, and then taken back
    )


def table(export: Export) -> list[list[str]]:
    return list(csv.reader(io.StringIO(export.text, newline="")))


def test_every_format_has_a_module_and_survives_an_empty_class(a_class: Class) -> None:
    for name in FORMATS:
        made = render(name, a_class.book)
        assert not made.files
        assert made.notes == ()


def test_help_names_every_format(lab: Lab) -> None:
    shown = lab("classroom", "export", "--help").out
    assert [name for name in FORMATS if f"\n  {name} " not in shown] == []


# ── csv and jsonl ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_csv_has_a_line_for_each_check(a_class: Class) -> None:
    head, *rows = table(render("csv", mixed(a_class).book))
    found = [dict(zip(head, row, strict=True)) for row in rows]
    shown = [
        tuple(row[name] for name in ("learner", "state", "score", "points", "check", "check_points", "late_by_seconds"))
        for row in found
    ]
    assert shown == [
        ("ann_1", "graded", "6", "6", "c0", "4", ""),
        ("ann_1", "graded", "6", "6", "c1", "2", ""),
        ("ben_2", "graded", "6", "4.8", "c0", "4", "93600"),
        ("ben_2", "graded", "6", "4.8", "c1", "2", "93600"),
        ("cat_3", "stale", "6", "6", "c0", "4", ""),
        ("cat_3", "stale", "6", "6", "c1", "2", ""),
        ("dan_4", "error", "", "", "c0", "", ""),
        ("eve_5", "waiting", "", "", "", "", ""),
        ("fay_6", "missing", "", "", "", "", ""),
    ]
    assert found[0]["handed_in"] == "2026-05-01T12:00:00Z"


def test_csv_is_quoted_and_ends_lines_as_spreadsheets_do(a_class: Class) -> None:
    text = render("csv", a_class.add("ann", report(message="a, b\nc")).book).text
    assert text.startswith('"learner","exercise",')
    assert text.endswith('"\r\n')
    assert '"a, b\nc"\r\n' in text


@pytest.mark.parametrize("name", ["csv", "canvas", "moodle"])
def test_no_cell_is_a_formula(a_class: Class, name: str) -> None:
    for number, learner in enumerate(HOSTILE):
        a_class.add(f"{learner}_{number + 10}", report(title="=1+1", message="@SUM(1)"))
    cells = [cell for row in table(render(name, a_class.book)) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))] == []
    assert any(cell.startswith("'=") for cell in cells)


def test_a_number_below_zero_stays_a_number() -> None:
    from layerwise.classroom.exports import table as made

    assert made.render([(-1.5, "-1.5", None, 2)]) == '"-1.5","\'-1.5","","2"\r\n'


def test_jsonl_has_an_object_for_each_entry(a_class: Class) -> None:
    lines = [json.loads(line) for line in render("jsonl", mixed(a_class).book).text.splitlines()]
    assert [(line["schema"], line["state"], line["score"], line["points"]) for line in lines] == [
        (1, "graded", 6.0, 6.0),
        (1, "graded", 6.0, 4.8),
        (1, "stale", 6.0, 6.0),
        (1, "error", None, None),
        (1, "waiting", None, None),
        (1, "missing", None, None),
    ]
    assert lines[1]["late"] == {"is_late": True, "by_seconds": 93600.0, "share": 0.8}
    assert lines[0]["checks"][1] == {
        "id": "c1",
        "title": "Check 1",
        "status": "partial",
        "points": 2.0,
        "max_points": 4.0,
        "message": "Seen.",
    }
    assert lines[3]["checks"][0]["points"] is None
    assert lines[5]["checks"] == []


@pytest.mark.parametrize("name", ["csv", "jsonl", "junit"])
def test_hostile_names_stay_apart_and_can_be_written(a_class: Class, name: str) -> None:
    for learner in HOSTILE:
        a_class.add(learner, report())
    text = render(name, a_class.book).text
    text.encode()
    if name == "jsonl":
        found = {json.loads(line)["learner"] for line in text.splitlines()}
    elif name == "csv":
        found = {row[0] for row in table(render(name, a_class.book))[1:]}
    else:
        found = {suite.get("name") or "" for suite in junit_root(text).iter("testsuite")}
    assert len(found) == len(HOSTILE)
    assert not set("".join(found)) & set("\u202e\u200b\x1b\x01\n")


# ── junit, gradescope, classroom50 ──────────────────────────────────────────────────────────────────────────────────


def test_junit_has_a_suite_for_each_entry(a_class: Class) -> None:
    root = junit_root(render("junit", mixed(a_class).book).text)
    suites = {suite.get("name"): suite for suite in root.iter("testsuite")}
    assert list(suites)[:2] == ["ann_1.01-tiny", "ben_2.01-tiny"]
    assert {name: root.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "9",
        "failures": "3",
        "errors": "1",
    }
    states = {
        name: {item.get("name"): item.get("value") for item in suite.iter("property")} for name, suite in suites.items()
    }
    assert states["ben_2.01-tiny"]["score"] == "6"
    assert states["ben_2.01-tiny"]["points"] == "4.8"
    assert states["cat_3.01-tiny"]["state"] == "stale"
    [waiting] = suites["eve_5.01-tiny"].iter("skipped")
    assert waiting.get("message") == "not graded yet"
    assert "points" not in states["fay_6.01-tiny"]


def test_gradescope_has_a_file_for_each_score(a_class: Class) -> None:
    made = render("gradescope", mixed(a_class).book)
    assert sorted(made.files) == [f"01-tiny/{name}/results.json" for name in ("ann_1", "ben_2", "cat_3")]
    on_time, late, stale = (json.loads(made.files[name]) for name in sorted(made.files))
    assert on_time == json.loads(gradescope.render(report()))
    assert late["score"] == 4.8
    assert late["output"].endswith("\nHanded in 1 day 2 h late, which costs 1.2 points of 6: 4.8 count.")
    assert stale["output"].endswith("\nThis score may change: the hand-in changed since.")
    assert made.notes == (
        "left out: 1 hand-in has no score because the grader failed",
        "left out: 1 hand-in is not graded yet",
    )


def results(export: Export) -> dict[str, Any]:
    return {Path(name).parent.name: json.loads(text) for name, text in export.files.items()}


def test_classroom50_has_whole_numbers(a_class: Class) -> None:
    a_class.add("ann", report(TINY, 1.0, 0.5)).add("ben", report(TINY, 0.0, 0.0))
    found = results(render("classroom50", a_class.book))
    assert {key: found["ann"][key] for key in ("schema", "assignment", "usernames", "score", "max-score")} == {
        "schema": "classroom50/result/v1",
        "assignment": "01-tiny",
        "usernames": ["ann"],
        "score": 6,
        "max-score": 8,
    }
    assert found["ann"]["tests"] == [
        {"test-name": "Check 0", "passed": True, "score": 4, "max-score": 4},
        {"test-name": "Check 1", "passed": False, "score": 2, "max-score": 4},
    ]
    assert found["ben"]["score"] == 0


@pytest.mark.parametrize("fractions", [(1.0, 1 / 3, 0.7), (0.01, 0.0, 0.0), (0.5,), (1.0,) * 7])
def test_classroom50_loses_nothing_and_adds_up(a_class: Class, fractions: tuple[float, ...]) -> None:
    late = report(TINY, *fractions, points=3.33)
    a_class.add("ann", late, late=LATE).add("ben", report(TINY, 1.0))
    made = render("classroom50", a_class.book)
    found = results(made)
    assert "the scores of 01-tiny are hundredths of points" in made.notes
    assert found["ann"]["score"] == round((a_class.entries[0].points or 0) * 100)
    assert found["ben"]["max-score"] == 400  # one scale for everybody
    for result in found.values():
        numbers = [result["score"], result["max-score"], *(test["score"] for test in result["tests"])]
        assert all(type(number) is int for number in numbers)
        assert sum(test["score"] for test in result["tests"]) == result["score"]
        assert all(0 <= test["score"] <= test["max-score"] for test in result["tests"])


def test_classroom50_leaves_out_what_does_not_hold(a_class: Class) -> None:
    made = render("classroom50", mixed(a_class).book)
    assert sorted(results(made)) == ["ann_1", "ben_2"]
    assert any("1 hand-in has a stale score" in note for note in made.notes)


@pytest.mark.parametrize("name", FOLDERS)
def test_hostile_names_stay_in_their_folder(a_class: Class, name: str) -> None:
    for learner in HOSTILE:
        a_class.add(learner, report())
    files = render(name, a_class.book).files
    assert len(files) == len(HOSTILE)
    assert all(path.count("/") == 2 and ".." not in path.split("/") for path in files)


# ── canvas and moodle ───────────────────────────────────────────────────────────────────────────────────────────────


def test_canvas_has_a_column_for_each_exercise(a_class: Class) -> None:
    mixed(a_class).add("ann_1", report(WORDS, 1.0), exercise=WORDS).add("no number", report())
    made = render("canvas", a_class.book)
    info = ["", "", ""]
    assert table(made) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01-tiny", "02-words"],
        ["Points Possible", "", *info, "10", f"{WORDS.points:g}"],
        ["ann", "1", *info, "6", "4"],
        ["ben", "2", *info, "4.8", ""],
        ["cat", "3", *info, "", ""],
        ["dan", "4", *info, "", ""],
        ["eve", "5", *info, "", ""],
        ["fay", "6", *info, "", ""],
    ]
    assert [note.partition(";")[0] for note in made.notes] == [
        "left out: 1 hand-in has no score because the grader failed",
        "left out: 1 hand-in is not graded yet",
        "left out: 1 hand-in has a stale score",
        "left out: 1 learner whose name does not end in a number of their own, as in a download from the LMS "
        "(leeann_1234)",
    ]


def test_no_learner_sets_the_points_of_an_assignment_in_canvas(a_class: Class) -> None:
    rows = table(render("canvas", a_class.add("x Points Possible_7", report()).book))
    assert [row[0] for row in rows if "Points Possible" in row[0]] == ["Points Possible"]


def test_moodle_has_a_line_for_each_participant(a_class: Class) -> None:
    mixed(a_class).add("Ann Lee_77", report())
    assert table(render("moodle", a_class.book)) == [
        ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"],
        ["Participant 1", "ann", "6", "10", ""],
        ["Participant 2", "ben", "4.8", "10", ""],
        *(
            [f"Participant {number}", name, "", "10", ""]
            for number, name in zip("3456", ("cat", "dan", "eve", "fay"), strict=True)
        ),
        ["Participant 77", "Ann Lee", "6", "10", ""],
    ]


def test_moodle_takes_one_exercise(a_class: Class) -> None:
    a_class.add("ann_1", report()).add("ann_1", report(WORDS), exercise=WORDS)
    with pytest.raises(InputError, match="--exercise: 01-tiny, 02-words"):
        render("moodle", a_class.book)


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def handed_in(lab: Lab, tmp_path: Path) -> Path:
    """A folder with what two learners handed in. Both have a score for 01-tiny, and ann's 02-words waits."""
    folder = tmp_path / "class"
    for learner in ("ann_1", "=cmd()_2"):
        hand_in(folder, learner, "01-tiny", {"Dockerfile": f"FROM scratch\n# {learner}\n"})
    hand_in(folder, "ann_1", "02-words", {"Dockerfile": "FROM scratch\n"})
    keep(folder, lab.exercises, {(learner, "01-tiny"): report() for learner in ("ann_1", "=cmd()_2")})
    return folder


def test_export_prints_or_writes(lab: Lab, handed_in: Path, tmp_path: Path) -> None:
    printed = lab("classroom", "export", handed_in, "--format", "csv")
    assert (printed.status, printed.err) == (0, "")
    target = tmp_path / "grades.csv"
    target.write_text("old")
    written = lab("classroom", "export", handed_in, "--format", "csv", "-o", target)
    assert (written.status, written.out) == (0, "")
    assert target.read_bytes().decode().replace("\r\n", "\n") == printed.out
    assert '"\'=cmd()_2","01-tiny","graded"' in printed.out


def test_export_of_several_files_needs_a_new_folder(lab: Lab, handed_in: Path, tmp_path: Path) -> None:
    words = ("classroom", "export", handed_in, "--format", "gradescope")
    refused = lab(*words)
    assert refused.status == 2
    assert "name a new folder for them with -o" in refused.err
    written = lab(*words, "-o", tmp_path / "out")
    assert written.status == 0, written.err
    assert "1 hand-in is not graded yet" in written.err
    assert json.loads((tmp_path / "out/01-tiny/ann_1/results.json").read_text())["score"] == 6.0
    again = lab(*words, "-o", tmp_path / "out")
    assert again.status == 2
    assert "not empty" in again.err


@pytest.mark.parametrize(
    ("words", "status", "err"),
    [
        (("--format", "moodle"), 2, "choose one of these with --exercise: 01-tiny, 02-words"),
        (("--format", "moodle", "--exercise", "01-tiny"), 0, ""),
        (("--format", "csv", "-o", "."), 2, "-o .: expected the name of a file"),
        (("--format", "csv", "--exercise", "03-none"), 2, "03-none"),
        (("--format", "xml"), 2, "xml"),
    ],
)
def test_export_says_what_is_wrong(lab: Lab, handed_in: Path, words: tuple[str, ...], status: int, err: str) -> None:
    ended = lab("classroom", "export", handed_in, *words)
    assert ended.status == status
    assert err in ended.err
    if status:
        assert ended.out == ""


def test_a_changed_hand_in_makes_its_score_stale(lab: Lab, handed_in: Path) -> None:
    (handed_in / "ann_1/01-tiny/Dockerfile").write_text("FROM scratch\n# changed\n")
    ended = lab("classroom", "export", handed_in, "--format", "canvas", "--exercise", "01-tiny")
    assert "1 hand-in has a stale score" in ended.err
    assert '"ann","1","","","",""' in ended.out

"""What is late, what that costs, and the commands that say when work is due."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from layerwise.classroom.lateness import Lateness, lateness, span, told
from layerwise.classroom.store import Policy
from tests.layerwise.classroom.classes import HANDED_IN, hand_in, keep, report
from tests.layerwise.conftest import Lab

DUE = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
TEN = Policy(grace=600, penalty=10, per=86_400)


@pytest.mark.parametrize(
    ("after", "policy", "wanted"),
    [
        (-1, TEN, Lateness()),
        (0, TEN, Lateness()),
        (600, TEN, Lateness()),
        (601, TEN, Lateness(True, timedelta(seconds=601), 0.9)),
        (600 + 86_400, TEN, Lateness(True, timedelta(seconds=87_000), 0.9)),
        (600 + 86_401, TEN, Lateness(True, timedelta(seconds=87_001), 0.8)),
        (60 * 86_400, TEN, Lateness(True, timedelta(days=60), 0.0)),
        (1, Policy(), Lateness(True, timedelta(seconds=1), 1.0)),
        (1, Policy(penalty=100), Lateness(True, timedelta(seconds=1), 0.0)),
    ],
)
def test_lateness_costs_for_each_time_that_begins(after: float, policy: Policy, wanted: Lateness) -> None:
    found = lateness(DUE + timedelta(seconds=after), DUE, policy)
    assert (found.is_late, found.by, pytest.approx(found.share)) == (wanted.is_late, wanted.by, wanted.share)


@pytest.mark.parametrize(("when", "due"), [(None, DUE), (DUE, None), (None, None)])
@pytest.mark.parametrize("marked", [False, True])
def test_what_has_no_time_costs_nothing(when: datetime | None, due: datetime | None, marked: bool) -> None:
    assert lateness(when, due, TEN, marked_late=marked) == Lateness(is_late=marked)


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (20, "20 s"),
        (90, "1 min 30 s"),
        (5400, "1 h 30 min"),
        (86_400, "1 day"),
        (86_400 * 2 + 3600 * 3 + 59, "2 days 3 h"),
        (86_400 + 5, "1 day 5 s"),
    ],
)
def test_a_time_is_said_as_people_say_it(seconds: float, wanted: str) -> None:
    assert span(timedelta(seconds=seconds)) == wanted


def test_nothing_is_told_of_what_is_on_time() -> None:
    assert told(Lateness(), 6) == ""


# ── the commands ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(lab: Lab, tmp_path: Path) -> Path:
    made = tmp_path / "class"
    for learner in ("alice", "bob"):
        hand_in(made, learner, "01-tiny", {"Dockerfile": f"FROM scratch\n# {learner}\n"})
    keep(made, lab.exercises, {("alice", "01-tiny"): report(), ("bob", "01-tiny"): report()})
    return made


def test_without_options_it_shows(lab: Lab, folder: Path) -> None:
    ended = lab("classroom", "late", folder)
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "Late work costs nothing.",
        "No exercise has a due time yet: lab classroom late FOLDER --due EXERCISE=WHEN",
    ]


def test_what_is_late_loses_points_unless_it_is_extended(lab: Lab, folder: Path) -> None:
    due = (HANDED_IN - timedelta(days=1, hours=1)).isoformat()
    words = ("--due", f"01-tiny={due}", "--grace", "15 min", "--penalty", "10%", "--per", "1 day")
    ended = lab("classroom", "late", folder, *words, TZ="UTC")
    assert (ended.status, ended.err) == (0, "")
    until = HANDED_IN.replace(tzinfo=None).isoformat()
    extended = lab("classroom", "extend", folder, "bob", "01-tiny", "--until", until, TZ="UTC")
    assert (extended.status, extended.err) == (0, "")
    assert extended.out == "bob has time for 01-tiny until 2026-05-01 12:00+00:00.\n"
    shown = lab("classroom", "late", folder, TZ="UTC")
    assert shown.out.splitlines() == [
        "Late work loses 10% of its points for each day that begins, after 15 min of grace.",
        "01-tiny is due 2026-04-30 11:00+00:00.",
        "bob has time for 01-tiny until 2026-05-01 12:00+00:00.",
    ]
    lines = lab("classroom", "export", folder, "--format", "jsonl").out.splitlines()
    assert {line["learner"]: line["points"] for line in map(json.loads, lines)} == {"alice": 4.8, "bob": 6.0}
    status = lab("classroom", "status", folder)
    assert "alice  01-tiny: 1 day 1 h late, which costs 1.2 points" in status.out


def test_a_time_without_a_zone_is_of_this_machine(lab: Lab, folder: Path) -> None:
    ended = lab("classroom", "late", folder, "--due", "01-tiny=2026-07-01T23:59", TZ="Europe/Berlin")
    assert "01-tiny is due 2026-07-01 23:59+02:00." in ended.out
    assert "01-tiny is due 2026-07-01 21:59+00:00." in lab("classroom", "late", folder, TZ="UTC").out


def test_one_setting_leaves_the_others(lab: Lab, folder: Path) -> None:
    lab("classroom", "late", folder, "--penalty", "5", "--per", "2 h")
    ended = lab("classroom", "late", folder, "--grace", "1 day")
    assert (
        ended.out.splitlines()[0] == "Late work loses 5% of its points for each 2 h that begins, after 1 day of grace."
    )


@pytest.mark.parametrize(
    ("words", "err"),
    [
        (("--due", "01-tiny"), "--due: expected EXERCISE=WHEN"),
        (("--due", "01-tiny=2026-05-01"), "found only a date"),
        (("--due", "01-tiny=tomorrow"), "--due: expected a date and a time of day"),
        (("--due", "01-tiny=0001-01-01T00:00+14:00"), "--due: expected a date and a time of day"),
        (("--due", "01-tinny=2026-05-01T23:59"), "01-tiny"),
        (("--penalty", "101"), "--penalty: expected a percentage from 0 to 100, found '101'"),
        (("--penalty", "-1"), "--penalty: expected a percentage"),
        (("--penalty", "nan"), "--penalty: expected a percentage"),
        (("--per", "0 s"), "--per: expected more than no time"),
        (("--per", "5"), "--per: expected a duration"),
        (("--grace", "9" * 400 + " s"), "--grace: expected at most 10 years"),
        (("--penalty", "10", "--per", "x"), "--per: expected a duration"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_kept(
    lab: Lab, folder: Path, words: tuple[str, ...], err: str
) -> None:
    ended = lab("classroom", "late", folder, *words)
    assert ended.status == 2
    assert err in ended.err
    assert len(ended.err.splitlines()) == 1
    assert lab("classroom", "late", folder).out.startswith("Late work costs nothing.\nNo exercise")


@pytest.mark.parametrize(
    ("learner", "warning"),
    [
        (
            "alcie",
            "nobody called alcie has handed in anything or has a score; did you mean alice? The extension is kept.",
        ),
        ("zoë", "nobody called zoë has handed in anything or has a score. The extension is kept."),
        ("alice", ""),
    ],
)
def test_who_is_unknown_is_told_and_extended_all_the_same(lab: Lab, folder: Path, learner: str, warning: str) -> None:
    ended = lab("classroom", "extend", folder, learner, "01-tiny", "--until", "2026-05-08T23:59")
    assert ended.status == 0
    assert ended.err == (f"lab: warning: {warning}\n" if warning else "")
    assert f"{learner} has time for 01-tiny until 2026-05-08 23:59" in lab("classroom", "late", folder).out


def test_more_time_before_anybody_handed_in(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = lab("classroom", "extend", tmp_path / "empty", "alice", "01-tiny", "--until", "2026-05-08T23:59")
    assert ended.status == 0
    assert "nobody called alice" in ended.err


@pytest.mark.parametrize("words", [("late",), ("extend", "alice", "01-tiny", "--until", "2026-05-08T23:59")])
def test_a_missing_folder_is_told(lab: Lab, tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = lab("classroom", words[0], tmp_path / "none", *words[1:])
    assert ended.status == 2
    assert "there is no folder" in ended.err


def test_a_name_as_it_is_shown_is_enough(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "class"
    hand_in(folder, "ali\u202ece", "01-tiny", {"Dockerfile": "FROM scratch\n"})
    ended = lab("classroom", "extend", folder, "alice", "01-tiny", "--until", "2026-05-08T23:59")
    assert (ended.status, ended.err) == (0, "")

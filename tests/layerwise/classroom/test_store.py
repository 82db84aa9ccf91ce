"""The verdicts of a class on disk: kept in one step, found by what was judged, and told as damaged in one line."""

from __future__ import annotations

import multiprocessing
import sqlite3
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from grader.exercise import Exercise
from layerwise.classroom.store import NAME, SCHEMA, Key, Policy, Store, StoreError
from layerwise.errors import InputError
from tests.layerwise.classroom.conftest import failed, report

KEY = Key("05-drop-root", "version", "hand-in", "grader", "engine")
WHEN = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def test_a_verdict_is_found_by_everything_that_it_depends_on(store: Store, exercise: Exercise):
    kept = store.keep("ada", KEY, report(exercise, 1, 0.5))
    assert store.find(KEY) == kept
    assert (kept.score, kept.max_score, kept.status) == (8.0, 10.0, "partial")
    assert store.report(kept).score == 8.0
    for part in ("exercise", "version", "hand_in", "grader", "engine"):
        assert store.find(Key(**{**vars(KEY), part: "other"})) is None


def test_a_later_verdict_takes_the_place_of_an_earlier_one(store: Store, exercise: Exercise):
    store.keep("ada", KEY, failed(exercise))
    first = store.latest()["ada", "05-drop-root"]
    assert first.score is None
    store.keep("ada", KEY, report(exercise))
    assert store.latest()["ada", "05-drop-root"].score == 10.0
    assert store.latest()["ada", "05-drop-root"].id == first.id


def test_equal_hand_ins_share_a_verdict(store: Store, exercise: Exercise):
    kept = store.keep("ada", KEY, report(exercise))
    store.point_to([("bob", kept)])
    assert store.latest()["bob", "05-drop-root"] == kept


def test_nothing_is_written_by_reading(tmp_path: Path):
    with Store.open(tmp_path) as store:
        assert (store.latest(), store.due(), store.extensions(), store.policy()) == ({}, {}, {}, Policy())
        assert store.find(KEY) is None
    assert list(tmp_path.iterdir()) == []


def test_due_times_extensions_and_policy_are_kept(store: Store, tmp_path: Path):
    store.set_policy(Policy(600, 10, 3600))
    store.set_due("05-drop-root", WHEN)
    store.extend("ada", "05-drop-root", WHEN)
    store.extend("ada", "05-drop-root", WHEN)
    with Store.open(tmp_path / "class") as again:
        assert again.policy() == Policy(600, 10, 3600)
        assert again.due() == {"05-drop-root": WHEN}
        assert again.extensions() == {("ada", "05-drop-root"): WHEN}


def _hold(folder: Path, ready: Connection) -> None:
    with Store.open(folder) as store, store.batch():
        ready.send("held")
        ready.poll(60)


def test_one_batch_at_a_time_and_others_read_and_write_meanwhile(store: Store, exercise: Exercise, tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    other = context.Process(target=_hold, args=(tmp_path / "class", there))
    other.start()
    try:
        assert here.poll(30)
        with pytest.raises(InputError, match="another lab classroom command is grading"), store.batch():
            pass
        store.extend("ada", "05-drop-root", WHEN)
        assert store.keep("ada", KEY, report(exercise)).score == 10.0
        other.kill()
        other.join(30)
        with store.batch():  # whoever held it is dead
            pass
    finally:
        other.kill()
        other.join(30)


def later(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    database.close()


DAMAGE = [
    ("no database", lambda file: file.write_text("text " * 1000), "damaged"),
    ("a later schema", later, "later Layerwise"),
    ("a folder", lambda file: file.mkdir(), "is not a file"),
    ("a link to another file", lambda file: file.symlink_to("/etc/passwd"), "is not a file"),
]


@pytest.mark.parametrize(("spoil", "said"), [case[1:] for case in DAMAGE], ids=[case[0] for case in DAMAGE])
def test_a_file_that_cannot_be_used_is_told_in_one_line(spoil, said: str, tmp_path: Path, exercise: Exercise):
    spoil(tmp_path / NAME)
    with Store.open(tmp_path) as store:
        for use in (store.latest, lambda: store.keep("ada", KEY, report(exercise))):
            with pytest.raises(StoreError, match=said) as caught:
                use()
            assert "\n" not in str(caught.value)


def test_a_full_disk_is_told_in_one_line_and_what_was_kept_stays(store: Store, exercise: Exercise):
    store.keep("ada", KEY, report(exercise))
    assert store._database
    store._database.execute("PRAGMA max_page_count = 1")  # as many pages as there are, and no more
    with pytest.raises(StoreError, match="database or disk is full"):
        for number in range(200):
            store.keep(f"learner-{number}", Key(**{**vars(KEY), "hand_in": str(number)}), report(exercise))
    store._database.execute("PRAGMA max_page_count = 100000")
    assert store.latest()["ada", "05-drop-root"].score == 10.0
    assert store.keep("bob", Key(**{**vars(KEY), "hand_in": "bob's"}), report(exercise)).score == 10.0


def test_a_report_that_was_tampered_with_is_damage(store: Store, exercise: Exercise):
    kept = store.keep("ada", KEY, report(exercise, 0))
    with sqlite3.connect(store.file) as database:
        database.execute("UPDATE verdict SET report = replace(report, '\"score\": 9.0', '\"score\": 10.0')")
    database.close()
    with pytest.raises(StoreError, match="damaged"):
        store.report(kept)

"""The verdicts of a class, in one SQLite file: FOLDER/layerwise.db.

A verdict belongs to what was judged, by what, and where: the exercise and its version, the fingerprint of what was
handed in, the fingerprint of the grader, and the engine. So what was graded once is not graded again, and a score whose
hand-in or exercise changed is known to be stale. The file also holds the late policy, due times and extensions.

It is in WAL mode: others can read while a batch writes. Every write is one short transaction.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader.lib.text import clean
from grader.reports import json as report_json
from grader.verdict import Report
from layerwise.errors import InputError, LabError

NAME = "layerwise.db"
LOCK = "layerwise.lock"
SCHEMA = 1
"""Kept in the file's user_version. A file of a later Layerwise is refused."""
PATIENCE = 30.0
"""Seconds to wait for another process that is writing."""

_TABLES = """
CREATE TABLE verdict (
    id INTEGER PRIMARY KEY,
    exercise TEXT NOT NULL, version TEXT NOT NULL, hand_in TEXT NOT NULL, grader TEXT NOT NULL, engine TEXT NOT NULL,
    status TEXT NOT NULL, score REAL, max_score REAL NOT NULL, seconds REAL NOT NULL, time TEXT NOT NULL,
    unusable INTEGER NOT NULL, report TEXT NOT NULL,
    UNIQUE (exercise, version, hand_in, grader, engine)
);
CREATE TABLE latest (
    learner TEXT NOT NULL, exercise TEXT NOT NULL, verdict INTEGER NOT NULL REFERENCES verdict (id),
    PRIMARY KEY (learner, exercise)
) WITHOUT ROWID;
CREATE TABLE due (exercise TEXT PRIMARY KEY, until TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE extension (
    learner TEXT NOT NULL, exercise TEXT NOT NULL, until TEXT NOT NULL, PRIMARY KEY (learner, exercise)
) WITHOUT ROWID;
CREATE TABLE policy (
    id INTEGER PRIMARY KEY CHECK (id = 1), grace REAL NOT NULL, penalty REAL NOT NULL, per REAL NOT NULL
);
"""


class StoreError(LabError):
    """The file cannot be read or written."""


@dataclass(frozen=True)
class Key:
    """What a verdict belongs to. Exercise and engine are names, the others fingerprints."""

    exercise: str
    version: str
    """Of the exercise."""
    hand_in: str
    grader: str
    engine: str


@dataclass(frozen=True)
class Kept:
    """A verdict as it is kept, without its report. `score` is None if the grader failed: that is no score.

    `unusable`: there was nothing to grade in it, so it got no points. `time` is when it was judged.
    """

    id: int
    key: Key
    status: str
    score: float | None
    max_score: float
    seconds: float
    time: datetime
    unusable: bool


@dataclass(frozen=True)
class Policy:
    """What is late, and what it costs: `penalty` percent of the points for each `per` seconds begun after `grace`."""

    grace: float = 0.0
    penalty: float = 0.0
    per: float = 86_400.0


_KEPT = "id, exercise, version, hand_in, grader, engine, status, score, max_score, seconds, time, unusable"


class Store:
    """The file in `folder`. It is created when something is first written. Every method raises StoreError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / NAME
        self._database: sqlite3.Connection | None = None

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Store]:
        """The store of a folder, for as long as the block lasts."""
        store = cls(folder)
        try:
            yield store
        finally:
            if store._database:
                store._database.close()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Keep another batch of this folder from running at the same time. The system ends it with the process."""
        with self._usable():
            try:
                descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            except OSError as problem:
                raise StoreError(f"cannot write in {self.folder}: {problem.strerror}") from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(
                    f"another lab classroom command is grading {self.folder}; wait for it, or end it"
                ) from None
            yield
        finally:
            os.close(descriptor)

    def find(self, key: Key) -> Kept | None:
        """The verdict with that key, or None."""
        rows = self._rows(
            f"SELECT {_KEPT} FROM verdict WHERE (exercise, version, hand_in, grader, engine) = (?, ?, ?, ?, ?)",
            astuple(key),
        )
        return _kept(rows[0]) if rows else None

    def latest(self) -> dict[tuple[str, str], Kept]:
        """For each learner and exercise the verdict that was last given, whether or not it still holds."""
        names = ", ".join(f"verdict.{name}" for name in _KEPT.split(", "))
        rows = self._rows(f"SELECT {names}, learner FROM latest JOIN verdict ON verdict.id = latest.verdict")
        return {(row[-1], row[1]): _kept(row[:-1]) for row in rows}

    def report(self, kept: Kept) -> Report:
        """The report of a verdict."""
        rows = self._rows("SELECT report FROM verdict WHERE id = ?", (kept.id,))
        with self._usable():
            return Report.from_dict(json.loads(rows[0][0]))

    def keep(self, learner: str, key: Key, report: Report, *, unusable: bool = False) -> Kept:
        """Keep a verdict, in place of an earlier one with that key, as the learner's latest."""
        row = (
            *astuple(key),
            str(report.status),
            report.score,
            report.max_score,
            report.seconds,
            datetime.now(UTC).isoformat(),
            unusable,
            report_json.render(report),
        )
        with self._writing() as database:
            database.execute(
                "INSERT INTO verdict (exercise, version, hand_in, grader, engine, status, score, max_score, seconds, "
                "time, unusable, report) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET status = excluded.status, score = excluded.score, "
                "max_score = excluded.max_score, seconds = excluded.seconds, time = excluded.time, "
                "unusable = excluded.unusable, report = excluded.report",
                row,
            )
            found = database.execute(
                f"SELECT {_KEPT} FROM verdict WHERE (exercise, version, hand_in, grader, engine) = (?, ?, ?, ?, ?)",
                astuple(key),
            ).fetchone()
            database.execute(
                "INSERT INTO latest VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET verdict = excluded.verdict",
                (learner, key.exercise, found[0]),
            )
        return _kept(found)

    def point_to(self, given: Iterable[tuple[str, Kept]]) -> None:
        """Make verdicts that are kept already the latest of these learners."""
        rows = [(learner, kept.key.exercise, kept.id) for learner, kept in given]
        if rows:
            with self._writing() as database:
                database.executemany(
                    "INSERT INTO latest VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET verdict = excluded.verdict", rows
                )

    def policy(self) -> Policy:
        """What being late costs. By default it costs nothing."""
        rows = self._rows("SELECT grace, penalty, per FROM policy")
        return Policy(*rows[0]) if rows else Policy()

    def set_policy(self, policy: Policy) -> None:
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO policy VALUES (1, ?, ?, ?)", astuple(policy))

    def due(self) -> dict[str, datetime]:
        """The due time of each exercise that has one."""
        return {exercise: _time(until) for exercise, until in self._rows("SELECT exercise, until FROM due")}

    def set_due(self, exercise: str, until: datetime) -> None:
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO due VALUES (?, ?)", (exercise, until.isoformat()))

    def extensions(self) -> dict[tuple[str, str], datetime]:
        """The due times of single learners, by learner and exercise."""
        rows = self._rows("SELECT learner, exercise, until FROM extension")
        return {(learner, exercise): _time(until) for learner, exercise, until in rows}

    def extend(self, learner: str, exercise: str, until: datetime) -> None:
        with self._writing() as database:
            database.execute(
                "INSERT OR REPLACE INTO extension VALUES (?, ?, ?)", (learner, exercise, until.isoformat())
            )

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._usable():
            if not self._database and not os.path.lexists(self.file):
                return []
            return self._connected().execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._usable():
            database = self._connected()
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:  # a full disk has ended it already
                    database.execute("ROLLBACK")
                raise

    def _connected(self) -> sqlite3.Connection:
        if self._database:
            return self._database
        # Somebody's hand-in may have this name.
        if os.path.lexists(self.file) and not stat.S_ISREG(os.lstat(self.file).st_mode):
            raise StoreError(f"{self.file} is not a file; move it away")
        database = sqlite3.connect(self.file, timeout=PATIENCE, isolation_level=None)
        try:
            if not self._version(database):
                database.execute("PRAGMA journal_mode = WAL")
                # IMMEDIATE: of two processes that find no tables, one makes them.
                database.execute("BEGIN IMMEDIATE")
                if not self._version(database):
                    for statement in filter(str.strip, _TABLES.split(";")):
                        database.execute(statement)
                    database.execute(f"PRAGMA user_version = {SCHEMA}")
                database.execute("COMMIT")
        except BaseException:
            database.close()
            raise
        self._database = database
        return database

    def _version(self, database: sqlite3.Connection) -> int:
        version = int(database.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA:
            raise StoreError(f"{self.file} was written by a later Layerwise (schema {version}); update this one")
        return version

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Turn every fault of the file into a StoreError of one line."""
        try:
            yield
        except OSError as problem:
            raise StoreError(f"cannot use {self.file}: {problem.strerror}") from None
        except sqlite3.OperationalError as problem:
            raise StoreError(f"cannot use {self.file}: {problem}") from None
        except (sqlite3.Error, ValueError, KeyError, TypeError) as problem:
            why = clean(str(problem), 200)
            raise StoreError(f"{self.file} is damaged ({why}); move it away, and grade again") from None


def _kept(row: Sequence[Any]) -> Kept:
    number, *key, status, score, max_score, seconds, time, unusable = row
    return Kept(number, Key(*key), status, score, max_score, seconds, _time(time), bool(unusable))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)

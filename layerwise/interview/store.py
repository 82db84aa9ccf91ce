"""Interview sessions in one SQLite file: for each session its events, in the order in which they happened.

Nothing else is kept. What a session's state is follows from its events (see `state`), so that a kill loses nothing but
what was not submitted yet. Every method is one short transaction, and raises SessionsError, in one line, if the file
cannot be used.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from layerwise.database import Database
from layerwise.errors import InputError, LabError
from layerwise.stack import lock, paths
from layerwise.stack.paths import Home

_TABLES = {
    1: """
CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, time REAL NOT NULL, elapsed REAL NOT NULL
);
CREATE TABLE event (
    id INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES session (id), time REAL NOT NULL,
    elapsed REAL NOT NULL, kind TEXT NOT NULL, data TEXT NOT NULL
);
CREATE INDEX event_session ON event (session, id);
""",
}
"""What each schema added."""
SCHEMA = max(_TABLES)
LOCK = "interview-session"


class SessionsError(LabError):
    """The file of the sessions cannot be read or written."""


class Kind(StrEnum):
    """What can happen in a session, and what its event holds.

    begun       seed, minutes, assistant, timeline, items
    opened      item: the candidate turned to it
    answered    item, answer, late
    skipped     item
    started     item, folder: a task's files were written there
    handing_in  item, number, late: what is in that folder was copied, and the grader began
    graded      item, number, report (None: there is none), problem, unusable: the grader ended
    paused      -
    continued   seconds: how long the pause was
    resumed     -: the program had ended in the middle
    ended       why: "time" or "candidate"
    rated       item, points: for each point of the rubric whether it was shown
    finished    -: the ratings count
    """

    BEGUN = "begun"
    OPENED = "opened"
    ANSWERED = "answered"
    SKIPPED = "skipped"
    STARTED = "started"
    HANDING_IN = "handing_in"
    GRADED = "graded"
    PAUSED = "paused"
    CONTINUED = "continued"
    RESUMED = "resumed"
    ENDED = "ended"
    RATED = "rated"
    FINISHED = "finished"


@dataclass(frozen=True)
class Event:
    """`elapsed` is seconds of the session's own clock, `time` seconds since the epoch by the clock on the wall."""

    kind: Kind
    elapsed: float
    time: float
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """A session as it is kept. `elapsed` is the last reading of its clock, in seconds. `token` is its name on disk."""

    id: int
    token: str
    elapsed: float
    events: tuple[Event, ...]


class Sessions:
    """The sessions in a lab's folder (default: this lab's). The file is created when the first one begins."""

    def __init__(self, home: Home | None = None) -> None:
        self.home = home or paths.home()
        self._database = Database(
            self.home.sessions_file, _TABLES, SessionsError, "no session can be begun, resumed or shown"
        )
        self.file = self._database.file

    def folder(self, token: str) -> Path:
        """Where the files of a session are: what was handed in, and the commands that were recorded."""
        return self.home.sessions / token

    def handed_in(self, token: str, item: int, number: int) -> Path:
        """The folder with the copy of what was handed in for an item, by the number of the hand-in."""
        return self.folder(token) / f"item-{item + 1}" / f"hand-in-{number}"

    def begin(self, event: Event) -> int:
        """Keep a new session and its first event. Returns its number."""
        with self._database.writing() as database:
            row = (secrets.token_hex(4), event.time, event.elapsed)
            number = database.execute("INSERT INTO session (token, time, elapsed) VALUES (?, ?, ?)", row).lastrowid
            assert number is not None
            _insert(database, number, event)
        return number

    def append(self, number: int, event: Event) -> None:
        """Keep an event of a session."""
        with self._database.writing() as database:
            _insert(database, number, event)
            database.execute("UPDATE session SET elapsed = ? WHERE id = ?", (event.elapsed, number))

    def tick(self, number: int, elapsed: float) -> None:
        """Keep the reading of a session's clock."""
        with self._database.writing() as database:
            database.execute("UPDATE session SET elapsed = ? WHERE id = ?", (elapsed, number))

    def get(self, number: int) -> Kept:
        """The session of that number. Raises InputError if there is none."""
        rows = self._database.read("SELECT token, elapsed FROM session WHERE id = ?", (number,))
        if not rows:
            known = ", ".join(map(str, self.numbers())) or "none yet"
            raise InputError(f"there is no session {number}; there are: {known}")
        events = self._database.read(
            "SELECT kind, elapsed, time, data FROM event WHERE session = ? ORDER BY id", (number,)
        )
        with self._database.sound():
            token, elapsed = rows[0]
            return Kept(number, _token(token), float(elapsed), tuple(_event(*row) for row in events))

    def numbers(self) -> list[int]:
        """The numbers of all sessions, oldest first."""
        return [int(row[0]) for row in self._database.read("SELECT id FROM session ORDER BY id")]

    def unfinished(self) -> int | None:
        """The session that was begun and not finished; None if there is none."""
        rows = self._database.read(
            "SELECT id FROM session WHERE id NOT IN (SELECT session FROM event WHERE kind = ?) ORDER BY id DESC",
            (str(Kind.FINISHED),),
        )
        return int(rows[0][0]) if rows else None

    def sound(self) -> AbstractContextManager[None]:
        """A block in which events that this program would not have written are damage of the file."""
        return self._database.sound()

    def exist(self) -> bool:
        """Whether there is anything to delete."""
        return self.file.exists() or self.home.sessions.exists()

    def delete(self) -> None:
        """Delete all sessions and their files, also a file that is damaged. Raises InputError if a session is open."""
        if self.exist():
            with self.held():
                self._database.delete()
                shutil.rmtree(self.home.sessions, ignore_errors=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one that has a session open. Raises InputError, which names the other process."""
        try:
            with lock.only_one(self.home, LOCK):
                yield
        except lock.Held as other:
            raise InputError(
                f"a session is open in another terminal or notebook (process {other.holder or 'unknown'}); "
                "go on there, or close it first"
            ) from None


def _insert(database: Any, number: int, event: Event) -> None:
    row: Sequence[Any] = (number, event.time, event.elapsed, str(event.kind), json.dumps(event.data))
    database.execute("INSERT INTO event (session, time, elapsed, kind, data) VALUES (?, ?, ?, ?, ?)", row)


def _event(kind: str, elapsed: float, time: float, data: str) -> Event:
    read = json.loads(data)
    if not isinstance(read, dict):
        raise ValueError("the data of an event is not an object")
    return Event(Kind(kind), float(elapsed), float(time), read)


def _token(text: str) -> str:
    """The name of a session's folder: it comes from the file, and must not lead elsewhere."""
    if not (isinstance(text, str) and text.isalnum()):
        raise ValueError("a session has no name")
    return text

"""A SQLite file of the lab's own: its tables by schema, short transactions, and every fault of the file in one line."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from layerwise.errors import LabError

PATIENCE = 10.0
"""Seconds to wait for another process that is writing."""
SUFFIXES = ("", "-journal", "-wal", "-shm")
"""SQLite keeps up to four files."""


class Database:
    """The file at `file`, which is created when something is first written.

    `tables` says what each schema added, from 1 on. The schema is kept in the file's user_version. A file of an earlier
    schema is brought up to date when something is written; one of a later schema is refused. Each fault of the file is
    raised as a `fault`, and `lost` says what cannot be done until it is repaired.
    """

    def __init__(self, file: Path, tables: Mapping[int, str], fault: type[LabError], lost: str) -> None:
        self.file = file.absolute()
        self._tables = tables
        self._schema = max(tables)
        self._fault = fault
        self._lost = lost

    def read(self, query: str, values: Sequence[Any] = (), *, since: int = 1) -> list[tuple[Any, ...]]:
        """The rows; none if the file is of a schema before `since`, which did not have the table."""
        with self._usable():
            if not self.file.exists():
                return []
            with closing(self._open("rw")) as database:
                if self._version(database) < since:
                    return []
                return database.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, which is committed at the end of the block."""
        with self._usable():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open("rwc")) as database:
                # IMMEDIATE: two processes that both find no tables must not both make them.
                database.execute("BEGIN IMMEDIATE")
                for added in range(self._version(database) + 1, self._schema + 1):
                    for statement in filter(str.strip, self._tables[added].split(";")):
                        database.execute(statement)
                    database.execute(f"PRAGMA user_version = {added}")
                yield database
                database.execute("COMMIT")

    @contextmanager
    def sound(self) -> Iterator[None]:
        """Take what a row holds for damage, if this program would not have written it."""
        try:
            yield
        except (ValueError, TypeError, LookupError) as problem:
            raise self._damaged(problem) from None

    def delete(self) -> None:
        """Delete the file, also one that is damaged. What another process writes meanwhile begins a new one."""
        with self._usable():
            for suffix in SUFFIXES:
                self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)

    def _open(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(f"{self.file.as_uri()}?mode={mode}", uri=True, timeout=PATIENCE, isolation_level=None)

    def _version(self, database: sqlite3.Connection) -> int:
        version = int(database.execute("PRAGMA user_version").fetchone()[0])
        if version > self._schema:
            raise self._fault(
                f"{self.file} was written by a later Layerwise (schema {version}, known: {self._schema}); "
                "update this one"
            )
        return version

    @contextmanager
    def _usable(self) -> Iterator[None]:
        """Turn every fault of the file into one line."""
        try:
            yield
        except OSError as problem:
            raise self._fault(f"cannot use {self.file}: {problem.strerror}; {self._lost}") from None
        except sqlite3.OperationalError as problem:
            raise self._fault(f"cannot use {self.file}: {problem}; {self._lost}") from None
        except sqlite3.Error as problem:
            raise self._damaged(problem) from None

    def _damaged(self, problem: Exception) -> LabError:
        return self._fault(
            f"{self.file} is damaged ({problem}); move it away to begin a new one: until then {self._lost}"
        )

"""What this learner has done: attempts, answers, hints, reviews of skills, instances begun. One SQLite file.

Every method is one short transaction, safe when several processes use the file (a notebook and a terminal). Each raises
ProgressError, in one line, if the file cannot be used. After a grading that is shown as a warning: no grade is lost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.verdict import Report, Status
from layerwise.database import Database
from layerwise.errors import LabError
from layerwise.stack import paths

MAX_REPORT = 256 * 1024
"""Characters of a report that are kept. A longer one is kept without its evidence."""

_TABLES = {
    1: """
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY, exercise TEXT NOT NULL, time REAL NOT NULL, score REAL NOT NULL, max_score REAL NOT NULL,
    status TEXT NOT NULL, seconds REAL NOT NULL, report TEXT NOT NULL
);
CREATE INDEX attempt_exercise ON attempt (exercise, time);
CREATE TABLE answer (
    id INTEGER PRIMARY KEY, lesson TEXT NOT NULL, cell TEXT NOT NULL, time REAL NOT NULL, answer TEXT NOT NULL,
    correct INTEGER
);
CREATE INDEX answer_cell ON answer (lesson, cell, time);
CREATE TABLE hint (
    exercise TEXT NOT NULL, number INTEGER NOT NULL, time REAL NOT NULL, PRIMARY KEY (exercise, number)
);
""",
    2: """
CREATE TABLE review (
    id INTEGER PRIMARY KEY, skill TEXT NOT NULL, time REAL NOT NULL, share REAL NOT NULL, source TEXT NOT NULL
);
CREATE INDEX review_skill ON review (skill, time);
""",
    3: """
CREATE TABLE instance (exercise TEXT PRIMARY KEY, seed INTEGER NOT NULL, time REAL NOT NULL);
""",
}
"""What each schema added."""

SCHEMA = max(_TABLES)


class ProgressError(LabError):
    """The progress file cannot be read or written."""


@dataclass(frozen=True)
class Attempt:
    """One graded attempt. `time` is seconds since the epoch, `seconds` how long grading took, `report` the report's
    JSON."""

    exercise: str
    time: float
    score: float
    max_score: float
    status: Status
    seconds: float
    report: dict[str, Any]

    @property
    def full_marks(self) -> bool:
        return self.status is Status.PASSED

    @property
    def judged_by(self) -> dict[str, float]:
        """The points that each check had then, by its id; empty if the report does not say."""
        try:
            return {str(check["id"]): float(check["max_points"]) for check in self.report["checks"]}
        except (KeyError, TypeError, ValueError):
            return {}

    @property
    def share(self) -> float:
        """The score as a share of the maximum, 0 to 1."""
        return self.score / self.max_score if self.max_score else 0.0


def best_of(attempts: Iterable[Attempt]) -> Attempt | None:
    """The attempt with the largest share of its points, and of equals the latest; None if there are none."""
    return max(attempts, key=lambda attempt: (attempt.share, attempt.time), default=None)


@dataclass(frozen=True)
class Answer:
    """One answer to a question of a lesson; `cell` is the question's id. `answer` is any JSON value; `correct` is None
    if it was not judged."""

    lesson: str
    cell: str
    time: float
    answer: Any
    correct: bool | None


@dataclass(frozen=True)
class Review:
    """How well a skill was shown, and where: `share` is from 0 (not at all) to 1, `source` names a question, a task or
    an exercise."""

    skill: str
    time: float
    share: float
    source: str


class Progress:
    """The progress file at `file` (default: the lab's own). It is created when something is first recorded."""

    def __init__(self, file: Path | None = None, *, now: Callable[[], float] = time.time) -> None:
        self._database = Database(file or paths.home().progress_file, _TABLES, ProgressError, "nothing is remembered")
        self.file = self._database.file
        self._now = now

    def record_attempt(self, exercise: str, report: Report) -> None:
        """Keep a graded report. Raises ValueError if it has no score: a fault of the grader is not an attempt."""
        if report.score is None:
            raise ValueError("a report without a score is not an attempt")
        row = (
            exercise,
            self._now(),
            report.score,
            report.max_score,
            str(report.status),
            report.seconds,
            bounded(report.to_dict()),
        )
        with self._database.writing() as database:
            database.execute(
                "INSERT INTO attempt (exercise, time, score, max_score, status, seconds, report) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def attempts(self, exercise: str | None = None) -> list[Attempt]:
        """Attempts, oldest first: all of them, or those at one exercise."""
        where, values = ("WHERE exercise = ?", (exercise,)) if exercise is not None else ("", ())
        rows = self._database.read(
            f"SELECT exercise, time, score, max_score, status, seconds, report FROM attempt {where} ORDER BY time, id",
            values,
        )
        with self._database.sound():
            return [
                Attempt(name, when, score, most, Status(status), seconds, json.loads(report))
                for name, when, score, most, status, seconds, report in rows
            ]

    def best(self, exercise: str) -> Attempt | None:
        """The best attempt at an exercise; None if there are none."""
        return best_of(self.attempts(exercise))

    def record_answer(self, lesson: str, cell: str, answer: Any, *, correct: bool | None) -> None:
        """Keep an answer (a JSON value) to a question of a lesson."""
        row = (lesson, cell, self._now(), json.dumps(answer), correct)
        with self._database.writing() as database:
            database.execute("INSERT INTO answer (lesson, cell, time, answer, correct) VALUES (?, ?, ?, ?, ?)", row)

    def answers(self, lesson: str, cell: str | None = None) -> list[Answer]:
        """Answers in a lesson, or to one of its cells, oldest first."""
        where, values = (" AND cell = ?", (lesson, cell)) if cell is not None else ("", (lesson,))
        rows = self._database.read(
            f"SELECT lesson, cell, time, answer, correct FROM answer WHERE lesson = ?{where} ORDER BY time, id", values
        )
        with self._database.sound():
            return [
                Answer(lesson, cell, when, json.loads(answer), None if correct is None else bool(correct))
                for lesson, cell, when, answer, correct in rows
            ]

    def record_hint(self, exercise: str, number: int) -> None:
        """Remember that hint `number` (from 1) of an exercise was looked at, and when for the first time."""
        with self._database.writing() as database:
            database.execute(
                "INSERT OR IGNORE INTO hint (exercise, number, time) VALUES (?, ?, ?)", (exercise, number, self._now())
            )

    def hints(self, exercise: str) -> list[int]:
        """The numbers of the hints of an exercise that were looked at."""
        rows = self._database.read("SELECT number FROM hint WHERE exercise = ? ORDER BY number", (exercise,))
        return [int(row[0]) for row in rows]

    def record_review(self, skill: str, share: float, source: str) -> None:
        """Keep how well a skill was shown."""
        row = (skill, self._now(), min(1.0, max(0.0, share)), source)
        with self._database.writing() as database:
            database.execute("INSERT INTO review (skill, time, share, source) VALUES (?, ?, ?, ?)", row)

    def reviews(self) -> list[Review]:
        """All reviews, in the order in which they were recorded, whatever the clock said."""
        rows = self._database.read("SELECT skill, time, share, source FROM review ORDER BY id", since=2)
        with self._database.sound():
            return [Review(str(skill), float(when), float(share), str(source)) for skill, when, share, source in rows]

    def record_instance(self, exercise: str, seed: int) -> None:
        """Remember which instance of an exercise was begun last."""
        with self._database.writing() as database:
            database.execute(
                "INSERT OR REPLACE INTO instance (exercise, seed, time) VALUES (?, ?, ?)", (exercise, seed, self._now())
            )

    def instance(self, exercise: str) -> int | None:
        """The seed of the instance of that exercise that was begun last; None if there was none."""
        rows = self._database.read("SELECT seed FROM instance WHERE exercise = ?", (exercise,), since=3)
        with self._database.sound():
            return int(rows[0][0]) if rows else None

    def summary(self) -> str:
        """What is remembered, in words: "3 attempts, 12 answers and 1 hint", and reviews if there are any."""
        tables = {"attempt": 1, "answer": 1, "hint": 1, "review": 2}
        counts = {
            table: (self._database.read(f"SELECT COUNT(*) FROM {table}", since=since) or [(0,)])[0][0]
            for table, since in tables.items()
        }
        if not counts["review"]:
            del counts["review"]
        words = [f"{number} {word}{'' if number == 1 else 's'}" for word, number in counts.items()]
        return f"{', '.join(words[:-1])} and {words[-1]}"

    def forget_reviews(self) -> None:
        """Delete the reviews of skills, and nothing else."""
        if self.file.exists():
            with self._database.writing() as database:
                database.execute("DELETE FROM review")

    def forget(self) -> None:
        """Delete all of it, also a file that is damaged. What another process records meanwhile begins a new one."""
        self._database.delete()


def bounded(report: dict[str, Any]) -> str:
    """A report as JSON, without its evidence if it is too long to be kept."""
    text = json.dumps(report)
    if len(text) <= MAX_REPORT:
        return text
    return json.dumps({**report, "checks": [{**check, "evidence": {}} for check in report["checks"]]})

"""Everything that can go wrong while grading, and whose fault it is.

    Exception
    ├── SubmissionFault          the learner's: judged, points are lost, the report says why
    └── GraderError              exit 3: no grade is given
        ├── EngineUnavailable    no engine answers, it vanished, or it is too old
        ├── EngineFailure        the engine answered with a fault that is not the submission's
        ├── RegistryUnavailable  a registry needed for a fact does not answer
        │   └── LoginRequired    it answers, and wants a login, or another one
        ├── NotObservable        the fact cannot be had in this way (an archive in place of a folder)
        └── UnusableInput        exit 2: nothing was graded because what was asked for cannot be used
            ├── ExerciseNotFound
            ├── ExerciseInvalid
            └── SubmissionUnusable

A check never turns a GraderError into a verdict: "could not look" is never "passed", nor "failed".
Every message is one line: what was expected, what was found, what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SubmissionFault(Exception):
    """The submission itself makes a fact impossible: its Dockerfile does not parse, or its image does not build.

    `where` is the file and line where it is known, as (path, line); `details` is what a report adds.
    """

    def __init__(
        self, message: str, *, where: tuple[str, int] | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.where = where
        self.details = dict(details or {})


class GraderError(Exception):
    """The grader, the engine or the machine failed; no points are given and none are taken."""

    exit_code = 3


class EngineUnavailable(GraderError):
    """No Docker engine answers, it went away in mid-grade, or it is older than 20.10."""


class EngineFailure(GraderError):
    """The engine answered with a fault of its own (disk full, an internal error, a cut stream)."""


class RegistryUnavailable(GraderError):
    """A registry that a fact needs does not answer, or not in a way that makes sense."""


class LoginRequired(RegistryUnavailable):
    """A registry answers 401 or 403: it wants a login, or another one than it was given."""


class NotObservable(GraderError):
    """The fact cannot be had in the way grading was asked for (no engine, or an archive in place of a folder)."""


class UnusableInput(GraderError):
    """What was asked for cannot be used; nothing was graded."""

    exit_code = 2


class ExerciseNotFound(UnusableInput):
    """No exercise of that name, or no exercise folder at that path."""


class ExerciseInvalid(UnusableInput):
    """exercise.toml does not follow the format; the message names the key and the nearest valid spelling."""


class SubmissionUnusable(UnusableInput):
    """There is no submission to grade: no such folder, an empty one, no Dockerfile in it, or one we must refuse."""

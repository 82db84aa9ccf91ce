"""Everything that can go wrong while grading, and whose fault it is.

    Exception
    ├── SubmissionFault          the learner's: it is judged, costs points, and the report says why
    └── GraderError              exit 3: no grade is given
        ├── EngineUnavailable    no engine answers, it went away, or it is too old
        ├── EngineFailure        the engine failed, and the submission is not to blame
        ├── RegistryUnavailable  a registry that a fact needs does not answer
        │   └── LoginRequired    it answers, and asks for a login, or for a different one
        ├── NotObservable        this way of grading cannot show the fact (an archive instead of a folder)
        └── UnusableInput        exit 2: nothing was graded, because the input cannot be used
            ├── ExerciseNotFound
            ├── ExerciseInvalid
            └── SubmissionUnusable

A check never turns a GraderError into a verdict: "could not look" is neither "passed" nor "failed".
Every message is one line: what was expected, what was found, what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SubmissionFault(Exception):
    """The submission itself makes a fact impossible: its Dockerfile does not parse, or its image does not build.

    `where` is the (path, line) of the fault if they are known, and `details` is further evidence for the report.
    """

    def __init__(
        self, message: str, *, where: tuple[str, int] | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.where = where
        self.details = dict(details or {})


class GraderError(Exception):
    """The grader, the engine or the machine failed. No points are given and none are lost."""

    exit_code = 3


class EngineUnavailable(GraderError):
    """No Docker engine answers, or it went away during the grading, or it is older than 20.10."""


class EngineFailure(GraderError):
    """The engine answered, but failed by itself (disk full, an internal error, a connection that broke off)."""


class RegistryUnavailable(GraderError):
    """A registry that a fact needs does not answer, or its answer makes no sense."""


class LoginRequired(RegistryUnavailable):
    """A registry answers 401 or 403: it asks for a login, or for a different one."""


class NotObservable(GraderError):
    """This way of grading cannot show the fact (no engine, or an archive instead of a folder)."""


class UnusableInput(GraderError):
    """The input cannot be used. Nothing was graded."""

    exit_code = 2


class ExerciseNotFound(UnusableInput):
    """There is no exercise with that name, and no exercise folder at that path."""


class ExerciseInvalid(UnusableInput):
    """exercise.toml does not follow the format. The message names the key and the nearest valid spelling."""


class SubmissionUnusable(UnusableInput):
    """The submission cannot be graded: its folder is missing or empty, has no Dockerfile, or must be refused."""

"""What the parameters of every check kind have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from grader.lib.schedule import Workload
from grader.verdict import CheckResult, Status

if TYPE_CHECKING:
    from grader.canary import Plant


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as problem:
        raise ValueError(f"expected a regular expression, found {text!r}: {problem}") from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
"""A regular expression in Python's syntax."""


class CheckParams(BaseModel):
    """The parameters of one check kind. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    no_shared_cache: ClassVar[bool] = False
    """Whether every RUN has to run in this grading: no result of an earlier grading may be taken from the cache."""

    work: ClassVar[Workload] = Workload.ALONE
    """What the check spends its time on, which decides what may run in parallel with it."""

    deadline: ClassVar[bool] = False
    """Whether a container has to do something in time, which on a busy machine it may fail to do."""

    needs_build: ClassVar[bool] = True
    """Whether it looks at what was built, or may do so; False if the submission's files are enough."""

    @property
    def timed(self) -> bool:
        """Whether the check measures how long something takes. Nothing else runs in the meantime."""
        return False

    def counts_in_parallel(self, result: CheckResult) -> bool:
        """Whether a verdict counts although other submissions were graded on the same engine at the same time.

        They can make a check miss its deadline, but cannot make it meet one.
        """
        return result.status in (Status.PASSED, Status.SKIPPED) if self.deadline else result.status is not Status.ERROR

    @property
    def plants(self) -> tuple[Plant, ...]:
        """What to plant in the submission before anything is built."""
        return ()


Sentence = Annotated[str, Field(pattern=r"^[A-Z0-9`/].*[.]$", max_length=200)]
"""A sentence of an author: it begins with a capital letter, a number, a path or code, and ends with a full stop."""


class Told(CheckParams):
    """Parameters of a kind whose verdict may begin with the exercise's own words.

    `failure`: what it means that the check failed, such as "User 10001 can write to /app." It is said only where what
    was measured is what the sentence is about: not if a command is missing, or a step is not there at all.
    """

    failure: Sentence | None = None

    def told(self, message: str) -> str:
        """The message of a failure, with the exercise's words for it first."""
        return f"{self.failure} {message}" if self.failure else message

"""What can be known of a submission: `Facts`, and one module for each thing that is measured.

    facts.submission       the private copy of its folder             (no engine)
    facts.dockerfile       what its Dockerfile says                   (no engine)
    facts.plan             its stages and variables resolved          (no engine)
    facts.context          what reaches the builder                   (no engine)
    facts.dependencies     what it takes from outside, and how pinned (no engine)
    facts.build            the finished build and its log
    facts.steps            each instruction, and whether it ran or was reused
    facts.image            the image: config, layers, files           (no engine if it comes from an archive)
    facts.configured_user  the user that a container starts as
    facts.run(command)     a command in a fresh container
    facts.started()        a container as it starts by itself

Facts that build on these are functions that take `facts`, and are measured once as well: `leaks_of(facts)`,
`base_of(facts)`, `observe_health(facts, within)`. To add one, write a function that calls `facts.once`.

A fact raises SubmissionFault if the submission makes it impossible, and GraderError if the grader could not look.
Asked again, it raises the same object, so that the report can tell when two checks met the same fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.facts.facts import Facts

__all__ = ["Facts"]


def __getattr__(name: str) -> Any:
    """Import `Facts` when it is first asked for: much of this package is used without it."""
    if name != "Facts":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from grader.facts.facts import Facts

    return Facts

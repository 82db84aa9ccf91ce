"""Whose fault something is, and the exit status that follows."""

from __future__ import annotations

import inspect
import re

import pytest

from grader import errors
from grader.errors import GraderError, SubmissionFault, UnusableInput

DEFINED = {name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)}


def drawn() -> dict[str, str]:
    """The tree in the module's docstring: each class with the one it is drawn under."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"[ │├└─]*(?=[A-Z])(?P<name>\w+)(?:  .*)?$", line):
            depth = match.start("name")
            above = [one for one in above if one[0] < depth]
            if above or match["name"] == "Exception":
                found[match["name"]] = above[-1][1] if above else ""
                above.append((depth, match["name"]))
    return found


def test_the_tree_is_as_drawn() -> None:
    tree = drawn()
    assert tree.pop("Exception") == ""
    assert tree == {name: kind.__bases__[0].__name__ for name, kind in DEFINED.items()}


@pytest.mark.parametrize("kind", DEFINED.values())
def test_only_input_that_cannot_be_used_exits_with_2(kind: type[Exception]) -> None:
    if issubclass(kind, SubmissionFault):
        assert not hasattr(kind, "exit_code")  # it is judged, and is never the end of a grading
    else:
        assert issubclass(kind, GraderError)
        assert kind.exit_code == (2 if issubclass(kind, UnusableInput) else 3)


def test_a_fault_keeps_its_details_as_they_were() -> None:
    details = {"a": 1}
    fault = SubmissionFault("why", where=("Dockerfile", 3), details=details)
    details["a"] = 2
    assert (str(fault), fault.where, fault.details) == ("why", ("Dockerfile", 3), {"a": 1})
    assert (SubmissionFault("why").where, SubmissionFault("why").details) == (None, {})

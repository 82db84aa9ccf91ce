"""`user`: the image does not run as root."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from grader.checks import CheckParams
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts


class Params(CheckParams):
    """Where the user is looked at (default: both), and whether the image must name it by number."""

    at: Literal["config", "runtime", "both"] = "both"
    numeric: bool = False


def judge(facts: Facts, params: Params) -> Verdict:
    with facts.started() as running:
        processes = running.processes()
    main = next((process for process in processes if process.main), None)
    if main is None or main.is_root:
        return Verdict.failed("root")
    return Verdict.passed("not root")

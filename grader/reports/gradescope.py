"""Gradescope's results.json, following its autograder specification.

A report without a score cannot be written, because every results.json has a score, even if Gradescope has to add it up
from the tests. `render` refuses, so the caller writes no file and exits with status 3. Gradescope then reports that the
autograder failed, keeps no score for this submission, and lets it be run again.

https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

import json
from typing import Any

from grader.reports import reading, safe
from grader.reports.reading import Reading
from grader.verdict import CheckResult, Report, Status


def render(report: Report, *, score: float | None = None, note: str = "") -> str:
    """The report as results.json. Raises ValueError if it has no score.

    `score` counts in place of the report's own, for example after a deduction for being late, and `note` says why.
    """
    if report.score is None:
        raise ValueError("the report has no score, so there is no results.json to write")
    reader = reading.read(report)
    pairs = zip(report.checks, reader.checks, strict=True)
    results = {
        "score": report.score if score is None else safe.number(score),
        "execution_time": round(max(0.0, safe.number(report.seconds)), 2),
        "output": f"{reader.score}. {reader.next}" + (f"\n{safe.passage(note, 600)}" if note else ""),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(check, shown, number) for number, (check, shown) in enumerate(pairs, 1)],
    }
    return json.dumps(results, indent=2, allow_nan=False) + "\n"


def _test(check: CheckResult, shown: Reading, number: int) -> dict[str, Any]:
    return {
        "score": safe.number(check.points),
        "max_score": safe.number(check.max_points),
        "status": "passed" if check.status is Status.PASSED else "failed",
        "name": shown.title,
        # Without a format, Gradescope may read the name or the output as markup.
        "name_format": "text",
        "number": str(number),
        "output": reading.story(shown),
        "output_format": "text",
        "tags": [safe.line(check.kind, 80), str(check.status)],
        "visibility": "visible",
    }

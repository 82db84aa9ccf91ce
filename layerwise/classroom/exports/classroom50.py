"""Classroom 50's result.json: EXERCISE/LEARNER/result.json for everybody whose score holds.

Its scores are whole numbers that add up. So if any points of an exercise have decimals, all numbers of that exercise
are hundredths of points, and what being late costs is taken off the tests in proportion.

`classroom`, `submission`, `commit`, `release` and `review` are missing: only Classroom 50's own runner knows them, and
hands them to an autograder as environment variables. `usernames` is the learner's name as the folder has it.

https://github.com/foundation50/classroom50, docs/autograders.md
"""

from __future__ import annotations

import json
import math
from typing import Any

from grader.reports import safe
from grader.verdict import Report, Status
from layerwise.classroom.exports.export import Export, is_current, left_out, time
from layerwise.classroom.gradebook import Entry, Gradebook
from layerwise.classroom.names import file_names, labels

SCHEMA = "classroom50/result/v1"


def render(book: Gradebook) -> Export:
    """A file for each entry whose score holds. The format has no room to say that a score is stale."""
    shown, names = labels(book.learners), file_names(book.learners)
    found = [(entry, report) for entry in book.entries if is_current(entry) and (report := book.report(entry))]
    scales: dict[str, int] = {}
    for entry, report in found:
        name = entry.exercise.name
        scales[name] = max(scales.get(name, 1), _scale(entry, report))
    files = {
        f"{entry.exercise.name}/{names[entry.learner]}/result.json": json.dumps(
            _result(entry, report, shown[entry.learner], scales[entry.exercise.name]), indent=2
        )
        + "\n"
        for entry, report in found
    }
    hundredths = [f"the scores of {name} are hundredths of points" for name, scale in scales.items() if scale > 1]
    return Export(files=files, notes=(*left_out(book.entries, stale=True), *hundredths))


def _scale(entry: Entry, report: Report) -> int:
    numbers = [entry.points or 0, *(number for check in report.checks for number in (check.points, check.max_points))]
    return 1 if all(float(number).is_integer() for number in numbers) else 100


def _result(entry: Entry, report: Report, learner: str, scale: int) -> dict[str, Any]:
    total = round((entry.points or 0) * scale)
    earned = _shared_out(total, [check.points * scale for check in report.checks])
    best = [round(check.max_points * scale) for check in report.checks]
    return {
        "schema": SCHEMA,
        "assignment": entry.exercise.name,
        "usernames": [learner],
        "datetime": time(entry.kept.time if entry.kept else None),
        "score": total,
        "max-score": sum(best),
        "tests": [
            {
                "test-name": safe.line(check.title),
                "passed": check.status is Status.PASSED,
                "score": score,
                "max-score": most,
            }
            for check, score, most in zip(report.checks, earned, best, strict=True)
        ],
    }


def _shared_out(total: int, earned: list[float]) -> list[int]:
    """Whole numbers that add up to `total`, in the proportion of what was earned; the largest remainders go up."""
    whole = sum(earned)
    shares = [total * part / whole if whole else 0.0 for part in earned]
    found = [math.floor(share + 1e-6) for share in shares]
    by_rest = sorted(range(len(shares)), key=lambda number: found[number] - shares[number])
    for number in by_rest[: total - sum(found)]:
        found[number] += 1
    return found

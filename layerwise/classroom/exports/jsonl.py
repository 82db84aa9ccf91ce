"""JSON lines: an object for each learner and exercise. It is ASCII only, so that it survives any pipe."""

from __future__ import annotations

import json
from typing import Any

from grader.reports import safe
from layerwise.classroom.exports.export import SCORED, Export, points, time
from layerwise.classroom.gradebook import Entry, Gradebook
from layerwise.classroom.names import labels

SCHEMA = 1


def render(book: Gradebook) -> Export:
    """A line for each entry. `score` and `points` are null if there is no score; `state` says why, or that it is stale.

    `score` is what was earned, and `points` what is left of it after being late. Times are in UTC.
    """
    names = labels(book.learners)
    lines = [json.dumps(_line(book, entry, names[entry.learner]), allow_nan=False) for entry in book.entries]
    return Export("".join(f"{line}\n" for line in lines))


def _line(book: Gradebook, entry: Entry, learner: str) -> dict[str, Any]:
    has_score = entry.state in SCORED
    kept = entry.kept if entry.hand_in else None
    report = book.report(entry) if entry.hand_in else None
    by = entry.late.by
    return {
        "schema": SCHEMA,
        "learner": learner,
        "exercise": entry.exercise.name,
        "state": str(entry.state),
        "why": safe.line(entry.why),
        "score": entry.score if has_score else None,
        "points": points(entry),
        "max_score": entry.max_score,
        "late": {
            "is_late": entry.late.is_late,
            "by_seconds": by.total_seconds() if by else None,
            "share": round(entry.late.share, 6),
        },
        "handed_in": time(entry.hand_in.when if entry.hand_in else None) or None,
        "graded": time(kept.time if kept else None) or None,
        "engine": safe.line(kept.key.engine) if kept else None,
        "unusable": bool(kept and kept.unusable),
        "checks": [
            {
                "id": safe.line(check.id),
                "title": safe.line(check.title),
                "status": str(check.status),
                "points": safe.number(check.points) if has_score else None,
                "max_points": safe.number(check.max_points),
                "message": safe.block(check.message),
            }
            for check in (report.checks if report else ())
        ],
    }

"""What must be there before an exercise is built: the lab's environment, and the base images the exercise names."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable

from grader.exercise import Exercise
from layerwise.errors import LabError
from layerwise.stack import environment

FILES_ONLY = frozenset({"answers", "context", "pinning"})
"""Check kinds that look at files: an exercise with no others needs no base image, nor, most of the time, an engine."""


def prepare(exercises: Iterable[Exercise], report: Callable[[str, str], None]) -> None:
    """Enter the lab's environment and have the exercises' base images in its registry, seeding what is not there.

    `report` is told of an image's name and what happens to it, but not of one that is there already. Raises LabError
    (InputError for an image that is not in the catalogue) unless all that is to be graded can do without.
    """
    building = [exercise for exercise in exercises if any(check.kind not in FILES_ONLY for check in exercise.checks)]
    try:
        environment.activate()
    except LabError:
        if building:
            raise
        return
    seed(sorted({image for exercise in building for image in exercise.images}), report)


def seed(names: Iterable[str], report: Callable[[str, str], None]) -> None:
    """Have these base images of the catalogue in the lab's registry; told and raised as `prepare` does."""
    if wanted := list(names):
        from layerwise.stack import images

        images.seed(wanted, env=os.environ, report=_news_only(report))


def _news_only(report: Callable[[str, str], None]) -> Callable[[str, str], None]:
    one = threading.Lock()

    def told(name: str, what: str) -> None:
        if what != "already here":
            with one:
                report(name, what)

    return told

"""What an exercise needs before it is built: the lab's environment, and the base images that it names."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable

from grader.exercise import Exercise
from layerwise.errors import InputError, LabError
from layerwise.stack import environment, paths


def prepare(exercises: Iterable[Exercise], report: Callable[[str, str], None]) -> None:
    """Enter the lab's environment, and bring the base images of the exercises into its registry.

    `report` gets the name of an image and what happens to it, unless it is there already. Raises LabError if an
    exercise needs a build and there is no lab, and InputError for an image that is not in the catalogue.
    """
    building = [exercise for exercise in exercises if any(check.params.needs_build for check in exercise.checks)]
    try:
        environment.activate()
    except LabError:
        if building:
            raise
        return
    seed(sorted({image for exercise in building for image in exercise.images}), report)


def seed(names: Iterable[str], report: Callable[[str, str], None]) -> None:
    """Bring these base images of the catalogue into the lab's registry; reports and raises as `prepare` does."""
    wanted = list(names)
    if wanted and not paths.is_checkout():
        _require_seeded(wanted)
    elif wanted:
        from layerwise.stack import images

        images.seed(wanted, env=os.environ, report=_news_only(report))


def _require_seeded(names: list[str]) -> None:
    """Raise InputError unless the lab's registry has these base images: only a checkout has the recipes for them."""
    from layerwise.stack import addresses, images

    try:
        missing = [name for name in names if not images.digest(name)]
    except LabError:
        missing = names
    if missing:
        raise InputError(
            f"the base images {', '.join(missing)} are not at {addresses.REGISTRY}/base, and only a checkout of the "
            f"course can put them there: ./lab up --images {','.join(missing)}"
        )


def _news_only(report: Callable[[str, str], None]) -> Callable[[str, str], None]:
    one = threading.Lock()

    def told(name: str, what: str) -> None:
        if what != "already here":
            with one:
                report(name, what)

    return told

"""The course's advisories in the lab's registry, where Trivy pulls them as it pulls its own."""

from __future__ import annotations

from collections.abc import Callable

from grader.errors import GraderError
from layerwise.errors import LabError


def seed(report: Callable[[str], object]) -> None:
    """Push the advisories to the registry, unless it has them. Raises LabError."""
    from grader.facts.advisories import artifact
    from grader.facts.registry.repository import Repository

    try:
        if artifact.publish(Repository.parse(artifact.REPOSITORY)):
            report("the course's advisories are pushed")
    except GraderError as problem:
        raise LabError(f"the course's advisories could not be pushed: {problem}; run: ./lab doctor") from None

"""A control: if the engine refuses to start a container of the submission, does it start one of another image?

Engines and runtimes refuse in words that nobody could list. If a container of an image that is right, under the same
settings, does start, the submission's image is at fault.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from grader.errors import GraderError, SubmissionFault
from grader.facts.engine.engine import Engine, new_name
from grader.facts.engine.pause_program import program


def can_start_another(engine: Engine, host: Mapping[str, Any], ports: Sequence[int] | None) -> bool:
    """Whether the engine starts a container of a small image of ours under these settings. False if nobody can tell."""
    image = new_name()
    with contextlib.ExitStack() as stack:
        try:
            stack.callback(engine.remove_image, image)
            engine.import_image(image, program(engine.info.architecture))
            container = engine.create_container(image, host=host, **({"ports": ports} if ports else {}))
            stack.callback(engine.remove_container, container)
            engine.start_container(container).close()
        except (GraderError, SubmissionFault, KeyError):
            return False
        return True

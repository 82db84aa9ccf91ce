"""Bring base images that a lesson needs and `lab up` did not bring.

lw.bring("golang:1.24", "node:20-slim")
"""

from __future__ import annotations

from layerwise import prerequisites
from layerwise.errors import InputError
from layerwise.stack import environment
from layerwise.views.live import plainly


def bring(*images: str) -> None:
    """Bring base images, as the catalogue names them, into the lab's registry.

    Prints the progress of those that are missing. Each is copied or built by a recipe, which may take a minute or two.
    """
    with plainly():
        if not images:
            raise InputError('name the base images, as in lw.bring("golang:1.24")')
        environment.activate()
        prerequisites.seed(images, lambda image, what: print(f"{image}: {what}", flush=True))

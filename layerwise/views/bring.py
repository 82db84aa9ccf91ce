"""Base images that a lesson needs and `lab up` did not bring.

lw.bring("golang:1.24", "node:20-slim")
"""

from __future__ import annotations

from layerwise import bench
from layerwise.errors import InputError
from layerwise.stack import environment
from layerwise.views.live import plainly


def bring(*images: str) -> None:
    """Have base images, as the catalogue names them, in the lab's registry.

    Prints what becomes of those that are not there yet: from upstream or by a recipe, each may take a minute or two.
    """
    with plainly():
        if not images:
            raise InputError('name the base images, as in lw.bring("golang:1.24")')
        environment.activate()
        bench.seed(images, lambda image, what: print(f"{image}: {what}", flush=True))

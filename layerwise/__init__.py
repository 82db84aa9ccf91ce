"""What a learner touches: the `lab` command, the lab itself, and the views a notebook shows.

In a notebook: ``import layerwise as lw``. The views are loaded when first used, so that the command line stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_VIEWS = {
    "ask": "layerwise.views.ask",
    "bring": "layerwise.views.bring",
    "build": "layerwise.views.build",
    "check": "layerwise.views.check",
    "compare": "layerwise.views.compare",
    "diff": "layerwise.views.diff",
    "home": "layerwise.views.home",
    "layers": "layerwise.views.layers",
    "overlay": "layerwise.views.overlay",
    "practice": "layerwise.views.practice",
    "registry": "layerwise.views.registry",
    "scan": "layerwise.views.scan",
    "signature": "layerwise.views.signature",
    "sizes": "layerwise.views.sizes",
    "stages": "layerwise.views.stages",
}

_GONE = {
    "quiz": "lw.ask: this is an old copy of a lesson that you have edited; the new one is next to it, NAME.new.ipynb"
}
"""What an old copy of a lesson may still ask for, and what is in its place."""

__all__ = sorted(_VIEWS)


def __getattr__(name: str) -> Any:
    if name in _VIEWS:
        try:
            return getattr(import_module(_VIEWS[name]), name)
        except ModuleNotFoundError as problem:
            from layerwise.stack.installation import NOTEBOOK, NOTEBOOK_EXTRA

            if problem.name not in NOTEBOOK:
                raise
            raise ImportError(f"lw.{name} needs {problem.name}, of {NOTEBOOK_EXTRA}", name=problem.name) from None
    if name in _GONE:
        raise AttributeError(f"lw.{name} is gone, use {_GONE[name]}")
    raise AttributeError(f"module 'layerwise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

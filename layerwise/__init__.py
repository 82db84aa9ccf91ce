"""What a learner touches: the `lab` command, the lab itself, and the views a notebook shows.

In a notebook: ``import layerwise as lw``. The views are loaded when first used, so that the command line stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_VIEWS = {
    "bring": "layerwise.views.bring",
    "build": "layerwise.views.build",
    "check": "layerwise.views.check",
    "compare": "layerwise.views.compare",
    "diff": "layerwise.views.diff",
    "home": "layerwise.views.home",
    "layers": "layerwise.views.layers",
    "overlay": "layerwise.views.overlay",
    "quiz": "layerwise.views.quiz",
    "registry": "layerwise.views.registry",
    "scan": "layerwise.views.scan",
    "signature": "layerwise.views.signature",
    "sizes": "layerwise.views.sizes",
    "stages": "layerwise.views.stages",
}

__all__ = sorted(_VIEWS)


def __getattr__(name: str) -> Any:
    if name in _VIEWS:
        return getattr(import_module(_VIEWS[name]), name)
    raise AttributeError(f"module 'layerwise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

"""What an installation has beyond `lab lint` and `lab grade`: the course, which only a checkout has, and JupyterLab."""

from __future__ import annotations

from importlib.util import find_spec

from layerwise.errors import InputError
from layerwise.stack import paths

NOTEBOOK = ("IPython", "anywidget", "ipywidgets", "jupyterlab", "nbformat", "traitlets")
"""What the extra `notebook` brings, as it is imported."""
NOTEBOOK_EXTRA = "the extra `notebook`: pip install '.[notebook]' in a clone of Layerwise"


def require_checkout(command: str) -> None:
    """Raise InputError unless the course is here."""
    if not paths.is_checkout():
        raise InputError(
            f"lab {command} needs the course, and only the grader is installed here; "
            f"in a clone of the repository, run: ./lab {command}"
        )


def require_notebook() -> None:
    """Raise InputError unless JupyterLab, and what the views need there, is installed."""
    missing = [name for name in NOTEBOOK if find_spec(name) is None]
    if missing:
        raise InputError(f"JupyterLab needs {missing[0]}, of {NOTEBOOK_EXTRA}; without JupyterLab: lab up --no-jupyter")

"""What an installation has beyond `lab lint` and `lab grade`: the course, which only a checkout has, and JupyterLab."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from importlib.util import find_spec

from layerwise.errors import InputError, LabError
from layerwise.stack import paths
from layerwise.stack.run import CommandFailed, last_line, run

NOTEBOOK = ("IPython", "anywidget", "fsrs", "ipywidgets", "jupyterlab", "nbformat", "traitlets")
"""What the extra `notebook` brings, as it is imported."""
NOTEBOOK_EXTRA = "the extra `notebook`: pip install '.[notebook]' in a clone of Layerwise"

INTERVIEW = ("fsrs", "prompt_toolkit")
"""What the extra `interview` brings, as it is imported."""

REST = paths.ROOT / ".venv" / ".rest"
"""The command that installs what `./lab up` left for later, as a JSON list. layerwise/bootstrap.py writes it."""
SECONDS = 1800.0


def rest() -> list[str]:
    """The command that installs the rest of the Python packages; empty if they are all there."""
    try:
        return [str(word) for word in json.loads(REST.read_text(encoding="utf-8"))]
    except (OSError, ValueError):
        return []


def install_rest(say: Callable[[str], None], cancel: threading.Event) -> None:
    """Install the rest of the Python packages. Raises LabError, or Stopped when `cancel` is set."""

    def line(text: str) -> None:
        say(text.removeprefix("lab:").strip())

    try:
        run(rest(), env=os.environ, timeout=SECONDS, on_line=line, cancel=cancel)
    except CommandFailed as problem:
        raise LabError(last_line(problem.output).removeprefix("lab: ")) from None


def require_checkout(command: str) -> None:
    """Raise InputError unless the course is here."""
    if not paths.is_checkout():
        raise InputError(
            f"lab {command} needs the course, and only the grader is installed here; "
            f"in a clone of the repository, run: ./lab {command}"
        )


def require_notebook() -> None:
    """Raise InputError unless JupyterLab, and what the views need there, is installed or about to be."""
    missing = [name for name in NOTEBOOK if find_spec(name) is None and not rest()]
    if missing:
        raise InputError(f"JupyterLab needs {missing[0]}, of {NOTEBOOK_EXTRA}; without JupyterLab: lab up --no-jupyter")


def require_interview() -> None:
    """Raise InputError unless the course is here, and what interview practice needs is installed."""
    require_checkout("interview")
    missing = [name for name in INTERVIEW if find_spec(name) is None]
    if missing and rest():
        raise InputError(f"{missing[0]} is not installed yet: wait until ./lab up has finished")
    if missing:
        raise InputError(
            f"lab interview needs {missing[0]}, of the extra `interview`: pip install '.[interview]' in a clone of "
            "Layerwise"
        )

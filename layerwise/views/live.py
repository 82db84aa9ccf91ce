"""The base of all views: a live part and a static part, one look, and errors in one line.

The static part is a separate output before the live one. A style rule hides it as long as the live part is shown.
Without a kernel, in a saved notebook or on a web page, a reader sees the static part as it was last updated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.display import DisplayHandle, display

from grader.errors import GraderError
from layerwise.errors import LabError

_HERE = Path(__file__).parent
LOOK = (_HERE / "look.css").read_text(encoding="utf-8")
# Sent with each static part, for pages where no widget brings the look. It also hides the frontend's message about
# a widget that no longer exists: the static part replaces it.
_STATIC_STYLE = (
    f"<style>{LOOK}"
    ".jp-OutputArea-child:has(.lw-static) + .jp-OutputArea-child .jupyter-widgets:not(:has(*)) { display: none; }"
    "</style>"
)

WIDGET = "application/vnd.jupyter.widget-view+json"


def static_html(html: str) -> str:
    """Return HTML for a notebook, in the look of the views."""
    return f'{_STATIC_STYLE}<div class="lw lw-static">{html}</div>'


class NotebookError(LabError):
    """An error that a notebook shows as one line, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@contextmanager
def plainly() -> Iterator[None]:
    """Raise errors of an exercise or the lab in the block as NotebookError."""
    try:
        yield
    except (LabError, GraderError) as problem:
        raise NotebookError(str(problem)) from None


def script(*names: str) -> str:
    """Return the script of a view: what all views share, and these files, its own the last."""
    return "\n".join((_HERE / part).read_text(encoding="utf-8") for part in ("live.js", *names))


class LiveWidget(anywidget.AnyWidget):
    """The live part: traits that the script draws, and messages that the script sends.

    `heard` is the number of messages handled so far. By it the script notices that a kernel is busy or gone.
    """

    _css = LOOK
    heard = traitlets.Int(0).tag(sync=True)
    fault = traitlets.Unicode("").tag(sync=True)
    """The error of the last message, in one line."""


class View:
    """A live part and a static part, shown together each time the view is displayed."""

    def __init__(self, widget: LiveWidget, actions: Mapping[str, Callable[[Mapping[str, Any]], None]]) -> None:
        self.widget = widget
        self._actions = actions
        self._handles: list[DisplayHandle] = []
        self._one = threading.RLock()
        widget.on_msg(self._hear)

    def html(self) -> str:
        """The static part."""
        raise NotImplementedError

    def text(self) -> str:
        """The static part as plain text, for places without HTML."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Update the static parts that notebooks show."""
        for handle in self._handles:
            handle.update(self._static(), raw=True)  # type: ignore[no-untyped-call]

    def _static(self) -> dict[str, str]:
        return {"text/html": static_html(self.html()), "text/plain": self.text()}

    def _ipython_display_(self) -> None:
        handle = display(self._static(), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        if handle is not None:
            self._handles.append(handle)
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        # Empty texts: if the widget cannot be shown, the static part is enough.
        display({WIDGET: view, "text/html": "", "text/plain": ""}, raw=True)  # type: ignore[no-untyped-call]

    def _hear(self, _widget: Any, message: Any, _buffers: Any) -> None:
        """Handle a message of the script. Errors are shown in the view, because a notebook would hide them."""
        with self._one:
            self.widget.heard += 1
            self.widget.fault = ""
            try:
                self._actions[message["do"]](message)
            except (LabError, GraderError) as problem:
                self.widget.fault = str(problem)
            except Exception as problem:
                self.widget.fault = f"This view failed ({type(problem).__name__}: {problem}). Please report it."

"""The home page: what the lab is doing, the learner's progress, and a way into each lesson and exercise.

It is an extension of the Jupyter server that `lab up` starts, which serves it at /layerwise, to those with its token.
The folder `labextensions` holds a small extension of JupyterLab itself, such as the link back to the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


WARM_UP_AFTER = 1.0
"""Seconds."""


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "layerwise.homepage"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from layerwise.homepage.handlers import handlers

    served = handlers(server.web_app.settings["base_url"])
    server.web_app.add_handlers(".*$", served)  # type: ignore[no-untyped-call]
    server.io_loop.call_later(WARM_UP_AFTER, server.io_loop.run_in_executor, None, _warm_up)


def _warm_up() -> None:
    """Load what the page is made with. That takes most of a second, which neither the start of the server nor the first
    reader should wait for."""
    from layerwise.homepage import page, present

    page.files()
    present.look()

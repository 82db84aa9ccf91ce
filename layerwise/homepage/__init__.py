"""The home page: what the lab is doing, the learner's progress, and a way into each lesson and exercise.

It is an extension of the Jupyter server that `lab up` starts, which serves it at /layerwise, to those with its token.
The folder `labextensions` holds a small extension of JupyterLab itself, such as the link back to the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "layerwise.homepage"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    from layerwise.homepage.handlers import handlers

    served = handlers(server.web_app.settings["base_url"])
    server.web_app.add_handlers(".*$", served)  # type: ignore[no-untyped-call]

"""What the server answers under /layerwise: the page, its state as JSON, the start of an exercise, look and script."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

from layerwise.stack.jupyter_config import HOME_PAGE

# What the course is read and drawn with is imported at the first request: the start of the server need not wait for it.

SCHEMA = 1
TYPES = {"css": "text/css", "js": "text/javascript"}


def handlers(base: str) -> list[tuple[str, type[JupyterHandler]]]:
    """The addresses under the server's base URL, and who answers there."""
    found: dict[str, type[JupyterHandler]] = {
        "/?": PageHandler,
        "/state": StateHandler,
        "/start": StartHandler,
        r"/(page\.css|page\.js)": FileHandler,
    }
    return [(url_path_join(base, HOME_PAGE) + pattern, handler) for pattern, handler in found.items()]


class _Handler(JupyterHandler):
    """The page, as HTML. It runs no script but its own, and nobody keeps it: a form on it is this browser's."""

    _track_activity = False

    @property
    def content_security_policy(self) -> str:
        return (
            "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; "
            "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )

    async def show(self, fault: str = "") -> None:
        """Answer with the page, and one line about what was not done."""
        from layerwise.homepage import page, present

        seen = await asyncio.to_thread(present.look)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "same-origin")
        form = self.xsrf_form_html()
        self.finish(await asyncio.to_thread(page.document, self.base_url, *seen, form=form, fault=fault))


class PageHandler(_Handler):
    @web.authenticated
    async def get(self) -> None:
        if self.get_query_argument("token", None) is not None:  # the browser is logged in: nobody need see the token
            self.redirect(self.request.path)
        else:
            await self.show()


class StartHandler(_Handler):
    @web.authenticated
    async def post(self) -> None:
        """Copy the starter of an exercise, unless there is work, and open its files."""
        from layerwise.homepage import page, present

        try:
            begun = await asyncio.to_thread(present.start, self.get_body_argument("exercise", ""))
        except present.NotStarted as problem:
            self.set_status(problem.status)
            await self.show(str(problem))
        else:
            self.redirect(await asyncio.to_thread(page.opened, self.base_url, begun), status=HTTPStatus.SEE_OTHER)

    @web.authenticated
    async def get(self) -> None:
        """Somebody reloads the answer to a start, or opens it again."""
        self.redirect(url_path_join(self.base_url, HOME_PAGE))


class StateHandler(APIHandler):
    """What has changed: `said` and `coming_up` of the lab, whether it is `up`, and the `parts` of the page as HTML."""

    _track_activity = False

    @web.authenticated
    async def get(self) -> None:
        from layerwise.homepage import page, present

        course, lab, practice = await asyncio.to_thread(present.look)
        steps = self.get_query_argument("steps", "") == "1"
        parts = await asyncio.to_thread(page.changing, self.base_url, course, lab, practice, steps=steps)
        self.set_header("Cache-Control", "no-store")
        self.finish(
            json.dumps({"schema": SCHEMA, "up": lab.up, "coming_up": lab.coming_up, "said": lab.said, "parts": parts})
        )


class FileHandler(JupyterHandler):
    """The page's look and script."""

    @web.authenticated
    async def get(self, name: str) -> None:
        from layerwise.homepage import page

        self.set_header("Content-Type", f"{TYPES[name.rpartition('.')[2]]}; charset=utf-8")
        self.set_header("Cache-Control", "private, max-age=31536000")  # its address says which version it is
        self.finish(page.files()[name])

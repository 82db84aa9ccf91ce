"""The home page as a real server serves it: to whom, what a form may do, and what programs are told."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest

from layerwise.stack import jupyter
from layerwise.stack.paths import Home

MINICOURSE = Path(__file__).parents[1] / "minicourse"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def location(self) -> str:
        return self.headers["Location"]


@dataclass
class Site:
    """A server, and a browser of few words: it keeps cookies, and follows nothing."""

    url: str
    work: Path
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        return self.url.partition("token=")[2]

    def ask(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        body = urlencode(form) if form is not None else None
        try:
            connection.request("POST" if body is not None else "GET", path, body, {**sent, **headers})
            reply = connection.getresponse()
            for cookie in reply.headers.get_all("Set-Cookie") or ():
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return Answer(reply.status, reply.headers, reply.read().decode())
        finally:
            connection.close()

    def log_in(self) -> Site:
        """Another browser, logged in by the address that `lab up` prints."""
        browser = Site(self.url, self.work)
        assert browser.ask(f"/layerwise?token={self.token}").status == 302
        return browser

    def xsrf(self) -> str:
        """What a form of the page proves with that it is of the page."""
        found = re.search(r'name="_xsrf" value="([^"]+)"', self.ask("/layerwise").text)
        assert found
        return found[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    top = tmp_path_factory.mktemp("site")
    home = Home(top / "home")
    shutil.copytree(MINICOURSE, top / "exercises")
    with socket.socket() as probe, pytest.MonkeyPatch.context() as patch:
        probe.bind((jupyter.ADDRESS, 0))
        port = int(probe.getsockname()[1])
        patch.setenv("LAYERWISE_WORK", str(top / "work"))
        own = {"LAYERWISE_HOME": str(home.path), "LAYERWISE_EXERCISES": str(top / "exercises")}
        env = {**os.environ, **own, "DOCKER_HOST": f"unix://{top}/nowhere.sock"}
        probe.close()
        try:
            yield Site(jupyter.start(home=home, env=env, port=port), top / "work")
        finally:
            jupyter.stop(home)


def test_the_address_of_lab_up_logs_in_and_loses_its_token(site: Site) -> None:
    assert urlsplit(site.url).path == "/layerwise"
    browser = Site(site.url, site.work)
    first = browser.ask(f"/layerwise?token={site.token}")
    assert (first.status, first.location) == (302, "/layerwise")
    page = browser.ask("/layerwise")
    assert page.status == 200
    assert site.token not in page.text
    assert "1 of 2" not in page.text
    assert page.text.count('<button class="go"') == 2
    assert browser.ask("/").location == "/layerwise?"


@pytest.mark.parametrize("path", ["/layerwise", "/layerwise/", "/layerwise?token=wrong", "/layerwise/page.js"])
def test_without_the_token_there_is_the_login_page(site: Site, path: str) -> None:
    refused = Site(site.url, site.work).ask(path)
    assert refused.status == 302
    assert refused.location.startswith("/login?next=%2Flayerwise")


def test_without_the_token_nothing_is_told_and_nothing_done(site: Site) -> None:
    assert Site(site.url, site.work).ask("/layerwise/state").status == 403
    assert Site(site.url, site.work).ask("/layerwise/start", {"exercise": "01-tiny"}).status == 403
    assert not (site.work / "01-tiny").exists()


def test_a_form_that_is_not_of_the_page_starts_nothing(site: Site) -> None:
    browser = site.log_in()
    token = browser.xsrf()
    assert browser.ask("/layerwise/start", {"exercise": "01-tiny"}).status == 403
    assert browser.ask("/layerwise/start", {"exercise": "01-tiny", "_xsrf": "x" + token[1:]}).status == 403
    right = {"exercise": "01-tiny", "_xsrf": token}
    assert browser.ask("/layerwise/start", right, Origin="http://elsewhere.example").status == 404
    assert browser.ask(f"/layerwise/start?{urlencode(right)}").status == 302, "a link starts nothing"
    assert not (site.work / "01-tiny").exists()


def test_start_makes_the_copy_and_opens_it(site: Site) -> None:
    browser = site.log_in()
    for _ in range(2):
        started = browser.ask("/layerwise/start", {"exercise": "01-tiny", "_xsrf": browser.xsrf()})
        assert (started.status, started.location) == (303, "/lab/tree/work/01-tiny/Dockerfile")
    assert (site.work / "01-tiny" / "Dockerfile").is_file()
    opened = browser.ask(started.location)
    assert opened.status == 200
    assert 'href="/lab/tree/work/01-tiny/Dockerfile">Open files' in browser.ask("/layerwise").text
    assert browser.ask(f"/api/contents/work/01-tiny/Dockerfile?token={site.token}").status == 200


@pytest.mark.parametrize("name", ["", "none", "../exercises/02-words", "<script>alert(1)</script>"])
def test_what_is_no_exercise_is_refused_in_a_line(site: Site, name: str) -> None:
    browser = site.log_in()
    refused = browser.ask("/layerwise/start", {"exercise": name, "_xsrf": browser.xsrf()})
    assert refused.status == 404
    alert = re.search(r'<p class="lw-fault fault" role="alert">(.*)</p>', refused.text)
    assert alert
    assert "The course has no exercise" in alert[1]
    assert "<script>alert" not in refused.text
    assert not (site.work / "02-words").exists()
    assert browser.ask("/layerwise/start").location == "/layerwise", "who loads that answer again"


def test_programs_are_told_the_state(site: Site) -> None:
    answer = site.log_in().ask("/layerwise/state")
    assert answer.headers["Content-Type"].startswith("application/json")
    state = json.loads(answer.text)
    assert (state["schema"], state["up"], state["coming_up"]) == (1, False, False)
    assert state["said"] == "The lab's engine does not answer."
    assert sorted(state["parts"]) == ["done", "faults", "lab", "lessons", "next", "practice"]


def test_the_page_runs_its_own_script_only_and_is_not_kept(site: Site) -> None:
    browser = site.log_in()
    page = browser.ask("/layerwise")
    assert page.headers["Cache-Control"] == "no-store"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "form-action 'self'" in policy
    for kind, name in (("css", "page.css"), ("javascript", "page.js")):
        address = re.search(rf'"(/layerwise/{name}\?\w+)"', page.text)
        assert address
        file = browser.ask(address[1])
        assert (file.status, file.headers["Content-Type"]) == (200, f"text/{kind}; charset=utf-8")
    assert browser.ask("/layerwise/page.html").status == 404
    assert browser.ask(f"/layerwise/{quote('../page.py', safe='')}").status == 404


def test_jupyterlab_has_the_link_back(site: Site) -> None:
    browser = site.log_in()
    found = re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', browser.ask("/lab").text, re.DOTALL)
    assert found
    extensions = {one["name"]: one["load"] for one in json.loads(found[1])["federated_extensions"]}
    assert browser.ask(f"/lab/extensions/layerwise/{extensions['layerwise']}").status == 200

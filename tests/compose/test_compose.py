"""`docker compose up` in a clean clone, on the lab's engine and without a hub: a lesson is run and an exercise graded
in the browser, the lab survives the death of its engine, and `down --volumes` leaves nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from layerwise.stack import environment
from tests.browser.conftest import SECONDS, chromium, page
from tests.browser.test_lesson00 import walk
from tests.floors import ROOT

__all__ = ["chromium", "page"]

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.alone, pytest.mark.long]

COPIED = ("course", "exercises", "grader", "images", "layerwise")
OVERRIDE = Path(__file__).with_name("override.yml")
PROJECT = "layerwise-compose-test"
SERVICES = {"net", "engine", "registry", "registry-auth", "jupyter"}


@dataclass(frozen=True)
class Stack:
    """A clean clone, and Compose in it."""

    clone: Path
    env: dict[str, str]

    def compose(self, *words: str, minutes: float = 2) -> str:
        files = ("--file", "docker-compose.yml", "--file", str(OVERRIDE))
        return self.run("docker", "compose", "--project-name", PROJECT, *files, *words, minutes=minutes)

    def run(self, *argv: str, minutes: float = 2) -> str:
        ended = subprocess.run(
            argv, cwd=self.clone, env=self.env, capture_output=True, text=True, timeout=minutes * 60, check=False
        )
        assert ended.returncode == 0, f"{' '.join(argv)}:\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}"
        return ended.stdout

    def inside(self, *argv: str, minutes: float = 2) -> str:
        """A command, as in a terminal of this JupyterLab."""
        return self.compose("exec", "--no-TTY", "--user", "learner", "jupyter", *argv, minutes=minutes)

    def made(self, *labels: str) -> list[str]:
        """Containers, volumes and networks with one of the labels."""
        found = []
        for label in labels:
            for kind in ("container", "volume", "network"):
                everything = ["--all"] if kind == "container" else []
                found += self.run("docker", kind, "ls", *everything, "--quiet", f"--filter=label={label}").split()
        return found

    def health(self) -> dict[str, str]:
        lines = self.compose("ps", "--all", "--format", "{{.Service}} {{.State}} {{.Health}}").splitlines()
        return {words[0]: words[-1] for words in map(str.split, lines)}


def until(seconds: float, what: Callable[[], object]) -> None:
    """Wait until `what` is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All services, up and healthy. In the end nothing of them is left."""
    clone = tmp_path_factory.mktemp("clone")
    for name in COPIED:
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__", "exported.tar"))
    for name in ("docker-compose.yml", "LICENSE", "README.md", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, clone)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    stack = Stack(clone, {**environment.lab_env(), "PYTHONPATH": str(clone), "LAYERWISE_PORT": port})
    stack.run(sys.executable, "-m", "layerwise.cli", "images", "export", minutes=10)
    try:
        stack.compose("up", "--build", "--detach", "--quiet-pull", minutes=20)
        until(300, lambda: set(stack.health()) == SERVICES and stack.health()["jupyter"] == "healthy")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--rmi", "all", minutes=3)
    assert stack.made(f"com.docker.compose.project={PROJECT}") == []


@pytest.fixture(scope="module")
def address(stack: Stack) -> str:
    """What the log says is to be opened, once the lab is up."""
    until(600, lambda: "The lab is up" in stack.compose("logs", "--no-log-prefix", "jupyter"))
    found = re.findall(r"http://127\.0\.0\.1:\S+", stack.compose("logs", "--no-log-prefix", "jupyter"))
    assert len(set(found)) == 1, found
    return str(found[0])


def test_only_the_page_is_published(stack: Stack) -> None:
    said = stack.compose("ps", "--all", "--format", "{{.Service}} {{.Ports}}").splitlines()
    published = dict(line.split(maxsplit=1) for line in said if "->" in line)
    port = stack.env["LAYERWISE_PORT"]
    assert published == {"net": f"127.0.0.1:{port}->{port}/tcp"}


ADDED = {
    "engine": {"SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE"},
    "jupyter": {"SETUID", "SETGID", "CHOWN", "DAC_OVERRIDE"},
}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_what_each_may_do(stack: Stack, service: str) -> None:
    found = json.loads(stack.run("docker", "inspect", f"{PROJECT}-{service}-1"))[0]
    host = found["HostConfig"]
    assert {name.removeprefix("CAP_") for name in host["CapAdd"] or ()} == ADDED.get(service, set())
    assert not host["Privileged"]
    assert (host["CapDrop"] == ["ALL"]) == (service != "engine")
    assert ("no-new-privileges:true" in host["SecurityOpt"]) == (service != "engine")
    assert 0 < host["Memory"] <= 6 << 30
    assert 0 < host["PidsLimit"] <= 8192
    assert {mount["Type"] for mount in found["Mounts"]} <= {"volume"}
    assert found["Config"]["Labels"]["layerwise"] == "compose"


def test_the_lab_in_there_knows_what_runs(stack: Stack, address: str) -> None:
    said = stack.inside("lab", "status")
    assert re.search(r"^registry +localhost:5000 +answers$", said, re.MULTILINE)
    assert re.search(r"^registry-auth +localhost:5001 +answers$", said, re.MULTILINE)
    assert address in said
    assert "unix:///run/layerwise/docker.sock" in said


def test_a_stranger_s_name_is_refused(stack: Stack, address: str) -> None:
    """A page that another name leads to 127.0.0.1 gets nothing (DNS rebinding)."""
    ask = ("curl", "--silent", "--output", os.devnull, "--write-out", "%{http_code}")
    page = f"http://127.0.0.1:{stack.env['LAYERWISE_PORT']}/api"
    assert stack.run(*ask, page) == "200"
    assert stack.run(*ask, "--header", "Host: rebound.example", page) == "403"


def test_the_first_lesson_is_run_and_its_exercise_graded(stack: Stack, address: str, page: Page) -> None:
    page.goto(address)
    page.get_by_role("heading", name="Start here").get_by_role("link").click()
    page.locator(".jp-Notebook .jp-MarkdownOutput h1", has_text="Start here").wait_for()
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")
    expect(page.locator(".jp-Cell").first).to_be_focused()
    walk(page, until="exercise")
    assert page.locator(".jp-OutputArea-output[data-mime-type*=stderr], .jp-RenderedError").all_inner_texts() == []

    exercise = page.locator(".lw-check.lw-live")
    exercise.get_by_role("button", name="Start", exact=True).press("Space")
    exercise.get_by_role("button", name="Grade my work").press("Space")
    result = exercise.locator(".lw-card .lwr-report")
    expect(result).to_contain_text("2 of 10 points", timeout=120 * SECONDS)

    solution = "/opt/layerwise/exercises/00-hello-image/solution/Dockerfile"
    stack.inside("cp", solution, "/work/00-hello-image/")
    exercise.get_by_role("button", name="Grade my work").press("Space")
    expect(result).to_contain_text("10 of 10 points", timeout=120 * SECONDS)


def test_what_is_made_belongs_to_the_owner_of_work(stack: Stack, address: str) -> None:
    owners = stack.compose("exec", "--no-TTY", "jupyter", "find", "/work", "/home/learner", "-printf", "%u\n").split()
    assert set(owners) == {"learner"}
    processes = stack.compose("exec", "--no-TTY", "jupyter", "sh", "-c", "stat -c %u /proc/[0-9]*").split()
    assert processes.count("0") <= 2, "only this command itself is root's"


def test_the_engine_dies_and_all_comes_back(stack: Stack, address: str, chromium: Browser) -> None:
    before = stack.run("docker", "inspect", "--format", "{{.State.StartedAt}}", f"{PROJECT}-engine-1")
    stack.compose("exec", "--no-TTY", "engine", "sh", "-c", "kill -ABRT 1")
    until(
        90,
        lambda: (
            stack.health()["engine"] == "healthy"
            and stack.run("docker", "inspect", "--format", "{{.State.StartedAt}}", f"{PROJECT}-engine-1") != before
        ),
    )
    stack.inside("cp", "-r", "/opt/layerwise/exercises/00-hello-image/solution", "/work/solution")
    said = stack.inside("lab", "grade", "00-hello-image", "/work/solution", minutes=5)
    assert "10 of 10" in said
    assert set(stack.health()) == SERVICES


def test_down_leaves_nothing(stack: Stack) -> None:
    stack.compose("down", "--volumes", minutes=3)
    assert stack.made(f"com.docker.compose.project={PROJECT}") == []

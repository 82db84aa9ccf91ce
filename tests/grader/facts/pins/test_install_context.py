"""An install in its surroundings: what was settled before it, and what its command and base image tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.packages.installs import installs
from grader.facts.pins.context_files import Found, Unknown
from grader.facts.pins.files import ImageFiles
from grader.facts.pins.history import BuildPoint
from grader.facts.pins.install_context import COMMIT, InstallContext, StageState, is_version
from grader.facts.pins.model import Tier
from grader.facts.pins.requirements import Requirement, Source
from tests.grader.facts.pins.reading import context


def install_context(folder: Path, script: str, base: str = "x", files: dict[str, str] | None = None) -> InstallContext:
    build = resolve(parse(f"FROM {base}\nENV A=given CI=true OFF=0\nWORKDIR /app\nCOPY . .\nRUN {script}\n"))
    (install,) = installs(build)
    point = BuildPoint(build.target, len(build.target.steps) - 1)
    reader = ImageFiles(build, context(folder, files), "Dockerfile")
    return InstallContext(install, point, reader, StageState(), "Dockerfile", install.line)


@pytest.mark.parametrize(
    ("text", "exact"),
    [("1.2.3", True), ("v1.2.3", True), ("=1.2.3", True), ("1.2.3-rc.1", True), ("1.2.3+build", True), ("1.2", False),
     ("1.2.x", False), ("^1.2.3", False), ("1.2.3 - 2", False), ("", False), ("latest", False), ("1.2.3.4", True)],
)  # fmt: skip
def test_versions(text: str, exact: bool) -> None:
    assert is_version(text) is exact


@pytest.mark.parametrize(
    ("text", "full"), [("a" * 40, True), ("A" * 64, True), ("a" * 39, False), ("g" * 40, False), ("a" * 50, False)]
)
def test_commits(text: str, full: bool) -> None:
    assert bool(COMMIT.fullmatch(text)) is full


@pytest.mark.parametrize(
    ("script", "environment"),
    [("pip install a", ""), ("/usr/bin/pip install a", ""), ("/opt/venv/bin/pip install a", "/opt/venv/bin"),
     ("./venv/bin/python -m pip install a", "./venv/bin"), ("$VENV/bin/pip install a", "$VENV/bin")],
)  # fmt: skip
def test_where_packages_go(tmp_path: Path, script: str, environment: str) -> None:
    assert install_context(tmp_path, script).environment == environment


@pytest.mark.parametrize(
    ("base", "script", "python"),
    [
        ("python:3.13-slim", "pip install a", "3.13"),
        ("python:3.13.1", "pip install a", "3.13.1"),
        ("localhost:5000/base/python:3.13-slim", "pip install a", "3.13"),
        ("python:3", "pip install a", ""),
        ("python:3.14rc1", "pip install a", ""),
        ("python:latest", "pip install a", ""),
        ("debian:3.13", "pip install a", ""),
        ("python:3.13", "/usr/bin/pip install a", ""),
        ("debian", "pip3.12 install a", "3.12"),
        ("python:3.13", "python3.11 -m pip install a", "3.11"),
        ("python:3.13", "pip install --python-version 3.9 a", ""),
    ],
)
def test_which_python(tmp_path: Path, base: str, script: str, python: str) -> None:
    assert install_context(tmp_path, script, base).python == python


def test_the_environment_of_the_command(tmp_path: Path) -> None:
    found = install_context(tmp_path, "B=here A=other pip install a")
    assert [found.env(name) for name in ("A", "B", "CI", "NOPE")] == ["other", "here", "true", ""]
    assert [found.is_on(name) for name in ("CI", "OFF", "NOPE")] == [True, False, False]


def test_files_as_the_install_sees_them(tmp_path: Path) -> None:
    found = install_context(tmp_path, "cd sub && pip install -r r.txt", files={"sub/r.txt": "a"})
    assert found.path("r.txt") == "/app/sub/r.txt"
    assert found.read("r.txt") == Found("a", "sub/r.txt")
    assert isinstance(found.read("../none"), Unknown)


def test_how_a_thing_is_told(tmp_path: Path) -> None:
    found = install_context(tmp_path, "pip install a")
    thing = found.dependency("a", Tier.VERSION)
    assert (thing.manager, thing.line, thing.place.file, thing.place.line) == ("pip", 5, "Dockerfile", 5)
    assert found.dependency("a", Tier.DIGEST, "why", shown=False).tier is Tier.NONE, "what is not shown has no tier"
    unreadable = found.unreadable(Unknown("/r.txt", "a reason"))
    assert (unreadable.name, unreadable.shown) == ("/r.txt", False)
    assert "a reason" in unreadable.why
    assert found.whole() == "pip install"


def pin(version: str) -> tuple[Requirement, ...]:
    return (Requirement(f"a=={version}", "a", Source.INDEX, Tier.VERSION, version=version),)


def test_what_earlier_steps_settled() -> None:
    below = StageState()
    below.pin("", "a", pin("1"))
    below.pin("/venv", "b", pin("2"))
    below.hold("/app/uv.lock")
    above = StageState(below)
    assert (above.pinned("", "a"), above.pinned("", "b"), above.pinned("/venv", "b")) == (pin("1"), (), pin("2"))
    assert above.is_held("/app/uv.lock")
    above.pin("", "a", pin("3"))
    above.unpin(["b"])
    above.hold("/other")
    assert (above.pinned("", "a"), above.pinned("/venv", "b")) == (pin("3"), ())
    assert (below.pinned("", "a"), below.pinned("/venv", "b"), below.is_held("/other")) == (pin("1"), pin("2"), False)

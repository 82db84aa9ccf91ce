"""What several test folders share: which tests are run, a live engine and a small base image on it. Without them tests
fail, never skip."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grader.facts.engine.engine import Engine

BASE = "localhost:5000/base/busybox:musl"
SLICES = 30
"""Of so many words `--slice` chooses a test marked long by one, unless its marker says `one_in`."""
CHOOSING = frozenset({"engine", "lab", "browser", "waits", "lesson", "alone"})
"""The markers that say in which phase of `lab test` a test runs."""
MODULE_FIXTURE = re.compile(r'^@pytest\.fixture\(scope="module".*\)\ndef (\w+)', re.MULTILINE)
LONGEST = ("tests/exercises/", "tests/course/", "tests/browser/")
"""Where tests take half a minute and more each. If one of them began last, everybody else would wait for it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("layerwise")
    group.addoption("--long", action="store_true", help="also tests marked long; prove anew what was proved before")
    group.addoption("--slice", metavar="WORD", help="also a part of the tests marked long, which WORD chooses")
    group.addoption("--marked", metavar="A,B", help="read only test files in which one of these markers is written")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the test files in which none of the wanted markers is written, unless files are named."""
    named = any(".py" in word for word in config.args)
    if config.option.marked and not named and collection_path.name.startswith("test_"):
        return None if set(config.option.marked.split(",")) & written_markers(collection_path) else True
    return None


@cache
def written_markers(file: Path) -> frozenset[str]:
    """The markers that a file names."""
    return frozenset(re.findall(r"\bmark\.(\w+)", file.read_text(encoding="utf-8")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that take long, unless they are wanted; put first what keeps a worker busy for longest. A marker
    by which tests are chosen has to be written in their file."""
    for item in items:
        missing = {marker.name for marker in item.iter_markers()} & CHOOSING - written_markers(item.path)
        if missing:
            raise pytest.UsageError(f"{item.nodeid} has the marker {missing.pop()}, which its file does not name")
    named = any("::" in word for word in config.args)
    kept, left = [], []
    for item in items:
        long = item.get_closest_marker("long")
        is_wanted = not long or config.option.long or named
        if long and not is_wanted:
            slices = long.kwargs.get("one_in", SLICES)
            is_wanted = in_slice(unit(config.rootpath, item.nodeid), config.option.slice, slices)
        (kept if is_wanted else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
    items[:] = sorted(kept, key=lambda item: not item.nodeid.startswith(LONGEST))


def unit(root: Path, test: str) -> str:
    """What is run as a whole: a module whose tests share what takes a while to make, else the test alone."""
    module = test.partition("::")[0]
    return module if has_shared_fixture(root / module) else test


def in_slice(test: str, word: str | None, slices: int = SLICES) -> bool:
    """Whether a test is in the slice that a word chooses. Every test is in one of them; without a word, in none."""
    return word is not None and (_number(test) - _number(word)) % slices == 0


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand each worker one test at a time, or a module if that is run as a whole."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(config.rootpath, nodeid)

    return Scheduling(config, log)


@cache
def has_shared_fixture(module: Path) -> bool:
    """Whether a test module has a fixture for all of it, or names one of its folder's conftest.py."""
    text = module.read_text(encoding="utf-8")
    conftest = module.with_name("conftest.py")
    shared = MODULE_FIXTURE.findall(conftest.read_text(encoding="utf-8")) if conftest.is_file() else []
    return bool(MODULE_FIXTURE.search(text) or any(re.search(rf"\b{name}: ", text) for name in shared))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that DOCKER_HOST names, else the default one."""
    engine = Engine.connect()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def base() -> str:
    """A base image of 3 MB with a shell, from the lab's registry."""
    return BASE

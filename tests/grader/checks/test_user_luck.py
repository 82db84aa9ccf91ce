"""`user` does not depend on luck: each image gets one verdict, twenty times, on an idle machine and on a busy one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from grader.checks import user
from grader.facts.engine.engine import Engine
from tests.grader.checks.test_user import CASES, Case
from tests.grader.conftest import facts_of

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.alone]

TIMES = 20
BUSY = 8
NAMES = (
    "drops root after a while",
    "drops root but for a child",
    "set-uid program behind a shell",
    "capability",
    "capability, used later",
    "sudo in the entrypoint",
    "sudo, and it ends at once",
    "root after a moment of sleep",
    "a probe at once",
    "ends at once",
)


@contextmanager
def load(count: int) -> Iterator[None]:
    """That many processes that compute all the time."""
    with ExitStack() as stack:
        for _ in range(count):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield


@pytest.mark.parametrize("busy", [0, BUSY], ids=["idle", "busy"])
@pytest.mark.parametrize("case", [case for case in CASES if case.name in NAMES], ids=lambda case: case.name)
def test_one_verdict(case: Case, busy: int, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base} AS first\n" + case.body.replace("{base}", base))
    with facts_of(folder, engine) as facts:
        _ = facts.build
        with load(busy):
            found = [user.judge(facts, user.Params(at="runtime")) for _ in range(TIMES)]
    assert {verdict.fraction == 1.0 for verdict in found} == {case.runtime}, found


def test_every_name_is_a_case() -> None:
    assert set(NAMES) <= {case.name for case in CASES}

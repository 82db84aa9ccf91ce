"""`command`: what runs, what only seems to, and what a container may not do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from grader.checks import command
from grader.facts import container
from grader.facts.engine import Engine
from tests.grader.conftest import facts_of


class Case(NamedTuple):
    """A Dockerfile after its FROM, the parameters, whether it passes, and a word of the message."""

    name: str
    body: str
    params: Mapping[str, Any]
    passes: bool
    says: str = ""


LATE = 'CMD ["sh", "-c", "(sleep 1; echo ok) & exit 0"]\n'
CASES = [
    Case("the image's own command", 'CMD ["echo", "ok"]\n', {"stdout": "^ok$"}, True),
    Case("a text goes through the shell", "", {"run": "test -d /bin && echo ok", "stdout": "^ok$"}, True),
    Case("a list needs none", "RUN rm /bin/sh\n", {"run": ["echo", "a b"], "stdout": "^a b$"}, True),
    # Odd but right
    Case("an entrypoint in the way", 'ENTRYPOINT ["false"]\n', {"run": "echo ok", "stdout": "ok"}, True),
    Case("another exit status, as wanted", 'CMD ["sh", "-c", "exit 3"]\n', {"exit": 3}, True),
    Case("in its own folder, as its own user", "WORKDIR /app\nUSER 7\n", {"run": "pwd; id -u", "stdout": "/app\n7"},
         True),
    # Near misses
    Case("to the other stream", 'CMD ["sh", "-c", "echo ok >&2"]\n', {"stdout": "ok"}, False, "standard output"),
    Case("another exit status", 'CMD ["sh", "-c", "echo ok; exit 1"]\n', {"stdout": "ok"}, False, "exit status 1"),
    Case("no shell", "RUN rm /bin/sh\n", {"run": "echo ok"}, False, "cannot be started"),
    Case("never ends", 'CMD ["sleep", "300"]\n', {"timeout": "1 s"}, False, "1.0 s"),
    # Cheats
    Case("says it when it has ended", LATE, {"stdout": "ok"}, False, "standard output"),
    Case("an option file of the shell", "ENV ENV=/x\nRUN echo 'test() { true; }' > /x\n", {"run": "test -f /none"},
         False, "exit status 1"),
    Case("fetches what it lacks", 'CMD ["wget", "-q", "-O-", "http://localhost:5000/v2/"]\n', {}, False, "exit status"),
    # Cannot be told from the work itself
    Case("a program that only says so", "RUN printf '#!/bin/busybox sh\\necho 3.13' > /bin/python && chmod 755 "
         "/bin/python\n", {"run": "python --version", "stdout": "3.13"}, True),
]  # fmt: skip


@pytest.mark.engine
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_cases(case: Case, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    with facts_of(submit(Dockerfile=f"FROM {base}\n{case.body}"), engine) as facts:
        verdict = command.judge(facts, command.Params.model_validate(dict(case.params)))
    assert (verdict.fraction == 1.0) is case.passes, verdict
    assert case.says in verdict.message, verdict


@pytest.mark.engine
@pytest.mark.parametrize(("lost", "passes", "runs"), [(1, True, 2), (2, False, 2), (0, True, 1)])
def test_output_that_an_engine_loses_is_asked_for_once_more(
    submit: Callable[..., Path],
    engine: Engine,
    base: str,
    monkeypatch: pytest.MonkeyPatch,
    lost: int,
    passes: bool,
    runs: int,
) -> None:
    heard = []

    def run(*args: Any, **named: Any) -> container.Outcome:
        heard.append(really(*args, **named))
        return replace(heard[-1], stdout="") if len(heard) <= lost else heard[-1]

    really = container.run
    monkeypatch.setattr(container, "run", run)
    with facts_of(submit(Dockerfile=f'FROM {base}\nCMD ["echo", "ok"]\n'), engine) as facts:
        verdict = command.judge(facts, command.Params(stdout="ok"))
    assert (verdict.fraction == 1.0) is passes
    assert len(heard) == runs

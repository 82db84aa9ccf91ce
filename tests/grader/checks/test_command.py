"""`command`: what runs, what only seems to, and what a container may not do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from docker.errors import APIError
from requests import Response

from grader.checks import command
from grader.errors import EngineFailure
from grader.facts.engine.engine import Engine, program_archive
from tests.grader.conftest import facts_of

pytestmark = pytest.mark.waits


class Case(NamedTuple):
    """A Dockerfile after its FROM, the parameters, whether it passes, and a word of the message."""

    name: str
    body: str
    params: Mapping[str, Any]
    passes: bool
    says: str = ""


LOST = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: waiting for init preliminary setup: read init-p: connection reset by peer"
)
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
    # In the exercise's own words, where they are about what was seen
    Case("a sentence for a failure", "", {"run": "test ! -w /tmp", "failure": "Anybody can write to /tmp."}, False,
         "Anybody can write to /tmp. 'test ! -w /tmp' ended with exit status 1, not 0."),
    Case("a sentence for another output", "", {"run": "echo no", "stdout": "ok", "failure": "It is not ok."}, False,
         "It is not ok. 'echo no' ended with exit status 0, but its standard output"),
    Case("a program that is not there", "", {"run": "tset ! -w /tmp", "failure": "Anybody can write to /tmp."}, False,
         "'tset ! -w /tmp' ended with exit status 127, not 0."),
    Case("a program that is too slow", 'CMD ["sleep", "300"]\n', {"timeout": "1 s", "failure": "It fails."}, False,
         "The image's own command did not end within 1.0 s"),
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
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("failures", "passes"), [(0, True), (1, True), (2, True), (3, False)])
def test_a_start_that_is_lost_is_made_again_and_nothing_of_the_output_with_it(
    submit: Callable[..., Path],
    engine: Engine,
    base: str,
    monkeypatch: pytest.MonkeyPatch,
    failures: int,
    passes: bool,
) -> None:
    """A start that fails, as one does in some thousand, makes the engine let go of who is attached. Here it fails for
    want of the program, which comes later, and the engine's words are those of a start that was lost."""
    lost = []

    def start(container: str) -> None:
        if len(lost) < failures:
            lost.append(container)
            with pytest.raises(APIError, match="no such file"):
                really(container)
            response = Response()
            response.status_code = 500
            raise APIError("500 Server Error", response, LOST)
        engine.put_archive(container, program_archive("late", b"#!/bin/busybox sh\necho ok\n"))
        really(container)

    api = engine._api
    really = api.start
    monkeypatch.setattr(api, "start", start)
    with facts_of(submit(Dockerfile=f'FROM {base}\nCMD ["/late"]\n'), engine) as facts:
        if passes:
            assert command.judge(facts, command.Params(stdout="^ok$")).fraction == 1.0
        else:
            with pytest.raises(EngineFailure, match="preliminary setup"):
                command.judge(facts, command.Params(stdout="^ok$"))
    assert len(lost) == failures

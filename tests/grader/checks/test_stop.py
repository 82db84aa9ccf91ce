"""`stop`: who ends when asked to, who does not, and who would have ended anyway."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import stop
from grader.facts.engine.engine import Engine
from tests.grader.conftest import facts_of
from tests.tables import cases

pytestmark = pytest.mark.waits

PYTHON = "localhost:5000/base/python:3.13-slim"


class Case(NamedTuple):
    """The main process: a shell script, a Python one, or instructions; whether it passes; a word of the message."""

    name: str
    script: str
    passes: bool
    says: str
    before: str = ""


HANDLER = "import signal, sys, time\nsignal.signal(signal.{}, lambda *_: {})\nwhile True: time.sleep(60)"
TRAP = "trap '{}' {}\nwhile :; do sleep 300 & wait; done"
FORKS = "trap 'kill -TERM $P' TERM\n(trap 'exit 0' TERM; while :; do sleep 300 & wait; done) & P=$!\nwait $P\nwait $P"
CASES = [
    Case("a handler", HANDLER.format("SIGTERM", "sys.exit(0)"), True, "with exit status 0"),
    Case("a server in exec form", 'CMD ["httpd", "-f", "-p", "8080"]', False, "no default action"),
    Case("shell form", "CMD httpd -f -p 8080; true", False, "It is a shell"),
    Case("a shell that traps and waits", "trap 'kill $P; wait $P; exit 0' TERM\nsleep 300 & P=$!\nwait", True, "0"),
    Case("a shell that traps and does not wait", "trap 'exit 0' TERM\nsleep 300", False, "It is a shell"),
    Case("exec in a script", "trap 'exit 0' TERM\nexec sleep 300", False, "no default action"),
    # Odd but right
    Case("ends with 143", TRAP.format("exit 143", "TERM"), True, "exit status 143"),
    Case("ends with 1", TRAP.format("exit 1", "TERM"), True, "exit status 1"),
    Case("its own signal", "import time\nwhile True: time.sleep(60)", True, "SIGINT", "STOPSIGNAL SIGINT"),
    Case("its own signal by number", TRAP.format("exit 0", "QUIT"), True, "own STOPSIGNAL", "STOPSIGNAL 3"),
    Case("slow to come up", "import time\nsum(range(8**9))\n" + HANDLER.format("SIGTERM", "sys.exit(0)"), True, "0"),
    Case("a second to finish", HANDLER.format("SIGTERM", "(time.sleep(1), sys.exit(0))"), True, "after 1."),
    Case("forks and the parent waits", FORKS, True, "exit status 0"),
    Case("waits for the signal", "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, {15})\nsignal.sigwait({15})",
         True, "exit status 0"),
    Case("wakes a hundred times a second", "import signal, sys, time\nsignal.signal(signal.SIGRTMIN + 3, lambda *_: "
         "sys.exit(0))\nwhile True: time.sleep(.01)", True, "SIGRTMIN+3", "STOPSIGNAL SIGRTMIN+3"),
    # Near misses
    Case("too slow to finish", HANDLER.format("SIGTERM", "(time.sleep(30), sys.exit(0))"), False, "did not end"),
    Case("ignores it", HANDLER.format("SIGTERM", "None"), False, "did not end"),
    Case("no handler", "import time\nwhile True: time.sleep(60)", False, "no default action"),
    Case("another signal's handler", HANDLER.format("SIGINT", "sys.exit(0)"), False, "did not end"),
    Case("another signal is sent", HANDLER.format("SIGTERM", "sys.exit(0)"), False, "SIGUSR1", "STOPSIGNAL SIGUSR1"),
    Case("never at rest", "import time\nwhile True: pass", False, "did not end"),
    # Cheats
    Case("ends at once", 'CMD ["true"]', False, "by itself"),
    Case("fails at once", 'CMD ["false"]', False, "exit status 1"),
    Case("ends a little later", 'CMD ["sleep", "3"]', False, "in a container that got no signal"),
    Case("ends by chance", "sleep $(( $(od -An -N1 -tu1 /dev/urandom) % 2 ? 3 : 300 ))", False, ""),
    Case("a child's end ends it", "sleep 3 &\nwait $!", False, "in a container that got no signal"),
    Case("a signal that does nothing", 'CMD ["sleep", "300"]', False, "did not end", "STOPSIGNAL SIGURG"),
    Case("STOPSIGNAL +9", 'CMD ["sleep", "300"]', False, "", "STOPSIGNAL +9"),
    Case("STOPSIGNAL KILL", 'CMD ["sleep", "300"]', False, "SIGKILL", "STOPSIGNAL SIGKILL"),
    Case("STOPSIGNAL 9", 'CMD ["sleep", "300"]', False, "SIGKILL", "STOPSIGNAL 9"),
    Case("STOPSIGNAL STOP", 'CMD ["sleep", "300"]', False, "did not end", "STOPSIGNAL SIGSTOP"),
    Case("kills its work", "trap 'kill -9 $P; wait $P; exit $?' TERM\nsleep 300 & P=$!\nwait $P", False, "137"),
    Case("cannot start", 'CMD ["/no/such"]', False, "does not start"),
]  # fmt: skip
LONG = (
    "ends with 143", "its own signal by number", "waits for the signal", "another signal is sent",
    "ends a little later", "STOPSIGNAL +9", "STOPSIGNAL 9", "STOPSIGNAL STOP",
)  # fmt: skip
"""Cases whose rule has fast tests in tests/grader/facts/engine/test_stop.py."""


@pytest.mark.engine
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", cases(CASES, LONG))
def test_cases(
    case: Case, submit: Callable[..., Path], engine: Engine, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.facts.engine.stop.PATIENCE", 4.0 if case.name == "never at rest" else 20.0)
    if case.script.startswith("CMD"):
        folder = submit(Dockerfile=f"FROM {base}\n{case.before}\n{case.script}\n")
    else:
        image, program = (PYTHON, "python3") if case.script.startswith("import") else (base, "sh")
        body = f'FROM {image}\n{case.before}\nCOPY main /\nCMD ["{program}", "/main"]\n'
        folder = submit(Dockerfile=body, main=case.script)
    with facts_of(folder, engine) as facts:
        verdict = stop.judge(facts, stop.Params(within=4.0 if case.passes else 2.5))
    assert (verdict.fraction == 1.0) is case.passes, verdict
    assert case.says in verdict.message, verdict


@pytest.mark.parametrize("wrong", [{"within": "0 s"}, {"within": "1 h"}, {"signal": "SIGINT"}])
def test_parameters_that_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        stop.Params.model_validate(wrong)

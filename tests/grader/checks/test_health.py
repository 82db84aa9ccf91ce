"""`health`: checks that look at the service, that look elsewhere, and that do not look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import health
from grader.facts.engine import Engine
from tests.grader.conftest import facts_of


class Case(NamedTuple):
    """A Dockerfile after its FROM, whether it passes, and a word of the message."""

    name: str
    body: str
    passes: bool
    says: str


SERVES = "RUN mkdir /www && echo hello > /www/index.html\nCMD {}httpd -f -p 8080 -h /www\n"
RIGHT = SERVES.format("")
ASK = "wget -q -O- http://127.0.0.1:8080/"
FAILS = "in a container in which nothing runs"
BEATS = "CMD while :; do touch /tmp/beat; sleep 1; done\n"
CASES = [
    Case("asks the service", RIGHT + f"HEALTHCHECK CMD {ASK}\n", True, "turns healthy"),
    Case("in exec form", RIGHT + 'HEALTHCHECK CMD ["wget", "-q", "-O-", "http://127.0.0.1:8080/"]\n', True, "healthy"),
    # Odd but right
    Case("once an hour", RIGHT + f"HEALTHCHECK --interval=1h --start-period=1h CMD {ASK}\n", True, "healthy"),
    Case("inherited", RIGHT + f"HEALTHCHECK CMD {ASK}\nFROM first\nUSER nobody\n", True, "healthy"),
    Case("comes up late", SERVES.format("sleep 3; ") + f"HEALTHCHECK --retries=1 CMD {ASK}\n", True, "healthy"),
    Case("another shell", 'SHELL ["/bin/busybox", "ash", "-c"]\n' + RIGHT + f"HEALTHCHECK CMD {ASK} | grep -q hello\n",
         True, "healthy"),
    Case("a sign of life", BEATS + 'HEALTHCHECK CMD test $(($(date +%s) - $(stat -c %Y /tmp/beat))) -lt 5\n', True,
         "healthy"),
    Case("a check the service brings", 'CMD printf "#!/bin/sh\\nexit 0" > /tmp/ok && chmod +x /tmp/ok && sleep 300\n'
         'HEALTHCHECK CMD ["/tmp/ok"]\n', True, "healthy"),
    Case("a process's name", RIGHT + "HEALTHCHECK CMD pidof httpd\n", True, "healthy"),
    Case("a pipe the service writes to", "CMD mkfifo /tmp/f; while :; do echo ok > /tmp/f; done\n"
         "HEALTHCHECK CMD timeout 2 cat /tmp/f\n", True, "healthy"),
    # Near misses
    Case("no check", RIGHT, False, "no HEALTHCHECK"),
    Case("only a comment", RIGHT + f"# HEALTHCHECK CMD {ASK}\n", False, "no HEALTHCHECK"),
    Case("only in the builder", f"HEALTHCHECK CMD {ASK}\nFROM {{base}}\n" + RIGHT, False, "no HEALTHCHECK"),
    Case("switched off", f"HEALTHCHECK CMD {ASK}\n" + RIGHT + "HEALTHCHECK NONE\n", False, "switches"),
    Case("another port", RIGHT + f"HEALTHCHECK CMD {ASK.replace('8080', '80')}\n", False, "ended with exit status 1"),
    Case("no such tool", RIGHT + "HEALTHCHECK CMD curl -f http://127.0.0.1:8080/\n", False, "cannot be run"),
    Case("no such tool in exec form", RIGHT + 'HEALTHCHECK CMD ["/usr/bin/curl", "x"]\n', False, "cannot be run"),
    Case("no shell", "FROM scratch\nCOPY --from=first /bin/busybox /httpd\nCMD [\"/httpd\", \"-f\", \"-p\", \"8080\"]\n"
         f"HEALTHCHECK CMD {ASK}\n", False, "cannot be run"),
    Case("too slow for its own timeout", RIGHT + f"HEALTHCHECK --timeout=1s CMD sleep 5; {ASK}\n", False, "its own"),
    Case("hangs", RIGHT + "HEALTHCHECK CMD sleep 300\n", False, "had not ended once"),
    Case("the service ends", f'CMD ["sleep", "1"]\nHEALTHCHECK CMD {ASK}\n', False, "ended, with exit status 0"),
    Case("cannot start", f'CMD ["/no/such"]\nHEALTHCHECK CMD {ASK}\n', False, "does not start"),
    # Cheats
    Case("true", RIGHT + "HEALTHCHECK CMD true\n", False, FAILS),
    Case("exit 0", RIGHT + "HEALTHCHECK CMD exit 0\n", False, FAILS),
    Case("or true", RIGHT + f"HEALTHCHECK CMD {ASK} || true\n", False, FAILS),
    Case("or exit 0 in exec form", RIGHT + f'HEALTHCHECK CMD ["sh", "-c", "{ASK} || exit 0"]\n', False, FAILS),
    Case("the status is lost in a pipe", RIGHT + f"HEALTHCHECK CMD {ASK} | cat\n", False, FAILS),
    Case("a file of the image", RIGHT + "HEALTHCHECK CMD test -f /www/index.html\n", False, FAILS),
    Case("process 1 exists", RIGHT + "HEALTHCHECK CMD kill -0 1\n", False, FAILS),
    Case("finds itself", RIGHT + "HEALTHCHECK CMD grep -q httpd /proc/[0-9]*/cmdline\n", False, FAILS),
    Case("looks at another server", RIGHT + f"HEALTHCHECK CMD httpd -p 81 -h /www; {ASK.replace('8080', '81')}\n",
         False, FAILS),
    Case("at the second look", RIGHT + "HEALTHCHECK CMD test -f /tmp/seen || { touch /tmp/seen; false; }\n", False,
         FAILS),
    Case("at the fourth look", RIGHT + "HEALTHCHECK CMD test -f /dev/shm/2 || { touch /dev/shm/$(ls /dev/shm | wc -l); "
         "false; }\n", False, FAILS),
    Case("after two seconds", RIGHT + "HEALTHCHECK CMD test $(($(date +%s) - $(stat -c %Y /proc/1))) -gt 2\n", False,
         FAILS),
    Case("is not process 1", RIGHT + "HEALTHCHECK CMD test $$ -ne 1\n", False, FAILS),
    Case("process 1 is another", RIGHT + "HEALTHCHECK CMD ! grep -q test /proc/1/cmdline\n", False, FAILS),
]  # fmt: skip


@pytest.mark.engine
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_cases(case: Case, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base} AS first\n" + case.body.replace("{base}", base))
    with facts_of(folder, engine) as facts:
        verdict = health.judge(facts, health.Params(within=20.0 if case.passes or case.says is FAILS else 4.0))
    assert (verdict.fraction == 1.0) is case.passes, verdict
    assert case.says in verdict.message, verdict


@pytest.mark.parametrize("wrong", [{"within": "0 s"}, {"within": "1 h"}, {"interval": "1 s"}])
def test_parameters_that_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        health.Params.model_validate(wrong)

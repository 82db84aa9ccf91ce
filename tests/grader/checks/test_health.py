"""`health`: checks that look at the service, that look elsewhere, and that do not look."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import health
from grader.facts.engine.engine import Engine
from tests.grader.conftest import facts_of
from tests.tables import cases

pytestmark = pytest.mark.waits


class Case(NamedTuple):
    """A Dockerfile after its FROM, whether it passes, and a word of the message."""

    name: str
    body: str
    passes: bool
    says: str


SERVES = "RUN mkdir /www && echo hello > /www/index.html\nCMD {}httpd -f -p 8080 -h /www\n"
RIGHT = SERVES.format("")
ASK = "wget -q -O- http://127.0.0.1:8080/"
FAILS = "even in a container where the service does not run"
STILL = "while the service is stopped"
# Programs of one process. The first touches a file, or writes the time into it.
NOW = secrets.token_hex(4)
"""In a step that makes a file whose age counts: the step must run now, and not come from the cache."""
BEATER = """import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    with open(sys.argv[1], "w") as file:
        file.write(sys.argv[2].replace("NOW", str(time.time())))
    time.sleep(1 if "once" not in sys.argv else 300)
"""
FOLDERS = """import os, sys, time
while True:
    os.mkdir(sys.argv[1] + "/x")
    os.rmdir(sys.argv[1] + "/x")
    time.sleep(1)
"""
PYTHON = "FROM localhost:5000/base/python:3.13-slim\nCOPY beater.py folders.py /\n"
SERVER = '["python3", "-m", "http.server", "8080"]'
OLD = "test $(($(date +%s) - $(stat -c %Y {}))) -lt {}"
SAID = "test $(($(date +%s) - $(cut -d. -f1 {}))) -lt {}"
BEATS = "CMD while :; do touch /tmp/beat; sleep 1; done\n"
CASES = [
    Case("asks the service", RIGHT + f"HEALTHCHECK CMD {ASK}\n", True, "becomes healthy"),
    Case("in exec form", RIGHT + 'HEALTHCHECK CMD ["wget", "-q", "-O-", "http://127.0.0.1:8080/"]\n', True, "healthy"),
    # Odd but right
    Case("once an hour", RIGHT + f"HEALTHCHECK --interval=1h --start-period=1h CMD {ASK}\n", True, "healthy"),
    Case("inherited", RIGHT + f"HEALTHCHECK CMD {ASK}\nFROM first\nUSER nobody\n", True, "healthy"),
    Case("comes up late", SERVES.format("sleep 3; ") + f"HEALTHCHECK --retries=1 CMD {ASK}\n", True, "healthy"),
    Case("another shell", 'SHELL ["/bin/busybox", "ash", "-c"]\n' + RIGHT + f"HEALTHCHECK CMD {ASK} | grep -q hello\n",
         True, "healthy"),
    Case("a sign of life", BEATS + 'HEALTHCHECK CMD test $(($(date +%s) - $(stat -c %Y /tmp/beat))) -lt 5\n', True,
         "healthy"),
    Case("a pipe the service writes to", "CMD mkfifo /tmp/f; while :; do echo ok > /tmp/f; done\n"
         "HEALTHCHECK CMD timeout 2 cat /tmp/f\n", True, "healthy"),
    Case("a sign of life made by the build", PYTHON + f"RUN : {NOW} && mkdir /run/app && touch /run/app/hb && "
         'chown -R 1000 /run/app\nUSER 1000\nCMD ["python3", "/beater.py", "/run/app/hb", ""]\n'
         f"HEALTHCHECK CMD {OLD.format('/run/app/hb', 60)}\n", True, "healthy"),
    Case("a sign of life in a volume", PYTHON + f"RUN mkdir /state && touch /state/hb # {NOW}\nVOLUME /state\n"
         f'CMD ["python3", "/beater.py", "/state/hb", ""]\nHEALTHCHECK CMD {OLD.format("/state/hb", 3600)}\n', True,
         "healthy"),
    Case("a sign of life in shared memory", PYTHON + 'CMD ["python3", "/beater.py", "/dev/shm/hb", ""]\n'
         f"HEALTHCHECK CMD {OLD.format('/dev/shm/hb', 600)}\n", True, "healthy"),
    Case("the time in a file", PYTHON + 'RUN date +%s > /hb\nCMD ["python3", "/beater.py", "/hb", "NOW"]\n'
         f"HEALTHCHECK CMD {SAID.format('/hb', 600)}\n", True, "healthy"),
    Case("a folder's age", PYTHON + 'RUN mkdir /state\nCMD ["python3", "/folders.py", "/state"]\n'
         f'HEALTHCHECK CMD {OLD.format("/state", 30)}\n', True, "healthy"),
    Case("one process that answers", PYTHON + f"CMD {SERVER}\nHEALTHCHECK CMD python3 -c "
         "\"from urllib.request import urlopen as o; o('http://127.0.0.1:8080/')\"\n", True, "healthy"),
    Case("a process's name, and a helper beside it", "CMD sleep 300 & exec httpd -f -p 8080\n"
         "HEALTHCHECK CMD pidof httpd\n", True, "healthy"),
    # Near misses
    Case("no check", RIGHT, False, "no HEALTHCHECK"),
    Case("only a comment", RIGHT + f"# HEALTHCHECK CMD {ASK}\n", False, "no HEALTHCHECK"),
    Case("only in the builder", f"HEALTHCHECK CMD {ASK}\nFROM {{base}}\n" + RIGHT, False, "no HEALTHCHECK"),
    Case("switched off", f"HEALTHCHECK CMD {ASK}\n" + RIGHT + "HEALTHCHECK NONE\n", False, "switches"),
    Case("another port", RIGHT + f"HEALTHCHECK CMD {ASK.replace('8080', '80')}\n", False, "ended with exit status 1"),
    Case("no such tool", RIGHT + "HEALTHCHECK CMD curl -f http://127.0.0.1:8080/\n", False, "could not be run"),
    Case("no such tool in exec form", RIGHT + 'HEALTHCHECK CMD ["/usr/bin/curl", "x"]\n', False, "could not be run"),
    Case("no shell", "FROM scratch\nCOPY --from=first /bin/busybox /httpd\nCMD [\"/httpd\", \"-f\", \"-p\", \"8080\"]\n"
         f"HEALTHCHECK CMD {ASK}\n", False, "could not be run"),
    Case("too slow for its own timeout", RIGHT + f"HEALTHCHECK --timeout=1s CMD sleep 5; {ASK}\n", False, "its own"),
    Case("hangs", RIGHT + "HEALTHCHECK CMD sleep 300\n", False, "never finished"),
    Case("the service ends", f'CMD ["sleep", "1"]\nHEALTHCHECK CMD {ASK}\n', False, "ended with exit status 0"),
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
    Case("a process's name", RIGHT + "HEALTHCHECK CMD pidof httpd\n", False, STILL),
    Case("only connects", PYTHON + f"CMD {SERVER}\nHEALTHCHECK CMD python3 -c "
         "\"import socket; socket.create_connection(('127.0.0.1', 8080), 5)\"\n", False, STILL),
    Case("a file the service makes once", PYTHON + 'CMD ["python3", "/beater.py", "/ok", "", "once"]\n'
         "HEALTHCHECK CMD test -f /ok\n", False, STILL),
    Case("a check the service brings", PYTHON + 'CMD ["python3", "/beater.py", "/ok.sh", "exit 0"]\n'
         "HEALTHCHECK CMD sh /ok.sh\n", False, STILL),
    Case("a file of the build that is young", RIGHT + f"RUN touch /built # {NOW}\n"
         f"HEALTHCHECK CMD {OLD.format('/built', 600)}\n", False, "with the image's files made a year older"),
    Case("a young file of the build, and the service touches another", PYTHON + f"RUN touch /built # {NOW}\n"
         f'CMD ["python3", "/beater.py", "/hb", ""]\nHEALTHCHECK CMD {OLD.format("/built", 600)}\n', False,
         "with the image's files made a year older"),
    Case("a file that the engine makes", RIGHT + f"HEALTHCHECK CMD {OLD.format('/etc/hostname', 600)}\n", False, FAILS),
    Case("is not process 1", RIGHT + "HEALTHCHECK CMD test $$ -ne 1\n", False, FAILS),
    Case("process 1 is another", RIGHT + "HEALTHCHECK CMD ! grep -q test /proc/1/cmdline\n", False, FAILS),
]  # fmt: skip
LONG = (
    "in exec form", "inherited", "another shell", "a sign of life in a volume", "a sign of life in shared memory",
    "only a comment", "only in the builder", "no such tool in exec form", "exit 0", "or exit 0 in exec form",
    "at the fourth look", "after two seconds", "a folder's age", "process 1 is another", "the time in a file",
    "a file the service makes once", "a check the service brings",
)  # fmt: skip
"""Cases whose rule has fast tests in tests/grader/facts/engine/test_health.py."""


@pytest.mark.engine
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("case", cases(CASES, LONG))
def test_cases(case: Case, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    dockerfile = f"FROM {base} AS first\n" + case.body.replace("{base}", base)
    folder = submit({"Dockerfile": dockerfile, "beater.py": BEATER, "folders.py": FOLDERS})
    with facts_of(folder, engine) as facts:
        verdict = health.judge(facts, health.Params(within=20.0 if case.passes or case.says in (FAILS, STILL) else 4.0))
    assert (verdict.fraction == 1.0) is case.passes, verdict
    assert case.says in verdict.message, verdict


@pytest.mark.parametrize("wrong", [{"within": "0 s"}, {"within": "1 h"}, {"interval": "1 s"}])
def test_parameters_that_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        health.Params.model_validate(wrong)

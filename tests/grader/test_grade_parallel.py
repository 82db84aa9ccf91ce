"""Checks judged in parallel: the verdicts, the order and what is left behind are those of one after the other."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.checks import command
from grader.facts import Facts
from grader.facts.build import rebuild
from grader.facts.build.build import Build
from grader.facts.engine.engine import Engine
from grader.grade import Event, grade
from grader.submission import Submission
from grader.verdict import Report, Status, Verdict
from tests.grader.conftest import exercise, things

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("nothing_left")]

ROOT = Path(__file__).parents[2]
FILES = {
    ".dockerignore": "*\n!index.html\n!late.html\n",
    "index.html": "hello\n",
    "late.html": "later\n",
    "notes": "x\n",
}
SERVICE = """\
FROM {base}
COPY index.html /www/
RUN sleep 1 && head -c 3000000 /dev/urandom > /model
COPY late.html /www/
USER 1000
EXPOSE 8080
HEALTHCHECK CMD wget -q -O- http://127.0.0.1:8080/
CMD trap 'kill $!; exit 0' TERM; httpd -f -p 8080 -h /www & wait
"""
ALL = [
    ("build", {}),
    ("user", {}),
    ("stop", {}),
    ("size", {"of": "image", "full": "100 MB"}),
    ("size", {"of": "image", "full": "1 KB"}),
    ("rebuild", {"edit": ["late.html"], "cached": ["head"]}),
    ("rebuild", {"edit": ["index.html"], "cached": ["head"]}),
    ("rebuild", {"edit": ["late.html"], "speedup": 1.1}),
    ("command", {"run": ["cat", "/www/index.html"], "stdout": "hello"}),
    ("command", {"run": "exit 3"}),
    ("http", {"port": 8080, "body": "hello"}),
    ("http", {"port": 8081, "within": "2 s"}),
    ("health", {}),
    ("secrets", {}),
    ("context", {"excluded": ["notes"]}),
    ("files", {"files": [{"path": "/www/index.html", "contains": "hello"}]}),
    ("metadata", {"ports": ["8080/tcp"], "workdir": "/nowhere"}),
    ("pinning", {"bases": "tag"}),
]
LOST = {"size-5", "rebuild-7", "command-10", "http-12", "metadata-17"}


def submission(submit: Callable[..., Path], base: str, text: str = SERVICE) -> Path:
    return submit(FILES, Dockerfile=text.format(base=base))


def outline(report: Report) -> list[tuple[str, Status, float]]:
    return [(check.id, check.status, check.points) for check in report.checks]


def messages(report: Report) -> list[str]:
    """What the checks say, but for times; sizes differ from build to build."""
    return [re.sub(r"[\d.]+ m?s\b", "…", check.message) for check in report.checks if check.kind != "size"]


@pytest.mark.long
def test_the_same_verdicts_in_the_same_order(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submission(submit, base)
    told: dict[int, list[tuple[str, int]]] = {}
    reports = {}
    for at_once in (1, 3, 4):
        events: list[Event] = []

        def note(event: Event, events: list[Event] = events) -> None:
            assert threading.current_thread() is threading.main_thread()
            events.append(event)

        reports[at_once] = grade(exercise(*ALL), folder, engine=engine, at_once=at_once, on_event=note)
        told[at_once] = [(event.kind, event.number) for event in events if event.kind != "step"]
    assert {check.id for check in reports[1].checks if check.status is not Status.PASSED} == LOST
    assert outline(reports[1]) == outline(reports[3]) == outline(reports[4])
    assert told[1] == told[3] == told[4]
    assert told[1] == [(kind, number) for number in range(1, 19) for kind in ("check", "result")]
    assert messages(reports[1]) == messages(reports[4])


@pytest.mark.parametrize("body", ["RUN exit 3\n", "COPPY x /\n", "CMD sleep 9\nUSER nobody-knows\n"])
def test_a_fault_is_charged_to_the_same_check(
    body: str, submit: Callable[..., Path], engine: Engine, base: str
) -> None:
    folder = submission(submit, base, "FROM {base}\n" + body)
    wanted = [("http", {"port": 80, "within": "1 s"}), *ALL[:4], *ALL[8:10], ("secrets", {})]
    reports = [grade(exercise(*wanted), folder, engine=engine, at_once=at_once) for at_once in (1, 4)]
    assert outline(reports[0]) == outline(reports[1])
    assert messages(reports[0]) == messages(reports[1])


def test_a_check_that_raises_is_an_error_and_the_others_are_judged(
    submit: Callable[..., Path], engine: Engine, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(facts: Facts, params: command.Params) -> Verdict:
        with facts.started() as running:
            assert running.state["Running"]
            raise ZeroDivisionError

    monkeypatch.setattr(command, "judge", broken)
    report = grade(exercise(*ALL), submission(submit, base), engine=engine)
    assert {check.kind for check in report.checks if check.status is Status.ERROR} == {"command"}
    lost = {check.id for check in report.checks if check.kind != "command" and check.status is not Status.PASSED}
    assert lost == LOST - {"command-10"}
    assert "ZeroDivisionError" in report.checks[8].message


@pytest.mark.parametrize("last", [1, 3, *(pytest.param(last, marks=pytest.mark.long) for last in (9, 12))])
def test_given_up_in_the_middle_nothing_is_left(
    last: int, submit: Callable[..., Path], engine: Engine, base: str
) -> None:
    """As at Ctrl-C: it meets the thread that waits, whatever the others are at."""

    def interrupt(event: Event) -> None:
        if event.kind == "check" and event.number == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade(exercise(*ALL), submission(submit, base), engine=engine, on_event=interrupt)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("check-")]


def test_a_rebuild_in_company_is_given_more_time(
    submit: Callable[..., Path], engine: Engine, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []
    build = rebuild.builds.build

    def note(engine: Engine, submission: Submission, **more: Any) -> Build:
        given.append(submission.settings.timeout)
        return build(engine, submission, **more)

    monkeypatch.setattr(rebuild.builds, "build", note)
    grade(exercise(ALL[0], ALL[5], timeout="40 s"), submission(submit, base), engine=engine)
    assert given == [40, 80]


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from grader.lib import owner
from grader.grade import grade
from tests.grader.conftest import exercise
print(owner.mark(), flush=True)
wanted = [("stop", {"within": "60 s"}), ("http", {"port": 9, "within": "90 s"}), ("command", {"run": "sleep 60"})]
grade(exercise(*wanted), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_containers_run(
    number: signal.Signals, submit: Callable[..., Path], engine: Engine, base: str
) -> None:
    folder = submission(submit, base, "FROM {base}\nCMD trap '' TERM; while :; do sleep 1; done\n")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, ROOT, folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout
        mark = process.stdout.readline().strip()
        deadline = time.monotonic() + 60
        while len(containers := [thing for thing in things(engine, mark) if thing.startswith("container")]) < 4:
            assert time.monotonic() < deadline, containers
            time.sleep(0.2)
        asked = time.monotonic()
        os.kill(process.pid, number)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert time.monotonic() - asked < 30  # none of them was waited for to its own end
    assert process.returncode == (-signal.SIGINT if number == signal.SIGINT else 128 + signal.SIGTERM)
    assert not [thing for thing in things(engine, mark) if not thing.startswith("volume")]

"""`lab test`: run the tests, on a live lab that it brings up itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import IO

import click

from layerwise.errors import LabError
from layerwise.stack.paths import ROOT


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--fast", is_flag=True, help="Only what needs no engine: style, types, unit tests.")
@click.option(
    "--long", is_flag=True, help="Also run what takes long and seldom changes, and prove again what is proved."
)
@click.option(
    "--slice", "word", metavar="WORD", help="Also run a part of what --long adds; WORD, such as a commit, picks it."
)
@click.option("--engines", is_flag=True, help="Compare the grader's verdicts on Docker 20.10, 26.1 and 28.5.")
@click.option("--record", is_flag=True, help="Only record what the lab's builder says. The fast tests compare with it.")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def command(fast: bool, long: bool, word: str | None, engines: bool, record: bool, pytest_args: tuple[str, ...]) -> int:
    """Run the project's tests: style, types, unit tests; then, on a live lab, the engine, the exercises,
    the lessons, and a browser. Brings the lab up first, and down again if it was not up before.

    \b
    lab test                         everything but what takes long
    lab test --long                  everything; run it before you call something done
    lab test --fast                  what needs no engine (a few minutes)
    lab test --engines               the same grade on every engine? (2 to 3 hours; needs root on Debian or Ubuntu)
    lab test --record                record what BuildKit says of 500 Dockerfiles and ignore files (minutes)
    lab test -- tests/grader -k user   a part, in one process; what follows -- goes to pytest
    """
    from layerwise.commands import _suite
    from layerwise.commands._watching import stoppable
    from layerwise.stack.environment import lab_env
    from layerwise.stack.installation import require_checkout

    require_checkout("test")

    chosen = (["--long"] if long else []) + ([f"--slice={word}"] if word is not None else [])
    with stoppable():
        if engines:
            from layerwise.commands import _engines

            with _live_lab() as when_up:
                when_up()
                return _engines.run(pytest_args)
        if record:
            with _live_lab() as when_up:
                when_up()
                ended = _suite.run([_suite.ANSWERS], RECORD, lab_env())
        elif fast:
            _static()
            ended = _suite.run([_suite.UNIT_TESTS], [*chosen, *pytest_args], os.environ)
        else:
            _chromium()
            with _live_lab() as when_up:
                _static()
                ended = [] if pytest_args else _suite.run([_suite.UNIT_TESTS], chosen, os.environ)
                if all(each.passed for each in ended):
                    when_up()
                    phases = [_suite.WANTED] if pytest_args else _suite.PHASES
                    ended += _suite.run(phases, [*chosen, *pytest_args], lab_env())
    for each in ended:
        click.echo(f"── {each}", err=True)
    return 0 if all(each.passed for each in ended) else 1


RECORD = (
    *("-p", "tests.answers", "--answers=write"),
    "tests/grader/facts/dockerfile/test_dockerfile_engine.py",
    "tests/grader/facts/context/test_ignore_on_builder.py",
)
"""Arguments of pytest: the tests that compare the grader with what a builder said, asked to write that down anew."""
STATIC = (
    ("style", "ruff", "check", "."),
    ("format", "ruff", "format", "--check", "."),
    ("types", "mypy"),
)
"""What is looked at without running anything: a title, and a module of Python with its arguments."""
LAB = (sys.executable, "-m", "layerwise.cli")
UP = ("up", "--no-jupyter", "--images", "all")


def _static() -> None:
    for title, *argv in STATIC:
        click.echo(f"── {title}: {' '.join(argv)}", err=True)
        status = subprocess.run([sys.executable, "-m", *argv], cwd=ROOT, check=False).returncode
        if status:
            raise LabError(f"{title} failed (status {status}); its output is above")


@contextmanager
def _live_lab() -> Iterator[Callable[[], None]]:
    """The lab with all base images, which comes up while other things are done. Call what this yields to wait until it
    is up. Afterwards it is taken down, unless it was up before."""
    was_up = subprocess.run([*LAB, "status"], cwd=ROOT, capture_output=True, check=False).returncode == 0
    with ExitStack() as stack:
        if not was_up:
            stack.callback(subprocess.run, [*LAB, "down"], cwd=ROOT, check=False)
        said = stack.enter_context(tempfile.TemporaryFile())
        up = subprocess.Popen([*LAB, *UP], cwd=ROOT, stdout=said, stderr=said, start_new_session=True)
        stack.callback(up.wait)
        stack.callback(up.terminate)
        yield partial(_wait, up, said)


def _wait(up: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    """Wait until the lab is up, and show what bringing it up says."""
    click.echo(f"── lab {' '.join(UP)}", err=True)
    shown = 0
    status = None
    while status is None:
        with suppress(subprocess.TimeoutExpired):
            status = up.wait(0.3)
        news = os.pread(said.fileno(), 1 << 20, shown)  # which leaves alone where it writes next
        click.echo(news, nl=False, err=True)
        shown += len(news)
    if status:
        raise LabError(f"'lab up' failed (status {status}); its output is above")


def _chromium() -> None:
    """Have Chromium for the browser test: from PATH, else Debian's if we may install it."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    if not (shutil.which("apt-get") and os.geteuid() == 0):
        raise LabError(
            "the browser test needs Chromium: install it (or run the rest with: lab test -- -m 'not browser')"
        )
    from layerwise.stack import apt

    apt.install(["chromium"], lambda text: click.echo(f"── for the browser test: {text}", err=True))

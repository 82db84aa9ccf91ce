"""`lab test`: run the tests, on a live lab that it brings up itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from layerwise.errors import LabError
from layerwise.stack.paths import ROOT


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--fast", is_flag=True, help="Only what needs no engine: style, types, unit tests.")
@click.option(
    "--long", is_flag=True, help="Also run what takes long and seldom changes, and prove again what is proved."
)
@click.option(
    "--slice", "word", metavar="WORD", help="Run a tenth of what --long adds; WORD, such as a commit, picks it."
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
    lab test --engines               the same grade on every engine? (an hour or two; needs root on Debian or Ubuntu)
    lab test --record                record what BuildKit says of 500 Dockerfiles and ignore files (minutes)
    lab test -- tests/grader -k user   a part, in one process; what follows -- goes to pytest
    """
    from layerwise.commands import _suite
    from layerwise.commands._watching import stoppable
    from layerwise.stack.installation import require_checkout

    require_checkout("test")

    chosen = (["--long"] if long else []) + ([f"--slice={word}"] if word is not None else [])
    with stoppable():
        if engines:
            from layerwise.commands import _engines

            with _live_lab():
                return _engines.run(pytest_args)
        if record:
            with _live_lab():
                from layerwise.stack.environment import lab_env

                (ended_so,) = _suite.run([_suite.ANSWERS], RECORD, lab_env())
            return 0 if ended_so.passed else 1
        for title, *argv in STATIC:
            _run(title, [sys.executable, "-m", *argv])
        ended = []
        if fast or not pytest_args:
            ended = _suite.run([_suite.UNIT_TESTS], [*chosen, *pytest_args], os.environ)
        if not fast and all(each.passed for each in ended):
            _chromium()
            with _live_lab():
                from layerwise.stack.environment import lab_env

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


@contextmanager
def _live_lab() -> Iterator[None]:
    """The lab with all base images. Afterwards it is taken down, unless it was up before."""
    was_up = _lab("status", check=False, quiet=True)
    try:
        _lab("up", "--no-jupyter", "--images", "all")
        yield
    finally:
        if not was_up:
            _lab("down")


def _run(title: str, argv: list[str]) -> None:
    click.echo(f"── {title}: {' '.join(argv[1:])}", err=True)
    status = subprocess.run(argv, cwd=ROOT, check=False).returncode
    if status:
        raise LabError(f"{title} failed (status {status}); its output is above")


def _lab(*words: str, check: bool = True, quiet: bool = False) -> bool:
    """Run another lab command in a process of its own. Returns whether it succeeded."""
    output = subprocess.DEVNULL if quiet else None
    argv = [sys.executable, "-m", "layerwise.cli", *words]
    status = subprocess.run(argv, cwd=ROOT, stdout=output, stderr=output, check=False).returncode
    if status and check:
        raise LabError(f"'lab {' '.join(words)}' failed (status {status}); its output is above")
    return status == 0


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

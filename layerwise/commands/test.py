"""`lab test`: everything, on a live lab that it brings up itself."""

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

FAST = "not engine and not lab and not browser"


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--fast", is_flag=True, help="Only what needs no engine: style, types, unit tests.")
@click.option("--engines", is_flag=True, help="The grader's cases on Docker 20.10, 26.1 and 28.5, verdicts compared.")
@click.argument("pytest_args", nargs=-1, type=click.UNPROCESSED)
def command(fast: bool, engines: bool, pytest_args: tuple[str, ...]) -> int:
    """Run the project's tests: style, types, unit tests; then, on a live lab, the engine, every exercise,
    every lesson, and a browser. Brings the lab up first, and down again if it was not up before.

    \b
    lab test                         everything (three quarters of an hour on 2 cores)
    lab test --fast                  what needs no engine (about a minute)
    lab test --engines               the same grade on every engine? (an hour or two; needs root on Debian or Ubuntu)
    lab test -- tests/grader -k user   a part; what follows -- goes to pytest
    """
    if engines:
        from layerwise.commands import _engines
        from layerwise.commands._watching import stoppable

        with stoppable(), _live_lab():
            return _engines.run(pytest_args)
    python = sys.executable
    _run("style", [python, "-m", "ruff", "check", "."])
    _run("format", [python, "-m", "ruff", "format", "--check", "."])
    _run("types", [python, "-m", "mypy"])
    if fast:
        _run("tests", [python, "-m", "pytest", "-m", FAST, *pytest_args])
        return 0
    _chromium()
    with _live_lab():
        from layerwise.stack.environment import lab_env

        _run("tests", [python, "-m", "pytest", *pytest_args], env=lab_env())
    return 0


@contextmanager
def _live_lab() -> Iterator[None]:
    """The lab with all base images, which `lab up` alone does not bring; down again, unless it was up before."""
    was_up = _lab("status", check=False, quiet=True)
    try:
        _lab("up", "--no-jupyter", "--images", "all")
        yield
    finally:
        if not was_up:
            _lab("down")


def _run(title: str, argv: list[str], env: dict[str, str] | None = None) -> None:
    click.echo(f"── {title}: {' '.join(argv[1:])}", err=True)
    status = subprocess.run(argv, cwd=ROOT, env=env, check=False).returncode
    if status:
        raise LabError(f"{title} failed (status {status}); its output is above")


def _lab(*words: str, check: bool = True, quiet: bool = False) -> bool:
    """Run another lab command in a process of its own; True when it succeeded."""
    output = subprocess.DEVNULL if quiet else None
    argv = [sys.executable, "-m", "layerwise.cli", *words]
    status = subprocess.run(argv, cwd=ROOT, stdout=output, stderr=output, check=False).returncode
    if status and check:
        raise LabError(f"'lab {' '.join(words)}' failed (status {status}); its output is above")
    return status == 0


def _chromium() -> None:
    """Chromium for the browser test: the one on PATH, else Debian's where we may install it."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    if not (shutil.which("apt-get") and os.geteuid() == 0):
        raise LabError(
            "the browser test needs Chromium: install it (or run the rest with: lab test -- -m 'not browser')"
        )
    click.echo("── installing Chromium for the browser test", err=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for argv in (
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
    ):
        subprocess.run(argv, env=quiet, check=True, stdout=subprocess.DEVNULL)

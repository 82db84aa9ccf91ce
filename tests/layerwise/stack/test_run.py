"""What the lab says of outside programs that fail, never end or are not there."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack.run import CommandFailed, Stopped, last_line, run, running

ENV = dict(os.environ)


def sh(script: str, timeout: float = 30, **more: object) -> str:
    return run(["sh", "-c", script], env=ENV, timeout=timeout, **more)  # type: ignore[arg-type]


def test_output_and_errors_come_together():
    assert sh("echo out; echo err >&2") == "out\nerr\n"


def test_a_failure_is_told_by_its_last_line():
    with pytest.raises(CommandFailed, match=r"^sh failed: no luck$") as caught:
        sh("echo before; echo no luck; exit 7")
    assert (caught.value.status, caught.value.output) == (7, "before\nno luck\n")


def test_a_silent_failure_is_told_by_its_status():
    with pytest.raises(CommandFailed, match="exit status 3"):
        sh("exit 3")


def test_no_such_program():
    with pytest.raises(LabError, match="cannot run no-such-program"):
        run(["no-such-program"], env=ENV, timeout=5)


def test_the_deadline():
    with pytest.raises(CommandFailed, match="sh did not end in time; last words: working") as caught:
        sh("echo working; sleep 600", timeout=0.5)
    assert (caught.value.status, caught.value.output) == (-1, "working\n")


def test_it_stops_when_asked():
    cancel = threading.Event()
    with pytest.raises(Stopped, match="sh was stopped"):
        sh("echo go; sleep 600", on_line=lambda line: cancel.set(), cancel=cancel)


def test_errors_go_to_a_file(tmp_path: Path):
    with (tmp_path / "errors").open("w+b") as errors:
        with running(["sh", "-c", "echo out; echo err >&2"], env=ENV, errors=errors) as program:
            assert program.stdout
            assert program.stdout.read() == b"out\n"
        errors.seek(0)
        assert errors.read() == b"err\n"


@pytest.mark.parametrize(("output", "last"), [("", ""), ("a\n\n  \n", "a"), ("a\nb  \n", "b"), ("x" * 999, "x" * 300)])
def test_last_line(output: str, last: str):
    assert last_line(output) == last

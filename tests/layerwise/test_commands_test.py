"""`lab test` brings the lab up while style, types and unit tests run, and leaves it as it was."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from layerwise.commands import test as lab_test
from layerwise.errors import LabError


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `lab` that writes each of its calls here. It is up if there is a file `is-up`, and cannot come up if there is a
    file `broken`. `lab up` says two words with a while between them, and waits for ever if there is a file `slow`."""
    script = tmp_path / "lab.py"
    script.write_text(
        textwrap.dedent("""\
        import signal, sys, time
        from pathlib import Path
        here = Path(__file__).parent
        def call(word):
            with (here / "calls").open("a") as file:
                file.write(word + "\\n")
        def stop(*_):
            call("up was stopped")
            sys.exit(143)
        word = sys.argv[1]
        if word == "status":
            sys.exit(0 if (here / "is-up").exists() else 3)
        signal.signal(signal.SIGTERM, stop)
        call(word)
        if word == "up":
            print("the engine", flush=True)
            for _ in range(600 if (here / "slow").exists() else 5):
                time.sleep(0.1)  # not longer: a signal that comes just before a sleep waits for its end
            print("the images", file=sys.stderr)
            sys.exit(1 if (here / "broken").exists() else 0)
        """)
    )
    monkeypatch.setattr(lab_test, "LAB", (sys.executable, str(script)))
    (tmp_path / "calls").touch()
    return tmp_path / "calls"


def until(calls: Path, word: str) -> None:
    while word not in calls.read_text():
        pass


def test_it_comes_up_meanwhile(calls: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with lab_test._live_lab() as when_up:
        until(calls, "up")
        assert capfd.readouterr().err == "", "what it says would stand between what the tests say"
        when_up()
        said = capfd.readouterr().err.splitlines()
    assert said == ["── lab up --no-jupyter --images all", "the engine", "the images"]
    assert calls.read_text().split() == ["up", "down"]


def test_a_lab_that_was_up_stays_up(calls: Path) -> None:
    calls.with_name("is-up").touch()
    with lab_test._live_lab() as when_up:
        when_up()
    assert calls.read_text().split() == ["up"]


def test_a_lab_that_does_not_come_up_is_told_and_taken_down(calls: Path, capfd: pytest.CaptureFixture[str]) -> None:
    calls.with_name("broken").touch()
    with pytest.raises(LabError, match=r"'lab up' failed \(status 1\)"), lab_test._live_lab() as when_up:
        when_up()
    assert "the images" in capfd.readouterr().err
    assert calls.read_text().split() == ["up", "down"]


def test_if_what_runs_meanwhile_ends_early_it_is_stopped(calls: Path) -> None:
    calls.with_name("slow").touch()
    with pytest.raises(KeyboardInterrupt), lab_test._live_lab():
        until(calls, "up")
        raise KeyboardInterrupt
    assert calls.read_text().splitlines() == ["up", "up was stopped", "down"]

"""`lab watch`: what is shown at each save, piped and on a terminal, and what is left behind; by the real command."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest
from rich.console import Console

from grader.lint.model import Linted, Severity
from grader.lint.rules.image import root_user
from grader.verdict import CheckResult, Report, Verdict
from layerwise.commands._screen import _Page
from layerwise.progress import Progress
from layerwise.saves import SETTLE, Saves

NOWHERE = {"DOCKER_HOST": "unix:///nowhere.sock"}
FULL = "FROM scratch\nCOPY greeting.txt /\nUSER 1000\n"
PARTIAL = "FROM scratch\nCOPY greeting.txt /\n"
PATIENCE = 120


def work(lab, text):
    folder = lab.work / "01-tiny"
    shutil.copytree(lab.exercise("01-tiny") / "starter", folder)
    (folder / "Dockerfile").write_text(text)
    return folder


class Watching:
    """A running `lab watch`, and all that it has written so far."""

    def __init__(self, lab, *words, terminal=False, **env):
        self.text = ""
        self._temporary = lab.work.parent / "temporary"
        self._temporary.mkdir()
        main, output = os.openpty() if terminal else os.pipe()
        if terminal:
            fcntl.ioctl(output, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "layerwise.cli", "watch", *map(str, words)],
            env={**lab.env, "TERM": "xterm", "TMPDIR": str(self._temporary), **env},
            cwd=lab.work.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(output)
        self._main = main
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        while True:
            try:
                chunk = os.read(self._main, 65536)
            except OSError:  # the terminal's other end is closed
                return
            if not chunk:
                return
            self.text += chunk.decode("utf-8", "replace")

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=PATIENCE)
        self.process.stderr.close()
        self._reader.join()
        os.close(self._main)

    def until(self, words, count=1):
        """Wait until `words` have been written that often, whatever stands between them on a terminal."""
        deadline = time.monotonic() + PATIENCE
        while self.text.count(words) < count:
            assert self.process.poll() is None, (self.text, self.process.stderr.read())
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    def end(self, number=signal.SIGINT):
        """End it; its exit status and what it said on standard error. No temporary folder may be left."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=PATIENCE)
        self._reader.join()
        assert "Traceback" not in err
        assert [path.name for path in self._temporary.iterdir() if path.name.startswith("layerwise")] == []
        return self.process.returncode, err.strip()


def attempts(lab):
    return [(attempt.exercise, attempt.score) for attempt in Progress(lab.home / "progress.sqlite").attempts()]


@pytest.mark.engine
def test_each_save_is_linted_and_graded(lab):
    folder = work(lab, PARTIAL)
    with Watching(lab, "01-tiny") as watch:
        watch.until("4 of 10 points")
        (folder / "Dockerfile").write_text(FULL)
        watch.until("10 of 10 points")
        assert watch.end() == (130, "lab: stopped.")
    first, _, second = watch.text.partition("4 of 10 points")
    assert "line 1: error root-user" in first
    assert "lint: nothing found" in second.partition("10 of 10 points")[0]
    assert "\x1b" not in watch.text
    assert attempts(lab) == [("01-tiny", 4.0), ("01-tiny", 10.0)]


@pytest.mark.engine
def test_another_folder_is_graded_and_not_remembered(lab, tmp_path):
    shutil.copytree(lab.exercise("01-tiny") / "solution", tmp_path / "other")
    with Watching(lab, "01-tiny", "other") as watch:
        watch.until("10 of 10 points")
        assert watch.end()[0] == 130
    assert attempts(lab) == []


@pytest.mark.lab
def test_a_save_while_a_grading_runs_begins_anew_and_one_screen_shows_it(lab):
    folder = work(lab, f"FROM localhost:5000/base/busybox:musl\nRUN echo {time.time_ns()} && sleep 300\n")
    with Watching(lab, "01-tiny", terminal=True) as watch:
        watch.until("sleep 300")
        (folder / "Dockerfile").write_text(FULL)
        watch.until("10 of 10 points")
        assert watch.end() == (130, "lab: stopped.")
    assert attempts(lab) == [("01-tiny", 10.0)]
    assert "\x1b[?1049h" in watch.text  # a screen of its own, which is left again; the cursor is back
    tail = watch.text.rpartition("\x1b[?1049l")[2]
    assert "\x1b[?25h" in watch.text
    assert "01-tiny: 10 of 10 points" in tail


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_nothing_is_left(lab, number):
    work(lab, f"FROM localhost:5000/base/busybox:musl\nRUN echo {time.time_ns()} && sleep 300\n")
    with Watching(lab, "01-tiny", terminal=True) as watch:
        watch.until("sleep 300")
        status, _ = watch.end(number)
    assert status == {signal.SIGINT: 130}.get(number, 128 + number)
    assert attempts(lab) == []


def test_without_an_engine_the_static_findings_are_still_shown(lab):
    folder = work(lab, PARTIAL)
    with Watching(lab, "01-tiny", **NOWHERE) as watch:
        watch.until("it is graded again after the next save")
        assert "line 1: error root-user" in watch.text
        assert "No Docker engine answers at unix:///nowhere.sock" in watch.text
        (folder / "Dockerfile").write_text("FROM scratch\nCOPPY x /\n")
        watch.until("0 of 10 points")  # that it does not parse needs no engine
        assert "error syntax: unknown instruction: COPPY" in watch.text
        (folder / "Dockerfile").unlink()
        watch.until("no Dockerfile to look at")
        watch.until("expected a Dockerfile in")
        assert watch.end()[0] == 130


def test_a_folder_that_vanishes_is_waited_for(lab):
    folder = work(lab, PARTIAL)
    with Watching(lab, "01-tiny", DOCKER_HOST="") as watch:
        watch.until("no grade: the lab is not up; run: ./lab up; it is graded again after the next save")
        folder.rename(lab.work / "away")
        watch.until("no grade: the folder work/01-tiny is gone; it will be graded when it is back")
        (lab.work / "away").rename(folder)
        watch.until("the lab is not up", 2)
        assert watch.end()[0] == 130


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such"], "no-such"),
        (["01-tiny"], "there is no folder work/01-tiny to watch; begin with: ./lab start 01-tiny"),
        (["01-tiny", "nowhere"], "there is no folder nowhere to watch"),
        (["01-tiny", ""], "the name of the folder to watch is empty"),
    ],
)
def test_nothing_to_watch_is_said_in_one_line(lab, words, said):
    ended = lab("watch", *words, **NOWHERE)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_an_invalid_exercise_is_said_in_one_line(lab):
    work(lab, FULL)
    (lab.exercise("01-tiny") / "exercise.toml").write_text("title = 1\n")
    ended = lab("watch", "01-tiny", **NOWHERE)
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)


# When a save is over


def test_a_save_is_over_when_the_folder_rests(tmp_path):
    (tmp_path / "Dockerfile").write_text("1")
    saves = Saves(tmp_path)
    assert saves.poll(0.0)
    assert not saves.poll(10.0)
    (tmp_path / "Dockerfile").write_text("two")
    assert not saves.poll(20.0)
    (tmp_path / "new").write_text("")
    assert not saves.poll(20.0 + 2 * SETTLE)
    assert saves.moving_since == 20.0
    assert saves.poll(20.0 + 4 * SETTLE)
    assert not saves.poll(30.0)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda folder: (folder / "Dockerfile").write_text("longer"), True),
        (lambda folder: os.utime(folder / "Dockerfile", ns=(1, 1)), True),
        (lambda folder: (folder / "Dockerfile").chmod(0o700), True),
        (lambda folder: (folder / "sub" / "x").unlink(), True),
        (lambda folder: (folder / "sub" / "x").rename(folder / "sub" / "y"), True),
        (lambda folder: (folder / "link").symlink_to("/"), True),
        (lambda folder: (folder / "empty").mkdir(), True),
        (lambda folder: (folder / ".Dockerfile.swp").write_text("vim"), False),
        (lambda folder: (folder / "Dockerfile~").write_text("a backup"), False),
        (lambda folder: (folder / ".#Dockerfile").symlink_to("emacs"), False),
        (lambda folder: (folder / "sub" / "__pycache__").mkdir(), False),
        (lambda folder: None, False),
    ],
)
def test_what_counts_as_a_save(tmp_path, change, seen):
    (tmp_path / "Dockerfile").write_text("1")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x").write_text("x")
    saves = Saves(tmp_path)
    saves.poll(0.0)
    change(tmp_path)
    saves.poll(1.0)
    assert saves.poll(2.0) == seen


# The screen


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (200, 50)])
def test_the_screen_fits_the_terminal(width, height):
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(file=nowhere, width=width, height=height, force_terminal=True)
        page = _Page(console, "01-tiny", "work/01-tiny")
        findings = [
            root_user.finding(line, "a long message [bold]with brackets[/bold] " * 8, severity)
            for line in range(1, 9)
            for severity in Severity
        ]
        page.saved(Linted("Dockerfile", findings))
        page.news("check 1 of 2: " + "a long title " * 20)
        verdict = Verdict.failed("it failed, " * 50)
        check = CheckResult.of(verdict, id="a", kind="build", title="A title", max_points=1)
        page.report(Report(exercise="01-tiny", title="Tiny", checks=[check] * 5))
        rows = list(page.render().renderables)
        assert len(rows) <= height
        assert all(row.cell_len <= width for row in rows)
        text = "\n".join(row.plain for row in rows)
        assert re.search(r"\[bold\]with", text.replace("\n", " "))
        assert "Ctrl-C ends" in text or width < 60
        assert len(rows) < height or text.splitlines()[-1].startswith("… see all with: ./lab grade 01-tiny")

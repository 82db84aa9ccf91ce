"""`lab grade`: exit statuses, what goes where, and what is remembered, by the real command."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import pytest

from layerwise.progress import Progress

NOWHERE = {"DOCKER_HOST": "unix:///nowhere.sock"}


def work(lab, text, name="01-tiny"):
    folder = lab.work / name
    shutil.copytree(lab.exercise(name) / "starter", folder)
    (folder / "Dockerfile").write_text(text)
    return folder


def attempts(lab):
    return [(attempt.exercise, attempt.score) for attempt in Progress(lab.home / "progress.sqlite").attempts()]


FULL = "FROM scratch\nCOPY greeting.txt /\nUSER 1000\n"
PARTIAL = "FROM scratch\nCOPY greeting.txt /\n"
BROKEN = "FROM scratch\nCOPY greting.txt /\n"
UNPARSABLE = "FROM scratch\nCOPPY greeting.txt /\n"


# Graded


@pytest.mark.engine
@pytest.mark.parametrize(
    ("dockerfile", "status", "score", "checks"),
    [
        (FULL, 0, 10.0, ["passed", "passed"]),
        (PARTIAL, 1, 4.0, ["passed", "failed"]),
        (BROKEN, 1, 0.0, ["failed", "skipped"]),
        (UNPARSABLE, 1, 0.0, ["failed", "skipped"]),
        ("", 1, 0.0, ["failed", "skipped"]),
        ("ARG X=1\n", 1, 0.0, ["failed", "skipped"]),  # with no FROM some engines crash: they must never see it
    ],
)
def test_the_exit_status_tells_full_marks_from_less(lab, dockerfile, status, score, checks):
    work(lab, dockerfile)
    ended = lab("grade", "01-tiny", "--json")
    assert ended.status == status, ended.err
    assert ended.err == ""
    shown = json.loads(ended.out)
    assert shown["score"] == score
    assert shown["max_score"] == 10.0
    assert [check["status"] for check in shown["checks"]] == checks
    assert attempts(lab) == [("01-tiny", score)]


@pytest.mark.engine
def test_the_report_is_for_reading_unless_json_is_asked_for(lab):
    work(lab, PARTIAL)
    ended = lab("grade", "01-tiny")
    assert (ended.status, ended.err) == (1, "")
    assert ended.out.startswith("4 of 10 points\n")
    assert "It is not root" in ended.out
    assert "\x1b" not in ended.out


@pytest.mark.engine
def test_the_folder_may_be_named_and_only_the_learners_own_is_remembered(lab, tmp_path):
    work(lab, PARTIAL)
    other = tmp_path / "other"
    shutil.copytree(lab.exercise("01-tiny") / "solution", other)
    assert lab("grade", "01-tiny", other).status == 0
    assert attempts(lab) == []
    assert lab("grade", "01-tiny", "work/01-tiny").status == 1
    assert attempts(lab) == [("01-tiny", 4.0)]
    assert lab("grade", lab.exercise("01-tiny"), "other").status == 0
    assert attempts(lab) == [("01-tiny", 4.0)]


@pytest.mark.engine
def test_an_exercise_from_elsewhere_is_not_taken_for_one_of_the_course(lab, tmp_path):
    work(lab, FULL)
    shutil.copytree(lab.exercise("01-tiny"), tmp_path / "mine" / "01-tiny")
    assert lab("grade", "mine/01-tiny").status == 0
    assert attempts(lab) == [(str(tmp_path / "mine" / "01-tiny"), 10.0)]
    assert lab("grade", lab.exercise("01-tiny")).status == 0
    assert attempts(lab)[1:] == [("01-tiny", 10.0)]


@pytest.mark.engine
def test_every_format_is_written(lab, tmp_path):
    work(lab, PARTIAL)
    files = {name: tmp_path / f"report.{name}" for name in ("junit", "sarif", "gradescope", "html")}
    files["junit"].write_text("an older one")
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    ended = lab("grade", "01-tiny", "--json", *options)
    assert (ended.status, ended.err) == (1, "")
    assert json.loads(ended.out)["score"] == 4.0
    assert ElementTree.parse(files["junit"]).getroot().tag in ("testsuite", "testsuites")
    assert json.loads(files["sarif"].read_text())["version"] == "2.1.0"
    assert json.loads(files["gradescope"].read_text())["tests"][0]["score"] == 4.0
    assert "<html" in files["html"].read_text().lower()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.engine
def test_a_grade_that_cannot_be_remembered_is_still_given(lab):
    work(lab, FULL)
    lab.home.mkdir()
    (lab.home / "progress.sqlite").write_bytes(b"not a database" * 100)
    ended = lab("grade", "01-tiny", "--json")
    assert ended.status == 0
    assert json.loads(ended.out)["score"] == 10.0
    assert ended.err.startswith("lab: warning: this grade is not recorded: ")
    assert ended.err.count("\n") == 1


@pytest.mark.engine
def test_a_disk_that_fills_up_meanwhile_loses_the_file_and_not_the_grade(lab, tmp_path):
    work(lab, FULL)
    target = tmp_path / "out" / "report.xml"
    target.parent.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "layerwise.cli", "grade", "01-tiny", "--junit", str(target)],
        env=lab.env,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    # The folder is looked at first: its time changes when the trial file comes and goes.
    before = target.parent.stat().st_mtime_ns
    while target.parent.stat().st_mtime_ns == before and time.monotonic() < deadline:
        time.sleep(0.005)
    target.parent.rename(tmp_path / "gone")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "10 of 10 points" in out
    assert err == f"lab: cannot write {target}: No such file or directory\n"
    assert attempts(lab) == [("01-tiny", 10.0)]


@pytest.mark.engine
def test_a_terminal_sees_progress_and_then_only_the_report(lab, tmp_path):
    work(lab, FULL)
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "layerwise.cli", "grade", "01-tiny"],
        env={**lab.env, "TERM": "xterm", "COLUMNS": "80"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    seen = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and select.select([main], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            chunk = os.read(main, 4096)
        except OSError:  # the terminal's other end is closed
            break
        seen += chunk
    os.close(main)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "10 of 10 points" in out
    assert b"check 1 of 2: It builds" in seen
    assert seen.rstrip().endswith((b"\x1b[2K", b"\x1b[?25h"))  # the line is wiped, the cursor is back


# Nothing to grade


@pytest.mark.parametrize(
    ("prepare", "words", "said"),
    [
        (lambda lab: None, ["01-tiny"], "there is no folder work/01-tiny to grade; begin with: ./lab start 01-tiny"),
        (lambda lab: None, ["01-tiny", "nowhere"], "there is no folder nowhere to grade"),
        (lambda lab: lab.work.mkdir(), ["01-tiny", ""], "the name of the folder to grade is empty"),
        (lambda lab: (lab.work / "01-tiny").mkdir(parents=True), ["01-tiny"], "is empty: put a Dockerfile there"),
        (lambda lab: (work(lab, FULL) / "Dockerfile").unlink(), ["01-tiny"], "expected a Dockerfile in"),
        (
            lambda lab: (work(lab, FULL) / "Dockerfile").rename(lab.work / "01-tiny" / "dockerfile"),
            ["01-tiny"],
            "found dockerfile: capital letters matter",
        ),
        (
            lambda lab: work(lab, FULL),
            ["01-tiny", "work/01-tiny/Dockerfile"],
            "there is no folder work/01-tiny/Dockerfile",
        ),
        (lambda lab: (work(lab, FULL) / "out").symlink_to("/etc"), ["01-tiny"], "out"),
        (lambda lab: os.mkfifo(work(lab, FULL) / "pipe"), ["01-tiny"], "pipe"),
    ],
)
def test_nothing_to_grade_is_said_in_one_line(lab, prepare, words, said):
    prepare(lab)
    ended = lab("grade", *words, "--json", **NOWHERE)
    assert (ended.status, ended.out) == (2, ""), ended
    assert ended.err.startswith("lab: ")
    assert ended.err.count("\n") == 1
    assert said in ended.err
    assert attempts(lab) == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            ["--junit", "no/such/folder/x.xml"],
            "--junit no/such/folder/x.xml: no file can be written there: No such file",
        ),
        (["--sarif", "work"], "--sarif work: expected the name of a file to write, but that is not a file"),
        (["--html", "/dev/null"], "--html /dev/null: expected the name of a file to write"),
        (["--gradescope", "x" * 300], "no file can be written there: File name too long"),
        (["--gradescope", "work/01-tiny/Dockerfile/x"], "no file can be written there: Not a directory"),
        (["--junit", "same", "--html", "./same"], "another option names the same file"),
    ],
)
def test_a_file_that_cannot_be_written_is_found_before_grading(lab, option, said):
    work(lab, FULL)
    ended = lab("grade", "01-tiny", *option, **NOWHERE)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_learners_name_that_no_repository_can_have_is_unusable_input(lab):
    work(lab, FULL)
    ended = lab("grade", "01-tiny", LAYERWISE_LEARNER="Ada Lovelace")
    assert (ended.status, ended.out) == (2, "")
    assert "LAYERWISE_LEARNER becomes part of a repository's name: expected at most 64 lower case letters" in ended.err
    assert ended.err.count("\n") == 1


def test_an_unknown_base_image_is_unusable_input(lab):
    work(lab, FULL)
    manifest = lab.exercise("01-tiny") / "exercise.toml"
    manifest.write_text('images = ["pyton:3.13-slim"]\n' + manifest.read_text())
    ended = lab("grade", "01-tiny", **NOWHERE)
    assert (ended.status, ended.out) == (2, "")
    assert "pyton:3.13-slim" in ended.err
    assert "python:3.13-slim" in ended.err


@pytest.mark.parametrize("words", [["--jsn"], ["01-tiny", "a", "b"], []])
def test_wrong_words_are_unusable_input(lab, words):
    ended = lab("grade", *words)
    assert (ended.status, ended.out) == (2, "")


# No grade


def test_no_engine_is_no_grade(lab, tmp_path):
    work(lab, FULL)
    target = tmp_path / "results.json"
    ended = lab("grade", "01-tiny", "--json", "--gradescope", target, **NOWHERE)
    assert ended.status == 3
    shown = json.loads(ended.out)
    assert (shown["status"], shown["score"]) == ("error", None)
    assert "No Docker engine answers at unix:///nowhere.sock" in shown["checks"][0]["message"]
    assert not target.exists()
    assert ended.err == f"lab: there is no score, so nothing was written for Gradescope to {target}\n"
    assert attempts(lab) == []


def test_no_lab_is_no_grade_and_says_how_to_have_one(lab):
    work(lab, FULL)
    ended = lab("grade", "01-tiny", DOCKER_HOST="")
    assert (ended.status, ended.out, ended.err) == (3, "", "lab: the lab is not up; run: ./lab up\n")


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP])
def test_stopped_in_the_middle_there_is_no_grade(lab, tmp_path, number):
    work(lab, f"FROM localhost:5000/base/busybox:musl\nRUN echo {time.time_ns()} && sleep 300\n")
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "layerwise.cli", "grade", "01-tiny"],
        env={**lab.env, "TERM": "xterm", "COLUMNS": "200", "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    seen = b""
    try:
        deadline = time.monotonic() + 120
        while b"sleep 300" not in seen and time.monotonic() < deadline:
            seen += os.read(main, 4096)
        process.send_signal(number)
        out = process.stdout.read()
        assert process.wait(timeout=60) == {signal.SIGINT: 130}.get(number, 128 + number)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        os.close(main)
    assert out == ""
    assert attempts(lab) == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("layerwise-grade")] == []


@pytest.mark.lab
def test_a_missing_registry_is_no_grade(lab):
    """The learner's Dockerfile is right; that its base image cannot be had costs nobody points."""
    work(lab, FULL.replace("scratch", "localhost:5999/base/busybox:musl"))
    ended = lab("grade", "01-tiny", "--json")
    assert ended.status == 3
    assert json.loads(ended.out)["status"] == "error"
    assert attempts(lab) == []

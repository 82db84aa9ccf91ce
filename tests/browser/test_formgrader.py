"""nbgrader's formgrader shows a class that the grader judged, and a grade given there outlives a regrade."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from grader.exercise import load
from grader.verdict import CheckResult, Report, Verdict
from layerwise.classroom import gradebook
from layerwise.classroom.layouts import recognise
from layerwise.classroom.store import Store

pytestmark = [pytest.mark.browser, pytest.mark.long(one_in=3)]

ROOT = Path(__file__).resolve().parents[2]
NAME = "05-drop-root"
TOKEN = "formgrader"
LEARNERS = {"ada": 1.0, "bob": 0.0}
"""Learners, and the share of its points that each gets for the user's check."""


@dataclass(frozen=True)
class Class:
    """A course with two learners, and the address of a Jupyter server in its folder."""

    folder: Path
    url: str
    env: dict[str, str]

    def nbgrader(self, *words: str) -> None:
        run(self.folder, self.env, *words)

    def exported(self) -> dict[str, dict[str, str]]:
        """The grades as nbgrader exports them, by learner."""
        self.nbgrader("export", "--to", "grades.csv")
        import csv

        with (self.folder / "grades.csv").open(newline="") as file:
            return {row["student_id"]: row for row in csv.DictReader(file)}


def run(folder: Path, env: dict[str, str], *words: str) -> None:
    command = [sys.executable, "-m", "nbgrader", *words]
    ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=180)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    top = tmp_path_factory.mktemp("formgrader")
    folder = top / "class"
    programs = Path(sys.executable).parent
    env = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "ignore",
        "LAYERWISE_HOME": str(top / "home"),
        **{name: str(top / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")},
    }
    lab = [sys.executable, "-m", "layerwise.cli", "classroom", "init", str(folder), "--exercises", NAME]
    subprocess.run(lab, cwd=ROOT, env=env, check=True, capture_output=True, timeout=120)
    run(folder, env, "generate_assignment", NAME)
    for learner in LEARNERS:
        shutil.copytree(folder / "release" / NAME, folder / "submitted" / learner / NAME)
        answer(folder / "submitted" / learner / NAME / f"{NAME}.ipynb", f"{learner} <script>alert(1)</script> chown.")
        with (folder / "submitted" / learner / NAME / "Dockerfile").open("a") as file:
            file.write(f"# {learner}\n")
    fill(folder)
    run(folder, env, "autograde", NAME)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = {"ServerApp": {"jpserver_extensions": {"nbgrader.server_extensions.formgrader": True}}}
    (top / "JUPYTER_CONFIG_DIR").mkdir(exist_ok=True)
    (top / "JUPYTER_CONFIG_DIR" / "jupyter_server_config.json").write_text(json.dumps(settings))
    words = [
        *("jupyter", "server", "--no-browser", "--allow-root", f"--port={port}", "--ServerApp.ip=127.0.0.1"),
        f"--IdentityProvider.token={TOKEN}",
    ]
    with (top / "server.log").open("wb") as log:
        server = subprocess.Popen([sys.executable, "-m", *words], cwd=folder, env=env, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/api/status?token={TOKEN}")
        yield Class(folder, f"http://127.0.0.1:{port}/formgrader", env)
    finally:
        server.terminate()
        server.wait(30)


def answer(notebook: Path, text: str) -> None:
    """Write the learner's answer to the question that is graded by hand."""
    raw = json.loads(notebook.read_text())
    (cell,) = (cell for cell in raw["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == "say-why")
    cell["source"] = text
    notebook.write_text(json.dumps(raw))


def fill(folder: Path) -> None:
    """Put a made-up verdict on each hand-in into the store."""
    exercise = load(NAME, ROOT / "exercises")
    with Store.open(folder) as store:
        layout = recognise(folder, [NAME])
        for entry in gradebook.read(layout, {NAME: exercise}, store, engines=["an engine"]).entries:
            checks = [
                CheckResult.of(
                    Verdict.share(LEARNERS[entry.learner] if check.id == "user" else 1.0, "It is so."),
                    id=check.id,
                    kind=check.kind,
                    title=check.title,
                    max_points=check.points,
                )
                for check in exercise.checks
            ]
            assert entry.key
            store.keep(entry.learner, entry.key, Report(exercise=NAME, title=exercise.title, checks=checks))


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.2)


def test_formgrader_shows_the_class_and_a_grade_given_there_outlives_a_regrade(course: Class, page: Page) -> None:
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.goto(f"{course.url}?token={TOKEN}")
    expect(page.get_by_text(NAME, exact=True).first).to_be_visible()
    page.goto(f"{course.url}/manage_submissions/{NAME}")
    expect(page.get_by_text("ada", exact=True).first).to_be_visible()
    expect(page.get_by_text("bob", exact=True).first).to_be_visible()

    page.goto(f"{course.url}/gradebook/{NAME}/{NAME}")
    page.locator("td a", has_text="Submission #1").first.click()
    score = page.locator(".nbgrader_cell", has_text="chown.").locator("input.score")
    expect(score).to_be_visible()
    expect(page.get_by_text("It is so.").first).to_be_visible()
    expect(page.locator("input.score").first).to_have_attribute("placeholder", "1")  # the grades have come
    with page.expect_response(lambda answer: "/api/grade/" in answer.url and answer.request.method == "PUT") as put:
        score.fill("0.5")
        score.press("Tab")
    assert put.value.ok
    assert said == []  # the script in the answer did not run

    before = course.exported()
    assert sorted(row["raw_score"] for row in before.values()) in (["10", "6.5"], ["10.5", "6"])
    course.nbgrader("autograde", NAME, "--force")
    after = course.exported()
    assert {name: row["raw_score"] for name, row in after.items()} == {
        name: row["raw_score"] for name, row in before.items()
    }
    page.reload()
    expect(page.locator(".nbgrader_cell", has_text="chown.").locator("input.score")).to_have_value("0.5")

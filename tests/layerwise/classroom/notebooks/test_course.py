"""`lab classroom init`: what it writes, and what it refuses."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.exercise import EXERCISES, load
from layerwise.classroom.layouts import recognise
from layerwise.classroom.notebooks import course
from layerwise.cli import main
from layerwise.errors import InputError

ROOT = Path(__file__).resolve().parents[4]


def test_a_course_has_sources_and_a_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my class"
    assert main(["classroom", "init", str(folder), "--exercises", "05-drop-root, 04b-node-two-stage"]) == 0
    assert "nbgrader generate_assignment 05-drop-root" in capsys.readouterr().out
    source = folder / "source" / "05-drop-root"
    assert sorted(path.name for path in source.iterdir()) == ["05-drop-root.ipynb", "Dockerfile", "guestbook.py"]
    assert (source / "Dockerfile").read_bytes() == (EXERCISES / "05-drop-root/starter/Dockerfile").read_bytes()
    assert json.loads((source / "05-drop-root.ipynb").read_text())["nbformat"] == 4
    config = (folder / "nbgrader_config.py").read_text()
    ast.parse(config)
    assert "c.CourseDirectory.course_id = 'my-class'" in config
    assert "'04b-node-two-stage': ['.dockerignore', 'Dockerfile'," in config
    assert "Execute" not in config.replace("No Execute here", "")
    assert recognise(folder, ["05-drop-root"]).name == "an nbgrader course"


def test_a_course_of_all_exercises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAYERWISE_EXERCISES", raising=False)
    assert main(["classroom", "init", str(tmp_path), "--course-id", "c1"]) == 0
    names = {path.parent.name for path in EXERCISES.glob("*/exercise.toml")}
    assert {path.stem for path in tmp_path.glob("source/*/*.ipynb")} == names
    assert "LAYERWISE_EXERCISES" not in (tmp_path / "nbgrader_config.py").read_text()


def test_exercises_from_elsewhere_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERWISE_EXERCISES", str(tmp_path / "exercises"))
    shutil.copytree(EXERCISES / "05-drop-root", tmp_path / "exercises" / "own")
    assert main(["classroom", "init", str(tmp_path / "class")]) == 0
    config = (tmp_path / "class" / "nbgrader_config.py").read_text()
    assert f'os.environ.setdefault("LAYERWISE_EXERCISES", {str(tmp_path / "exercises")!r})' in config


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["full"], "is not empty; name a new folder"),
        (["file"], "is not a folder; name a new one"),
        (["new?"], "nbgrader cannot work in a folder with ? in its path"),
        (["new", "--exercises", "05-drop-rot"], "did you mean 05-drop-root?"),
        (["new", "--exercises", ","], "there is no exercise to make a course of"),
        (["new", "--course-id", "a/b"], "--course-id 'a/b': expected letters"),
        (["---"], "--course-id '': expected letters"),
    ],
)
def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    assert main(["classroom", "init", str(tmp_path / words[0]), *words[1:]]) == 2
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_without_nbgrader_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install '\.\[classroom\]'"):
        course.create(tmp_path / "class", [load("05-drop-root")])


def test_grading_a_class_imports_no_nbgrader() -> None:
    modules = [
        f"layerwise.classroom.{path.stem}"
        for path in (ROOT / "layerwise" / "classroom").glob("*.py")
        if path.stem != "__init__"
    ]
    modules += ["layerwise.commands.classroom", "layerwise.classroom.notebooks.course"]
    script = f"import sys, {', '.join(modules)}; print(*sorted(set(sys.modules) & {{'nbgrader', 'nbconvert'}}))"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ended.stdout.strip(), ended.stderr) == ("", "")

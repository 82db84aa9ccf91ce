"""A learner's copy of the lessons follows the course and loses nothing."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from layerwise.stack.lessons import RECORD, refresh, trust


@pytest.fixture
def course(tmp_path: Path) -> Path:
    folder = tmp_path / "course"
    (folder / "apps" / "web").mkdir(parents=True)
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / "00-first.ipynb").write_text("one")
    (folder / "apps" / "web" / "run.sh").write_text("echo")
    (folder / "apps" / "web" / "run.sh").chmod(0o755)
    (folder / ".ipynb_checkpoints" / "00-first-checkpoint.ipynb").write_text("old")
    return folder


def shown(copy: Path) -> dict[str, str]:
    return {
        path.relative_to(copy).as_posix(): path.read_text()
        for path in sorted(copy.rglob("*"))
        if path.is_file() and path.name != RECORD
    }


def test_a_new_copy_holds_what_the_course_holds(course: Path, tmp_path: Path) -> None:
    copy = tmp_path / "work" / "lessons"
    refresh(course, copy)
    assert shown(copy) == {"00-first.ipynb": "one", "apps/web/run.sh": "echo"}
    assert (copy / "apps/web/run.sh").stat().st_mode & 0o111


@pytest.mark.parametrize(
    ("learner", "later", "expected"),
    [
        ("one", "one", {"00-first.ipynb": "one"}),
        ("one", "two", {"00-first.ipynb": "two"}),
        ("mine", "one", {"00-first.ipynb": "mine"}),
        ("mine", "two", {"00-first.ipynb": "two", "00-first.mine.ipynb": "mine"}),
        ("two", "two", {"00-first.ipynb": "two"}),
        (None, "one", {"00-first.ipynb": "one"}),
        (None, "two", {"00-first.ipynb": "two"}),
    ],
)
def test_what_a_learner_changed_stays(
    course: Path, tmp_path: Path, learner: str | None, later: str, expected: dict[str, str]
) -> None:
    copy = tmp_path / "lessons"
    refresh(course, copy)
    if learner is None:
        (copy / "00-first.ipynb").unlink()
    else:
        (copy / "00-first.ipynb").write_text(learner)
    (course / "00-first.ipynb").write_text(later)
    for _ in range(2):  # a second time changes nothing
        refresh(course, copy)
        assert shown(copy) == {**expected, "apps/web/run.sh": "echo"}


def test_a_second_copy_kept_beside_has_a_name_of_its_own(course: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lessons"
    for number in range(3):
        (course / "00-first.ipynb").write_text(f"edition {number}")
        refresh(course, copy)
        (copy / "00-first.ipynb").write_text(f"mine {number}")
    assert shown(copy) == {
        "00-first.ipynb": "mine 2",
        "00-first.mine.ipynb": "mine 0",
        "00-first.mine2.ipynb": "mine 1",
        "apps/web/run.sh": "echo",
    }


def test_a_lost_record_costs_nothing(course: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lessons"
    refresh(course, copy)
    (copy / RECORD).write_text("?")
    (copy / "00-first.ipynb").write_text("mine")
    refresh(course, copy)
    assert shown(copy)["00-first.mine.ipynb"] == "mine"


def test_a_lesson_is_trusted_while_it_is_the_course_s_own(course: Path, tmp_path: Path) -> None:
    """JupyterLab asks at each press of a button in a notebook that is not trusted whether the press was meant."""
    copy, data = tmp_path / "copy", tmp_path / "jupyter" / "data"
    for name in ("00-first", "01-second"):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(name)])  # type: ignore[no-untyped-call]
        nbformat.write(notebook, course / f"{name}.ipynb")  # type: ignore[no-untyped-call]
    refresh(course, copy)
    (copy / "01-second.ipynb").write_text((copy / "01-second.ipynb").read_text().replace("01-second", "from elsewhere"))
    trust(copy, data)
    notary = NotebookNotary(data_dir=str(data))  # type: ignore[no-untyped-call]
    read = {path.stem: nbformat.read(path, as_version=4) for path in copy.glob("*.ipynb")}  # type: ignore[no-untyped-call]
    trusted = {name: notary.check_signature(notebook) for name, notebook in read.items()}
    notary.store.close()
    assert trusted == {"00-first": True, "01-second": False}

"""A learner's copy of the lessons follows the course and loses nothing."""

from __future__ import annotations

import json
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
    (folder / "questions").mkdir()
    (folder / "questions" / "00-first.toml").write_text("answers")
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


def notebook(*sources: str, output: str = "") -> str:
    """A notebook with these code cells; each was run if there is an output."""
    shown = [nbformat.v4.new_output("stream", text=output)] if output else []  # type: ignore[no-untyped-call]
    cells = []
    for number, source in enumerate(sources, 1):
        run = {"outputs": shown, "execution_count": number} if output else {}
        cells.append(nbformat.v4.new_code_cell(source, id=f"cell-{number}", **run))  # type: ignore[no-untyped-call]
    return str(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))  # type: ignore[no-untyped-call]


ONE, TWO, MINE = notebook("one"), notebook("two"), notebook("mine")
RUN = notebook("one", output="1")


@pytest.mark.parametrize(
    ("learner", "later", "expected"),
    [
        (ONE, ONE, {"00-first.ipynb": ONE}),
        (ONE, TWO, {"00-first.ipynb": TWO}),
        (RUN, ONE, {"00-first.ipynb": RUN}),
        (RUN, TWO, {"00-first.ipynb": TWO}),
        (MINE, ONE, {"00-first.ipynb": MINE}),
        (MINE, TWO, {"00-first.ipynb": MINE, "00-first.new.ipynb": TWO}),
        (TWO, TWO, {"00-first.ipynb": TWO}),
        ("no notebook", TWO, {"00-first.ipynb": "no notebook", "00-first.new.ipynb": TWO}),
        (None, ONE, {"00-first.ipynb": ONE}),
        (None, TWO, {"00-first.ipynb": TWO}),
    ],
    ids=["same", "newer", "run", "run-newer", "edited", "edited-newer", "as-new", "spoilt", "deleted", "deleted-newer"],
)
def test_what_a_learner_edited_stays(
    course: Path, tmp_path: Path, learner: str | None, later: str, expected: dict[str, str]
) -> None:
    copy = tmp_path / "lessons"
    (course / "00-first.ipynb").write_text(ONE)
    refresh(course, copy)
    if learner is None:
        (copy / "00-first.ipynb").unlink()
    else:
        (copy / "00-first.ipynb").write_text(learner)
    (course / "00-first.ipynb").write_text(later)
    beside = ["00-first.new.ipynb"] if "00-first.new.ipynb" in expected else []
    for told in beside, []:  # a second time changes nothing
        assert refresh(course, copy) == told
        assert shown(copy) == {**expected, "apps/web/run.sh": "echo"}


def test_the_newest_version_takes_the_place_of_the_one_before_unless_that_was_edited_too(
    course: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "lessons"
    (course / "00-first.ipynb").write_text(ONE)
    refresh(course, copy)
    (copy / "00-first.ipynb").write_text(MINE)
    for edition in ("two", "three"):
        (course / "00-first.ipynb").write_text(notebook(edition))
        assert refresh(course, copy) == ["00-first.new.ipynb"]
    (copy / "00-first.new.ipynb").write_text(notebook("mine too"))
    (course / "00-first.ipynb").write_text(notebook("four"))
    assert refresh(course, copy) == ["00-first.new2.ipynb"]
    assert shown(copy) == {
        "00-first.ipynb": MINE,
        "00-first.new.ipynb": notebook("mine too"),
        "00-first.new2.ipynb": notebook("four"),
        "apps/web/run.sh": "echo",
    }


def test_a_program_that_was_edited_stays_too(course: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lessons"
    refresh(course, copy)
    (copy / "apps" / "web" / "run.sh").write_text("mine")
    (course / "apps" / "web" / "run.sh").write_text("echo 2")
    assert refresh(course, copy) == ["apps/web/run.new.sh"]
    assert shown(copy)["apps/web/run.sh"] == "mine"


@pytest.mark.parametrize(
    ("learner", "left"),
    [
        ({}, []),
        ({"index.ipynb": RUN}, []),
        ({"index.ipynb": MINE}, ["index.ipynb"]),
        ({"index.ipynb": None}, []),
        ({"mine.ipynb": ONE}, ["mine.ipynb"]),
    ],
    ids=["untouched", "run", "edited", "deleted", "one's own"],
)
def test_what_the_course_has_no_more_goes_unless_it_was_edited(
    course: Path, tmp_path: Path, learner: dict[str, str | None], left: list[str]
) -> None:
    copy = tmp_path / "lessons"
    (course / "index.ipynb").write_text(ONE)
    refresh(course, copy)
    for name, text in learner.items():
        (copy / name).unlink() if text is None else (copy / name).write_text(text)
    (course / "index.ipynb").unlink()
    for _ in range(2):
        assert refresh(course, copy) == []
        assert sorted(shown(copy)) == ["00-first.ipynb", "apps/web/run.sh", *left]


def test_a_newer_version_beside_an_edited_one_stays_until_the_course_has_neither(course: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lessons"
    (course / "00-first.ipynb").write_text(ONE)
    refresh(course, copy)
    (copy / "00-first.ipynb").write_text(MINE)
    (course / "00-first.ipynb").write_text(TWO)
    for _ in range(2):
        refresh(course, copy)
        assert shown(copy)["00-first.new.ipynb"] == TWO
    (course / "00-first.ipynb").unlink()
    refresh(course, copy)
    assert sorted(shown(copy)) == ["00-first.ipynb", "apps/web/run.sh"]


def test_the_record_of_an_earlier_version_is_understood(course: Path, tmp_path: Path) -> None:
    copy = tmp_path / "lessons"
    refresh(course, copy)
    record = json.loads((copy / RECORD).read_text())
    (copy / RECORD).write_text(json.dumps({name: version["file"] for name, version in record.items()}))
    (course / "00-first.ipynb").write_text("two")
    assert refresh(course, copy) == []
    assert shown(copy)["00-first.ipynb"] == "two"


@pytest.mark.parametrize("record", ["?", "[]", '{"00-first.ipynb": 1}', '{"00-first.ipynb": {}}'])
def test_a_lost_record_costs_nothing(course: Path, tmp_path: Path, record: str) -> None:
    copy = tmp_path / "lessons"
    refresh(course, copy)
    (copy / RECORD).write_text(record)
    (copy / "00-first.ipynb").write_text("mine")
    refresh(course, copy)
    assert shown(copy)["00-first.ipynb"] == "mine"
    assert shown(copy)["00-first.new.ipynb"] == "one"


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

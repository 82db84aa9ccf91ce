"""Every lesson runs to its end on the live lab, in a copy; and each is well written."""

from __future__ import annotations

import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from grader.exercise import load, names
from layerwise import course_progress
from layerwise.questions import lessons as questions
from layerwise.stack import embedded, environment, paths

COURSE = Path(__file__).resolve().parents[2] / "course"
LESSONS = sorted(COURSE.glob("*.ipynb"))
CELL_SECONDS = 600
MAX_LINES = 5
"""Lines of prose between two cells; the recap, after the last one, may be longer."""
MAX_WIDTH = 130

SHOWS = Path(__file__).parent / "shows"
"""For each lesson, NAME.toml: what its cells show, as regular expressions. To a notebook, a shell command that fails
in a cell is no error."""

lesson = pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the course, in the environment of the lab that is up, but with a work folder, a home (and so progress),
    temporary files and an IPython of its own."""
    env = environment.lab_env()
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    lab, home = paths.home(), paths.Home(tmp_path / "home")
    home.path.mkdir()
    shutil.copy(lab.state_file, home.state_file)  # where the engine is
    home.bin.symlink_to(lab.bin)
    home.docker_config.symlink_to(lab.docker_config)
    (tmp_path / "tmp").mkdir()
    folders = {
        "LAYERWISE_WORK": "work",
        "LAYERWISE_HOME": "home",
        "TMPDIR": "tmp",
        "IPYTHONDIR": "ipython",
        "JUPYTER_DATA_DIR": "data",
    }
    for name, folder in folders.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    shutil.copytree(COURSE, tmp_path / "course", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return tmp_path / "course"


def test_there_are_lessons() -> None:
    assert COURSE / "00-start-here.ipynb" in LESSONS
    assert [path.name for path in LESSONS] == [
        found.link() for found in course_progress.course().lessons if found.notebook
    ]


@lesson
def test_its_beginning_says_what_it_is_and_how_long_it_takes(path: Path) -> None:
    said = course_progress.read(path)
    assert said is not None
    assert said.title != path.stem
    assert said.minutes, "expected 'about 30 minutes' in the first cell"
    assert said.questions, 'expected questions: lw.ask("LESSON/ID")'


@lesson
def test_its_exercises_are_those_that_name_it(path: Path) -> None:
    said = course_progress.read(path)
    assert said is not None
    named = [name for name in names() if load(name).lesson == path.stem]
    assert sorted(said.places) == named


@lesson
def test_its_questions_are_those_of_its_file(path: Path) -> None:
    said = course_progress.read(path)
    assert said is not None
    assert said.questions == set(questions.read(questions.FOLDER / f"{path.stem}.toml"))


@lesson
def test_it_does_not_hold_the_answers_of_its_questions(path: Path) -> None:
    """A reader who looks at a cell before running it learns neither what is right nor why."""
    cells = {cell.id: cell.source for cell in read(path).cells}
    for question in questions.read(questions.FOLDER / f"{path.stem}.toml").values():
        for said in (question.ask, question.why, *(each.why for each in question.wrong)):
            for sentence in re.split(r"(?<=[.?!:;]) ", said):
                holders = [name for name, source in cells.items() if len(sentence) > 20 and sentence in source]
                assert holders == [], f"{question.id}: {sentence}"
    for name, source in cells.items():
        judged = re.findall(r"\.reveal\((.*)", source)
        for argument in judged:
            assert not re.match(r"[\[\d, \]\"']*\)", argument), f"{name}: what happened is measured, not written down"


FIRST, FOURTH = "04-multi-stage", "11-interview"
"""Of three workers the first is given the first lesson and the fourth, and the second only when these are begun. Lesson
04 takes as long as four others: it must not be the last to begin, and what waits behind it should take no time."""
PRUNING = ("02-caching", "09-when-it-breaks")
"""Lessons that remove records from the build cache. A build that runs at that moment can lose its own (BuildKit 0.13,
with a prune beside it in 10 of 30 builds), and then a cell beside it shows steps that run again."""


NETWORK = re.compile(
    r"npm error .*(?:EAI_AGAIN|ETIMEDOUT|ECONNRESET)|Temporary failure (?:in name resolution|resolv)"
    r"|Read timed out|Connection timed out"
)
"""What npm, pip and apt say if a registry of packages was not reached. The lesson then runs once more, not twice. npm
retries a request, but not an answer that breaks off, and lesson 04 asks four times for some two hundred packages."""
LOST = "reading from a closed fifo"
"""What the lab's engine logs if it lost what a quick container printed, which happens on a busy machine (see
grader.facts.engine.command). A lesson that shows something else then runs once more, too."""


@pytest.fixture
def lost() -> Callable[[], int]:
    """How often the lab's own engine has lost output so far. A test asks for it before `alone`, which has another home.

    It is not made once for the module: the tests of a module with such a fixture run on one worker.
    """
    log = embedded.log_file(paths.home())
    return lambda: log.read_text(encoding="utf-8", errors="replace").count(LOST) if log.exists() else 0


def run(path: Path) -> None:
    """Run the notebook. Raises CellExecutionError, or AssertionError if a cell does not show what it must."""
    notebook = read(path)
    NotebookClient(
        notebook, timeout=CELL_SECONDS, startup_timeout=120, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    shown = {cell.id: "".join(map(text, cell.outputs)) for cell in notebook.cells if cell.cell_type == "code"}
    for name, said in shown.items():
        assert "Traceback (most recent call last)" not in said, name
    for name, pattern in tomllib.loads((SHOWS / f"{path.stem}.toml").read_text(encoding="utf-8")).items():
        assert re.search(pattern, shown[name]), f"{name} shows no {pattern}, but:\n{shown[name]}"


def runs() -> Iterator[Any]:
    others = [path for path in LESSONS if path.stem not in (FIRST, FOURTH)]
    for path in [COURSE / f"{FIRST}.ipynb", *others[:2], COURSE / f"{FOURTH}.ipynb", *others[2:]]:
        yield pytest.param(path, marks=[pytest.mark.alone] if path.stem in PRUNING else [], id=path.stem)


# Beside two other lessons and nothing else: many builds without the cache would change what a cell shows.
@pytest.mark.lab
@pytest.mark.lesson
@pytest.mark.parametrize("path", list(runs()))
def test_it_runs_to_the_end(path: Path, lost: Callable[[], int], alone: Path) -> None:
    before = lost()
    try:
        run(alone / path.name)
    except (CellExecutionError, AssertionError) as problem:
        if not NETWORK.search(str(problem)) and lost() == before:
            raise
        run(alone / path.name)


def text(output: Any) -> str:
    """What an output of a cell says, in words."""
    return str(output.get("text") or output.get("data", {}).get("text/plain", ""))


@lesson
def test_what_a_check_says_to_read_is_there(path: Path) -> None:
    cells = {cell.id for cell in read(path).cells}
    for name in names():
        for check in load(name).checks:
            place, _, cell = (check.lesson or "").partition("#")
            if place == path.stem and cell:
                assert cell in cells, f"{name}, check {check.id}: no such cell: {check.lesson}"


@lesson
def test_it_is_kept_without_outputs(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)  # type: ignore[no-untyped-call]
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert not cell.get("outputs"), cell.id
        assert cell.get("execution_count") is None, cell.id
        assert not cell.get("attachments"), cell.id


@lesson
def test_its_cells_have_readable_names(path: Path) -> None:
    names = [cell.id for cell in read(path).cells]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name), name
        assert not re.fullmatch(r"[0-9a-f-]{8,}", name), f"{name} was made by a machine"


@lesson
def test_little_is_said_between_two_cells(path: Path) -> None:
    cells = read(path).cells
    last = max(number for number, cell in enumerate(cells) if cell.cell_type == "code")
    said: list[str] = []
    for cell in cells[1:last]:
        if cell.cell_type == "code":
            said = []
            continue
        said += [line for line in cell.source.splitlines() if line.strip() and not line.startswith("#")]
        assert len(said) <= MAX_LINES, f"{cell.id}: {len(said)} lines since the last cell to run"
        assert all(len(line) <= MAX_WIDTH for line in said), f"{cell.id}: a line longer than {MAX_WIDTH} characters"


@lesson
def test_pictures_are_described_and_links_lead_somewhere(path: Path) -> None:
    notebook = read(path)
    names = {cell.id for cell in notebook.cells}
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        assert "![](" not in cell.source, f"{cell.id}: a picture without words"
        for image in re.findall(r"<img\b[^>]*>", cell.source):
            assert re.search(r'\balt="[^"]+"', image), f"{cell.id}: a picture without words"
        for target in re.findall(r"\]\(([^)\s]+)\)", cell.source):
            file, _, place = target.partition("#")
            if "://" in target:
                continue
            assert not file or (path.parent / file).exists(), f"{cell.id}: no such file: {file}"
            if not file and place.startswith("cell-id="):
                assert place.removeprefix("cell-id=") in names, f"{cell.id}: no such cell: {place}"

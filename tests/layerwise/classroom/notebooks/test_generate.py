"""The notebook of every exercise of the course is one that nbgrader takes."""

from __future__ import annotations

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.utils import determine_grade, is_locked, is_solution

from grader.exercise import load, names
from layerwise.classroom.notebooks import generate


@pytest.mark.parametrize("name", names())
def test_notebook_is_valid_and_has_the_exercise_s_points(name: str) -> None:
    exercise = load(name)
    notebook = nbformat.from_dict(generate.notebook(exercise))
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    graded = [cell for cell in notebook.cells if cell.metadata.nbgrader.grade]
    checks = [cell for cell in graded if not is_solution(cell)]
    assert [generate.check_of(cell.metadata.nbgrader.grade_id) for cell in checks] == [c.id for c in exercise.checks]
    assert sum(cell.metadata.nbgrader.points for cell in checks) == pytest.approx(exercise.points)
    assert [cell.metadata.nbgrader.grade_id for cell in graded if is_solution(cell)] == [generate.SAY_WHY]
    assert all(is_locked(cell) != is_solution(cell) for cell in notebook.cells)
    assert not any(cell.get("outputs") for cell in notebook.cells)


def test_a_graded_cell_would_get_no_points_from_plain_nbgrader() -> None:
    notebook = nbformat.from_dict(generate.notebook(load("05-drop-root")))
    for cell in notebook.cells:
        if cell.metadata.nbgrader.grade and cell.cell_type == "code":
            value = eval(cell.source)  # what a kernel would show: our own text, not a learner's
            cell.outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": repr(value)})]
            assert determine_grade(cell)[0] == 0


def test_what_a_learner_reads() -> None:
    cells = {cell["id"]: cell["source"] for cell in generate.notebook(load("05-drop-root"))["cells"]}
    assert cells["story"].startswith("# A guest book that is not root\n\nA guest book serves")
    assert "`Dockerfile`, `guestbook.py`" in cells["how-to-work"]
    assert cells["try-it"].endswith("lw.check('05-drop-root')")
    assert cells["check-user"].startswith("# The guest book does not run as root: 4 points\n# Whoever breaks into")


def test_scripts_of_the_starter_are_made_executable_again() -> None:
    cells = {cell["id"]: cell["source"] for cell in generate.notebook(load("00-hello-image"))["cells"]}
    assert "Path('hello.sh').chmod(0o755)" in cells["try-it"]

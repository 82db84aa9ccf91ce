"""Whatever a learner does to the notebook, the released one is graded, and the answer is in it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator

from grader.exercise import load
from layerwise.classroom.notebooks import generate, submission
from layerwise.classroom.notebooks.rebuild import rebuild
from layerwise.classroom.notebooks.submission import read

ANSWER = "Because a number\nis what Kubernetes reads."
NAME = "05-drop-root.ipynb"


def released() -> Any:
    return nbformat.from_dict(generate.notebook(load("05-drop-root")))


def answered() -> dict[str, Any]:
    notebook = generate.notebook(load("05-drop-root"))
    cell_of(notebook, "say-why")["source"] = ANSWER
    return notebook


def cell_of(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def rebuilt(folder: Path, data: bytes | str | None) -> Any:
    if data is not None:
        (folder / NAME).write_bytes(data.encode() if isinstance(data, str) else data)
    notebook = rebuild(released(), read(folder / NAME))
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    return notebook


def answer(notebook: Any) -> str:
    return next(cell.source for cell in notebook.cells if cell.id == "say-why")


def without_own(notebook: Any) -> list[Any]:
    """The cells without the answer's text and without the learner's own cells."""
    cells = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return [{**cell, "source": "" if cell.id == "say-why" else cell.source} for cell in cells]


def delete_graded(notebook: dict[str, Any]) -> None:
    notebook["cells"].remove(cell_of(notebook, "check-user"))


def delete_locked_text(notebook: dict[str, Any]) -> None:
    notebook["cells"].remove(cell_of(notebook, "story"))


def duplicate_graded(notebook: dict[str, Any]) -> None:
    notebook["cells"].append(dict(cell_of(notebook, "check-user"), id="again"))


def duplicate_answer(notebook: dict[str, Any]) -> None:
    notebook["cells"].append(dict(cell_of(notebook, "say-why"), id="again"))


def reorder(notebook: dict[str, Any]) -> None:
    notebook["cells"].reverse()


def change_points(notebook: dict[str, Any]) -> None:
    cell_of(notebook, "check-user")["metadata"]["nbgrader"]["points"] = 4000


def forge_outputs(notebook: dict[str, Any]) -> None:
    output = {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "4.0"}}
    cell_of(notebook, "check-user")["outputs"] = [output]


def change_source(notebook: dict[str, Any]) -> None:
    cell_of(notebook, "check-user")["source"] = "4"


def mark_answer_as_locked(notebook: dict[str, Any]) -> None:
    cell_of(notebook, "say-why")["metadata"]["nbgrader"] |= {"solution": False, "locked": True, "points": -3}


def drop_all_metadata(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        cell["metadata"] = {}


def answer_as_code(notebook: dict[str, Any]) -> None:
    cell_of(notebook, "say-why").update(cell_type="code", outputs=[], execution_count=None)


def source_as_lines(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)


def nonsense_between(notebook: dict[str, Any]) -> None:
    notebook["cells"] += [None, 7, "text", {"source": 3, "metadata": [], "id": 9}, {"metadata": {"nbgrader": "no"}}]


def format_3(notebook: dict[str, Any]) -> None:
    cells = notebook.pop("cells")
    for cell in cells:
        del cell["id"]
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
    notebook |= {"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}


def schema_of_the_future(notebook: dict[str, Any]) -> None:
    notebook["nbformat"] = 9
    for cell in notebook["cells"]:
        cell["metadata"]["nbgrader"]["schema_version"] = 17


@pytest.mark.parametrize(
    "mangle",
    [
        delete_graded,
        delete_locked_text,
        duplicate_graded,
        duplicate_answer,
        reorder,
        change_points,
        forge_outputs,
        change_source,
        mark_answer_as_locked,
        drop_all_metadata,
        answer_as_code,
        source_as_lines,
        nonsense_between,
        format_3,
        schema_of_the_future,
    ],
)
def test_a_mangled_notebook_is_the_released_one_with_the_answer(
    tmp_path: Path, mangle: Callable[[dict[str, Any]], None]
) -> None:
    notebook = answered()
    mangle(notebook)
    found = rebuilt(tmp_path, json.dumps(notebook))
    assert without_own(found) == without_own(released())
    assert answer(found) == ANSWER


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "no notebook was handed in"),
        ("", "the notebook is not JSON"),
        ("{", "the notebook is not JSON"),
        (b"\xff\xfe\x00", "the notebook is not JSON"),
        ("[" * 200_000, "the notebook is not JSON"),
        ('{"cells": 1' + "0" * 5_000 + "}", "the notebook is not JSON"),
        ("null", "the notebook has no cells"),
        ('{"cells": {}}', "the notebook has no cells"),
        ('{"worksheets": [3, {"cells": null}]}', "the notebook has no cells"),
        (b" " * 25_000_000, "the notebook is larger than 20 MB"),
    ],
    ids=["missing", "empty", "half", "bytes", "deep", "long-number", "null", "object", "worksheets", "25-MB"],
)
def test_a_notebook_that_cannot_be_read_is_the_released_one(
    tmp_path: Path, data: bytes | str | None, problem: str
) -> None:
    found = rebuilt(tmp_path, data)
    assert found == released()
    assert read(tmp_path / NAME).problem == problem


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / NAME)
    assert read(tmp_path / NAME).problem == "the notebook is not a file"
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).symlink_to("/etc/passwd")
    assert read(tmp_path / NAME).problem.startswith("the notebook cannot be read")
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).mkdir()
    assert read(tmp_path / NAME).problem == "the notebook is not a file"


def test_a_renamed_notebook_is_read(tmp_path: Path) -> None:
    (tmp_path / "05-drop-root (1).ipynb").write_text(json.dumps(answered()))
    assert answer(rebuild(released(), read(tmp_path / NAME))) == ANSWER


def test_two_other_notebooks_are_not_guessed_at(tmp_path: Path) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        (tmp_path / name).write_text(json.dumps(answered()))
    assert read(tmp_path / NAME).problem == "no notebook was handed in"


def test_a_split_answer_is_put_together(tmp_path: Path) -> None:
    notebook = answered()
    first, second = ANSWER.split("\n")
    cell = cell_of(notebook, "say-why")
    cell["source"] = first
    notebook["cells"].append(dict(cell, id="second", source=second))
    assert answer(rebuilt(tmp_path, json.dumps(notebook))) == f"{first}\n\n{second}"


def test_the_learner_s_own_cells_come_last_without_outputs(tmp_path: Path) -> None:
    notebook = answered()
    output = {"output_type": "stream", "name": "stderr", "text": "no points for this"}
    own = {"id": "mine", "cell_type": "code", "metadata": {}, "source": "!docker build .", "outputs": [output]}
    text = {"id": "also-mine", "cell_type": "markdown", "metadata": {"nbgrader": {"grade_id": "x"}}, "source": "More."}
    notebook["cells"][3:3] = [own, text]
    found = rebuilt(tmp_path, json.dumps(notebook))
    assert [cell.source for cell in found.cells[-2:]] == ["!docker build .", "More."]
    assert found.cells[-2].outputs == []
    assert "nbgrader" not in found.cells[-1].metadata


def test_a_pasted_picture_stays(tmp_path: Path) -> None:
    notebook = answered()
    cell_of(notebook, "say-why")["attachments"] = {
        "a.png": {"image/png": "iVBORw0=", "text/html": "<script>"},
        "b": {"image/png": 3},
        "c": None,
    }
    found = rebuilt(tmp_path, json.dumps(notebook))
    cell = next(cell for cell in found.cells if cell.id == "say-why")
    assert cell.attachments == {"a.png": {"image/png": "iVBORw0="}}


def test_text_that_no_file_can_hold_is_replaced(tmp_path: Path) -> None:
    notebook = answered()
    cell_of(notebook, "say-why")["source"] = "half \ud800 a letter"
    assert answer(rebuilt(tmp_path, json.dumps(notebook))) == "half ? a letter"


def test_no_more_cells_than_anybody_writes(tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown", "source": f"{number}"} for number in range(submission.MOST_CELLS + 1)]
    (tmp_path / NAME).write_text(json.dumps({"cells": cells}))
    assert len(read(tmp_path / NAME).cells) == submission.MOST_CELLS

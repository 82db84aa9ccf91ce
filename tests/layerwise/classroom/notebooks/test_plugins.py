"""The late policy, the CSV and the zip collector, without a course around them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import Environment
from nbgrader.api import Gradebook

from layerwise.classroom.notebooks.collect import WholeFolder
from layerwise.classroom.notebooks.late import StorePolicy, write_due_times
from layerwise.classroom.notebooks.markdown import without_html
from layerwise.classroom.store import Policy, Store

pytestmark = pytest.mark.filterwarnings("ignore:Object of type <Submitted:sqlalchemy.exc.SAWarning")
DUE = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "penalty"), [(0.5, None), (1, None), (2, 1.8), (25, 1.8), (25.1, 3.6), (24 * 30, 9.0)]
)
def test_the_penalty_is_by_the_store_s_policy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: float, penalty: float | None
) -> None:
    with Store.open(tmp_path) as store:
        store.set_policy(Policy(grace=3600, penalty=20))
    plugin = StorePolicy()
    monkeypatch.setattr("layerwise.classroom.notebooks.late.course_of", lambda _: SimpleNamespace(root=tmp_path))
    assert plugin.late_submission_penalty("ada", 9.0, hours * 3600) == penalty


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gradebook]:
    """One for all cases: making it takes nbgrader a second or two."""
    with pytest.MonkeyPatch.context() as patch:
        # It calls `alembic`, which lies next to this Python.
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
        found = Gradebook(f"sqlite:///{tmp_path_factory.mktemp('gradebook')}/gradebook.db")
    with found:
        found.add_student("ada")
        yield found


@pytest.mark.parametrize(
    ("due", "nbgrader_due", "extension", "expected"),
    [
        (DUE, None, None, DUE),
        (DUE, None, DUE + timedelta(days=2), DUE + timedelta(days=2)),
        (DUE, None, DUE - timedelta(days=1), DUE - timedelta(days=1)),
        (DUE, DUE + timedelta(days=9), None, DUE),
        (None, DUE, DUE + timedelta(days=2), DUE + timedelta(days=2)),
        (None, DUE, None, DUE),
        (None, None, DUE, None),
        (None, None, None, None),
    ],
)
def test_due_times_of_the_store_are_nbgrader_s(
    tmp_path: Path,
    gradebook: Gradebook,
    due: datetime | None,
    nbgrader_due: datetime | None,
    extension: datetime | None,
    expected: datetime | None,
) -> None:
    name = tmp_path.name
    gradebook.add_assignment(name, duedate=nbgrader_due and nbgrader_due.replace(tzinfo=None))
    gradebook.add_submission(name, "ada")
    with Store.open(tmp_path) as store:
        if due:
            store.set_due(name, due)
        if extension:
            store.extend("ada", name, extension)
        for _ in range(2):
            write_due_times(gradebook, store, name, "ada")
            found = gradebook.find_submission(name, "ada")
            when = found.duedate if found.assignment.duedate else None
            assert when == (expected and expected.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("file", "regexp", "found"),
    [
        ("ada/Dockerfile", "", ("ada", "Dockerfile")),
        ("ada/x/Dockerfile", "", ("ada", "Dockerfile")),
        ("ada/x/.dockerignore", "", ("ada", ".dockerignore")),
        ("ada/x/drafts/a.tar.gz", "", ("ada", "drafts/a.tar.gz")),
        ("ada/extracted/Dockerfile", "", ("ada", "extracted/Dockerfile")),
        ("ada/timestamp.txt", "", None),
        ("ada/x/submission_secret.txt", "", None),
        ("__MACOSX", "", None),
        ("ada_17_late/x/Dockerfile", r"(?P<student_id>[^_]+)_", ("ada", "Dockerfile")),
        ("17/x/Dockerfile", r"(?P<student_id>[a-z]+)_", None),
    ],
)
def test_zip_collect_takes_the_whole_folder(
    tmp_path: Path, file: str, regexp: str, found: tuple[str, str] | None
) -> None:
    plugin = WholeFolder(named_regexp=regexp)
    app = SimpleNamespace(
        coursedir=SimpleNamespace(root=str(tmp_path), assignment_id="x"),
        collect_directory_structure="{downloaded}/{assignment_id}/{collect_step}",
        downloaded_directory="downloaded",
        extracted_directory="extracted",
    )
    object.__setattr__(plugin, "_trait_values", {**plugin._trait_values, "parent": app})
    told = plugin.collect(str(tmp_path / "downloaded" / "x" / "extracted" / file))
    assert (told and (told["student_id"], told["file_id"])) == found


@pytest.mark.parametrize(
    ("source", "shown", "hidden"),
    [
        ("**Yes** <script>x</script>", "<strong>Yes</strong>", "<script"),
        ("`a < b` <img src=x onerror=y>", "<code>a &lt; b</code>", "<img"),
        ("[here](javascript:x)", "here", "javascript:"),
        ("![p](attachment:a.png)", "data:image/png;base64,iVBORw0=", "attachment:"),
        ("$a<b$", "a&lt;b", "<b"),
    ],
)
def test_markdown_is_shown_without_its_html(source: str, shown: str, hidden: str) -> None:
    environment = Environment()
    environment.filters["markdown2html"] = without_html
    cell = {"attachments": {"a.png": {"image/png": "iVBORw0="}}}
    page = environment.from_string("{{ source | markdown2html }}").render(source=source, cell=cell)
    assert shown in page
    assert hidden not in page

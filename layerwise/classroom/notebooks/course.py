"""`lab classroom init`: make an nbgrader course from exercises."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grader.exercise import Exercise
from layerwise.classroom.layouts import SUBMITTED
from layerwise.classroom.notebooks import generate
from layerwise.errors import InputError, LabError

EXTRA = "the extra `classroom`: pip install '.[classroom]' in a checkout of Layerwise"
BUSY_SECONDS = 60
"""How long nbgrader waits for a gradebook that another process is writing. It ends a class's run when it gives up."""
_COURSE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_UNSAFE = frozenset("?#*[]{}\n")
"""What nbgrader would read as a pattern, a field, or the options of the gradebook's address."""


def create(folder: Path, exercises: Sequence[Exercise], course_id: str = "", exercises_dir: Path | None = None) -> None:
    """Make the course in a folder that is empty or does not exist yet.

    `course_id` is by default the folder's name. `exercises_dir` is where nbgrader's commands look for the exercises, if
    not in the course's own folder. Raises InputError, and LabError if the folder cannot be written.
    """
    folder = folder.expanduser().absolute()
    course_id = course_id or re.sub(r"[^A-Za-z0-9._-]+", "-", folder.name).strip("-._")
    _require_nbgrader()
    _require_usable(folder, course_id, exercises)
    notebooks = {exercise.name: generate.notebook(exercise) for exercise in exercises}
    for name, notebook in notebooks.items():
        _validate(name, notebook)
    config = config_text(course_id, {one.name: generate.starter_files(one) for one in exercises}, exercises_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SUBMITTED).mkdir()
        for exercise in exercises:
            source = folder / "source" / exercise.name
            _copy_starter(exercise, source)
            text = json.dumps(notebooks[exercise.name], indent=1, ensure_ascii=False)
            (source / f"{exercise.name}.ipynb").write_text(f"{text}\n", encoding="utf-8")
        # Last: without it nbgrader would not take the folder for a course.
        (folder / "nbgrader_config.py").write_text(config, encoding="utf-8")
    except shutil.Error as problem:
        raise LabError(f"cannot copy the starter's files to {folder}: {problem.args[0][0][2]}") from None
    except OSError as problem:
        raise LabError(f"cannot write in {folder}: {problem.strerror}") from None


def _require_nbgrader() -> None:
    if find_spec("nbgrader") is None:
        raise InputError(f"lab classroom init needs nbgrader, of {EXTRA}")


def _require_usable(folder: Path, course_id: str, exercises: Sequence[Exercise]) -> None:
    if not exercises:
        raise InputError("there is no exercise to make a course of")
    if not _COURSE_ID.fullmatch(course_id):
        raise InputError(f"--course-id {course_id!r}: expected letters, digits, dots, hyphens and underscores")
    if bad := sorted(_UNSAFE & set(str(folder))):
        raise InputError(f"{folder}: nbgrader cannot work in a folder with {' '.join(bad)} in its path; choose another")
    for exercise in exercises:
        if "+" in exercise.name or _UNSAFE & set(exercise.name):
            raise InputError(f"nbgrader cannot have an assignment named {exercise.name!r}; give it another name")
        if not exercise.starter.is_dir():
            raise InputError(f"{exercise.folder} has no folder starter/ to hand out")
    try:
        if any(folder.iterdir()):
            raise InputError(f"{folder} is not empty; name a new folder")
    except FileNotFoundError:
        pass
    except NotADirectoryError:
        raise InputError(f"{folder} is not a folder; name a new one") from None
    except OSError as problem:
        raise InputError(f"{folder} cannot be read: {problem.strerror}") from None


def _validate(name: str, notebook: Mapping[str, Any]) -> None:
    """Raise InputError unless nbgrader takes this for the source of an assignment."""
    import nbformat
    from nbgrader.nbgraderformat import MetadataValidator, ValidationError

    node = nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]
    try:
        nbformat.validate(node)
        MetadataValidator().validate_nb(node)
    except (nbformat.ValidationError, ValidationError) as problem:
        why = " ".join(str(problem).split())[:300]
        raise InputError(f"nbgrader would refuse the notebook of {name}: {why}") from None


def _copy_starter(exercise: Exercise, to: Path) -> None:
    def copy(source: str, target: str, *, follow_symlinks: bool = True) -> str:
        shutil.copy(source, target, follow_symlinks=follow_symlinks)
        # A checkout may be read-only, and an instructor's folder is not.
        if not os.path.islink(target):
            os.chmod(target, os.stat(target).st_mode | 0o200)
        return target

    shutil.copytree(exercise.starter, to, symlinks=True, copy_function=copy)


def config_text(course_id: str, files: Mapping[str, Sequence[str]], exercises_dir: Path | None = None) -> str:
    """Return the text of nbgrader_config.py. `files` are the paths of each exercise that belong to the learner."""
    listed = "".join(f"    {name!r}: {list(paths)!r},\n" for name, paths in files.items())
    elsewhere = ""
    if exercises_dir is not None:
        elsewhere = f'os.environ.setdefault("LAYERWISE_EXERCISES", {str(exercises_dir)!r})\n\n'
    return _CONFIG.format(course_id=course_id, listed=listed, elsewhere=elsewhere, busy=BUSY_SECONDS)


_CONFIG = '''\
"""An nbgrader course of Layerwise exercises, made by `lab classroom init`.

Nothing that a learner hands in is executed by nbgrader: the points come from Layerwise, which grades the files. So keep
other assignments, whose tests nbgrader has to execute, in another course.
"""

import os
import sys
from pathlib import Path

try:
    from layerwise.classroom.notebooks import missing
except ImportError as problem:
    raise SystemExit(f"nbgrader cannot grade this course without Layerwise ({{problem}}): install both in one place")

# nbgrader calls `alembic`, which lies next to it and may not be on the PATH.
if (programs := str(Path(sys.executable).parent)) not in os.environ["PATH"].split(os.pathsep):
    os.environ["PATH"] += os.pathsep + programs

{elsewhere}c = get_config()  # noqa: F821
here = Path(__file__).resolve().parent
ours = "layerwise.classroom.notebooks"

c.CourseDirectory.course_id = {course_id!r}
c.CourseDirectory.root = str(here)
# nbgrader ends the run of a whole class if another process is writing the gradebook: wait up to {busy} seconds for it.
c.CourseDirectory.db_url = f"sqlite:///{{here}}/gradebook.db?timeout={busy}"

# Whatever notebook was handed in, or none: the released one is graded, with the learner's answers in it.
missing.install()
c.Autograde.exporter_class = f"{{ours}}.rebuild.AnySubmission"
c.Autograde.sanitize_preprocessors = [
    f"{{ours}}.rebuild.Rebuild",
    "nbgrader.preprocessors.OverwriteKernelspec",
    "nbgrader.preprocessors.OverwriteCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# No Execute here. FillVerdicts has to come before SaveAutoGrades, and DueTimes before AssignLatePenalties.
c.Autograde.autograde_preprocessors = [
    f"{{ours}}.verdicts.FillVerdicts",
    f"{{ours}}.late.DueTimes",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# nbgrader would put the starter's files over the learner's.
c.Autograde.exclude_overwriting = {{
{listed}}}

# An answer may hold HTML. Formgrader and the feedback show it as text: a script in it would run as the instructor.
c.HTMLExporter.filters = {{"markdown2html": f"{{ours}}.markdown.without_html"}}

# What being late costs: `lab classroom late`, and `lab classroom extend` for one learner.
c.AssignLatePenalties.plugin_class = f"{{ours}}.late.StorePolicy"

# `nbgrader zip_collect` takes whole folders: downloaded/EXERCISE/archive/LEARNER.zip. If the names of the archives
# tell more than the learner, say how: c.FileNameCollectorPlugin.named_regexp = r"(?P<student_id>[^_]+)_.*"
c.ZipCollectApp.collector_plugin = f"{{ours}}.collect.WholeFolder"
c.ExtractorPlugin.zip_ext = [".zip"]

# `nbgrader export` quotes what it writes, and writes no formulas.
c.ExportApp.plugin_class = f"{{ours}}.export.QuotedCsv"
'''

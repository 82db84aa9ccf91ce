"""Find steps that take an edit out again: what comes after them gets the file as it was, so the edit reaches nothing.

A step that copies from another stage, or mounts it, is reused if what it takes is the same as before. That is right if
a compiler made the same program of the edited source. It proves nothing if the source itself came through without the
edit: somebody cut it out, or put the old file back.
"""

from __future__ import annotations

import json
import posixpath
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from grader.errors import EngineFailure, SubmissionFault
from grader.facts.build import build as builds
from grader.facts.build.build_log import BuildLog
from grader.facts.build.edits import MAX_EDITED, Edit
from grader.facts.build.steps import BuiltStep, StepStatus
from grader.facts.context.build_context import IGNORE_FILE, Type

if TYPE_CHECKING:
    from grader.facts.context.build_context import BuildContext
    from grader.facts.dockerfile.resolved import BuildPlan
    from grader.facts.engine.engine import Engine
    from grader.submission import Submission

ENOUGH = 0.8
"""The share of a file's old lines by which another file is recognised as a version of it."""
FEW = 3
"""The least lines by which a file is recognised under another name, or in another folder."""
_TAKEN = "taken"
_COMMENTS = ("#", "//", "/*", "<!--", "--", ";", "%", "REM ")


class Undone(NamedTuple):
    """A step that got a file as it was before the edit, although a step below it ran again with the edited one."""

    step: BuiltStep
    path: str


class Border(NamedTuple):
    """A reused step that takes `sources` from `stage`, where a step ran again."""

    step: BuiltStep
    stage: int
    sources: tuple[str, ...]


def undone(
    engine: Engine,
    edited: Submission,
    plan: BuildPlan,
    steps: Sequence[BuiltStep],
    log: BuildLog,
    edits: Collection[Edit],
    cache_mounts: str = "",
) -> tuple[Undone, ...]:
    """Return the steps of the build of an edited copy that got an edited file as it was before.

    Raises EngineFailure if what the steps got cannot be looked at.
    """
    found: list[Undone] = []
    for border in borders(plan, steps, log) if edits else ():
        with tempfile.TemporaryDirectory(dir=edited.folder.parent) as folder:
            archive = Path(folder, "taken.tar")
            try:
                builds.build_to_tar(engine, edited, _looking(edited, plan, border, folder), archive, cache_mounts)
                found += [Undone(border.step, edit.path) for edit in edits if _came_as_it_was(archive, edit)]
            except (SubmissionFault, tarfile.TarError, OSError) as problem:
                line = border.step.step.line
                raise EngineFailure(
                    f"the grader cannot look at what line {line} takes from another stage: {problem}"
                ) from None
    return tuple(found)


def _looking(edited: Submission, plan: BuildPlan, border: Border, folder: str) -> Path:
    """Write a Dockerfile whose last stage has what the step took. Its ignore file comes along.

    It is not put into the context: a `COPY . .` would see it.
    """
    sources = json.dumps([*(posixpath.join("/", source) for source in border.sources), f"/{_TAKEN}/"])
    text = edited.dockerfile.read_bytes().rstrip().rstrip(plan.dockerfile.escape.encode())
    file = Path(folder, "Dockerfile")
    file.write_bytes(text + f"\nFROM scratch\nCOPY --from={border.stage} {sources}\n".encode())
    own = edited.dockerfile.with_name(edited.dockerfile.name + IGNORE_FILE)
    if own.is_file():
        shutil.copyfile(own, file.with_name(file.name + IGNORE_FILE))
    return file


def borders(plan: BuildPlan, steps: Sequence[BuiltStep], log: BuildLog) -> Iterator[Border]:
    """The reused steps that take something from a stage whose last step ran again."""
    made = [vertex for vertex in log.own if vertex.step and not vertex.step.is_from]
    ran = {vertex.digest for vertex in made if vertex.started is not None and not vertex.cached}
    ran -= {step.vertex.digest for step in steps if step.vertex and step.state is StepStatus.REUSED}
    for built in steps:
        if built.state is StepStatus.REUSED and built.vertex and not ran.isdisjoint(built.vertex.inputs):
            for stage, sources in _taken(plan, built):
                yield Border(built, stage, sources)


def _taken(plan: BuildPlan, built: BuiltStep) -> Iterator[tuple[int, tuple[str, ...]]]:
    step = built.step
    used = [use for use in plan.stages[step.stage.index].uses if use.line == step.line and use.stage is not None]
    for use in used:
        assert use.stage is not None
        if use.kind == "copy":
            yield use.stage, step.args[:-1]
        for mount in step.mounts:
            if use.kind == "mount" and mount.type == "bind" and mount.source_image.lower() == use.name.lower():
                yield use.stage, (mount.source or "/",)


def has_twin(context: BuildContext, edit: Edit, edited: Collection[str]) -> bool:
    """Whether another file of the context, not edited, looks like the edited one did: then nobody can tell whose copy
    a step got."""
    before = _lines(edit.before)
    for entry in context.everything:
        same_name = posixpath.basename(entry.path) == posixpath.basename(edit.path)
        if entry.type is not Type.FILE or entry.path in edited or entry.bytes > MAX_EDITED:
            continue
        if same_name or entry.bytes == len(edit.before):
            content = (context.root / entry.path).read_bytes()
            if content == edit.before or (same_name and _is_version(_lines(content), before, edit)):
                return True
    return False


def _came_as_it_was(archive: Path, edit: Edit) -> bool:
    """Whether a file of the archive is the edited file as it was, and none is as it is now."""
    before, after = _lines(edit.before), _lines(edit.after)
    old = False
    with tarfile.open(archive) as tar:
        for member in tar:
            same = _is_named(member.name, edit, before)
            same_size = len(before) >= FEW and member.size in (len(edit.before), len(edit.after))
            if not member.isfile() or not (same or same_size) or member.size > MAX_EDITED:
                continue
            file = tar.extractfile(member)
            content = file.read() if file else b""
            lines = _lines(content)
            if content == edit.after or (same and _is_version(lines, before, edit) and (after - before) & lines):
                return False
            old |= (content == edit.before and _restored(edit)) or (same and _is_version(lines, before, edit))
    return old


def _is_named(path: str, edit: Edit, lines: Collection[bytes]) -> bool:
    """Whether a file has the name of the edited one, and its folder's name as well if it has only a few lines: packages
    are full of files with the same name, such as `__init__.py`."""
    folder, name = posixpath.split(path)
    own_folder, own_name = posixpath.split(edit.path)
    near = not own_folder or posixpath.basename(folder) in (posixpath.basename(own_folder), _TAKEN)
    return name == own_name and (len(lines) >= FEW or near)


def _restored(edit: Edit) -> bool:
    """Whether the very same file as before shows that the edit was taken out.

    If all that was added is a comment, a step that drops comments makes the same of a file that had none.
    """
    return bool(edit.before.strip()) and (edit.kind != "comment" or bool(_own_comments(edit)))


def _is_version(lines: Collection[bytes], before: Collection[bytes], edit: Edit) -> bool:
    """Whether lines are those of the edited file or of what a step made of it, line by line, comments included."""
    if edit.kind == "key" or not before:
        return False
    wanted = _own_comments(edit) if edit.kind == "comment" else before
    return bool(wanted) and sum(line in lines for line in wanted) >= ENOUGH * len(wanted)


def _own_comments(edit: Edit) -> set[bytes]:
    marks = tuple(mark.encode() for mark in _COMMENTS)
    return {line for line in _lines(edit.before) if line.startswith(marks) and not line.startswith(b"#!")}


def _lines(content: bytes) -> set[bytes]:
    return {line.strip() for line in content.splitlines()} - {b""}

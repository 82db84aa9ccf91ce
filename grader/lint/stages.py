"""Names of stages: unknown-stage, duplicate-stage. They are judged as written, so also where no build can start."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import suppress

from grader.facts.dockerfile import Dockerfile, Instruction, Stage
from grader.facts.dockerfile.mounts import MountError, mount_source
from grader.lint.model import DUPLICATE_STAGE, UNKNOWN_STAGE, Finding, Severity

ALIKE = 0.75
"""From here on a name that is no stage's is taken for a misspelt one: builder and biulder, not node and golang."""


def duplicate(file: Dockerfile) -> Iterator[Finding]:
    """Names are compared without case, as BuildKit does; the later stage hides the earlier one."""
    seen: dict[str, Stage] = {}
    for stage in file.stages:
        if stage.name in seen:
            yield Finding.of(
                DUPLICATE_STAGE,
                stage.line,
                Severity.ERROR,
                f"The stage of line {seen[stage.name].line} is called {stage.name} too: which of them is meant "
                "depends on where it is asked for.",
            )
        elif stage.name:
            seen[stage.name] = stage


def unknown(file: Dockerfile) -> Iterator[Finding]:
    """A name that is meant for a stage and is none of those above: it would be pulled as an image."""
    for stage in file.stages:
        above = [other.name for other in file.stages[: stage.index] if other.name]
        below = [other.name for other in file.stages[stage.index + 1 :] if other.name]
        if stage.base not in above:  # FROM minds the case
            yield from _judge(stage.base, stage.line, [*above, stage.name], below, len(file.stages), from_=True)
        for instruction in stage.instructions:
            for name in _sources(instruction):
                if name.lower() not in above:
                    yield from _judge(name, instruction.line, above, [stage.name, *below], len(file.stages))


def _sources(instruction: Instruction) -> Iterator[str]:
    if instruction.name == "COPY" and (name := instruction.flag("from")):
        yield name
    elif instruction.name == "RUN":
        for text in instruction.flag_values("mount"):
            with suppress(MountError):
                if name := mount_source(text):
                    yield name


def _judge(
    name: str, line: int, above: list[str], below: list[str], stages: int, *, from_: bool = False
) -> Iterator[Finding]:
    if set(name) & set("/:@$") or name == "scratch":
        return
    if name.isdecimal():
        if not from_ and int(name[:9]) >= stages:
            yield Finding.of(UNKNOWN_STAGE, line, Severity.ERROR, f"There is no stage {name}: they count from 0.")
        return
    if name.lower() in filter(None, below):
        yield Finding.of(
            UNKNOWN_STAGE, line, Severity.ERROR, f"The stage {name} is not above this line: a stage is used after it."
        )
        return
    near = difflib.get_close_matches(name.lower(), [other for other in above if other], n=1, cutoff=ALIKE)
    if near and not (from_ and name.lower() == above[-1]):
        what = f"the case of {near[0]} differs" if near[0] == name.lower() else f"the nearest is {near[0]}"
        yield Finding.of(
            UNKNOWN_STAGE,
            line,
            Severity.ERROR,
            f"No stage above is called {name} ({what}): an image of that name would be pulled.",
        )

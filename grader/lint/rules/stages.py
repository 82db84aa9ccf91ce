"""Names of stages: unknown-stage, duplicate-stage. They are judged as written, so even if no build can start."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import suppress

from grader.facts.dockerfile.model import Dockerfile, Instruction, Stage
from grader.facts.dockerfile.mounts import MountError, mount_source
from grader.lint.model import Severity
from grader.lint.rule import Hit, rule
from grader.lint.target import LintTarget

ALIKE = 0.75
"""From this likeness on, an unknown name is a misspelt stage: builder and biulder, not node and golang."""
MAX_COMPARED = 5_000
"""Pairs of names that are compared in one file."""
MAX_NAME = 64
"""Characters of a name that is compared with others."""


@rule(
    "duplicate-stage",
    Severity.ERROR,
    lesson="04-multi-stage",
    text="No two stages have the same name.",
    file_only=True,
    order=150,
)
def duplicate(target: LintTarget) -> Iterator[Hit]:
    """Names are compared without case, as BuildKit does; the later stage hides the earlier one."""
    seen: dict[str, Stage] = {}
    for stage in target.file.stages:
        if stage.name in seen:
            yield Hit(
                stage.line,
                f"The stage on line {seen[stage.name].line} is called {stage.name} too: which of the two is used "
                "depends on the line that names it.",
            )
        elif stage.name:
            seen[stage.name] = stage


@rule(
    "unknown-stage",
    Severity.ERROR,
    lesson="04-multi-stage",
    text="A stage that an instruction names is defined above it.",
    file_only=True,
    order=140,
)
def unknown(target: LintTarget) -> Iterator[Hit]:
    """A name that probably means a stage, but no stage above has it: it would be pulled as an image."""
    names = _Names(target.file)
    for stage in target.file.stages:
        if stage.base not in names.above:  # FROM minds the case
            yield from _judge_base(names, stage)
        for instruction in stage.instructions:
            for name in _sources(instruction):
                if name.lower() not in names.above:
                    yield from _judge(names, name, instruction.line, stage.index)
        names.pass_by(stage)


class _Names:
    """The names of a file's stages, and which of them are above the current stage."""

    def __init__(self, file: Dockerfile) -> None:
        self.count = len(file.stages)
        self.last = {stage.name: stage.index for stage in file.stages if stage.name}
        self.above: dict[str, None] = {}
        self._order: list[str] = []
        self._nearest: dict[str, tuple[int, tuple[float, str]]] = {}
        self._left = MAX_COMPARED

    def pass_by(self, stage: Stage) -> None:
        if stage.name and stage.name not in self.above:
            self.above[stage.name] = None
            self._order.append(stage.name)

    def nearest(self, name: str, own: str = "") -> str:
        """The name above that is most like this one, or the stage's own; "" if none is like it."""
        known, best = self._nearest.get(name, (0, (0.0, "")))
        others = self._order[known : known + self._left]
        best = max(best, self._most_alike(name, others))
        self._nearest[name] = known + len(others), best
        return max(best, self._most_alike(name, [own] if own else []))[1]

    def _most_alike(self, name: str, others: Sequence[str]) -> tuple[float, str]:
        """The most alike of the others, and how alike it is."""
        best = 0.0, ""
        self._left = max(0, self._left - len(others))
        if len(name) > MAX_NAME:
            return best
        matcher = difflib.SequenceMatcher(b=name)
        for other in others:
            if len(other) > MAX_NAME:
                continue
            matcher.set_seq1(other)
            # As difflib.get_close_matches does it: what is quickly told first.
            if matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE:
                best = max(best, (matcher.ratio(), other))
        return best if best[0] >= ALIKE else (0.0, "")


def _sources(instruction: Instruction) -> Iterator[str]:
    if instruction.name == "COPY" and (name := instruction.flag("from")):
        yield name
    elif instruction.name == "RUN":
        for text in instruction.flag_values("mount"):
            with suppress(MountError):
                if name := mount_source(text):
                    yield name


def _judge_base(names: _Names, stage: Stage) -> Iterator[Hit]:
    base = stage.base
    if set(base) & set("/:@$") or base == "scratch" or base.isdecimal():
        return
    if names.last.get(base.lower(), -1) > stage.index:
        yield _too_early(base, stage.line)
    elif base.lower() != stage.name:
        yield from _judge_likeness(base, stage.line, names.nearest(base.lower(), stage.name))


def _judge(names: _Names, name: str, line: int, index: int) -> Iterator[Hit]:
    """A name in an instruction of the stage with that index."""
    if set(name) & set("/:@$") or name == "scratch":
        return
    if name.isdecimal():
        if int(name[:9]) >= names.count:
            yield Hit(line, f"There is no stage {name}: stages are counted from 0.")
    elif names.last.get(name.lower(), -1) >= index:
        yield _too_early(name, line)
    else:
        yield from _judge_likeness(name, line, names.nearest(name.lower()))


def _too_early(name: str, line: int) -> Hit:
    return Hit(line, f"The stage {name} is not above this line: define a stage before you use it.")


def _judge_likeness(name: str, line: int, near: str) -> Iterator[Hit]:
    if near:
        meant = f"{near}, in lower case" if near == name.lower() else near
        yield Hit(
            line,
            f"No stage above is called {name}, so an image of that name would be pulled. Did you mean {meant}?",
        )

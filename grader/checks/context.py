"""`context`: the builder gets what it should, and no more.

The check judges what the ignore file lets through, as BuildKit reads it: what a `COPY . .` would copy. The parameters'
paths and globs are written as in an ignore file, and include everything below them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, model_validator

from grader.checks import CheckParams
from grader.facts.context import go_pattern
from grader.facts.context.build_context import IGNORE_FILE, BuildContext, Entry, Type
from grader.facts.context.go_pattern import Machine, compile_pattern
from grader.facts.context.ignore_file import clean_path
from grader.lib.schedule import Workload
from grader.lib.units import Size, format_size
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts

_WILD = set("*?[\\")
# A sample file for a folder that does not exist: compiled Python is often excluded by its file names.
_INSIDE = {"__pycache__": "module.cpython-313.pyc"}
SHOWN = 5
"""The most places shown for one item."""


def _pattern(text: str) -> str:
    cleaned = clean_path(text.strip()).removeprefix("/")
    if not text.strip() or cleaned in (".", "..") or cleaned.startswith(("!", "../")):
        raise ValueError(f"{text!r} is not a path or glob inside the build context")
    go_pattern.require(cleaned, text)
    return text.strip()


Glob = Annotated[str, AfterValidator(_pattern)]


class Params(CheckParams):
    """`max`: bytes of all files that reach the builder. `excluded`: what must not reach it; `included`: what must."""

    work: ClassVar[Workload] = Workload.LOOKS
    needs_build: ClassVar[bool] = False
    max: Size | None = None
    excluded: tuple[Glob, ...] = ()
    included: tuple[Glob, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.max is None and not self.excluded and not self.included:
            raise ValueError("expected at least one of max, excluded, included")
        return self


@dataclass(frozen=True)
class Unmet:
    """One requirement that is not met: why, in a phrase, and where that shows."""

    item: str
    why: str
    where: tuple[Place, ...] = ()


class _Item:
    """A path or glob of the parameters."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.path = clean_path(text).removeprefix("/")
        self.folder_only = text.endswith("/")
        self.literal = not _WILD & set(self.path)
        self._machine: Machine = compile_pattern(self.path)

    def covers(self, path: str) -> bool:
        """Whether the item matches the path or a folder above it."""
        parts = path.split("/")
        return any(self._machine.matches("/".join(parts[:depth])) for depth in range(1, len(parts) + 1))

    def stand_ins(self) -> tuple[str, ...]:
        """Sample paths that the item matches, to be tried if the folder has no such file."""
        if "[" in self.path or "\\" in self.path:
            return ()
        here = self.path.replace("**/", "")
        below = self.path.replace("**/", "folder/")
        return tuple(
            path.replace("**", "sample").replace("*", "sample").replace("?", "x")
            for path in dict.fromkeys((here, below))
        )


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of `max` and `excluded` that is met, times the share of `included` that is met.

    It is a product so that excluding everything earns nothing, and neither does excluding nothing.
    """
    context = facts.context
    kept_out = [_excluded(context, _Item(text)) for text in params.excluded]
    if params.max is not None:
        kept_out.append(_size(context, params.max))
    missing = [_included(context, _Item(text)) for text in params.included]
    fraction = _share(kept_out) * _share(missing)
    findings = [finding for finding in (*kept_out, *missing) if finding is not None]
    files = [entry for entry in context.sent if entry.type is not Type.FOLDER]
    found = f"{len(files)} file{'' if len(files) == 1 else 's'}, {format_size(context.size)}"
    if not findings:
        return Verdict.passed(f"The builder gets what it should: {found}.", found=found)
    remark = _remark(context, findings)
    return Verdict.share(
        fraction,
        "; ".join(finding.why for finding in findings[:SHOWN]) + "." + (f" {remark}" if remark else ""),
        expected=_expected(params),
        found=found,
        where=[place for finding in findings for place in finding.where],
        details={"ignore_file": context.ignore_file, "not_met": [finding.item for finding in findings]},
    )


def _share(findings: list[Unmet | None]) -> float:
    return findings.count(None) / len(findings) if findings else 1.0


def _size(context: BuildContext, limit: int) -> Unmet | None:
    if context.size <= limit:
        return None
    largest = sorted(_top_folders(context.sent).items(), key=lambda item: -item[1])[:SHOWN]
    return Unmet(
        "max",
        f"{format_size(context.size)} reach the builder, and at most {format_size(limit)} should",
        tuple(Place(path=path, bytes=size) for path, size in largest if size),
    )


def _top_folders(entries: Iterable[Entry]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for entry in entries:
        top = entry.path.partition("/")[0]
        sizes[top] = sizes.get(top, 0) + entry.bytes
    return sizes


def _excluded(context: BuildContext, item: _Item) -> Unmet | None:
    sent = [entry for entry in context.sent if entry.type is not Type.FOLDER and item.covers(entry.path)]
    if sent:
        size = sum(entry.bytes for entry in sent)
        count = f"{len(sent)} files" if len(sent) > 1 else "1 file"
        return Unmet(
            item.text,
            f"'{item.text}' reaches the builder ({count}, {format_size(size)}) and should not",
            tuple(Place(path=entry.path, bytes=entry.bytes) for entry in sent[:SHOWN]),
        )
    if any(item.covers(entry.path) for entry in context.everything):
        return None
    # The folder has no such file now. It must be excluded once there is one.
    for path in item.stand_ins():
        if not _would_be_held(context, path, item.folder_only):
            return Unmet(item.text, f"'{item.text}' would reach the builder as soon as it exists", (Place(path=path),))
    return None


def _would_be_held(context: BuildContext, path: str, folder_only: bool) -> bool:
    inside = f"{path}/{_INSIDE.get(path.rpartition('/')[2], 'any-file')}"
    return context.outcome(inside).held or (not folder_only and context.outcome(path).held)


def _included(context: BuildContext, item: _Item) -> Unmet | None:
    there = [entry for entry in context.everything if item.covers(entry.path) and entry.type is not Type.FOLDER]
    if not there:
        return Unmet(item.text, f"'{item.text}' does not reach the builder: it is not in the build context")
    sent = {entry.path for entry in context.sent}
    held = [entry for entry in there if entry.path not in sent]
    # A folder is included if something in it is: caches and the like may well be excluded.
    whole_folder = item.literal and all(entry.path != item.path for entry in there)
    if not held or (whole_folder and len(held) < len(there)):
        return None
    # For a folder, the rule that excludes all of it says more than a rule for some file in it.
    paths = [item.path] * (item.literal and context.outcome(item.path).held) + [entry.path for entry in held]
    rules = [(path, context.outcome(path).rule) for path in paths[:SHOWN]]
    where = tuple(Place(file=context.ignore_file, line=rule.line, path=path) for path, rule in rules if rule)
    why = f"'{item.text}' does not reach the builder: line {where[0].line} of {context.ignore_file} excludes it"
    return Unmet(item.text, why, where)


def _expected(params: Params) -> str:
    wanted = []
    if params.max is not None:
        wanted.append(f"at most {format_size(params.max)}")
    if params.excluded:
        wanted.append(f"without {', '.join(params.excluded)}")
    if params.included:
        wanted.append(f"with {', '.join(params.included)}")
    return "; ".join(wanted)


def _remark(context: BuildContext, findings: list[Unmet]) -> str:
    """What may have gone wrong: an ignore file with the wrong name, or a pattern that matches nothing."""
    if context.ignore_file is None:
        names = [entry.path for entry in context.everything if "/" not in entry.path]
        near = [name for name in names if name.lower().strip("._- ").removesuffix(".txt") == "dockerignore"]
        there = f", and {near[0]} is not read" if near else ""
        return f"There is no {IGNORE_FILE} at the top of the build context{there}."
    for finding in findings:
        for rule in context.rules.rules:
            alike = difflib.SequenceMatcher(None, rule.pattern, finding.item.strip("/")).ratio() > 0.75
            if alike and not rule.keeps and not any(rule.matches(entry.path) for entry in context.everything):
                return f"Line {rule.line} of {context.ignore_file}, '{rule.text}', matches no file."
    return ""

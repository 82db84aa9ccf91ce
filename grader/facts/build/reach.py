"""Which steps read a file of the build context, as the Dockerfile says, and which of them install what it lists.

A step reads a file if it is a COPY or ADD of it, or a RUN that mounts the context with it. What builds on such a step,
or takes something from a stage with one, reads it as well.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Sequence

from grader.facts.build.step_patterns import syncs
from grader.facts.context.build_context import BuildContext, Type
from grader.facts.context.go_glob import BadPattern
from grader.facts.context.go_pattern import compile_pattern
from grader.facts.context.ignore_file import clean_path
from grader.facts.dockerfile.evaluate import normalised_path
from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step
from grader.facts.packages.installs import Install, installs
from grader.facts.shell.commands import Command
from grader.facts.shell.run import commands

_LOCAL = ("--find-links", "--no-index")
_LISTED = re.compile(r"(?:PIP|UV)_[A-Z_]*(?:REQUIREMENT|CONSTRAINT|OVERRIDE|FIND_LINKS|CONFIG)")
"""Variables that have a say in what is installed."""
MAX_LIST = 1_000_000
"""Bytes read of a list of packages."""


def readers(plan: BuildPlan, paths: Collection[str]) -> frozenset[int]:
    """Return the `id` of each step that reads one of the files at these paths, relative to the build context."""
    found: set[int] = set()
    touched: set[int] = set()
    for stage in plan.reachable:
        reads = stage.parent is not None and stage.parent.index in touched
        for step in stage.steps:
            own = _reads(step, stage, paths, touched)
            if own or reads:
                found.add(id(step))
            reads = reads or own
        if reads:
            touched.add(stage.index)
    return frozenset(found)


def _reads(step: Step, stage: ResolvedStage, paths: Collection[str], touched: Collection[int]) -> bool:
    taken = {use.stage for use in stage.uses if use.line == step.line}
    if not taken.isdisjoint(touched):
        return True
    if step.name in ("COPY", "ADD"):
        return step.flag("from") is None and any(_covers(source, path) for source in step.args[:-1] for path in paths)
    return any(
        mount.type == "bind" and not mount.source_image and _covers(mount.source or "/", path)
        for mount in step.mounts
        for path in paths
    )


def _covers(source: str, path: str) -> bool:
    """Whether a source in the context is the file, a folder above it, or a glob that matches one of these."""
    whole = clean_path(normalised_path("/", source).lstrip("/") or ".")
    if whole == ".":
        return True
    parts = path.split("/")
    above = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    if not set("*?[\\") & set(whole):
        return whole in above
    try:
        machine = compile_pattern(whole)
    except BadPattern:
        return False
    return any(machine.matches(part) for part in above)


def is_other_work(step: Step, scripts: Sequence[Step], context: BuildContext) -> bool:
    """Whether a step that does not read the edited file need not: all that it does is to install packages, or nothing
    of it is in the build context."""
    if step.name != "RUN":
        return True
    managers = {id(install.command) for install in installs(step)}
    return not scripts and not _names_file([one for one in commands(step) if id(one) not in managers], context)


def uses(step: Step, scripts: Sequence[Step], context: BuildContext, paths: Collection[str]) -> bool:
    """Whether a step that could read one of the files makes something of it, as far as its commands say.

    An install does if it takes a list or a project: one that only names packages would do the same without the file.
    Any other step does if it names a file of the context or runs a script of it.
    """
    if step.name != "RUN":
        return True
    if any(syncs(command) for command in commands(step)):
        return True
    found = _all_installs(step, scripts)
    if found:
        return any(_takes_list(install, context, paths) for install in found)
    return bool(scripts) or _names_file(commands(step), context)


def takes_list(step: Step, scripts: Sequence[Step], context: BuildContext, paths: Collection[str]) -> bool:
    """Whether a step installs, or fetches, what one of the files lists."""
    return any(_takes_list(install, context, paths) for install in _all_installs(step, scripts))


def names_all(step: Step, scripts: Sequence[Step] = ()) -> bool:
    """Whether the Dockerfile itself names all that a step installs from an index, and no list has a say in it."""
    found = _all_installs(step, scripts)
    named = [package for install in found for package in install.packages]
    if not found or any(install.files or not install.packages or install.has(*_LOCAL) for install in found):
        return False
    if any(not package.known or package.local for package in named):
        return False
    return not _LISTED.search(" ".join([step.instruction.original, *step.before.variables]))


def _all_installs(step: Step, scripts: Sequence[Step]) -> list[Install]:
    every = [install for one in (step, *scripts) for install in installs(one)]
    return [install for install in every if not install.has("--dry-run", "--help", "--version")]


def _takes_list(install: Install, context: BuildContext, paths: Collection[str]) -> bool:
    if any(not package.known or package.local for package in install.packages):
        return True  # "$(cat requirements.txt)", "."
    lists = [file for file in install.files if file.kind != "constraints"]
    return any(not file.known or _leads_to(file.path, context, paths) for file in lists)


def _leads_to(file: str, context: BuildContext, paths: Collection[str]) -> bool:
    """Whether a list is one of the files, names it, or is made by the build. Files are recognised by their names, since
    they have other folders in an image."""
    names = {posixpath.basename(path) for path in paths}
    own = posixpath.basename(file)
    if own in names:
        return True
    same = [entry.path for entry in context.sent if entry.type is Type.FILE and posixpath.basename(entry.path) == own]
    return not same or any(name.encode() in (context.read(path, MAX_LIST) or b"") for path in same for name in names)


def _names_file(every: Iterable[Command], context: BuildContext) -> bool:
    names = {posixpath.basename(entry.path) for entry in context.sent if entry.type is not Type.FOLDER}
    return any(
        not word.known or posixpath.basename(word.text) in names or bool(set("*?[") & set(word.text))
        for command in every
        for word in (*command.args, command.argv[0])
    )

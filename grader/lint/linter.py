"""One Dockerfile, looked at by every rule."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from grader.errors import SubmissionFault
from grader.facts.context.build_context import BuildContext
from grader.facts.dockerfile.lines import MAX_BYTES
from grader.facts.dockerfile.model import DockerfileError
from grader.facts.dockerfile.parser import parse
from grader.lib.text import clean
from grader.lint.model import Finding, Linted
from grader.lint.rule import all_rules
from grader.lint.rules.stages import unknown
from grader.lint.rules.syntax import syntax
from grader.lint.target import MAX_TARGETS, lint_target

log = logging.getLogger(__name__)

MAX_FINDINGS = 500
"""Findings given of one file."""


def lint(path: Path, context: Path | None = None, shown: str | None = None) -> Linted:
    """What is to be said of the Dockerfile at `path`, by line.

    `context` is the folder it would be built from (default: the one it lies in); `shown` is how to name the file. A
    file that cannot be read, or that no builder would accept, has an `error`.
    """
    name = shown if shown is not None else str(path)
    try:
        data = _read(path)
    except OSError as problem:
        return Linted(name, (), f"cannot be read: {problem.strerror}")
    if b"\0" in data:
        return Linted(name, (), "is not text")
    root = context if context is not None else path.parent
    try:
        file = parse(data, source=path.name)
    except DockerfileError as problem:
        return Linted(name, (syntax.finding(problem.line, f"{problem.message}."),), str(problem))
    target = lint_target(file, BuildContext(root, path))
    rules = all_rules()
    found = [finding for rule in rules if rule.file_only for finding in rule.findings(target)]
    error = None
    try:
        found += [finding for rule in rules if not rule.file_only for finding in rule.findings(target)]
    except SubmissionFault as problem:  # The context's ignore file is invalid, or a file in it cannot be read
        error = str(problem)
        found.append(syntax.finding(0, f"{error}."))
    except Exception as problem:
        log.debug("lint of %s failed", path, exc_info=True)
        error = f"lint itself failed here ({type(problem).__name__}): please report it"
    if target.skipped:
        names = ", ".join(target.skipped[:3]) + (", …" if len(target.skipped) > 3 else "")
        error = (
            f"has more than {MAX_TARGETS} stages that no other stage needs, and {len(target.skipped)} of them were not "
            f"looked at ({clean(names, 200)}): lint it in parts"
        )
    if target.fault is not None:
        error = str(target.fault)
    return Linted(name, tuple(_sorted(found)), error)


def _sorted(found: list[Finding]) -> list[Finding]:
    """By line, each once. A misspelt stage is no image: nothing is said of how that is named."""
    order = {rule.id: number for number, rule in enumerate(all_rules())}
    misspelt = {item.line for item in found if item.rule == unknown.id}
    once = dict.fromkeys(item for item in found if item.line not in misspelt or not item.rule.startswith("base-"))
    return sorted(once, key=lambda item: (item.line, order[item.rule], -item.severity.rank))[:MAX_FINDINGS]


def _read(path: Path) -> bytes:
    # Not blocking, for a pipe by that name would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, "it is not a file")
        return file.read(MAX_BYTES + 1)

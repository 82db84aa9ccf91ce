"""`lab lint`: the judgements that need no build, over any Dockerfile and the folder it is built from.

    for path in find([Path(".")]):
        linted = lint(path)
        linted.findings, linted.error

Nothing is run, fetched or asked of an engine; a file takes milliseconds. What the checks of an exercise judge as well
(how images, packages and downloads are named, who a user is, what a credential looks like) is judged by the same
functions of grader.facts.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from grader.errors import SubmissionFault
from grader.facts.context import BuildContext
from grader.facts.dockerfile import DockerfileError, parse
from grader.facts.dockerfile.lines import MAX_BYTES
from grader.lint import image, layers, outside, secret, stages
from grader.lint.find import NothingToLint, find
from grader.lint.model import RULES, SYNTAX, UNKNOWN_STAGE, Finding, Linted, Rule, Severity
from grader.lint.scene import Scene, scene

__all__ = ["RULES", "Finding", "Linted", "NothingToLint", "Rule", "Severity", "find", "lint"]

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
        return Linted(name, (), "is no text")
    root = context if context is not None else path.parent
    try:
        file = parse(data, source=path.name)
    except DockerfileError as problem:
        return Linted(name, (_syntax(problem),), str(problem))
    whole = scene(file, BuildContext(root, path))
    found = [*stages.duplicate(file), *stages.unknown(file)]
    error = None
    try:
        found += _look(whole)
    except SubmissionFault as problem:  # The context's ignore file is invalid, or a file in it cannot be read
        error = str(problem)
        found.append(Finding.of(SYNTAX, 0, Severity.ERROR, f"{error}."))
    except Exception as problem:
        log.debug("lint of %s failed", path, exc_info=True)
        error = f"lint itself failed here ({type(problem).__name__}): please report it"
    if whole.fault is not None:
        error = str(whole.fault)
        found.append(_syntax(whole.fault))
    return Linted(name, tuple(_sorted(found)), error)


def _look(whole: Scene) -> list[Finding]:
    found = [
        *outside.look(whole),
        *layers.add_for_copy(whole),
        *layers.copy_before_install(whole),
        *layers.cache_not_cleaned(whole),
        *secret.look(whole),
    ]
    return found + list(image.look(whole.image)) if whole.image is not None else found


def _syntax(problem: DockerfileError) -> Finding:
    return Finding.of(SYNTAX, problem.line, Severity.ERROR, f"{problem.message}.")


def _sorted(found: list[Finding]) -> list[Finding]:
    """By line, each once. A misspelt stage is no image: nothing is said of how that is named."""
    order = {rule.id: number for number, rule in enumerate(RULES)}
    misspelt = {item.line for item in found if item.rule == UNKNOWN_STAGE.id}
    once = dict.fromkeys(item for item in found if item.line not in misspelt or not item.rule.startswith("base-"))
    return sorted(once, key=lambda item: (item.line, order[item.rule], -item.severity.rank))[:MAX_FINDINGS]


def _read(path: Path) -> bytes:
    # Not blocking, for a pipe by that name would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(None, "it is no file")
        return file.read(MAX_BYTES + 1)

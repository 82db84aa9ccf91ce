"""secret-in-build: what must be nobody else's, in the instructions or copied by them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.errors import SubmissionFault
from grader.facts import credentials
from grader.facts.context import BuildContext
from grader.facts.dockerfile import Step
from grader.lint.model import SECRET_IN_BUILD, Finding, Severity
from grader.lint.scene import Scene

_NAME = re.compile(
    r"(?:^|_)(?:SECRET|SECRET_?KEY|TOKEN|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?)$",
    re.IGNORECASE,
)
_FILES = re.compile(
    r"(?:^|/)(?:\.env(?:\.(?:local|prod|production|dev|development|staging))?|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|\.pypirc"
    r"|\.npmrc|\.git-credentials|\.aws|\.ssh|\.docker/config\.json)/?\Z"
)
"""Files and folders that are made to hold credentials."""
_AT_THE_TOP = (".env", ".npmrc", ".netrc", ".pypirc", ".git-credentials", "id_rsa", "id_ed25519")
"""Those looked into when the whole context is copied."""
MAX_READ = 64 * 1024


def look(scene: Scene) -> Iterator[Finding]:
    """Findings about credentials by their shape, settings by their name, and copied files."""
    for instruction in scene.file.instructions:
        text = "\n".join([instruction.original, *(document.content for document in instruction.heredocs)])
        for hit in credentials.find(text.encode("utf-8", "replace"), settings=instruction.name not in ("ENV", "ARG")):
            yield _finding(instruction.line, Severity.ERROR, f"What looks like a {hit.kind} stands here")
            break
    for step in scene.steps():
        if step.name in ("ENV", "ARG"):
            yield from _setting(step)
        elif step.name in ("COPY", "ADD") and step.flag("from") is None:
            yield from _copied(scene.context, step)


def _finding(line: int, severity: Severity, what: str) -> Finding:
    return Finding.of(
        SECRET_IN_BUILD,
        line,
        severity,
        f"{what}: whoever has the image can read it. A build takes a secret by RUN --mount=type=secret, a container "
        "when it starts.",
    )


def _setting(step: Step) -> Iterator[Finding]:
    """A variable named like a secret. One whose value is empty or the path of a file holds none."""
    if step.name == "ENV":
        given = list(zip(step.args[::2], step.args[1::2], strict=False))
    else:
        given = [(name, value) for name, _, value in (word.partition("=") for word in step.args)]
    for name, value in given:
        if not _NAME.search(name) or value.startswith(("/", "./")):
            continue
        if step.name == "ARG":
            yield _finding(step.line, Severity.WARNING, f"The build argument {name} is kept in the image's history")
        elif value or step.unset:
            yield _finding(step.line, Severity.WARNING, f"The variable {name} is kept in the image's config")


def _copied(context: BuildContext, step: Step) -> Iterator[Finding]:
    for source in step.args[:-1]:
        path = source.strip("/").removeprefix("./").strip("/")
        if _FILES.search(path):
            yield _finding(step.line, Severity.WARNING, f"{source} is made to hold credentials, and is copied")
        elif path in ("", ".", "*"):
            for name in _AT_THE_TOP:
                if kind := _credential_in(context, name):
                    yield _finding(step.line, Severity.ERROR, f"{name} comes along, with what looks like a {kind}")


def _credential_in(context: BuildContext, name: str) -> str | None:
    """The kind of credential in a file that reaches the builder; None where there is none."""
    try:
        data = context.read(name, MAX_READ) if context.find(name) is not None else None
    except SubmissionFault:
        return None
    return next((hit.kind for hit in credentials.find(data, name)), None) if data else None

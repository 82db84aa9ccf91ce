"""secret-in-build: secrets in the instructions, or copied by them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.errors import SubmissionFault
from grader.facts.context.build_context import BuildContext
from grader.facts.dockerfile.resolved import Step
from grader.facts.image import credentials
from grader.facts.image.secret_settings import is_flag, is_placeholder, is_reference, is_secret_name
from grader.lint.model import Severity
from grader.lint.rule import Hit, rule
from grader.lint.target import LintTarget

_FILES = re.compile(
    r"(?:^|/)(?:\.env(?:\.(?:local|prod|production|dev|development|staging))?|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|\.pypirc"
    r"|\.npmrc|\.yarnrc\.yml|\.git-credentials|\.cargo/credentials(?:\.toml)?|\.aws|\.ssh|\.docker/config\.json)/?\Z"
)
"""Files and folders that are made to hold credentials."""
_AT_THE_TOP = (
    *(".env", ".npmrc", ".yarnrc.yml", ".netrc", ".pypirc", ".git-credentials"),
    *(".cargo/credentials.toml", ".cargo/config.toml", "id_rsa", "id_ed25519"),
)
"""Those looked into when the whole context is copied."""
MAX_READ = 64 * 1024
_NOTHING = (b"none", b"null")
"""Defaults of an argument that say that nothing was given."""
WARNING = Severity.WARNING


@rule(
    "secret-in-build",
    Severity.ERROR,
    lesson="04-multi-stage",
    text="No secret is written in the instructions or copied by them.",
    order=120,
)
def secret_in_build(target: LintTarget) -> Iterator[Hit]:
    """Findings about credentials by their shape, settings by their name, and copied files."""
    shipped = {(step.stage.index, step.line) for step in target.shipped()}
    lines = {line for _, line in shipped}
    for instruction in target.file.instructions:
        text = "\n".join([instruction.original, *(document.content for document in instruction.heredocs)])
        for hit in credentials.find_credentials(text.encode("utf-8", "replace"), settings=True):
            # The variables of ENV and ARG are looked at one by one, below.
            if hit.kind != credentials.SETTING or instruction.name not in ("ENV", "ARG"):
                yield _hit(instruction.line, f"This looks like a {hit.kind}", ships=instruction.line in lines)
                break
    for step in target.steps():
        ships = (step.stage.index, step.line) in shipped
        if step.name in ("ENV", "ARG"):
            yield from _setting(step, ships)
        elif step.name in ("COPY", "ADD") and step.flag("from") is None:
            yield from _copied(target.context, step, ships)


_INSTEAD = "Give a secret to a build with RUN --mount=type=secret, or to a container when it starts."


def _hit(line: int, what: str, severity: Severity | None = None, *, ships: bool) -> Hit:
    who = "the image" if ships else "the Dockerfile, or a cache that was exported with mode=max,"
    return Hit(line, f"{what}: whoever has {who} can read it. {_INSTEAD}", severity)


def _setting(step: Step, ships: bool) -> Iterator[Hit]:
    """A variable named like a secret, unless its value shows otherwise."""
    if step.name == "ENV":
        given = list(zip(step.args[::2], step.args[1::2], strict=False))
    else:
        given = [(name, value) for name, _, value in (word.partition("=") for word in step.args)]
    for name, value in given:
        data = value.encode("utf-8", "replace")
        if step.name == "ARG" and data.lower() in _NOTHING:
            data = b""  # the secret comes with the build
        if not is_secret_name(name) or is_reference(data) or is_flag(data):
            continue
        if step.name == "ARG" and ships:
            yield _hit(step.line, f"The build argument {name} is kept in the image's history", WARNING, ships=True)
        elif step.name == "ARG":
            yield Hit(
                step.line,
                f"The build argument {name} does not reach the image, but the build's output shows it with each "
                f"command that names it, and a cache or provenance of mode=max keeps it. {_INSTEAD}",
                Severity.INFO,
            )
        elif (value and not is_placeholder(data)) or (step.unset and not value):
            where = "kept in the image's config" if ships else "set in the Dockerfile"
            yield _hit(step.line, f"The variable {name} is {where}", WARNING, ships=ships)


def _copied(context: BuildContext, step: Step, ships: bool) -> Iterator[Hit]:
    for source in step.args[:-1]:
        path = source.strip("/").removeprefix("./").strip("/")
        if _FILES.search(path):
            if ships:
                text = f"{source} usually holds credentials, and it is copied"
                yield _hit(step.line, text, WARNING, ships=True)
            elif kind := _credential_in(context, path):
                text = f"{source} does not reach the image, but it holds what looks like a {kind}"
                yield Hit(step.line, f"{text}, and a cache of mode=max keeps it. {_INSTEAD}", Severity.INFO)
        elif path in ("", ".", "*"):
            for name in _AT_THE_TOP:
                if kind := _credential_in(context, name):
                    text = f"{name} is copied too, and holds what looks like a {kind}"
                    if ships:
                        yield _hit(step.line, text, ships=True)
                    else:
                        yield Hit(step.line, f"{text}: a cache of mode=max keeps it. {_INSTEAD}", Severity.INFO)


def _credential_in(context: BuildContext, name: str) -> str | None:
    """The kind of credential in a file that reaches the builder; None if there is none."""
    try:
        data = context.read(name, MAX_READ) if context.find(name) is not None else None
    except SubmissionFault:
        return None
    return next((hit.kind for hit in credentials.find_credentials(data, name)), None) if data else None

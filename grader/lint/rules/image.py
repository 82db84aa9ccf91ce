"""What the image will be when it runs: root-user, shell-form, no-healthcheck."""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.errors import SubmissionFault
from grader.facts.dockerfile.resolved import ResolvedStage, Step
from grader.facts.image import users
from grader.facts.shell.commands import Command
from grader.facts.shell.run import commands
from grader.lib.text import clean
from grader.lint.model import Severity
from grader.lint.rule import Hit, rule
from grader.lint.target import LintTarget

_NOT_ROOT = re.compile(r"(?:^|[-_./:])(?:nonroot|non-root|unprivileged|rootless)(?:$|[-_./:])")
"""In the name of an image: it sets a user itself, as distroless' nonroot tags and nginx-unprivileged do."""
_EXEC = re.compile(r"(?:\A|[;&|\n(])[^\S\n]*exec\s+\S")
_ALMOST_JSON = re.compile(r"\[.*\]\Z", re.DOTALL)


@rule("root-user", Severity.ERROR, lesson="05-runtime", text="The image does not run as root.", order=70)
def root_user(target: LintTarget) -> Iterator[Hit]:
    """The user that the image starts as: the last USER of its own stages, not of others or of heredocs."""
    if target.image is not None:
        yield from _user(target.image)


def _user(image: ResolvedStage) -> Iterator[Hit]:
    state = image.state
    if state.user is None:
        yield from _inherited(image)
        return
    step = next(found for found in reversed(image.image_steps()) if found.name == "USER")
    written = " ".join(step.instruction.args)
    if step.unset and not image.root.is_scratch:
        yield Hit(
            step.line,
            f"USER {written} uses a variable that nothing sets here. If it is empty, the image runs as root.",
            Severity.WARNING,
        )
        return
    try:
        # Its group is another matter: uid 0 with any group is root.
        root = users.resolve(state.user.partition(":")[0], _passwd(image), None).uid == 0
    except SubmissionFault:
        root = False  # A user of the base image, or one that a command makes.
    if root:
        name = state.user.partition(":")[0]
        why = "" if users.is_number(name) or name == "root" else ", which is uid 0"
        shown = f" ({clean(state.user, 60) or 'empty'})" if written != state.user else ""
        yield Hit(step.line, f"The image runs as root: its last USER is {written}{shown}{why}.")


def _inherited(image: ResolvedStage) -> Iterator[Hit]:
    line = image.stage.line
    if image.root.is_scratch:
        yield Hit(line, "The image runs as root: it starts from scratch and sets no USER.")
    elif not _NOT_ROOT.search(image.root.base):
        yield Hit(
            line,
            f"No USER is set: the image runs as the user of its base {image.root.base}, usually root.",
            Severity.WARNING,
        )


def _passwd(image: ResolvedStage) -> bytes:
    """The lines of /etc/passwd that make a name root: root's own, and what useradd and adduser are told here."""
    lines = ["root:x:0:0:root:/root:/bin/sh"]
    for step in image.image_steps():
        for command in commands(step):
            if command.name in ("useradd", "adduser", "usermod") and len(command.argv) > 2:
                lines += [f"{command.args[-1].text}:x:0:0::/:/bin/sh"] * (_uid(command) == "0")
    return "\n".join(lines).encode()


def _uid(command: Command) -> str | None:
    """The uid an option gives, without leading zeros."""
    words = [word.text for word in command.args]
    found = None
    for number, word in enumerate(words):
        if word in ("--uid", "-u") or re.fullmatch(r"-[a-zA-Z]*u", word):
            found = words[number + 1] if number + 1 < len(words) else None
        elif match := re.fullmatch(r"(?:--uid=|-u)([0-9]+)", word):
            found = match[1]
    return found and (found.lstrip("0") or "0")


@rule(
    "shell-form",
    Severity.WARNING,
    lesson="05-runtime",
    text="The main program starts without a shell, which would keep signals from it.",
    order=80,
)
def shell_form(target: LintTarget) -> Iterator[Hit]:
    """The ENTRYPOINT and CMD that count for the image. With an `exec` the program replaces the shell, which is fine."""
    image = target.image
    if image is None:
        return
    entrypoint, cmd = image.last("ENTRYPOINT"), image.last("CMD")
    if entrypoint is not None and not entrypoint.instruction.json:
        cmd = None  # A shell-form ENTRYPOINT ignores CMD.
    for step in (entrypoint, cmd):
        if step is None or step.instruction.json or not step.instruction.args or _hands_over(step):
            continue
        text = step.instruction.args[0].strip()
        if not text:
            continue
        if _ALMOST_JSON.match(text):
            message = f"{step.name} looks like a list but is not one (JSON needs double quotes), so a shell runs it"
        elif step.name == "CMD" and entrypoint is not None:
            message = "CMD in shell form gives ENTRYPOINT the words /bin/sh and -c as its first arguments"
        else:
            message = f"{step.name} in shell form starts a shell, and docker stop signals that shell, not the program"
        yield Hit(step.line, f"{message}.")


def _hands_over(step: Step) -> bool:
    text = step.instruction.args[0]
    for document in step.instruction.heredocs:
        text += f"\n{document.text}"
    return bool(_EXEC.search(text))


@rule(
    "no-healthcheck",
    Severity.INFO,
    lesson="05-runtime",
    text="An image that serves a port has a HEALTHCHECK.",
    order=130,
)
def no_healthcheck(target: LintTarget) -> Iterator[Hit]:
    """Only of an image that says it serves a port. HEALTHCHECK NONE is an answer too."""
    image = target.image
    if image is None:
        return
    ports = image.last("EXPOSE")
    if ports is not None and image.last("HEALTHCHECK") is None:
        yield Hit(
            ports.line,
            "The image serves a port and has no HEALTHCHECK: the engine cannot tell whether the service works.",
        )

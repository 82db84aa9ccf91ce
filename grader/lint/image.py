"""What the image will be when it runs: root-user, shell-form, no-healthcheck."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from grader.errors import SubmissionFault
from grader.facts import users
from grader.facts.dockerfile import Command, ResolvedStage, Step, commands
from grader.lint.model import NO_HEALTHCHECK, ROOT_USER, SHELL_FORM, Finding, Severity
from grader.verdict import clean

_NOT_ROOT = re.compile(r"(?:^|[-_./:])(?:nonroot|non-root|unprivileged|rootless)(?:$|[-_./:])")
"""In the name of an image: it sets a user itself, as distroless' nonroot tags and nginx-unprivileged do."""
_EXEC = re.compile(r"(?:^|[;&|\n(])\s*exec\s+\S")
_ALMOST_JSON = re.compile(r"\[.*\]\Z", re.DOTALL)


def user(image: ResolvedStage) -> Iterator[Finding]:
    """Whom the image starts as, by the last USER of its own lineage: no other stage's, and none in a heredoc."""
    state = image.state
    if state.user is None:
        yield from _inherited(image)
        return
    step = next(found for found in reversed(image.image_steps()) if found.name == "USER")
    written = " ".join(step.instruction.args)
    if step.unset and not image.root.is_scratch:
        yield Finding.of(
            ROOT_USER,
            step.line,
            Severity.WARNING,
            f"USER {written} uses a variable that nothing here sets: empty, it is root.",
        )
        return
    try:
        # Its group is another matter: uid 0 with any group is root.
        root = users.resolve(state.user.partition(":")[0], _passwd(image), None).uid == 0
    except SubmissionFault:
        root = False  # A user of the base image, or one that a command makes.
    if root:
        name = state.user.partition(":")[0]
        why = "" if users.is_number(name) or name == "root" else " and that is uid 0"
        shown = f" ({clean(state.user, 60) or 'empty'})" if written != state.user else ""
        yield Finding.of(
            ROOT_USER, step.line, Severity.ERROR, f"The image runs as root: its last USER is {written}{shown}{why}."
        )


def _inherited(image: ResolvedStage) -> Iterator[Finding]:
    line = image.stage.line
    if image.root.is_scratch:
        yield Finding.of(
            ROOT_USER, line, Severity.ERROR, "The image runs as root: it starts from scratch with no USER."
        )
    elif not _NOT_ROOT.search(image.root.base):
        yield Finding.of(
            ROOT_USER,
            line,
            Severity.WARNING,
            f"No USER is set: the image runs as whom {image.root.base} says, which is root for most images.",
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


def shell_form(image: ResolvedStage) -> Iterator[Finding]:
    """ENTRYPOINT and CMD that count for the image. With an `exec` the shell gives way, so that is well."""
    entrypoint, cmd = image.last("ENTRYPOINT"), image.last("CMD")
    if entrypoint is not None and not entrypoint.instruction.json:
        cmd = None  # A shell-form ENTRYPOINT takes no notice of CMD.
    for step in (entrypoint, cmd):
        if step is None or step.instruction.json or not step.instruction.args or _hands_over(step):
            continue
        text = step.instruction.args[0].strip()
        if not text:
            continue
        if _ALMOST_JSON.match(text):
            message = f"{step.name} looks like a list but is none (JSON wants double quotes), so a shell gets it"
        elif step.name == "CMD" and entrypoint is not None:
            message = "CMD in shell form gives ENTRYPOINT the words /bin/sh and -c as its first arguments"
        else:
            message = f"{step.name} in shell form starts a shell, and signals such as docker stop's go to that"
        yield Finding.of(SHELL_FORM, step.line, Severity.WARNING, f"{message}.")


def _hands_over(step: Step) -> bool:
    text = step.instruction.args[0]
    for document in step.instruction.heredocs:
        text += f"\n{document.text}"
    return bool(_EXEC.search(text))


def healthcheck(image: ResolvedStage) -> Iterator[Finding]:
    """Only of an image that says it serves a port. HEALTHCHECK NONE is an answer too."""
    ports = image.last("EXPOSE")
    if ports is not None and image.last("HEALTHCHECK") is None:
        yield Finding.of(
            NO_HEALTHCHECK,
            ports.line,
            Severity.INFO,
            "The image serves a port and has no HEALTHCHECK: an engine cannot tell whether it works.",
        )


def look(image: ResolvedStage) -> Sequence[Finding]:
    """Findings about the image that the last stage makes."""
    return [*user(image), *shell_form(image), *healthcheck(image)]

"""`user`: the image does not run as root, neither by its config nor as the process that then runs."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from grader.beside import Work
from grader.checks import CheckParams
from grader.errors import NotObservable
from grader.facts.engine import ContainerRefused
from grader.facts.users import UnknownUser, User, is_number
from grader.verdict import Verdict, clean

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.container import Process, Seen

PATIENCE = 5.0
"""Seconds an entrypoint that starts as root has to drop it."""
GLANCE = 1.0
"""The same where the verdict is clear already and only the message profits."""
EXPECTED = "a user other than root"


class Params(CheckParams):
    """Where the user is looked at, and whether the image must name it by number (as Kubernetes wants it)."""

    work: ClassVar[Work] = Work.RUNS
    at: Literal["config", "runtime", "both"] = "both"
    numeric: bool = False


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed when the user in the config, the ids of the running main process, or both are not root's."""
    try:
        user = facts.configured_user
    except UnknownUser as problem:
        return Verdict.failed(f"{problem}.", expected=EXPECTED, found=_spec(facts.image.config.user))
    details: dict[str, Any] = {"config": _described(user)}
    if params.at != "runtime" and user.uid == 0:
        return _root_by_config(facts, params, user, details)
    if params.numeric and not is_number(user.spec.partition(":")[0]):
        return Verdict.failed(
            f"The image names its user as {_spec(user.spec)}; where only numbers are trusted to be not root, "
            "that is refused. Name it by its uid.",
            expected="USER with a number",
            found=_spec(user.spec),
            details=details,
        )
    if params.at == "config":
        return Verdict.passed(f"A container starts as {_name(user)}.", details=details)
    return _at_runtime(facts, user, details)


def _root_by_config(facts: Facts, params: Params, user: User, details: dict[str, Any]) -> Verdict:
    message = f"A container starts as root: {_why_root(user)}."
    if params.at == "both":
        try:
            seen = facts.main_process(GLANCE)
        except (ContainerRefused, NotObservable):
            seen = None
        if seen and seen.main and not seen.main.is_root:
            details["runtime"] = _ids(seen.main)
            message += (
                f" Its main process gives that up and runs as uid {seen.main.real},"
                " but whatever starts before it, and every 'docker exec', is root."
            )
    return Verdict.failed(message, expected=EXPECTED, found=_spec(user.spec), details=details)


def _at_runtime(facts: Facts, user: User, details: dict[str, Any]) -> Verdict:
    try:
        seen = facts.main_process(PATIENCE)
    except ContainerRefused as problem:
        return Verdict.failed(f"The container does not start: {problem}.", expected=EXPECTED, found="no process")
    # A set-uid program shows as an ordinary one here, since a grader's container gains no privileges.
    for program in _programs(facts, seen):
        found = facts.image.files.stat(program)
        if found and found.mode & 0o4000 and found.uid == 0:
            return Verdict.failed(
                f"The program {clean(program, 200)} has the set-uid bit and belongs to root: it runs as root.",
                expected=EXPECTED,
                found=f"mode {found.mode:04o}, owner {found.uid}",
                details=details,
            )
    if seen.main is None:
        return _ended_unseen(seen, user, details)
    details["runtime"] = _ids(seen.main)
    if seen.main.is_root:
        return Verdict.failed(
            f"The main process runs as root{_held(seen.main)}: {clean(seen.main.command, 120)}",
            expected=EXPECTED,
            found=_ids(seen.main),
            details=details,
        )
    for process in seen.others:
        if process.is_root:
            return Verdict.failed(
                f"The main process runs as uid {seen.main.real}, but another one beside it runs as root: "
                f"{clean(process.command, 120)}",
                expected=EXPECTED,
                found=_ids(process),
                details=details,
            )
    return Verdict.passed(f"The main process runs as uid {seen.main.real}, not as root.", details=details)


def _ended_unseen(seen: Seen, user: User, details: dict[str, Any]) -> Verdict:
    """The process was over before anybody could look: it ran as whom it was started as, or cannot show otherwise."""
    details["runtime"] = f"ended with exit status {seen.exit_code} before its ids could be read"
    if user.uid == 0:
        return Verdict.failed(
            f"The main process starts as root ({_why_root(user)}) and ended at once, with exit status {seen.exit_code}:"
            " it was not seen to run as anyone else.",
            expected=EXPECTED,
            found=_spec(user.spec),
            details=details,
        )
    return Verdict.passed(
        f"The main process starts as {_name(user)} and has no way to become root; "
        f"it ended at once, with exit status {seen.exit_code}.",
        details=details,
    )


def _programs(facts: Facts, seen: Seen) -> Sequence[str]:
    """The main program as the config names it, with PATH looked through, and what was seen running, also under another
    name."""
    config = facts.image.config
    running = [seen.main, *seen.others] if seen.main else []
    found = [process.program for process in running if process.program]
    words = [*(*config.entrypoint, *config.cmd)[:1]]
    words += [process.command.split(maxsplit=1)[0] for process in running if process.command and not process.program]
    for word in words:
        if "/" in word:
            found.append(posixpath.join(config.workdir or "/", word))
        else:
            folders = config.env.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").split(":")
            paths = [posixpath.join(folder, word) for folder in folders if folder]
            found += [path for path in paths if facts.image.files.stat(path)][:1]
    return found


def _why_root(user: User) -> str:
    if not user.spec:
        return "neither the Dockerfile nor its base image sets a USER"
    name = user.spec.partition(":")[0]
    if not name or name == "root" or is_number(name):
        return f"USER is {_spec(user.spec)}"
    return f"USER is {_spec(user.spec)}, and the image's /etc/passwd gives that name the uid 0"


def _held(process: Process) -> str:
    return "" if process.real == 0 else f" (its uid is {process.real}, but it holds root's as well)"


def _ids(process: Process) -> str:
    names = (("real", process.real), ("effective", process.effective), ("saved", process.saved))
    return ", ".join(f"{name} uid {value}" for name, value in names if value is not None)


def _name(user: User) -> str:
    return f"{clean(user.name, 60)} (uid {user.uid})" if user.name else f"uid {user.uid}"


def _spec(text: str) -> str:
    return repr(clean(text, 100)) if text else "no USER"


def _described(user: User) -> str:
    return f"{_spec(user.spec)}: uid {user.uid}, gid {user.gid}"

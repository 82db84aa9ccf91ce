"""`user`: the image does not run as root, neither by its config nor in the process that then runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from grader.checks import CheckParams
from grader.errors import NotObservable
from grader.facts.engine.errors import ContainerRefused
from grader.facts.engine.main_process import observe_main_process
from grader.facts.image.elevation import ways_to_root
from grader.facts.image.users import UnknownUser, User, is_number
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.verdict import Verdict

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.engine.container import Process
    from grader.facts.engine.main_process import ProcessSnapshot

PATIENCE = 5.0
"""Seconds that an entrypoint which starts as root has to drop root."""
GLANCE = 1.0
"""The same if the verdict is clear already and this only improves the message."""
EXPECTED = "a user other than root"


class Params(CheckParams):
    """Where to look for the user, and whether the image must name it by number, as Kubernetes asks."""

    work: ClassVar[Workload] = Workload.RUNS
    at: Literal["config", "runtime", "both"] = "both"
    numeric: bool = False


def judge(facts: Facts, params: Params) -> Verdict:
    """Passed if the user in the config, the ids of the running processes, or both are not root's, and the user that
    runs has no way to become root."""
    try:
        user = facts.configured_user
    except UnknownUser as problem:
        return Verdict.failed(f"{problem}.", expected=EXPECTED, found=_spec(facts.image.config.user))
    details: dict[str, Any] = {"config": _described(user)}
    if params.at != "runtime" and user.uid == 0:
        return _root_by_config(facts, params, user, details)
    if params.numeric and not is_number(user.spec.partition(":")[0]):
        return Verdict.failed(
            f"USER is {_spec(user.spec)}, a name. Kubernetes' runAsNonRoot accepts only a number, since a name could "
            "be root's: give the uid.",
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
            seen = observe_main_process(facts, GLANCE)
        except (ContainerRefused, NotObservable):
            seen = None
        if seen and seen.main and not seen.main.is_root:
            details["runtime"] = _ids(seen.main)
            message += (
                f" Its main process drops root and runs as uid {seen.main.real},"
                " but whatever starts before it, and every 'docker exec', runs as root."
            )
    return Verdict.failed(message, expected=EXPECTED, found=_spec(user.spec), details=details)


def _at_runtime(facts: Facts, user: User, details: dict[str, Any]) -> Verdict:
    try:
        seen = observe_main_process(facts, PATIENCE)
    except ContainerRefused as problem:
        return Verdict.failed(f"The container does not start: {problem}.", expected=EXPECTED, found="no process")
    if seen.main:
        details["runtime"] = _ids(seen.main)
    else:
        details["runtime"] = f"ended with exit status {seen.exit_code} before its ids could be read"
    root = seen.root or (seen.main if seen.main and seen.main.is_root else None)
    if root:
        return _runs_as_root(root, seen, user, details)
    if seen.main is None and user.uid == 0:
        return Verdict.failed(
            f"The main process starts as root ({_why_root(user)}). It ended at once, with exit status "
            f"{seen.exit_code}, and was not seen to run as anyone else.",
            expected=EXPECTED,
            found=_spec(user.spec),
            details=details,
        )
    if seen.main and seen.main.real != user.uid:  # an entrypoint chose the user
        who, ways = f"uid {seen.main.real}", ways_to_root(facts.image, seen.main.real, None, "", base=_base(facts))
    else:
        who, ways = _name(user), ways_to_root(facts.image, user.uid, user.gid, user.name, base=_base(facts))
    if ways:
        more = f" (one of {len(ways)} ways)" if len(ways) > 1 else ""
        return Verdict.failed(
            f"The main process starts as {who}, which can become root: {ways[0].text}{more}.",
            expected=EXPECTED,
            found="; ".join(way.text for way in ways[:5]),
            details=details,
        )
    if seen.main is None:
        return Verdict.passed(
            f"The main process starts as {_name(user)}, and nothing that it may run makes it root. "
            f"It ended at once, with exit status {seen.exit_code}.",
            details=details,
        )
    return Verdict.passed(f"The main process runs as uid {seen.main.real}, not as root.", details=details)


def _base(facts: Facts) -> int:
    """How many layers surely came with a base image: one, if the Dockerfile names any."""
    root = facts.plan.target.root if facts.has_folder else None
    return 1 if root and not root.is_scratch else 0


def _runs_as_root(root: Process, seen: ProcessSnapshot, user: User, details: dict[str, Any]) -> Verdict:
    became = "" if user.uid == 0 else f" It was started as {_name(user)}, and became root."
    message = f"The main process runs as root{_held(root)}: {clean(root.command, 120)}.{became}"
    if not root.main:
        details["root"] = _ids(root)
        whose = f"The main process runs as uid {seen.main.real}" if seen.main else "The main process ended"
        message = f"{whose}, but another process in the container runs as root: {clean(root.command, 120)}."
    return Verdict.failed(message, expected=EXPECTED, found=_ids(root), details=details)


def _why_root(user: User) -> str:
    if not user.spec:
        return "neither the Dockerfile nor its base image sets a USER"
    name = user.spec.partition(":")[0]
    if not name or name == "root" or is_number(name):
        return f"USER is {_spec(user.spec)}"
    return f"USER is {_spec(user.spec)}, and the image's /etc/passwd gives that name the uid 0"


def _held(process: Process) -> str:
    return "" if process.real == 0 else f" (its real uid is {process.real}, but it also holds root's)"


def _ids(process: Process) -> str:
    names = (("real", process.real), ("effective", process.effective), ("saved", process.saved))
    return ", ".join(f"{name} uid {value}" for name, value in names if value is not None)


def _name(user: User) -> str:
    return f"{clean(user.name, 60)} (uid {user.uid})" if user.name else f"uid {user.uid}"


def _spec(text: str) -> str:
    return repr(clean(text, 100)) if text else "no USER"


def _described(user: User) -> str:
    return f"{_spec(user.spec)}: uid {user.uid}, gid {user.gid}"

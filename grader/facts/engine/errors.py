"""Translate the faults of an engine and its SDK into our own errors, and tell which of them are the image's fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from grader.errors import EngineFailure, EngineUnavailable, SubmissionFault
from grader.lib.text import clean


class ContainerRefused(SubmissionFault):
    """The engine starts containers, but none of this image: the image names a program that it does not have, or a
    volume that cannot be, or holds something else where the engine needs a file or a folder."""


FAILED = "the engine failed: "
"""How a message begins that quotes the engine."""
SNAPSHOT_GONE = re.compile(r"failed to prepare extraction snapshot .* does not exist: not found", re.DOTALL)
"""The containerd store removed layers of a deleted image (another grading ended) while it exported an image that shares
them. Seen once in 200 parallel builds on 26.1.5."""
NEVER_BEGAN = re.compile(r"waiting for init preliminary setup: |can't get final child's PID from pipe: ")
"""What runc says if its own child was lost before it ran anything of the image: three times in some ten thousand
starts (runc 1.1.15). The next start of the same container goes well."""
# What engines and runtimes say if the image is at fault and not the engine: its program or its user does not exist.
_REFUSED = re.compile(
    r"(?:unable to start container process|starting container process caused): .*(?:exec|chdir)|no command specified"
    r"|unable to find (?:user|group)|no matching entries in|no users found|uids and gids must be in range"
    r"|executable file `.*` not found|mkdir .* not a directory",
    re.IGNORECASE,
)
_RUNTIME = re.compile(
    r"^.*(?:unable to start container process|process caused): (?:error during container init: )?"
    r"|^failed to create task for container: ",
    re.IGNORECASE,
)


@contextmanager
def translated(answers: Callable[[], bool], *, raw: bool = False) -> Iterator[None]:
    """Turn the SDK's faults into ours; with `raw`, an answer of the engine itself passes as it is.

    `answers` says whether the engine still answers. Raises KeyError if what was named does not exist, EngineFailure if
    the engine answered with a fault of its own, and EngineUnavailable if it stopped answering.
    """
    import docker.errors
    import requests.exceptions
    import urllib3.exceptions

    try:
        yield
    except docker.errors.NotFound as problem:
        raise KeyError(clean(str(problem.explanation or problem), 300)) from None
    except docker.errors.APIError as problem:
        if raw:
            raise
        # "removal of container … is already in progress": somebody else is cleaning up, so to us it is gone.
        if problem.status_code == 409 and re.search("is not running|is already in progress", str(problem.explanation)):
            raise KeyError(clean(str(problem.explanation), 300)) from None
        raise _failure(problem) from None
    except (
        docker.errors.DockerException,
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
        ValueError,  # an answer cut short is not JSON
    ) as problem:
        if answers():
            raise EngineFailure(f"the engine's answer was cut short ({reason(problem)}): grade again") from None
        raise EngineUnavailable("the engine stopped answering: see 'lab status', then grade again") from None


@contextmanager
def refusable(answers: Callable[[], bool]) -> Iterator[None]:
    """Do the same as `translated`, but raise ContainerRefused for what is the image's fault."""
    import docker.errors

    try:
        with translated(answers, raw=True):
            yield
    except docker.errors.APIError as problem:
        text = " ".join(clean(str(problem.explanation or problem), 400).split())
        if _REFUSED.search(text):
            raise ContainerRefused(in_short(text)) from None
        raise _failure(problem) from None


def in_short(text: str) -> str:
    """Return what an engine said of a container without the names of the programs that passed it on."""
    return _RUNTIME.sub("", text.removeprefix(FAILED)).removesuffix(": unknown")


def _failure(problem: Any) -> EngineFailure:
    text = clean(str(problem.explanation or problem), 300).strip().replace("\n", " ")
    if "no space left on device" in text:
        return EngineFailure(f"the engine's disk is full: make room there, then grade again ({text})")
    return EngineFailure(f"{FAILED}{text}")


def reason(problem: BaseException) -> str:
    """Return the innermost reason of a transport's fault, in a few words."""
    seen: set[int] = set()
    found: BaseException = problem
    while (inner := found.__cause__ or found.__context__) is not None and id(inner) not in seen:
        seen.add(id(inner))
        found = inner
    text = found.strerror if isinstance(found, OSError) and found.strerror else str(found) or type(found).__name__
    return clean(str(text), 160).replace("\n", " ").lower()

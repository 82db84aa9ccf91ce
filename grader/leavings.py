"""What the scripts of known submissions leave in the lab's registry and on the engine, and how it is removed.

Each trial has a learner of its own, whose name tells which process made it: trials do not meet, nobody's own work is
touched, and what a crash leaves behind can be told from what is in use.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import takewhile

from grader import owner
from grader.errors import GraderError, SubmissionFault
from grader.facts.engine import Engine
from grader.facts.registry import Repository, catalogue

REGISTRY = "localhost:5000"
"""The lab's registry, which scripts push to."""
_FAMILY = "verify-"


def new_learner() -> str:
    """A name for the learner of one trial, that nobody else has."""
    return f"{_FAMILY}{owner.mark()}-{secrets.token_hex(4)}"


def remove(learner: str) -> None:
    """Remove what was pushed under a name of `new_learner`, and the images of that name on the engine.

    GraderError where that cannot be done. The registry goes on listing the repositories, which are empty then.
    """
    _remove(lambda name: name == learner)


def sweep(*, own: bool = False) -> None:
    """`remove` for every learner whose process has ended, with `own` for those of this process too. What cannot be done
    now is left to the next sweep."""
    mine = f"{_FAMILY}{owner.mark()}-"
    with suppress(GraderError):
        _remove(lambda name: owner.is_stale(name.removeprefix(_FAMILY)) or (own and name.startswith(mine)))


def _remove(is_over: Callable[[str], bool]) -> None:
    for repository in _repositories():
        if is_over(repository.partition("/")[0]):
            _empty(repository)
    with closing(Engine.connect()) as engine:
        for name in engine.image_names():
            learner = name.removeprefix(f"{REGISTRY}/").partition("/")[0]
            if name.startswith(f"{REGISTRY}/{_FAMILY}") and is_over(learner):
                engine.remove_image(name)


def _repositories() -> Iterator[str]:
    """Every repository that a trial pushed to, empty ones too. RegistryUnavailable."""
    return takewhile(lambda name: name.startswith(_FAMILY), catalogue(REGISTRY, after=_FAMILY))


def _empty(name: str) -> None:
    """Delete every manifest that has a tag, and those an index among them lists."""
    repository = Repository(REGISTRY, name)
    for tag in repository.tags():
        with suppress(SubmissionFault):  # broken, as some known submission may want it
            manifest = repository.manifest(tag)
            if manifest:
                for digest in (manifest.digest, *(part.digest for part in manifest.manifests)):
                    repository.delete(digest)

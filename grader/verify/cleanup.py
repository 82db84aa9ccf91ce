"""Remove what the scripts of known submissions leave in the lab's registry and on the engine.

Each trial has its own learner, whose name tells which process created it. So trials do not disturb each other, no
person's work is touched, and the remains of a crash can be told from what is in use.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import takewhile

from grader.errors import GraderError, SubmissionFault
from grader.facts.engine.engine import Engine
from grader.facts.registry.repository import Repository, catalogue
from grader.lib import owner

REGISTRY = "localhost:5000"
"""The lab's registry, to which scripts push."""
FAMILY = "verify-"
"""What the name of every such learner begins with; the mark of the process follows."""


def new_learner() -> str:
    """Return a unique name for the learner of one trial."""
    return f"{FAMILY}{owner.mark()}-{secrets.token_hex(4)}"


def remove(learner: str) -> None:
    """Remove what was pushed under a name from `new_learner`, and the images of that name on the engine.

    The registry still lists the repositories, but they are empty. Raises GraderError if something cannot be removed.
    """
    _remove(lambda name: name == learner)


def sweep(*, own: bool = False) -> None:
    """Call `remove` for every learner whose process has ended; with `own`, also for those of this process.

    What cannot be removed now is left to the next sweep.
    """
    mine = f"{FAMILY}{owner.mark()}-"
    with suppress(GraderError):
        _remove(lambda name: owner.is_stale(name.removeprefix(FAMILY)) or (own and name.startswith(mine)))


def _remove(is_over: Callable[[str], bool]) -> None:
    for repository in _repositories():
        if is_over(repository.partition("/")[0]):
            _empty(repository)
    with closing(Engine.connect()) as engine:
        for name in engine.image_names():
            learner = name.removeprefix(f"{REGISTRY}/").partition("/")[0]
            if name.startswith(f"{REGISTRY}/{FAMILY}") and is_over(learner):
                engine.remove_image(name)


def _repositories() -> Iterator[str]:
    """Every repository that a trial pushed to, including empty ones. Raises RegistryUnavailable."""
    return takewhile(lambda name: name.startswith(FAMILY), catalogue(REGISTRY, after=FAMILY))


def _empty(name: str) -> None:
    """Delete every manifest with a tag, and those that an index among them lists."""
    repository = Repository(REGISTRY, name)
    for tag in repository.tags():
        with suppress(SubmissionFault):  # a broken manifest, which may be what a known submission is about
            manifest = repository.manifest(tag)
            if manifest:
                for digest in (manifest.digest, *(part.digest for part in manifest.manifests)):
                    repository.delete(digest)

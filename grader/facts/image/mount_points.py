"""Where an engine mounts something while a RUN goes on, and what it leaves there.

Engines differ in what the layer of a RUN holds besides its own files: nothing, or entries for the /proc or /etc/hosts
that they mounted. An entry that only repeats what lower layers have, or an empty one where they have nothing, is the
engine's. Another mode or owner is the RUN's own doing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grader.facts.image.changeset import OPAQUE, WHITEOUT
from grader.facts.image.tar import Member

MOUNT_POINTS = frozenset(("dev", "proc", "sys", "etc", "etc/hosts", "etc/resolv.conf"))


def is_leftover(member: Member, below: Mapping[str, Member]) -> bool:
    """Whether an entry of a layer is the engine's. `below` is what the layers below have at the mount points."""
    if member.path not in MOUNT_POINTS or member.size or member.kind not in ("folder", "file"):
        return False
    return below.get(member.path, member) == member


def states_below(layers: Sequence[Sequence[Member]]) -> list[dict[str, Member]]:
    """Return, for each layer from the bottom, what the layers below it have at the mount points."""
    states: list[dict[str, Member]] = []
    seen: dict[str, Member] = {}
    for members in layers:
        states.append(dict(seen))
        for member in members:  # a layer's marks do not hide anything in the layer itself
            folder, _, name = member.path.rpartition("/")
            if name == OPAQUE:
                _drop(seen, folder)
            elif name.startswith(WHITEOUT):
                gone = f"{folder}/{name.removeprefix(WHITEOUT)}".lstrip("/")
                _drop(seen, gone)
                seen.pop(gone, None)
        for member in members:
            if member.path in MOUNT_POINTS:
                if member.kind != "folder":
                    _drop(seen, member.path)
                seen[member.path] = member
    return states


def _drop(seen: dict[str, Member], folder: str) -> None:
    """Forget what is in that folder."""
    for path in [path for path in seen if not folder or path.startswith(f"{folder}/")]:
        del seen[path]

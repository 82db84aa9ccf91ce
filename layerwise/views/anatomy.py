"""Take an image apart for the views: where its base ends, and what each layer did to the files below it.

It uses the grader's facts about an image, so that a picture and a grade never disagree.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from grader.errors import SubmissionFault
from grader.facts.build.base import base_among
from grader.facts.engine.engine import Engine
from grader.facts.image.changeset import OPAQUE, WHITEOUT
from grader.facts.image.config import instruction
from grader.facts.image.filesystem import File, FileSystem, Waste
from grader.facts.image.image import Image, Layer
from grader.facts.image.leaks import Leak, Leaks, search_image
from grader.facts.image.secret_finder import SecretFinder
from grader.facts.image.tar import Member
from grader.lib.text import clean
from grader.lib.units import format_size
from layerwise.errors import InputError
from layerwise.stack.catalogue import catalogue

MAX_SEARCHED = 150_000_000
"""The most bytes of an image's own layers that are searched for credentials."""
REMEMBERED = 8
"""The number of measured images that this process keeps."""

What = Literal["added", "changed", "removed"]

_KNOWN: OrderedDict[str, Image] = OrderedDict()


class Change(NamedTuple):
    """What a layer did to one path."""

    what: What
    path: str
    kind: str
    """file, folder, symlink, hardlink, device, pipe or other"""
    size: int
    """The bytes that the layer has for it; for a removal, the bytes that can no longer be seen."""
    note: str
    hidden: int | None
    """The number (from 0) of the later layer that hides it; None if none does."""


@dataclass(frozen=True)
class Slice:
    """One layer, and its changes."""

    layer: Layer
    instruction: str
    base: bool
    """Whether it belongs to the base image."""
    changes: Sequence[Change]
    """The changes, biggest first."""
    wasted: int
    """The bytes of its files that no container of the image sees."""

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """The number of paths added, changed and removed."""
        return Counter(change.what for change in self.changes)


class HistoryLine(NamedTuple):
    """A line of the image's history. `layer` is None if it only changed the config."""

    instruction: str
    layer: int | None


@dataclass(frozen=True)
class Anatomy:
    """An image, the name of its base image in the lab ("" for none), and the number of the base's layers, as graded."""

    name: str
    image: Image
    base: str
    base_layers: int

    @cached_property
    def slices(self) -> Sequence[Slice]:
        """The layers, from the bottom."""
        return tuple(self._slices())

    @cached_property
    def steps(self) -> Sequence[HistoryLine]:
        """The history, oldest first. If it does not fit the layers, there is one step for each layer."""
        history = self.image.config.history
        layers = self.image.layers
        if sum(not entry.empty for entry in history) != len(layers):
            return tuple(HistoryLine(layer.instruction, layer.index) for layer in layers)
        numbers = iter(range(len(layers)))
        return tuple(
            HistoryLine(instruction(entry.created_by), None if entry.empty else next(numbers)) for entry in history
        )

    @cached_property
    def leaks(self) -> Sequence[Leak] | None:
        """The credentials above the base; None if the layers are too big to search."""
        if self.size - self.base_size > MAX_SEARCHED:
            return None
        found = Leaks(SecretFinder(()))
        try:
            search_image(self.image, self.base_layers, found)
        except SubmissionFault:
            return None
        return found.found

    @property
    def size(self) -> int:
        """The bytes of all uncompressed layers."""
        return self.image.size

    @property
    def base_size(self) -> int:
        """The bytes of the base's uncompressed layers."""
        return sum(layer.size for layer in self.image.layers[: self.base_layers])

    def _slices(self) -> Iterator[Slice]:
        layers = self.image.layers
        everything = [layer.members for layer in layers]
        waste: dict[int, dict[str, Waste]] = {}
        for item in self.image.files.waste():
            waste.setdefault(item.layer, {})[item.path] = item
        hiding = self.image.files.hidden_by(item for lost in waste.values() for item in lost.values())
        for layer in layers:
            index = layer.index
            lost = waste.get(index, {})
            hidden = {path: hiding.get(item) for path, item in lost.items()}
            changes = _changes(layer.members, FileSystem(everything[:index]), hidden)
            yield Slice(
                layer,
                layer.instruction,
                index < self.base_layers,
                sorted(changes, key=lambda change: (-change.size, change.path)),
                sum(item.size for item in lost.values()),
            )


def load(name: str) -> Anatomy:
    """Return the image of that name on the engine. Raises InputError if there is none."""
    with closing(Engine.connect()) as engine:
        try:
            found = engine.inspect_image(name)
        except KeyError:
            shown = clean(name, 200)
            raise InputError(
                f"the engine has no image {shown!r}: build it in a cell above, or fetch it with: docker pull {shown}"
            ) from None
        key = str(found["Id"])
        image = _KNOWN.pop(key, None) or Image(lambda: _archive(key), name=key)
        _KNOWN[key] = image
        while len(_KNOWN) > REMEMBERED:
            _KNOWN.popitem(last=False)
        own = [layer.diff_id for layer in image.layers]
        base = base_among(own, tuple(catalogue()), architecture=image.config.architecture, engine=engine)
    return Anatomy(name, image, base.reference, base.layers)


@contextmanager
def _archive(name: str) -> Iterator[Iterator[bytes]]:
    """The image's archive, over a new connection: a view may need it long after its first connection was closed."""
    with closing(Engine.connect()) as engine:
        try:
            with engine.save_image(name) as chunks:
                yield chunks
        except KeyError:
            raise InputError("the image is gone from the engine: build or pull it again, then run this cell") from None


def _changes(members: Sequence[Member], below: FileSystem, hidden: Mapping[str, int | None]) -> list[Change]:
    found: dict[str, Change] = {}
    gone: dict[str, str] = {}  # path to kind; "content" for a folder that is emptied but stays
    for member in reversed(members):  # if a path occurs twice, the last entry counts
        parent, _, name = member.path.rpartition("/")
        if name == OPAQUE:
            if parent in below:
                gone[parent] = "content"
        elif name.startswith(WHITEOUT + WHITEOUT):
            continue
        elif name.startswith(WHITEOUT):
            target = f"{parent}/{name.removeprefix(WHITEOUT)}".lstrip("/")
            before = below.get(target)
            if before is not None:
                gone[target] = before.kind
        elif member.path and member.path not in found:
            change = _change(member, below.get(member.path), hidden.get(member.path))
            if change:
                found[member.path] = change
    return [*found.values(), *_removals(gone, below)]


def _change(member: Member, before: File | None, hidden: int | None) -> Change | None:
    """The change that an entry makes; None for an existing folder that stays as it was."""
    notes = []
    if member.kind in ("symlink", "hardlink"):
        notes.append(f"{'link to' if member.kind == 'symlink' else 'same file as'} {member.link}")
    if before is None:
        return Change("added", member.path, member.kind, member.size, "".join(notes), hidden)
    if before.kind != member.kind and "hardlink" not in (before.kind, member.kind):
        notes.append(f"was a {before.kind}")
    elif member.kind != "hardlink":
        notes += altered(before, member)
        if member.kind == "folder" and not notes:
            return None
    return Change("changed", member.path, member.kind, member.size, ", ".join(notes), hidden)


def altered(before: File, now: File | Member) -> list[str]:
    """The differences in size, mode and owner, in words."""
    notes = []
    if before.size != now.size:
        notes.append(f"was {told(before.size, now.size)}")
    if before.mode != now.mode and now.kind != "symlink":
        notes.append(f"mode {before.mode:o} to {now.mode:o}")
    if (before.uid, before.gid) != (now.uid, now.gid):
        notes.append(f"owner {before.uid}:{before.gid} to {now.uid}:{now.gid}")
    return notes


def told(size: int, other: int) -> str:
    """The size in words, exact enough to differ from the other one."""
    word = format_size(size)
    return word if word != format_size(other) else f"{size:,} bytes"


def _removals(gone: Mapping[str, str], below: FileSystem) -> list[Change]:
    sizes: Counter[str] = Counter()
    files: Counter[str] = Counter()
    if gone:
        for path in below:
            at = path
            while at not in gone and at:
                at = at.rpartition("/")[0]
            if at in gone:
                seen = below.get(path)
                if seen is not None and seen.kind != "folder":
                    sizes[at] += seen.size
                    files[at] += 1
    notes = {"folder": "a folder of {} files", "content": "everything that was in it: {} files"}
    return [
        Change("removed", path, "folder" if kind == "content" else kind, sizes[path],
               notes.get(kind, "").format(files[path]), None)
        for path, kind in gone.items()
    ]  # fmt: skip

"""An image taken apart for the views: where its base ends, and what each layer did to the files below it.

Built on the grader's facts of an image, so that a picture and a grade never disagree.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from grader.errors import SubmissionFault
from grader.facts.base import LAB
from grader.facts.engine import Engine
from grader.facts.filesystem import OPAQUE, WHITEOUT, File, FileSystem, Waste
from grader.facts.image import Image, Layer, instruction
from grader.facts.leaks import Finder, Leak, Leaks, look
from grader.facts.tar import Member
from grader.units import format_size
from grader.verdict import clean
from layerwise.errors import InputError

MAX_CANDIDATES = 200
"""Images on the engine that are asked whether they are the base of another."""
MAX_SEARCHED = 150_000_000
"""Bytes of an image's own layers that are searched for credentials."""
REMEMBERED = 8
"""Images whose measurement is kept in this process."""

What = Literal["added", "changed", "removed"]

_KNOWN: OrderedDict[str, Image] = OrderedDict()


class Change(NamedTuple):
    """What a layer did to one path."""

    what: What
    path: str
    kind: str
    """file, folder, symlink, hardlink, device, pipe or other"""
    size: int
    """Bytes the layer carries for it; of a removal, bytes that can no longer be seen."""
    note: str
    hidden: int | None
    """The layer (from 0) that hides it again, where a later one does."""


@dataclass(frozen=True)
class Slice:
    """One layer, and what it did."""

    layer: Layer
    instruction: str
    base: bool
    """Whether it came with the base image."""
    changes: Sequence[Change]
    """The biggest first."""
    wasted: int
    """Bytes of files in it that no container of the image sees."""

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many paths were added, changed and removed."""
        return Counter(change.what for change in self.changes)


class Step(NamedTuple):
    """A line of the image's history; `layer` is None where it only changed the config."""

    instruction: str
    layer: int | None


@dataclass(frozen=True)
class Anatomy:
    """An image and its base. `base` is the base's name, empty where none is known; its are the first `base_layers`."""

    name: str
    image: Image
    base: str
    base_layers: int

    @cached_property
    def slices(self) -> Sequence[Slice]:
        """Its layers, from the bottom."""
        return tuple(self._slices())

    @cached_property
    def steps(self) -> Sequence[Step]:
        """Its history, the oldest first; one step for each layer where the history does not fit the layers."""
        history = self.image.config.history
        layers = self.image.layers
        if sum(not entry.empty for entry in history) != len(layers):
            return tuple(Step(layer.instruction, layer.index) for layer in layers)
        numbers = iter(range(len(layers)))
        return tuple(Step(instruction(entry.created_by), None if entry.empty else next(numbers)) for entry in history)

    @cached_property
    def leaks(self) -> Sequence[Leak] | None:
        """Credentials that show above the base; None where that is too much to search."""
        if self.size - self.base_size > MAX_SEARCHED:
            return None
        found = Leaks(Finder(()))
        try:
            look(self.image, self.base_layers, found)
        except SubmissionFault:
            return None
        return found.found

    @property
    def size(self) -> int:
        """Bytes of all uncompressed layers."""
        return self.image.size

    @property
    def base_size(self) -> int:
        """Bytes of the base's uncompressed layers."""
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
    """The image of that name on the engine. InputError where there is none."""
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
        base, layers = _base(engine, key, [layer.diff_id for layer in image.layers])
    return Anatomy(name, image, base, layers)


@contextmanager
def _archive(name: str) -> Iterator[Iterator[bytes]]:
    """The image's archive, over a connection of its own: a view may be asked long after the one it began with."""
    with closing(Engine.connect()) as engine:
        try:
            with engine.save_image(name) as chunks:
                yield chunks
        except KeyError:
            raise InputError("the image is gone from the engine: build or pull it again, then run this cell") from None


def _base(engine: Engine, key: str, layers: Sequence[str]) -> tuple[str, int]:
    """The image this one stands on, and how many of its layers are that image's; ("", 0) where none is known.

    No image says what it was built from. Of the images here whose layers are this one's lowest, a base image of the lab
    is taken before others, then the one with the most layers.
    """
    best = ("", 0)
    found = sorted(engine.tagged_images(), key=lambda name: (not name.startswith(LAB), name))[:MAX_CANDIDATES]
    for name in found:
        try:
            candidate = engine.inspect_image(name)
        except KeyError:  # gone meanwhile
            continue
        own = [str(layer) for layer in (candidate.get("RootFS") or {}).get("Layers") or ()]
        if candidate["Id"] == key or not own or own != list(layers[: len(own)]):
            continue
        if not name.startswith(LAB) and (best[0].startswith(LAB) or len(own) == len(layers)):
            continue
        if len(own) > best[1]:
            best = (name, len(own))
    return best


def _changes(members: Sequence[Member], below: FileSystem, hidden: Mapping[str, int | None]) -> list[Change]:
    found: dict[str, Change] = {}
    gone: dict[str, str] = {}  # path to kind; "content" for a folder that stays and is emptied
    for member in reversed(members):  # of a path that occurs twice the last entry counts
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
    """What an entry does; None for a folder that is there already, just as it was."""
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
    """In what size, mode and owner differ."""
    notes = []
    if before.size != now.size:
        notes.append(f"was {told(before.size, now.size)}")
    if before.mode != now.mode and now.kind != "symlink":
        notes.append(f"mode {before.mode:o} to {now.mode:o}")
    if (before.uid, before.gid) != (now.uid, now.gid):
        notes.append(f"owner {before.uid}:{before.gid} to {now.uid}:{now.gid}")
    return notes


def told(size: int, beside: int) -> str:
    """A size in words that tell it from the other one."""
    word = format_size(size)
    return word if word != format_size(beside) else f"{size:,} bytes"


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

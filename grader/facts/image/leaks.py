"""Where secrets show in an image and its build: planted canaries, and credentials by their shape.

The search covers the submission's own layers (names and contents, also of files that later layers hide, and inside
compressed files), the image's config and history, and what the build printed. It keeps only the kind and place of a
secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from grader.canary import Canary
from grader.errors import SubmissionFault
from grader.facts.build.base import base_of
from grader.facts.image import credentials, unpack
from grader.facts.image.credentials import LONGEST
from grader.facts.image.secret_finder import SecretFinder
from grader.facts.image.tar import Member, Sink
from grader.lib.units import format_size

if TYPE_CHECKING:
    from grader.facts.facts import Facts
    from grader.facts.image.image import Image

MAX_UNPACKED = 1_000_000_000
"""Bytes that the compressed files of an image may hold together. More is a decompression bomb."""
MAX_NESTED = 3
"""How deep compressed files inside compressed files are searched."""
MAX_LEAKS = 200
"""Leaks that are kept. More would tell nothing new."""
MAX_OPEN = 8
"""Compressed files inside one file that are unpacked at a time: in an archive they seem to begin in each other."""


@dataclass(frozen=True)
class Leak:
    """A secret that shows. Its texts hold nothing of the secret itself."""

    what: str
    """ "build argument TOKEN", "GitHub token"."""
    canary: bool
    where: Literal["file", "name", "config", "history", "output"]
    encoding: str = ""
    """For a canary that was found encoded: "base64"."""
    layer: int | None = None
    """From 0, for "file" and "name"."""
    path: str = ""
    """With no leading slash; for "config" the key, such as "Env"; for "output" the step."""
    offset: int = 0
    visible: bool = True
    """Whether a container sees the file."""


class Leaks:
    """Collects leaks, each kind and place once."""

    def __init__(self, finder: SecretFinder) -> None:
        self.finder = finder
        self._found: dict[tuple[object, ...], Leak] = {}
        self._unpacked = 0

    @property
    def found(self) -> tuple[Leak, ...]:
        return tuple(self._found.values())

    def add(self, leak: Leak) -> None:
        key = (leak.what, leak.where, leak.layer, leak.path)
        if len(self._found) < MAX_LEAKS:
            self._found.setdefault(key, leak)

    def count_unpacked(self, size: int) -> None:
        self._unpacked += size
        if self._unpacked > MAX_UNPACKED:
            raise SubmissionFault(
                f"the image's compressed files hold more than {format_size(MAX_UNPACKED)}: they cannot all be searched"
            )

    def file(self, path: str, **more: Any) -> Sink:
        """Return a sink that searches the content of a file, in pieces of any size."""
        return _File(self, path, {"where": "file", **more})

    def text(self, text: str, where: Literal["config", "history", "output", "name"], path: str, **more: Any) -> None:
        """Search a text. Secrets in `path` are hidden."""
        data = text.encode("utf-8", "surrogateescape")
        for what, encoding, _ in self.finder.canaries(data):
            self.add(Leak(what, True, where, encoding, path=self.finder.hide(path), **more))
        for hit in credentials.find_credentials(data, settings=where in ("config", "history")):
            self.add(Leak(hit.kind, False, where, path=self.finder.hide(path), **more))
        _Packed(self, path, {"where": where, **more}, 0).write(data)


class _File:
    """Searches one file, in pieces, and what it holds in compressed form.

    `place` says where it is, as arguments of a Leak. `depth` is the number of compressed files around it.
    """

    def __init__(self, leaks: Leaks, path: str, place: Mapping[str, Any], depth: int = 0) -> None:
        self._leaks = leaks
        self._path = path
        self._place = place
        self._depth = depth
        self._tail = b""
        self._at = 0  # of the tail
        self._binary = False
        self._packed = _Packed(leaks, path, place, depth)

    def write(self, data: memoryview | bytes) -> None:
        piece = bytes(data)
        window = self._tail + piece
        self._binary = self._binary or b"\0" in piece
        self._look(window)
        self._tail = window[-LONGEST:]
        self._at += len(window) - len(self._tail)
        self._packed.write(piece)

    def close(self) -> None:
        pass

    def _look(self, window: bytes) -> None:
        finder = self._leaks.finder
        for what, encoding, at in finder.canaries(window):
            self._add(what, True, encoding, at)
        for hit in credentials.find_credentials(window, self._path, binary=self._binary):
            # What begins the window may be the end of something longer, which the window before had in one piece.
            if hit.start >= 256 or not self._at:
                self._add(hit.kind, False, "", hit.start)

    def _add(self, what: str, canary: bool, encoding: str, at: int) -> None:
        if self._depth:
            encoding = f"{encoding}, compressed" if encoding else "compressed"
        path = self._leaks.finder.hide(self._path)
        self._leaks.add(Leak(what, canary, encoding=encoding, path=path, offset=self._at + at, **self._place))


@dataclass
class _Open:
    """Something compressed that is being unpacked."""

    kind: bytes
    unpacker: unpack.Unpacker
    into: _File
    gave: bool = False
    """Whether any content came out of it."""


class _Packed:
    """Finds what is compressed in bytes that come in pieces, at their beginning or further on, and searches it."""

    def __init__(self, leaks: Leaks, path: str, place: Mapping[str, Any], depth: int) -> None:
        self._leaks = leaks
        self._path = path
        self._place = place
        self._depth = depth
        self._open: list[_Open] = []
        self._tail: bytes | None = None
        """The end of what came before; None at the beginning."""

    def write(self, piece: bytes) -> None:
        if self._depth >= MAX_NESTED:
            return
        first, tail = self._tail is None, self._tail or b""
        window = tail + piece
        self._tail = window[1 - unpack.LONGEST_BEGINNING :]
        at = len(tail)
        for found in unpack.beginnings(window, first=first):
            if found.end <= len(tail):
                continue  # it was found with the piece before
            to = max(at, found.start)
            self._feed(window[at:to])
            at = to
            # What begins inside another of its kind is part of that one, such as a member of a zip archive. But one
            # that has given nothing may be none: in random bytes a gzip header is found by accident, and it may say
            # that 64 kB are to be skipped.
            if len(self._open) < MAX_OPEN and found.kind not in (one.kind for one in self._open if one.gave):
                into = _File(self._leaks, self._path, self._place, self._depth + 1)
                one = _Open(found.kind, found.make(), into)
                if self._goes_on(one, window[found.start : at]):
                    self._open.append(one)
        self._feed(window[at:])

    def _feed(self, data: bytes) -> None:
        """Give more bytes to all that are open, and drop those that have ended."""
        self._open = [one for one in self._open if not data or self._goes_on(one, data)]

    def _goes_on(self, one: _Open, data: bytes) -> bool:
        """Give it more bytes. Returns whether it goes on."""
        try:
            for part in one.unpacker(data):
                one.gave = True
                self._leaks.count_unpacked(len(part))
                one.into.write(part)
        except ValueError:
            return False
        return True


class _Layers:
    """Searches the files that it is shown."""

    def __init__(self, leaks: Leaks, hidden: frozenset[tuple[int, str]]) -> None:
        self._leaks = leaks
        self._hidden = hidden

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        if not member.size:
            return None
        visible = (layer, member.path) not in self._hidden
        return self._leaks.file(member.path, layer=layer, visible=visible)


def leaks_of(facts: Facts) -> tuple[Leak, ...]:
    """Return every leak, files first. Raises SubmissionFault if the image's compressed files are a bomb."""
    return facts.once(_leaks)


def _leaks(facts: Facts) -> tuple[Leak, ...]:
    leaks = Leaks(SecretFinder(() if facts.from_archive else facts.canaries))
    search_image(facts.image, base_of(facts).layers, leaks)
    if not facts.from_archive:
        for canary in facts.canaries:
            for line in _declarations(facts, canary):
                leaks.add(Leak(canary.plant.label, True, "history", path=f"ARG of line {line}"))
        for vertex in facts.build.log.vertexes:
            text = "\n".join((vertex.name, vertex.error, vertex.output))
            leaks.text(text, "output", _step(leaks.finder, vertex.name))
        for (digest, what), encoding in facts.output_scanner.found.items():
            step = next((vertex.name for vertex in facts.build.log.vertexes if vertex.digest == digest), "")
            leaks.add(Leak(what, True, "output", encoding, path=_step(leaks.finder, step)))
    return leaks.found


def _declarations(facts: Facts, canary: Canary) -> Iterator[int]:
    """Yield the lines of the ARGs with which the image's own stages declare a planted build argument.

    Older builders write its value into the history only with the next RUN, newer ones (seen on 28.5) also with the ARG.
    So that the verdict does not depend on the builder, the ARG always counts.
    """
    for step in facts.plan.target.image_steps():
        if step.name == "ARG" and canary.plant.arg in [word.partition("=")[0] for word in step.args]:
            yield step.line


def search_image(image: Image, base: int, leaks: Leaks) -> None:
    """Search all of an image above its base image, which is the lowest `base` layers."""
    hidden = frozenset((waste.layer, waste.path) for waste in image.files.waste(base))
    image.visit(_Layers(leaks, hidden), range(base, len(image.layers)))
    for layer in image.layers[base:]:
        for member in layer.members:
            for name in filter(None, (member.path, member.link)):
                leaks.text(name, "name", name, layer=layer.index, visible=member.path in image.files)
    for key, text in _config_texts(image.config.raw):
        leaks.text(text, "config", key)
    below = base
    for number, entry in enumerate(image.config.raw.get("history") or ()):
        # The history of the base image is not the submission's, and cannot hold canaries.
        if below <= 0:
            leaks.text(" ".join(_texts(entry)), "history", f"entry {number + 1}")
        below -= not entry.get("empty_layer")


def _step(finder: SecretFinder, name: str) -> str:
    return finder.hide(" ".join(name.split()))[:120]


def _config_texts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the texts of a config, by key, except the history and the digests of layers."""
    for key, value in config.items():
        if key == "config" and isinstance(value, Mapping):
            for inner, item in value.items():
                yield inner, "\n".join(_texts(item))
        elif key not in ("history", "rootfs"):
            yield key, "\n".join(_texts(value))


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, including keys."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            todo += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            todo += item

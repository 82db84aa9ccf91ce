"""Where secrets show in an image and its build: the canaries that were planted, and credentials known by their shape.

Looked at: the submission's own layers (names and contents, also of what later layers hide, and inside compressed
files), the image's config and history, and what the build printed. Of what is found only kind and place are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from grader.canary import Canary
from grader.errors import SubmissionFault
from grader.facts import credentials, unpack
from grader.facts.credentials import LONGEST
from grader.facts.tar import Member, Sink
from grader.units import format_size
from grader.verdict import clean

if TYPE_CHECKING:
    from grader.facts import Facts
    from grader.facts.image import Image

MAX_UNPACKED = 1_000_000_000
"""Bytes that come out of the compressed files of an image, all together, before it is called a bomb."""
MAX_NESTED = 3
"""Compressed files in compressed files are looked into that deep."""
MAX_LEAKS = 200
"""Leaks that are kept: more tell nothing new."""
MAX_OPEN = 8
"""Compressed files that are looked into at a time, in one file: they begin in each other where archives are."""
LONGEST_NEEDLE = 64
HIDDEN = "[hidden]"
"""Stands in place of a secret wherever text is shown."""


@dataclass(frozen=True)
class Leak:
    """A secret that shows. Texts hold nothing of the secret itself."""

    what: str
    """ "build argument TOKEN", "GitHub token"."""
    canary: bool
    where: Literal["file", "name", "config", "history", "output"]
    encoding: str = ""
    """For a canary that was not found as it is: "base64"."""
    layer: int | None = None
    """From 0, for "file" and "name"."""
    path: str = ""
    """With no leading slash; for "config" the key, such as "Env"; for "output" the step."""
    offset: int = 0
    visible: bool = True
    """Whether a container sees the file."""


class Finder:
    """Finds secrets in bytes, the same in all of them."""

    def __init__(self, canaries: Sequence[Canary]) -> None:
        self._needles = [(needle, canary.plant.label) for canary in canaries for needle in canary.needles]
        self.values = [canary.value for canary in canaries]

    def canaries(self, data: bytes) -> Iterator[tuple[str, str, int]]:
        """Canaries with pieces in the data: what was planted, its encoding, and where the first piece stands."""
        for needle, label in self._needles:
            at = data.find(needle.data)
            if at >= 0:
                yield label, "" if needle.encoding == "as it is" else needle.encoding, at

    def hide(self, text: str) -> str:
        """The text with every secret in it taken out."""
        for needle, _ in self._needles:
            if needle.data.isascii() and b"\0" not in needle.data:
                text = text.replace(needle.data.decode(), HIDDEN)
        data = text.encode("utf-8", "surrogateescape")
        for hit in sorted(credentials.find(data, settings=True), key=lambda hit: -hit.start):
            data = data[: hit.start] + HIDDEN.encode() + data[hit.end :]
        return clean(data.decode("utf-8", "replace"), 300)


class Ear:
    """Listens for canaries in what a build prints, all of it, as it comes."""

    def __init__(self, canaries: Sequence[Canary]) -> None:
        self._finder = Finder(canaries)
        self._tails: dict[str, bytes] = {}
        self.heard: dict[tuple[str, str], str] = {}
        """For the digest of a step and what was planted: the encoding, empty for the canary as it is."""

    def hear(self, digest: str, data: bytes) -> None:
        data = self._tails.get(digest, b"") + data
        for what, encoding, _ in self._finder.canaries(data):
            self.heard.setdefault((digest, what), encoding)
        self._tails[digest] = data[-LONGEST_NEEDLE:]


class Leaks:
    """Collects leaks, each place and kind once."""

    def __init__(self, finder: Finder) -> None:
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
        """Takes the content of a file, in pieces of any size."""
        return _File(self, path, {"where": "file", **more})

    def text(self, text: str, where: Literal["config", "history", "output", "name"], path: str, **more: Any) -> None:
        """Look at a text that is at hand as a whole; `path` may hold secrets as well."""
        data = text.encode("utf-8", "surrogateescape")
        for what, encoding, _ in self.finder.canaries(data):
            self.add(Leak(what, True, where, encoding, path=self.finder.hide(path), **more))
        for hit in credentials.find(data, settings=where in ("config", "history")):
            self.add(Leak(hit.kind, False, where, path=self.finder.hide(path), **more))
        _Packed(self, path, {"where": where, **more}, 0).write(data)


class _File:
    """Takes the content of one file in pieces, and of what it holds in compressed form.

    `place`: where it is, as the arguments of a Leak. `depth`: in how many compressed files it lies.
    """

    def __init__(self, leaks: Leaks, path: str, place: Mapping[str, Any], depth: int = 0) -> None:
        self._leaks = leaks
        self._path = path
        self._place = place
        self._depth = depth
        self._tail = b""
        self._at = 0  # of the tail
        self._packed = _Packed(leaks, path, place, depth)

    def write(self, data: memoryview | bytes) -> None:
        piece = bytes(data)
        window = self._tail + piece
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
        for hit in credentials.find(window, self._path):
            # What begins with the window may be the end of something longer, and was seen whole in the window before.
            if hit.start >= 256 or not self._at:
                self._add(hit.kind, False, "", hit.start)

    def _add(self, what: str, canary: bool, encoding: str, at: int) -> None:
        if self._depth:
            encoding = f"{encoding}, compressed" if encoding else "compressed"
        path = self._leaks.finder.hide(self._path)
        self._leaks.add(Leak(what, canary, encoding=encoding, path=path, offset=self._at + at, **self._place))


class _Packed:
    """Finds what is compressed in bytes that come in pieces, at their beginning and further on, and looks into it."""

    def __init__(self, leaks: Leaks, path: str, place: Mapping[str, Any], depth: int) -> None:
        self._leaks = leaks
        self._path = path
        self._place = place
        self._depth = depth
        self._open: list[tuple[bytes, unpack.Unpacker, _File]] = []
        self._tail: bytes | None = None
        """The end of what came before; None where nothing has."""

    def write(self, piece: bytes) -> None:
        if self._depth >= MAX_NESTED:
            return
        first, tail = self._tail is None, self._tail or b""
        window = tail + piece
        self._tail = window[1 - unpack.LONGEST_BEGINNING :]
        at = len(tail)
        for found in unpack.beginnings(window, first=first):
            if found.end <= len(tail):
                continue  # it was seen with the piece before
            to = max(at, found.start)
            self._feed(window[at:to])
            at = to
            # What begins inside another of its kind is a part of that one: a member of a zip archive.
            if len(self._open) < MAX_OPEN and found.kind not in (kind for kind, *_ in self._open):
                into = _File(self._leaks, self._path, self._place, self._depth + 1)
                one = found.kind, found.make(), into
                if self._goes_on(one, window[found.start : at]):
                    self._open.append(one)
        self._feed(window[at:])

    def _feed(self, data: bytes) -> None:
        """Give more to all that are open, and close those that have come to their end."""
        self._open = [one for one in self._open if not data or self._goes_on(one, data)]

    def _goes_on(self, one: tuple[bytes, unpack.Unpacker, _File], data: bytes) -> bool:
        """Give it more; whether there may be more of it."""
        _, unpacker, into = one
        try:
            for part in unpacker(data):
                self._leaks.count_unpacked(len(part))
                into.write(part)
        except ValueError:
            return False
        return True


class _Layers:
    """Looks at the files that it is shown."""

    def __init__(self, leaks: Leaks, hidden: frozenset[tuple[int, str]]) -> None:
        self._leaks = leaks
        self._hidden = hidden

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        if not member.size:
            return None
        visible = (layer, member.path) not in self._hidden
        return self._leaks.file(member.path, layer=layer, visible=visible)


def find(facts: Facts) -> tuple[Leak, ...]:
    """Every leak, files first. SubmissionFault where the compressed files of the image are a bomb."""
    leaks = Leaks(Finder(() if facts.from_archive else facts.canaries))
    look(facts.image, facts.base.layers, leaks)
    if not facts.from_archive:
        for canary in facts.canaries:
            for line in _taken(facts, canary):
                leaks.add(Leak(canary.plant.label, True, "history", path=f"ARG of line {line}"))
        for vertex in facts.build.log.vertexes:
            text = "\n".join((vertex.name, vertex.error, vertex.output))
            leaks.text(text, "output", _step(leaks.finder, vertex.name))
        for (digest, what), encoding in facts.ear.heard.items():
            step = next((vertex.name for vertex in facts.build.log.vertexes if vertex.digest == digest), "")
            leaks.add(Leak(what, True, "output", encoding, path=_step(leaks.finder, step)))
    return leaks.found


def _taken(facts: Facts, canary: Canary) -> Iterator[int]:
    """The lines of the ARGs by which the image's own stages take a planted build argument.

    Older builders write its value into the history with the next RUN only, newer ones (seen on 28.5) with the ARG too:
    what leaks depends on who builds, so the ARG counts wherever it is graded.
    """
    for step in facts.plan.target.image_steps():
        if step.name == "ARG" and canary.plant.arg in [word.partition("=")[0] for word in step.args]:
            yield step.line


def look(image: Image, own: int, leaks: Leaks) -> None:
    """Look at all of an image above its base, whose are the lowest `own` layers."""
    hidden = frozenset((waste.layer, waste.path) for waste in image.files.waste(own))
    image.visit(_Layers(leaks, hidden), range(own, len(image.layers)))
    for layer in image.layers[own:]:
        for member in layer.members:
            for name in filter(None, (member.path, member.link)):
                leaks.text(name, "name", name, layer=layer.index, visible=member.path in image.files)
    for key, text in _config_texts(image.config.raw):
        leaks.text(text, "config", key)
    below = own
    for number, entry in enumerate(image.config.raw.get("history") or ()):
        # The base image's own history is not the submission's, but for canaries, which it cannot hold.
        if below <= 0:
            leaks.text(" ".join(_texts(entry)), "history", f"entry {number + 1}")
        below -= not entry.get("empty_layer")


def _step(finder: Finder, name: str) -> str:
    return finder.hide(" ".join(name.split()))[:120]


def _config_texts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Everything a config says in words, by key; the history and the layers' digests apart."""
    for key, value in config.items():
        if key == "config" and isinstance(value, Mapping):
            for inner, item in value.items():
                yield inner, "\n".join(_texts(item))
        elif key not in ("history", "rootfs"):
            yield key, "\n".join(_texts(value))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping):
            todo += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            todo += item

"""What a tag serves for each platform, and whether it would run there. Only the registry is asked, and no engine.

Everything is read and verified against its digest. What an index says of an image is compared with the image's config,
and the config with the program that the image starts: an ELF file names its processor. Scripts are followed to what
runs them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from grader.errors import SubmissionFault
from grader.facts.image import elf
from grader.facts.image.contents import DEFAULT_PATH
from grader.facts.image.image import Image
from grader.facts.image.tar import Member, Sink, normal
from grader.facts.registry import served_image
from grader.facts.registry.documents import Platform
from grader.facts.registry.repository import Repository
from grader.lib.text import clean

if TYPE_CHECKING:
    from grader.facts.facts import Facts

MAX_SCRIPT = 64 * 1024
"""Bytes of a script that are read."""
MAX_WORDS = 300
"""Words that are looked up at a time."""
MAX_SCRIPTS = 50
MAX_DEPTH = 4
"""How deep scripts that start each other are followed."""
_WORD = re.compile(r"[^\s\"'`;|&()<>${}=]+")


class Served(NamedTuple):
    """What is served for one platform. `fault` says why it would not run there, and is empty if it would. `programs`
    are those that it starts, each with its architecture."""

    platform: Platform
    digest: str
    fault: str
    programs: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Platforms:
    """A tag's manifest. `listed` are the platforms that an index names, or the one of an image (`is_index` false)."""

    digest: str
    is_index: bool
    listed: Sequence[str]
    entries: Sequence[Served]


class _Fault(SubmissionFault):
    """An image that would not run on its platform."""


def platforms_of(facts: Facts, repository: str, tag: str, wanted: Sequence[Platform]) -> Platforms | None:
    """Return what a tag of the learner's repository serves for each platform; None if there is no such tag.

    Raises what `platforms_served` raises.
    """
    return facts.once(_platforms, repository, tag, tuple(wanted))


def _platforms(facts: Facts, repository: str, tag: str, wanted: Sequence[Platform]) -> Platforms | None:
    folder = facts.submission.folder.parent if facts.has_folder else None
    return platforms_served(facts.served(repository), tag, wanted, folder)


def platforms_served(
    repository: Repository, tag: str, wanted: Sequence[Platform], folder: Path | None
) -> Platforms | None:
    """Ask the registry. Returns None if there is no such tag. Copies of what was fetched may be kept in `folder`.

    Raises NotAManifest or DigestMismatch if the tag itself names something useless. The entries of an index are judged
    one by one.
    """
    manifest = repository.manifest(tag)
    if manifest is None:
        return None
    if not manifest.is_index:
        own = repository.image_config(manifest).platform
        return Platforms(manifest.digest, False, (clean(str(own), 100),), ())
    named = [entry.platform for entry in manifest.manifests[: served_image.MAX_ENTRIES] if entry.platform]
    listed = [clean(str(platform), 100) for platform in named if platform.os != "unknown"]  # an attestation
    entries = []
    for platform in wanted:
        entry = manifest.of_platform(platform)
        digest = entry.digest if entry else ""
        programs: Sequence[tuple[str, str]] = ()
        try:
            if entry is None:
                raise _Fault(f"the index has no entry for {platform}")
            image = served_image.fetched(repository, entry)
            own = repository.image_config(image).platform
            if own[:2] != platform[:2] or (own.variant and own.plain != (entry.platform or platform).plain):
                raise _Fault(f"its config says {clean(str(own), 100) or 'no platform'}")
            programs = _programs(served_image.image_of(repository, image, folder), platform)
            fault = ""
        except SubmissionFault as problem:
            fault = str(problem)
        entries.append(Served(platform, digest, fault, programs))
    return Platforms(manifest.digest, True, listed, entries)


def _programs(image: Image, platform: Platform) -> list[tuple[str, str]]:
    """Return the programs that an image starts, each with its architecture.

    If it starts none, at least one of the programs it holds must be for the platform, if it holds any. Raises _Fault if
    a program is for another platform, or missing.
    """
    if not image.files and image.layers:
        raise _Fault("its layers are empty")
    words = [*image.config.entrypoint, *image.config.cmd]
    if platform.os != "linux":
        return []
    if not words:
        held = _Held()
        image.visit(held)
        if held.found and platform.architecture not in held.found:
            raise _Fault(f"the programs that it holds are for {', '.join(sorted(held.found))}")
        return []
    return list(_Start(image, platform).follow(words))


class _Start:
    """Follows what an image starts."""

    def __init__(self, image: Image, platform: Platform) -> None:
        self._image = image
        self._own = platform.architecture
        self._path = (image.config.env.get("PATH") or ":".join(f"/{folder}" for folder in DEFAULT_PATH)).split(":")
        self._known: dict[str, str | None] = {}

    def follow(self, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield what is started, and what is mentioned where something is started, each with its architecture."""
        needed = [self._needed(words[0])]
        mentioned = [self._mentioned(word for text in words[1:] for word in (text, *_words(text)))]
        for _ in range(MAX_DEPTH):
            paths = dict.fromkeys([*needed, *(path for group in mentioned for path in group)])
            new = [path for path in paths if path not in self._known][:MAX_WORDS]
            contents = self._image.read_all(new, MAX_SCRIPT) if new else {}
            self._known |= {path: elf.architecture((content or b"")[: elf.HEAD]) for path, content in contents.items()}
            for group in (needed, *mentioned):
                self._judge(group, all_of_it=group is needed)
            yield from ((f"/{clean(path, 200)}", known) for path in new if (known := self._known[path]))
            found = [(path, text) for path, text in contents.items() if text and text[:2] == b"#!"]
            scripts = dict(found[:MAX_SCRIPTS])
            mentioned = [self._mentioned(_words(text.decode("utf-8", "replace"))) for text in scripts.values()]
            needed = [found for path, text in scripts.items() if path in needed for found in self._interpreters(text)]

    def _judge(self, paths: Sequence[str], *, all_of_it: bool) -> None:
        """Raise _Fault if a program is for another processor. A script may choose among the programs that it mentions,
        so such a program is accepted if another one in the same folder is for this processor."""
        foreign = {path: known for path in paths if (known := self._known.get(path)) not in (None, self._own)}
        right = {posixpath.dirname(path) for path in paths if self._known.get(path) == self._own and not all_of_it}
        for path, known in foreign.items():
            if posixpath.dirname(path) not in right:
                raise _Fault(f"/{clean(path, 200)}, which it starts, is a program for {known}")

    def _interpreters(self, script: bytes) -> list[str]:
        """Return what runs a script: the program in its first line and, if that is env, the one that env looks for."""
        line = script[2 : script.find(b"\n", 2, 1024)].decode("utf-8", "replace").split()
        if not line:
            return []
        found = [self._needed(line[0])]
        if posixpath.basename(line[0]) == "env":
            names = [word for word in line[1:] if not word.startswith("-") and "=" not in word]
            found += [self._needed(name) for name in names[:1]]
        return found

    def _needed(self, word: str) -> str:
        path = self._find(word)
        if path is None:
            raise _Fault(f"it starts {clean(word, 200) or 'nothing'}, which is not in the image")
        return path

    def _mentioned(self, words: Iterable[str]) -> list[str]:
        """Return the executable files among these words. Arguments are looked at too, but need not be programs."""
        found = {self._find(word): None for word in words}
        return [path for path in found if path is not None and self._may_run(path)][:MAX_WORDS]

    def _may_run(self, path: str) -> bool:
        file = self._image.files.get(path)
        return file is not None and bool(file.mode & 0o111)

    def _find(self, word: str) -> str | None:
        """Return the file that a word names when it is run, with links followed, and None if there is none."""
        if not word or len(word) > 4096:
            return None
        workdir = self._image.config.workdir or "/"
        places = [word] if "/" in word else [posixpath.join(folder or ".", word) for folder in self._path]
        for place in places:
            path = self._image.files.resolve(normal(posixpath.join("/", workdir, place)))
            file = None if path is None else self._image.files.get(path)
            if path and file and file.kind in ("file", "hardlink"):
                return path
        return None


def _words(text: str) -> list[str]:
    """Return the words of a shell script that may name programs."""
    return list(dict.fromkeys(_WORD.findall(text)))[:MAX_WORDS]


class _Held:
    """Collects the architectures of the programs in all layers."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        return _Head(self.found)


class _Head:
    def __init__(self, found: set[str]) -> None:
        self._found = found
        self._head = b""

    def write(self, data: memoryview) -> None:
        if len(self._head) < elf.HEAD:
            self._head += bytes(data[: elf.HEAD])

    def close(self) -> None:
        architecture = elf.architecture(self._head)
        if architecture:
            self._found.add(architecture)

"""Code of the packages that the advisories know, recognised by words in its files, whatever its folder is called.

`grader/data/known_code.toml` has the words. They are in bytecode as well. What was minified, compiled or edited, or
bundled with other code into one file, is not recognised.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from grader.facts.image.filesystem import Content, FileSystem

Ecosystem = Literal["pip", "npm"]
ENDINGS: Mapping[Ecosystem, tuple[str, ...]] = {"pip": (".py", ".pyc"), "npm": (".js", ".cjs", ".mjs")}
_CACHED = re.compile(r"(.*/)?__pycache__/([^/.]+)\.[^/]*\.pyc")
_OVERLAP = 256
"""Bytes of a piece of a file that are searched again with the next; no word is as long."""


class Sign(BaseModel):
    """A file that gives a package away: the name that it has in the package, without its ending, and words in it.

    With `named`, only if the package's folder has its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str
    file: str
    named: bool = False
    words: Annotated[tuple[str, ...], Field(min_length=3)]

    def is_in(self, found: Collection[bytes]) -> bool:
        """Whether two thirds of the words are among those that were found."""
        return sum(word.encode() in found for word in self.words) * 3 >= len(self.words) * 2


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    pip: tuple[Sign, ...]
    npm: tuple[Sign, ...]
    forks: Mapping[str, tuple[str, ...]]


class CodeFile(NamedTuple):
    """A file of a known package. `folder` is that of the package's code, `digest` the SHA-256 of the file."""

    ecosystem: Ecosystem
    package: str
    path: str
    folder: str
    digest: bytes


class _Candidate(NamedTuple):
    """A file that may be one of a package, by its name."""

    ecosystem: Ecosystem
    sign: Sign
    folder: str


class Read(NamedTuple):
    """What was found in the content of a file."""

    signs: frozenset[Sign]
    digest: bytes


def signs(ecosystem: Ecosystem) -> Collection[Sign]:
    """Return all signs of packages of that ecosystem."""
    return _data().pip if ecosystem == "pip" else _data().npm


@cache
def modules() -> Mapping[str, str]:
    """Return the folder that is imported of each package of pip's that is known."""
    return {sign.package: sign.file.partition("/")[0] for sign in signs("pip")}


def forks(package: str) -> Collection[str]:
    """Return the names of other packages of npm's that hold the same files."""
    return _data().forks.get(package, ())


def wanted(visible: FileSystem) -> Mapping[Content, frozenset[Sign]]:
    """Return the contents that have to be read, each with the signs to look for: those of files with a known name."""
    found: dict[Content, frozenset[Sign]] = {}
    for path in visible:
        if (candidates := _candidates(path, visible)) and (content := visible.content(path)):
            found[content] = found.get(content, frozenset()) | {candidate.sign for candidate in candidates}
    return found


class Reader:
    """Looks for signs in the content of a file, which comes piece by piece."""

    def __init__(self, wanted_signs: Iterable[Sign]) -> None:
        self._signs = frozenset(wanted_signs)
        self._left = {word.encode() for sign in self._signs for word in sign.words}
        self._found: set[bytes] = set()
        self._digest = hashlib.sha256()
        self._before = b""

    def write(self, data: bytes | memoryview) -> None:
        self._digest.update(data)
        piece = self._before + bytes(data)
        new = {word for word in self._left if word in piece}
        self._found |= new
        self._left -= new
        self._before = piece[-_OVERLAP:]

    @property
    def read(self) -> Read:
        return Read(frozenset(sign for sign in self._signs if sign.is_in(self._found)), self._digest.digest())


def code_files(visible: FileSystem, contents: Callable[[Content], Read | None]) -> tuple[CodeFile, ...]:
    """Return the files of known packages that a container sees. `contents` tells what was read of `wanted`."""
    found = []
    for path in visible:
        candidates = _candidates(path, visible)
        content = visible.content(path) if candidates else None
        seen = contents(content) if content else None
        if seen:
            found += [
                CodeFile(ecosystem, sign.package, path, folder, seen.digest)
                for ecosystem, sign, folder in candidates
                if sign in seen.signs
            ]
    return tuple(found)


def source_of(path: str) -> str:
    """Return the path of the file that bytecode, in `__pycache__` or not, was made from; of any other, its own."""
    if found := _CACHED.fullmatch(path):
        return f"{found[1] or ''}{found[2]}.py"
    return path.removesuffix("c") if path.endswith(".pyc") else path


def _candidates(path: str, visible: FileSystem) -> list[_Candidate]:
    """Return what a file may be by its name and the folders that it is in."""
    if _CACHED.fullmatch(path):
        path = source_of(path)
        if path not in visible:  # bytecode in this folder is of no use without its source, whatever that has become
            return []
    folders, _, name = f"/{path}".rpartition("/")
    stem, dot, ending = name.rpartition(".")
    found = []
    for ecosystem, sign in _by_name().get((stem, dot + ending), ()):
        inside = _inside(ecosystem, sign)
        whole = f"{folders}/{stem}"
        if not whole.endswith(f"/{inside}"):
            continue
        folder = whole.removesuffix(f"/{inside}").lstrip("/")
        if not sign.named or folder.rpartition("/")[2] == _folder_name(ecosystem, sign):
            found.append(_Candidate(ecosystem, sign, folder))
    return found


def _inside(ecosystem: Ecosystem, sign: Sign) -> str:
    """Return the path of the file from the folder of the package's code."""
    return sign.file.partition("/")[2] if ecosystem == "pip" else sign.file


def _folder_name(ecosystem: Ecosystem, sign: Sign) -> str:
    return sign.file.partition("/")[0] if ecosystem == "pip" else sign.package


@cache
def _by_name() -> Mapping[tuple[str, str], list[tuple[Ecosystem, Sign]]]:
    """Return the signs by the name and the ending of the file."""
    found: dict[tuple[str, str], list[tuple[Ecosystem, Sign]]] = {}
    for ecosystem, endings in ENDINGS.items():
        for sign in signs(ecosystem):
            for ending in endings:
                found.setdefault((sign.file.rpartition("/")[2], ending), []).append((ecosystem, sign))
    return found


@cache
def _data() -> _Data:
    text = files("grader").joinpath("data/known_code.toml").read_text("utf-8")
    return _Data.model_validate(tomllib.loads(text))

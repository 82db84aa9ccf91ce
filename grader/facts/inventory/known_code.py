"""Code of the packages that the advisories know, recognised by words in its files, whatever its folder is called.

`grader/data/known_code.toml` has the words. They are in bytecode as well. What was minified, compiled or edited, or
bundled with other code into one file, is not recognised.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from grader.facts.image.filesystem import Content, FileSystem

Ecosystem = Literal["pip", "npm"]
ENDINGS: Mapping[Ecosystem, tuple[str, ...]] = {"pip": (".py", ".pyc"), "npm": (".js", ".cjs", ".mjs")}
MAX_CODE = 4 << 20
"""Bytes of a file that are searched. The largest of these files has less than a quarter of that."""


class Sign(BaseModel):
    """A file that gives a package away: the name that it has in the package, without its ending, and words in it.

    With `named`, only if the package's folder has its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: str
    file: str
    named: bool = False
    words: Annotated[tuple[str, ...], Field(min_length=3)]

    def is_in(self, data: bytes) -> bool:
        """Whether two thirds of the words are there."""
        return sum(word.encode() in data for word in self.words) * 3 >= len(self.words) * 2


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
        if (candidates := _candidates(path)) and (content := visible.content(path)):
            found[content] = found.get(content, frozenset()) | {candidate.sign for candidate in candidates}
    return found


def read(data: bytes, wanted_signs: Iterable[Sign]) -> Read:
    """Look for signs in the content of a file."""
    return Read(frozenset(sign for sign in wanted_signs if sign.is_in(data)), hashlib.sha256(data).digest())


def code_files(visible: FileSystem, contents: Callable[[Content], Read | None]) -> tuple[CodeFile, ...]:
    """Return the files of known packages that a container sees. `contents` tells what was read of `wanted`."""
    found = []
    for path in visible:
        candidates = _candidates(path)
        content = visible.content(path) if candidates else None
        seen = contents(content) if content else None
        if seen:
            found += [
                CodeFile(ecosystem, sign.package, path, folder, seen.digest)
                for ecosystem, sign, folder in candidates
                if sign in seen.signs
            ]
    return tuple(found)


def _candidates(path: str) -> list[_Candidate]:
    """Return what a file may be by its name and the folders that it is in."""
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

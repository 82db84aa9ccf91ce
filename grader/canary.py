"""Canaries: secrets made up for one grading, planted where a real one would lie, and how to know them again.

A canary is new for every grading, so that no submission can know it beforehand. It is looked for in pieces, each long
enough to be no accident, so that a line break inside (base64 and hex are printed in lines) hides only some of them.
"""

from __future__ import annotations

import base64
import codecs
import re
import secrets
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PIECES = 3
PIECE = 14
"""Letters and digits of a piece: 83 bits."""
_ALPHABET = string.ascii_letters + string.digits
_PLACE = "{canary}"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# BuildKit leaves these out of what it compares steps by, and they steer its own downloads.
_PROXIES = frozenset(("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"))


class Plant(BaseModel):
    """What is planted: a file of the build context, a build argument, or a secret for `RUN --mount=type=secret`.

    `text` is what it holds, with `{canary}` where the canary stands.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str | None = None
    arg: str | None = None
    secret: str | None = None
    text: str = Field(default=_PLACE, max_length=10_000)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if sum(value is not None for value in (self.file, self.arg, self.secret)) != 1:
            raise ValueError("expected one of file, arg, secret")
        if self.file is not None:
            path = PurePosixPath(self.file)
            if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in self.file:
                raise ValueError(f"{self.file!r} is no path inside the build context")
        if self.arg is not None and (not _NAME.fullmatch(self.arg) or self.arg.upper() in _PROXIES):
            raise ValueError(f"{self.arg!r} is no name of a build argument that can hold a canary")
        if self.secret is not None and not _SECRET.fullmatch(self.secret):
            raise ValueError(f"{self.secret!r} is no id of a build secret")
        if _PLACE not in self.text:
            raise ValueError("expected {canary} in text, where the canary stands")
        return self

    @property
    def kind(self) -> Literal["file", "arg", "secret"]:
        return "file" if self.file is not None else "arg" if self.arg is not None else "secret"

    @property
    def name(self) -> str:
        return self.file or self.arg or self.secret or ""

    @property
    def label(self) -> str:
        """How to name it to a person."""
        return f"{_WORDS[self.kind]} {self.name}"


_WORDS = {"file": "file", "arg": "build argument", "secret": "build secret"}


class Needle(NamedTuple):
    """Bytes that are a piece of a canary, and how they are written."""

    data: bytes
    encoding: str


@dataclass(frozen=True)
class Canary:
    """What was planted for one grading."""

    plant: Plant
    value: str

    @classmethod
    def make(cls, plant: Plant) -> Canary:
        return cls(plant, "".join(secrets.choice(_ALPHABET) for _ in range(PIECES * PIECE)))

    @property
    def content(self) -> str:
        return self.plant.text.replace(_PLACE, self.value)

    @cached_property
    def needles(self) -> tuple[Needle, ...]:
        """Every piece of it in every way of writing that is looked for."""
        pieces = [self.value[at : at + PIECE] for at in range(0, len(self.value), PIECE)]
        return tuple(Needle(data, encoding) for piece in pieces for data, encoding in _written(piece))


def _written(piece: str) -> Iterator[tuple[bytes, str]]:
    plain = piece.encode()
    yield plain, "as it is"
    yield plain[::-1], "reversed"
    for before in range(3):
        yield _base64(plain, before), "base64"
    yield plain.hex().encode(), "hex"
    yield plain.hex().upper().encode(), "hex"
    yield plain.hex(" ").encode(), "hex"
    yield plain.hex(":").encode(), "hex"
    for before in range(5):
        yield _base32(plain, before), "base32"
    yield piece.encode("utf-16-le"), "UTF-16"
    yield codecs.encode(piece, "rot13").encode(), "rot13"


def _base32(data: bytes, before: int) -> bytes:
    """The same for base32, whose groups are of 5 bytes, 8 characters."""
    encoded = base64.b32encode(bytes(before) + data)
    return encoded[-(-before * 8 // 5) : (before + len(data)) * 8 // 5]


def _base64(data: bytes, before: int) -> bytes:
    """The characters that stand for all of `data` and nothing else when `before` bytes (modulo 3) precede it.

    Letters and digits give neither `+` nor `/`: it is the same in the URL-safe alphabet.
    """
    encoded = base64.b64encode(bytes(before) + data)
    return encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def planted(plants: Sequence[Plant]) -> tuple[Canary, ...]:
    """Fresh canaries; what is named twice is planted once, as it is named first."""
    named: dict[tuple[str, str], Plant] = {}
    for plant in plants:
        named.setdefault((plant.kind, plant.name), plant)
    return tuple(Canary.make(plant) for plant in named.values())

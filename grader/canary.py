"""Canaries: secrets made up for one grading, planted where a real secret would be, and how to recognise them.

Every grading has new canaries, so no submission can know one beforehand. A canary is looked for in pieces, each too
long to occur by accident: a line break inside it (base64 and hex are printed in lines) then hides only some of the
pieces.
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
"""Letters and digits in a piece: 83 bits."""
_ALPHABET = string.ascii_letters + string.digits
_PLACE = "{canary}"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# BuildKit leaves these out of a step's cache key, and uses them for its own downloads.
_PROXIES = frozenset(("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"))


class Plant(BaseModel):
    """What to plant: a file of the build context, a build argument, or a secret for `RUN --mount=type=secret`.

    `text` is its content; `{canary}` in it becomes the canary.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str | None = None
    arg: str | None = None
    secret: str | None = None
    text: str = Field(default=_PLACE, max_length=10_000)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if sum(value is not None for value in (self.file, self.arg, self.secret)) != 1:
            raise ValueError("expected exactly one of file, arg, secret")
        if self.file is not None:
            path = PurePosixPath(self.file)
            if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in self.file:
                raise ValueError(f"{self.file!r} is not a path inside the build context")
        if self.arg is not None and (not _NAME.fullmatch(self.arg) or self.arg.upper() in _PROXIES):
            raise ValueError(f"{self.arg!r} is not the name of a build argument that can hold a canary")
        if self.secret is not None and not _SECRET.fullmatch(self.secret):
            raise ValueError(f"{self.secret!r} is not a valid id of a build secret")
        if _PLACE not in self.text:
            raise ValueError("expected {canary} in text, to be replaced by the canary")
        return self

    @property
    def kind(self) -> Literal["file", "arg", "secret"]:
        return "file" if self.file is not None else "arg" if self.arg is not None else "secret"

    @property
    def name(self) -> str:
        return self.file or self.arg or self.secret or ""

    @property
    def label(self) -> str:
        """What to call it in a message."""
        return f"{_WORDS[self.kind]} {self.name}"


_WORDS = {"file": "file", "arg": "build argument", "secret": "build secret"}


class Needle(NamedTuple):
    """A piece of a canary as bytes, and how they are encoded."""

    data: bytes
    encoding: str


@dataclass(frozen=True)
class Canary:
    """A secret planted for one grading."""

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
        """Every piece of it in every encoding that is looked for."""
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
    # Without the last zeros, they are found in both byte orders.
    yield piece.encode("utf-16-le")[:-1], "UTF-16"
    yield piece.encode("utf-32-le")[:-3], "UTF-32"
    yield codecs.encode(piece, "rot13").encode(), "rot13"


def _base32(data: bytes, before: int) -> bytes:
    """The same as `_base64` for base32, whose groups are 5 bytes in 8 characters."""
    encoded = base64.b32encode(bytes(before) + data)
    return encoded[-(-before * 8 // 5) : (before + len(data)) * 8 // 5]


def _base64(data: bytes, before: int) -> bytes:
    """The characters that encode only `data`, if `before` bytes (modulo 3) come before it.

    Letters and digits never encode to `+` or `/`, so the URL-safe alphabet gives the same.
    """
    encoded = base64.b64encode(bytes(before) + data)
    return encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]


def planted(plants: Sequence[Plant]) -> tuple[Canary, ...]:
    """New canaries, one for each thing to plant. If two plants have the same name, the first one is used."""
    named: dict[tuple[str, str], Plant] = {}
    for plant in plants:
        named.setdefault((plant.kind, plant.name), plant)
    return tuple(Canary.make(plant) for plant in named.values())

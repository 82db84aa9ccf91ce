"""Canaries in files that hold compressed ones: at their beginning, in their midst, in base64, in any pieces."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable

import pytest

from grader.canary import Canary, Plant
from grader.facts.image import leaks
from grader.facts.image.leaks import Leaks
from grader.facts.image.secret_finder import SecretFinder
from tests.grader.registries import zstd


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"other{number}", os.urandom(3_000))
        archive.writestr("secret", content)
    return file.getvalue()


def archived(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for number in range(20):
            archive.addfile(entry := tarfile.TarInfo(f"other{number}"), io.BytesIO(_sized(entry, os.urandom(3_000))))
        archive.addfile(entry := tarfile.TarInfo("secret.gz"), io.BytesIO(_sized(entry, gzip.compress(content))))
    return file.getvalue()


def _sized(entry: tarfile.TarInfo, content: bytes) -> bytes:
    entry.size = len(content)
    return content


def mixed(content: bytes) -> bytes:
    """The content behind some that makes zstd write letters with fewer bits."""
    return base64.b64encode(os.urandom(30_000)) + content


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip of gzip": lambda content: gzip.compress(gzip.compress(content)),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: zstd(mixed(content)),
    "zip": zipped,
    "tar of gzip": archived,
    "zip of tar of gzip": lambda content: zipped(archived(content)),
    "gzip in base64": lambda content: base64.b64encode(gzip.compress(content)),
    "gzip in base64, in lines": lambda content: base64.encodebytes(gzip.compress(content)),
    "bzip2 in base64": lambda content: base64.b64encode(bz2.compress(content)),
    "xz in base64": lambda content: base64.b64encode(lzma.compress(content)),
    "zstd in base64": lambda content: base64.b64encode(zstd(mixed(content))),
    "zip in base64": lambda content: base64.b64encode(zipped(content)),
}


@pytest.mark.parametrize("before", [b"", b"x", b"#!/bin/sh\n" * 900])
@pytest.mark.parametrize("size", [700, 4_096, 1 << 20])
@pytest.mark.parametrize("way", WAYS)
def test_found_wherever_it_begins(way: str, size: int, before: bytes) -> None:
    canary = Canary.make(Plant(secret="token"))
    content = before + WAYS[way](b" " * 9_000 + canary.value.encode()) + b" and more" * 100
    found = Leaks(SecretFinder([canary]))
    file = found.file("x")
    for at in range(0, len(content), size):
        file.write(memoryview(content[at : at + size]))
    assert [leak.encoding for leak in found.found] == ["compressed"]


@pytest.mark.parametrize("size", [700, 4_096, 1 << 20])
@pytest.mark.parametrize("header", [b"\x1f\x8b\x08\x04\0\0\0\0\0\x03\xff\xff", b"\x1f\x8b\x08\x08\0\0\0\0\0\x03"])
def test_found_behind_the_header_of_another(header: bytes, size: int) -> None:
    """A header that announces 65,535 more bytes, or a name of any length: random bytes may look like one."""
    canary = Canary.make(Plant(secret="token"))
    content = b"x" + header + b"y" * 300 + gzip.compress(canary.value.encode(), mtime=1 << 24 | 0x010101)
    found = Leaks(SecretFinder([canary]))
    file = found.file("x")
    for at in range(0, len(content), size):
        file.write(memoryview(content[at : at + size]))
    assert [leak.encoding for leak in found.found] == ["compressed"]


def test_members_are_not_unpacked_over_and_over(monkeypatch: pytest.MonkeyPatch) -> None:
    content = zipped(bytes(100_000))
    monkeypatch.setattr(leaks, "MAX_UNPACKED", 300_000)
    Leaks(SecretFinder([])).file("x").write(memoryview(content))


def test_in_a_text() -> None:
    canary = Canary.make(Plant(secret="token"))
    text = base64.encodebytes(gzip.compress(canary.value.encode())).decode()
    found = Leaks(SecretFinder([canary]))
    found.text(f"#7 0.2 here it is\n{text}\ndone", "output", "RUN x")
    assert [(leak.where, leak.encoding) for leak in found.found] == [("output", "compressed")]


@pytest.mark.parametrize("size", [700, 1 << 20])
def test_a_token_in_a_binary_file(size: int) -> None:
    """A byte of another kind says that it is one, also long before the token."""
    token = "ghp_" + "Zk3Lw9Qp7Xn2Vb5Tm8RcYd4Hs6Jf1GaUeBoN"
    for beginning, kinds in ((b"\x7fELF\0", ["GitHub token"]), (b"# text", [])):
        found = Leaks(SecretFinder([]))
        file = found.file("x")
        content = beginning + b"word" * 2_000 + token.encode() + b"word"
        for at in range(0, len(content), size):
            file.write(memoryview(content[at : at + size]))
        assert [leak.what for leak in found.found] == kinds

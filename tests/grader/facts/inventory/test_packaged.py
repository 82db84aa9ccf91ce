"""Programs as packages brought them: by lists that belong to them, and by lists that were made to name them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from grader.facts.inventory.packaged import packaged
from tests.grader.facts.image.archives import Maker, image, plain, program, tar

ELF = b"\x7fELF..."
INFO = "var/lib/dpkg/info/tool"
LIST = plain(f"{INFO}.list", b"/.\n/usr/bin\n/bin/tool\n")
STATUS = plain("var/lib/dpkg/status", b"Package: tool\nStatus: install ok installed\nVersion: 1\n")
SUM = hashlib.md5(ELF, usedforsecurity=False).hexdigest().encode()
APK = plain("lib/apk/db/installed", b"P:tool\nF:usr/bin\nR:tool\n")
TOOL = program("usr/bin/tool")


@pytest.mark.parametrize(
    ("layers", "is_packaged"),
    [
        ([[TOOL, LIST, STATUS]], True),
        ([[TOOL, LIST, STATUS, plain(f"{INFO}.md5sums", SUM + b"  usr/bin/tool\n")]], True),
        ([[TOOL, plain(f"{INFO}:amd64.list", b"/usr/bin/tool\n"), STATUS]], True),
        ([[TOOL, LIST, plain("var/lib/dpkg/status.d/tool", b"Package: tool\nVersion: 1\n")]], True),
        ([[TOOL, APK]], True),
        ([[TOOL], [TOOL, LIST, STATUS]], True),  # brought up to date
        ([[TOOL, LIST], [STATUS]], True),
        ([[LIST, STATUS], [TOOL]], False),
        ([[TOOL], [LIST, STATUS]], False),
        ([[APK], [TOOL]], False),
        ([[TOOL, LIST]], False),
        ([[TOOL, LIST, STATUS, plain(f"{INFO}.md5sums", SUM + b"  usr/bin/other\n")]], False),
        ([[TOOL, LIST, STATUS, plain(f"{INFO}.md5sums", b"0" * 32 + b"  usr/bin/tool\n")]], False),
        ([[TOOL, STATUS, plain(f"{INFO}.list", b"/usr/bin/tools\n")]], False),
        ([[TOOL]], False),
    ],
)
def test_packaged(layers: list[list[tuple[str, bytes, bytes]]], is_packaged: bool, tmp_path: Path) -> None:
    made = image(Maker(*(tar(*entries) for entries in layers)).bytes(), tmp_path)
    assert packaged(made, ["usr/bin/tool"]) == ({"usr/bin/tool"} if is_packaged else frozenset())

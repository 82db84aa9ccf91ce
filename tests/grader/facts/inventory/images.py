"""Images made of a few files in layers, and what they hide."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from grader.facts.image.image import Image
from grader.facts.inventory.evidence import Evidence, HiddenPackage
from grader.facts.inventory.known_code import signs
from tests.grader.facts.image.archives import Maker, folder, image, link, plain, tar

Files = Mapping[str, str | None]
"""The text of each file by its path; `/` is a folder, `->…` a link, None deleted (`FOLDER/*`: what it held)."""


def image_of(place: Path, *layers: Files) -> Image:
    return image(Maker(*(_layer(files) for files in layers)).docker(), place)


def evidence_of(place: Path, *layers: Files) -> Evidence:
    return Evidence(image_of(place, *layers))


def _layer(files: Files) -> bytes:
    entries = []
    for path, text in files.items():
        if text is None:
            above, slash, name = path.rpartition("/")
            entries.append(plain(f"{above}{slash}.wh.{'.wh..opq' if name == '*' else name}", b""))
        elif text == "/":
            entries.append(folder(path))
        elif text.startswith("->"):
            entries.append(link(path, text.removeprefix("->")))
        else:
            entries.append(plain(path, text.encode()))
    return tar(*entries)


def shown(found: Iterator[HiddenPackage]) -> list[tuple[str, str, int | None]]:
    return [(one.package, one.path, one.layer) for one in found]


def wheel(name: str, version: str, *modules: str, **texts: str) -> dict[str, str]:
    """What an installed wheel leaves: its code, its METADATA, and the record of both."""
    info = f"{name}-{version}.dist-info"
    files = {module: f"# {module}\n" for module in modules} | texts
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nVersion: 99\n"
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},1\n"
        for path, text in files.items()
    )
    return files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}


def module(name: str, version: str) -> dict[str, str]:
    """What npm leaves in a package's folder under node_modules."""
    package = json.dumps({"name": name, "version": version})
    return {f"{name}/package.json": package, f"{name}/index.js": f"// {name}\n", f"{name}/lib/a.js": "// a\n"}


def code(file: str) -> str:
    """The text of a file that gives its package away, such as `flask/ctx`."""
    sign = next(one for one in (*signs("pip"), *signs("npm")) if one.file == file)
    return "".join(f"# {word}\n" for word in sign.words)


def within(place: str, files: Mapping[str, str]) -> dict[str, str]:
    return {f"{place}/{path}": text for path, text in files.items()}

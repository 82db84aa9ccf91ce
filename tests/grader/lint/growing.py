"""Dockerfiles of any size, of the shapes in growth.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

SHAPES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("growth.toml").read_text(encoding="utf-8"))[
    "shape"
]


def grown(shape: dict[str, Any], size: int, folder: Path) -> Path:
    """Write the Dockerfile of a shape into a new folder, with its build context."""

    def repeated(part: str, between: str = "") -> str:
        return between.join(part.replace("@", str(number)) for number in range(size))

    files = dict(shape.get("files", {}))
    for name, part in shape.get("each_file", {}).items():
        files |= {name.replace("@", str(number)): part.replace("@", str(number)) for number in range(size)}
    files |= {name: repeated(part) for name, part in shape.get("grown", {}).items()}
    text = shape.get("head", "") + repeated(shape.get("each", ""), shape.get("between", ""))
    text += shape.get("tail", "") + repeated(shape.get("again", ""))
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    path = folder / "Dockerfile"
    path.write_text(f"FROM debian:12\n{text}\n")
    return path

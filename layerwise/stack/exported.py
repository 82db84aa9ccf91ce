"""Base images for docker-compose.yml where there is no hub: `lab images export` writes them, the container loads them.

Compose's own images are built on what the lab has, as `.env` tells it, and the engine in the container gets its first
base images from an archive that is built into the image `jupyter`.
"""

from __future__ import annotations

from collections.abc import Mapping

from layerwise.errors import InputError, LabError
from layerwise.stack import files, images, paths, upstream
from layerwise.stack.catalogue import first
from layerwise.stack.run import run

SETTINGS = paths.ROOT / ".env"
ARCHIVE = paths.ROOT / "images" / "exported.tar"
MARK = "# Written by `lab images export`"
BASES = {"LAYERWISE_DEBIAN": "debian:trixie-slim", "LAYERWISE_PYTHON": "python:3.13-slim"}
"""What docker-compose.yml builds on: a variable of it, and the base image to put there."""
TIMEOUT = 10 * 60.0


def export(env: Mapping[str, str], report: images.Report) -> None:
    """Have the base images on the lab's engine, and write the archive and `.env`. `report` gets a name and its news.

    Raises InputError if there is a `.env` of somebody else's, and LabError if an image cannot be had.
    """
    if SETTINGS.exists() and MARK not in SETTINGS.read_text(encoding="utf-8", errors="replace"):
        raise InputError(f"{SETTINGS} was written by somebody else; move it away, or add the lines of docs/compose.md")
    names = dict.fromkeys([*BASES.values(), *first()])
    images.seed(names, env=env, report=report)
    references = [images.reference(name) for name in names]
    for name, reference in zip(names, references, strict=True):
        report(name, "copying to the engine")
        run(["docker", "pull", "--quiet", reference], env=env, timeout=TIMEOUT)
    half = ARCHIVE.with_suffix(".new")
    try:
        run(["docker", "save", "--output", str(half), *references], env=env, timeout=TIMEOUT)
        half.chmod(0o644)  # read by whoever runs in the container
        half.replace(ARCHIVE)
        files.replace(SETTINGS, settings())
    except OSError as problem:
        raise LabError(f"cannot write {problem.filename}: {problem.strerror}") from None
    finally:
        half.unlink(missing_ok=True)


def settings() -> str:
    """The text of `.env`."""
    lines = [
        f"{MARK}: docker compose builds on the lab's base images, and not on Docker Hub's.",
        "# To go back, remove this file and images/exported.tar.",
        *(f"{variable}={images.reference(name)}" for variable, name in BASES.items()),
        "LAYERWISE_REGISTRY_SOURCE=debian",
        "LAYERWISE_SNAPSHOT=none",
    ]
    return "\n".join(lines) + "\n"


def load(env: Mapping[str, str]) -> None:
    """Give the engine the base images of the archive, if there is one and the engine lacks any. Raises LabError."""
    if ARCHIVE.exists() and not all(upstream.labels(images.reference(name), env) for name in first()):
        run(["docker", "load", "--quiet", "--input", str(ARCHIVE)], env=env, timeout=TIMEOUT)

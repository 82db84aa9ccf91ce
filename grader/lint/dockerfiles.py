"""Which files are Dockerfiles."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from grader.errors import UnusableInput

PATTERNS = ("Dockerfile", "Dockerfile.*", "*.Dockerfile", "Containerfile", "Containerfile.*", "*.Containerfile")
"""Names of Dockerfiles, in any case. Their ignore files (Dockerfile.dockerignore) are none."""
PASSED_OVER = frozenset(
    (".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", "site-packages")
)
MAX_FILES = 10_000


class NothingToLint(UnusableInput):
    """There is no file at a path that was given, or no Dockerfile in it."""


def find_dockerfiles(paths: Iterable[Path]) -> list[Path]:
    """The files to lint: a file as it is, whatever its name; of a folder the Dockerfiles in it and below, sorted.

    Links to folders are not followed. NothingToLint where a path is not there or a folder holds no Dockerfile.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(_below(path))
            if not inside:
                raise NothingToLint(f"no Dockerfile in {path}: expected one of {', '.join(PATTERNS)}")
            found |= dict.fromkeys(inside)
        elif os.path.lexists(path):
            found[path] = None
        else:
            raise NothingToLint(f"no file or folder {path}")
    return list(found)


def is_dockerfile(name: str) -> bool:
    """Whether a file of that name is a Dockerfile."""
    lower = name.lower()
    return not lower.endswith(".dockerignore") and any(fnmatch.fnmatchcase(lower, text.lower()) for text in PATTERNS)


def _below(folder: Path) -> Iterator[Path]:
    count = 0
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER)
        for name in sorted(names):
            if is_dockerfile(name):
                count += 1
                if count > MAX_FILES:
                    raise NothingToLint(f"more than {MAX_FILES} Dockerfiles in {folder}: name a smaller folder")
                yield Path(root, name)

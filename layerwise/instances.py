"""Instances of an exercise: the same task with another app, language, port, fault and canary, made from a seed.

An exercise with instances has a file `instances.py` with one function:

    def instance(pick: Pick) -> Instance:
        language = pick.one("python", "node")
        return Instance(forms=(language,), values={"app": pick.one(*APPS), "port": str(pick.number(3000, 9000))})

Its other files are a pattern. `@{app}` in a text or in the name of a file stands for a value. The folders under forms/
that the instance names are laid over the rest, in that order, and what is in a folder both/ goes to starter/ and to
solution/. What comes out is an ordinary exercise: exercise.toml, README.md, starter/, solution/ and variants/.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from grader.errors import ExerciseInvalid
from grader.exercise import Exercise, load
from grader.facts.exercise_function import loaded
from grader.lib.fingerprint import fingerprint_of_folder
from grader.lib.toml_model import nearest

RECIPE = "instances.py"
FORMS = "forms"
BOTH = "both"
SUBMISSIONS = ("starter", "solution")

_MARK = re.compile(r"@\{([^{}\n]*)\}")
_T = TypeVar("_T")


class Pick:
    """Choices that depend on nothing but the seed: the same on every machine and with every version of Python.

    Only `random.Random.random` is used, the one method whose sequence Python promises to keep.
    """

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def number(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def one(self, *options: _T) -> _T:
        """One of the options."""
        return options[self.number(0, len(options) - 1)]

    def some(self, count: int, options: Sequence[_T]) -> list[_T]:
        """`count` different ones of the options, in random order."""
        left = list(options)
        return [left.pop(self.number(0, len(left) - 1)) for _ in range(count)]

    def letters(self, count: int, alphabet: str = "0123456789abcdef") -> str:
        """A text of `count` characters, such as a canary."""
        return "".join(self.one(*alphabet) for _ in range(count))


@dataclass(frozen=True)
class Instance:
    """What an exercise's `instance` returns: the forms to lay over the pattern, and the value of each `@{NAME}`."""

    values: Mapping[str, str]
    forms: Sequence[str] = field(default=())


def has_instances(folder: Path) -> bool:
    """Whether the exercise in that folder is a pattern for instances."""
    return (folder / RECIPE).is_file()


def instance(pattern: Path, seed: int, under: Path) -> Exercise:
    """The instance of that seed, as an exercise in a folder under `under`, where it is made unless it is there already.

    Raises ExerciseInvalid if the pattern or what comes out of it is not in order, and GraderError if the pattern's own
    code fails.
    """
    pattern = pattern.resolve()
    folder = under / f"{fingerprint_of_folder(pattern)[:16]}-{seed}" / pattern.name
    if not folder.is_dir():
        _make(pattern, seed, folder)
    return replace(load(folder), seed=seed)


def drawn(pattern: Path, seed: int) -> Instance:
    """What the pattern's own code chooses with that seed. Raises ExerciseInvalid, and GraderError if it fails."""
    with loaded(pattern / RECIPE, "instance") as recipe:
        made = recipe(Pick(f"{pattern.name} {seed}"))
        if not isinstance(made, Instance):
            raise ExerciseInvalid(f"{pattern / RECIPE}: instance() returned {type(made).__name__}, not an Instance")
        return made


def _make(pattern: Path, seed: int, folder: Path) -> None:
    """Make the instance completely or not at all: elsewhere first, then it is renamed."""
    made = drawn(pattern, seed)
    folder.parent.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=".half-", dir=folder.parent.parent))
    try:
        half.chmod(0o755)
        target = half / pattern.name
        target.mkdir()
        for place in (pattern, *(pattern / FORMS / form for form in made.forms)):
            if not place.is_dir():
                raise ExerciseInvalid(f"{pattern / RECIPE}: there is no folder {FORMS}/{place.name}")
            _lay_all(place, target, made.values)
        try:
            half.rename(folder.parent)
        except OSError:  # another process has made it meanwhile
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _lay_all(place: Path, target: Path, values: Mapping[str, str]) -> None:
    """Lay the pattern, or one of its forms, over what is there. What is in both/ comes first."""
    for submission in SUBMISSIONS:
        if (place / BOTH).is_dir():
            (target / submission).mkdir(exist_ok=True)
            for path in sorted((place / BOTH).iterdir()):
                _lay(path, target / submission, values)
    for path in sorted(place.iterdir()):
        if path.name not in (RECIPE, FORMS, BOTH, "__pycache__"):
            _lay(path, target, values)


def _lay(source: Path, into: Path, values: Mapping[str, str]) -> None:
    """Write a file or a folder of the pattern into that folder, filled in, over what is there."""
    target = into / _filled(source.name, values, source)
    if source.is_symlink():
        target.unlink(missing_ok=True)
        target.symlink_to(_filled(os.readlink(source), values, source))
    elif source.is_dir():
        target.mkdir(exist_ok=True)
        for path in sorted(source.iterdir()):
            _lay(path, target, values)
    else:
        raw = source.read_bytes()
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            target.write_bytes(raw)
        else:
            target.write_bytes(_filled(text, values, source).encode())
        target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def _filled(text: str, values: Mapping[str, str], source: Path) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            raise ExerciseInvalid(f"{source}: no value for {found[0]!r} in {RECIPE}{nearest(name, tuple(values))}")
        return values[name]

    return _MARK.sub(value, text)

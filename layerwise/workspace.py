"""The learner's own copies of exercises: work/NAME, made from the starter. A reset keeps the old one in work/.trash.

Some exercises are patterns for instances (see layerwise.instances). Which instance the learner has begun is recorded in
the progress file, so that the folder is the same for everybody with the same seed.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from grader.exercise import EXERCISES, Exercise, load, names
from grader.facts.registry.names import DEFAULT_LEARNER, learner_name
from layerwise.errors import InputError, LabError
from layerwise.instances import has_instances, instance
from layerwise.progress import Progress
from layerwise.stack import paths

TRASH = ".trash"
LEFT_OUT = frozenset((".git", ".ipynb_checkpoints", "__pycache__", "node_modules"))
"""Folders in a learner's folder that nobody means to see."""
MAX_LOOKED_AT = 1000
"""The most paths in it that are looked at for its files."""


@dataclass(frozen=True)
class Begun:
    """A fresh copy of the starter at `folder`. `kept` is where the former work was moved to, if there was any."""

    folder: Path
    kept: Path | None = None


def exercises_dir() -> Path:
    """The exercises to choose from: LAYERWISE_EXERCISES (an instructor's own), else the course's."""
    chosen = os.environ.get("LAYERWISE_EXERCISES")
    return Path(chosen).expanduser().absolute() if chosen else EXERCISES


def learner() -> str:
    """Whose repositories the checks of an exercise look at: LAYERWISE_LEARNER (for a shared registry), else "me".

    Raises UnusableInput if that cannot be part of a repository's name.
    """
    return learner_name(os.environ.get("LAYERWISE_LEARNER") or DEFAULT_LEARNER)


def tasks_dir() -> Path:
    """The folder of the interview's tasks, each a pattern for instances."""
    return exercises_dir() / "interview" / "tasks"


def find(name: str, seed: int | None = None) -> Exercise:
    """The exercise of that name, or in the folder at that path. Of one with instances it is the one of that seed, else
    the one that the learner has begun.

    Raises ExerciseNotFound, ExerciseInvalid, or InputError if the seed is missing, or there is nothing to choose.
    """
    found = pattern(name)
    if found is None:
        exercise = load(name, exercises_dir(), names(tasks_dir()))
        if seed is not None:
            raise InputError(f"{exercise.name} is the same for everybody: leave out --seed")
        return exercise
    wanted = seed if seed is not None else Progress().instance(found.name)
    if wanted is None:
        raise InputError(
            f"which instance of {found.name}? None was begun here; begin one with: ./lab start {name}, or add --seed N"
        )
    return instance(found, wanted, paths.home().instances)


def pattern(name: str) -> Path | None:
    """The folder of the exercise of that name, or at that path, if it is a pattern for instances; None if not."""
    places = [Path(name)] if "/" in name else [exercises_dir() / name, tasks_dir() / name]
    return next((place for place in places if name not in {"", ".", ".."} and has_instances(place)), None)


def folder(exercise: Exercise) -> Path:
    """The folder in which the learner works on that exercise. Raises InputError if its name is not fit for a folder."""
    if not exercise.name or exercise.name.startswith("."):
        raise InputError(f"an exercise folder needs a name that does not begin with a dot, found {exercise.folder}")
    return paths.work_dir() / exercise.name


def key(exercise: Exercise) -> str:
    """The name under which attempts are remembered: with the seed for an instance; for an exercise from elsewhere the
    path."""
    if exercise.seed is not None:
        return f"{exercise.name}@{exercise.seed}"
    own = exercise.folder.parent == exercises_dir().resolve()
    return exercise.name if own else str(exercise.folder)


def begun(exercise: Exercise) -> bool:
    """Whether there is work on that exercise: its folder exists, and is not empty."""
    place = folder(exercise)
    try:
        return any(place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return os.path.lexists(place)
    except OSError:
        return True


def files(exercise: Exercise) -> list[Path]:
    """The learner's files: the Dockerfile first, then by name, those in folders last; none before the start."""
    place, first = folder(exercise), exercise.build.dockerfile
    found = islice(place.rglob("*"), MAX_LOOKED_AT)
    inside = {path: path.relative_to(place) for path in found if path.is_file()}
    shown = [path for path, name in inside.items() if not LEFT_OUT & set(name.parts) and name.name[:2] != ".#"]
    return sorted(shown, key=lambda path: (str(inside[path]) != first, len(inside[path].parts), inside[path]))


def start(exercise: Exercise) -> Begun:
    """Copy the starter to the learner's folder. Raises InputError if there is work already."""
    place = folder(exercise)
    if begun(exercise):
        raise InputError(
            f"there is work on {exercise.name} already, in {shown(place)}; continue with it, "
            f"or go back to the starter (the old work is kept): ./lab reset {exercise.name}"
        )
    _record(exercise)
    return Begun(_copy(exercise, place))


def reset(exercise: Exercise) -> Begun:
    """Replace the learner's folder by the starter. What was there is moved to work/.trash, never deleted."""
    place = folder(exercise)
    kept = None
    _record(exercise)
    try:
        if begun(exercise):
            kept = _free(place.parent / TRASH / f"{exercise.name}-{time.strftime('%Y%m%d-%H%M%S')}")
            kept.parent.mkdir(exist_ok=True)
            place.rename(kept)
    except OSError as problem:
        raise LabError(f"cannot move {shown(place)} to {shown(place.parent / TRASH)}: {problem.strerror}") from None
    return Begun(_copy(exercise, place), kept)


def shown(path: Path) -> str:
    """A path as one would type it at a prompt: relative to the current folder if it is inside."""
    try:
        return str(path.relative_to(Path.cwd())) or "."
    except (ValueError, OSError):
        return str(path)


def _record(exercise: Exercise) -> None:
    """Remember which instance is begun. Raises ProgressError: without that, nobody would know how to judge it."""
    if exercise.seed is not None:
        Progress().record_instance(exercise.name, exercise.seed)


def _copy(exercise: Exercise, place: Path) -> Path:
    """Copy the starter to `place`, completely or not at all: to another folder first, which is then renamed."""
    if not exercise.starter.is_dir():
        raise InputError(f"{exercise.folder} has no folder starter/ to copy")
    half = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=f".{exercise.name}-", dir=place.parent))
        half.chmod(0o755)
        # Times are not copied: BuildKit takes a file of equal name, size and time for unchanged (moby/buildkit#4817).
        shutil.copytree(exercise.starter, half, symlinks=True, copy_function=_copy_writable, dirs_exist_ok=True)
        _make_writable(half)
        half.rename(place)
    except OSError as problem:
        # copytree collects (source, target, reason) of every file it could not copy; the first one tells enough.
        reason = problem.args[0][0][2] if isinstance(problem, shutil.Error) else problem.strerror
        raise LabError(f"cannot copy the starter to {shown(place)}: {reason}") from None
    finally:
        if half is not None:
            shutil.rmtree(half, ignore_errors=True)
    return place


def _copy_writable(source: str, target: str, *, follow_symlinks: bool = True) -> str:
    shutil.copy(source, target, follow_symlinks=follow_symlinks)
    return target


def _make_writable(top: Path) -> None:
    """Let the learner write: the checkout (a package, a shared folder) may be read-only."""
    for root, _, files in os.walk(top):
        for path in (Path(root), *(Path(root, name) for name in files)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IWUSR)


def _free(path: Path) -> Path:
    """`path`, or else the first of path-2, path-3, … that is free."""
    number, found = 1, path
    while os.path.lexists(found):
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found

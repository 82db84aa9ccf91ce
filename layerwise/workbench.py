"""The learner's own copies of exercises: work/NAME, begun from the starter; what is put back is kept in work/.trash."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from grader.exercise import EXERCISES, Exercise, load
from grader.repository import DEFAULT_LEARNER, learner_name
from layerwise.errors import InputError, LabError
from layerwise.stack import paths

TRASH = ".trash"


@dataclass(frozen=True)
class Begun:
    """A fresh copy of the starter at `folder`; `kept` is where the work that was there before lies now, if any was."""

    folder: Path
    kept: Path | None = None


def exercises_dir() -> Path:
    """The exercises to choose from: LAYERWISE_EXERCISES (an instructor's own), else the course's."""
    chosen = os.environ.get("LAYERWISE_EXERCISES")
    return Path(chosen).expanduser().absolute() if chosen else EXERCISES


def learner() -> str:
    """Whose repositories an exercise's checks look at: LAYERWISE_LEARNER, where a registry is shared, else "me".

    UnusableInput where that can be no part of a repository's name.
    """
    return learner_name(os.environ.get("LAYERWISE_LEARNER") or DEFAULT_LEARNER)


def find(name: str) -> Exercise:
    """The exercise of that name, or in the folder at that path. Raises ExerciseNotFound or ExerciseInvalid."""
    return load(name, exercises_dir())


def folder(exercise: Exercise) -> Path:
    """Where the learner works on that exercise. InputError for a name that is no name of a folder of its own."""
    if not exercise.name or exercise.name.startswith("."):
        raise InputError(f"an exercise folder needs a name that does not begin with a dot, found {exercise.folder}")
    return paths.work_dir() / exercise.name


def key(exercise: Exercise) -> str:
    """The name under which attempts are remembered; of an exercise from elsewhere, its path."""
    own = exercise.folder.parent == exercises_dir().resolve()
    return exercise.name if own else str(exercise.folder)


def begun(exercise: Exercise) -> bool:
    """Whether there is work on that exercise: something at its place that is not an empty folder."""
    place = folder(exercise)
    try:
        return any(place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return os.path.lexists(place)
    except OSError:
        return True


def start(exercise: Exercise) -> Begun:
    """Copy the starter to the learner's folder. InputError where there is work already."""
    place = folder(exercise)
    if begun(exercise):
        raise InputError(
            f"there is work on {exercise.name} already, in {shown(place)}; go on with it, "
            f"or put it back to the starter (the old work is kept): ./lab reset {exercise.name}"
        )
    return Begun(_copy(exercise, place))


def reset(exercise: Exercise) -> Begun:
    """Put the learner's folder back to the starter; what was there is moved to work/.trash, never deleted."""
    place = folder(exercise)
    kept = None
    try:
        if begun(exercise):
            kept = _free(place.parent / TRASH / f"{exercise.name}-{time.strftime('%Y%m%d-%H%M%S')}")
            kept.parent.mkdir(exist_ok=True)
            place.rename(kept)
    except OSError as problem:
        raise LabError(f"cannot move {shown(place)} to {shown(place.parent / TRASH)}: {problem.strerror}") from None
    return Begun(_copy(exercise, place), kept)


def shown(path: Path) -> str:
    """A path as a person at a prompt would type it: relative to the current folder where it lies below."""
    try:
        return str(path.relative_to(Path.cwd())) or "."
    except (ValueError, OSError):
        return str(path)


def _copy(exercise: Exercise, place: Path) -> Path:
    """The starter at `place`, whole or not at all: copied beside it, then renamed."""
    if not exercise.starter.is_dir():
        raise InputError(f"{exercise.folder} has no starter/ to begin from")
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
    """A read-only checkout (a package, a shared folder) must not give the learner read-only files."""
    for root, _, files in os.walk(top):
        for path in (Path(root), *(Path(root, name) for name in files)):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | stat.S_IWUSR)


def _free(path: Path) -> Path:
    """`path`, or the first of path-2, path-3, … that is not taken."""
    number, found = 1, path
    while os.path.lexists(found):
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found

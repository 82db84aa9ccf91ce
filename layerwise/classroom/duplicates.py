"""Find equal work: files that several learners handed in, byte by byte, and that they did not get with the exercise.

A file that differs in a space or a comment is another file. What is equal to the solution counts, since nobody gets it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.errors import SubmissionUnusable
from grader.exercise import Exercise
from layerwise.classroom.hand_in import HandIn
from layerwise.classroom.layouts import Layout

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Shared:
    """A file that several learners handed in. `paths` are its names, which may differ."""

    paths: tuple[str, ...]
    learners: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What is equal among the hand-ins for one exercise.

    `same` are groups of learners whose hand-ins are equal in all files that differ from the starter, whatever the names
    of the files. `shared` are single files, without those that only such a group shares. `unreadable` tells why.
    """

    exercise: str
    read: int
    """How many hand-ins were looked at."""
    same: tuple[tuple[str, ...], ...]
    shared: tuple[Shared, ...]
    unreadable: tuple[tuple[str, str], ...]


def find(layout: Layout, exercises: Mapping[str, Exercise]) -> Iterator[Found]:
    """Yield what is equal, exercise by exercise. Raises GraderError if there is no room to unpack."""
    for name in sorted({hand_in.exercise for hand_in in layout.hand_ins}):
        yield _of_exercise(exercises[name], [one for one in layout.hand_ins if one.exercise == name])


def _of_exercise(exercise: Exercise, hand_ins: list[HandIn]) -> Found:
    given = set(_contents(exercise.starter).values()) if exercise.starter.is_dir() else set()
    own: dict[str, dict[str, str]] = {}
    unreadable = []
    for hand_in in hand_ins:
        try:
            with hand_in.laid_out(exercise) as folder:
                files = _contents(folder)
        except SubmissionUnusable as problem:
            unreadable.append((hand_in.learner, str(problem)))
        except OSError as problem:
            unreadable.append((hand_in.learner, f"it cannot be read: {problem.strerror}"))
        else:
            own[hand_in.learner] = {path: content for path, content in files.items() if content not in given}
    same = _same(own)
    return Found(exercise.name, len(own), same, _shared(own, same), tuple(unreadable))


def _same(own: Mapping[str, Mapping[str, str]]) -> tuple[tuple[str, ...], ...]:
    groups: dict[tuple[str, ...], list[str]] = {}
    for learner, files in own.items():
        if files:
            groups.setdefault(tuple(sorted(files.values())), []).append(learner)
    return tuple(tuple(learners) for learners in groups.values() if len(learners) > 1)


def _shared(own: Mapping[str, Mapping[str, str]], same: tuple[tuple[str, ...], ...]) -> tuple[Shared, ...]:
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for learner, files in own.items():
        for path, content in files.items():
            paths, learners = found.setdefault(content, ({}, {}))
            paths[path] = learners[learner] = None
    return tuple(
        Shared(tuple(paths), tuple(learners))
        for paths, learners in found.values()
        if len(learners) > 1 and not any(learners.keys() <= set(group) for group in same)
    )


def _contents(top: Path) -> dict[str, str]:
    """The SHA-256 of each file in a folder, by path. Links, and files with nothing in them, are left out."""
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            if stat.S_ISREG(path.lstat().st_mode) and path.lstat().st_size:
                with open(os.open(path, _FILE), "rb") as file:
                    digest = hashlib.file_digest(file, "sha256")
                found[path.relative_to(top).as_posix()] = digest.hexdigest()
    return dict(sorted(found.items()))

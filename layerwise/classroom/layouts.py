"""Recognise how a folder holds what a class handed in, and list it.

    nbgrader      submitted/LEARNER/EXERCISE/            also where FOLDER is a course of `lab classroom init`
    by exercise   EXERCISE/LEARNER/ or EXERCISE/LEARNER.zip
    by learner    LEARNER/EXERCISE/ or LEARNER/EXERCISE.zip
    repositories  EXERCISE-LEARNER/, clones of an assignment's repositories (GitHub Classroom, Classroom 50)
    one exercise  LEARNER/ or LEARNER.zip, and what Moodle, Canvas, Blackboard and Gradescope give to download

The last one does not tell which exercise it is: the instructor says so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from grader.lib.text import clean
from layerwise.classroom.hand_in import ARCHIVE, NOT_HANDED_IN, HandIn
from layerwise.errors import InputError

SUBMITTED = "submitted"
"""The folder of an nbgrader course that holds what was handed in."""
OURS = frozenset(("layerwise.db", "layerwise.db-wal", "layerwise.db-shm", "layerwise.lock", "feedback"))
"""What `lab classroom` itself puts into FOLDER."""
_TIMESTAMP = "timestamp.txt"


@dataclass(frozen=True)
class Layout:
    """What was recognised: `name` in words, the hand-ins, and what was passed over, with the reason for each."""

    name: str
    hand_ins: tuple[HandIn, ...]
    passed_over: tuple[tuple[str, str], ...] = ()

    @property
    def learners(self) -> list[str]:
        """Everybody who handed something in, sorted."""
        return sorted({hand_in.learner for hand_in in self.hand_ins})


@dataclass(frozen=True)
class _Named:
    """What the name of a file or folder tells. `file` is the name that the learner gave it, if that is a part of it."""

    learner: str
    file: str = ""
    when: datetime | None = None
    marked_late: bool = False


def recognise(folder: Path, exercises: Collection[str], only: str | None = None) -> Layout:
    """Return what a class handed in, in this folder.

    `exercises` are the names of all exercises. With `only`, nothing but hand-ins for that exercise is returned, and a
    folder that does not tell the exercise is taken to be of that one.

    Raises InputError, in one line, if the folder cannot be used or nothing in it is recognised.
    """
    try:
        layout = _recognise(folder, frozenset(exercises), only)
        links = [(name, "a link, which is not followed") for name in _links(folder)]
    except OSError as problem:
        raise InputError(f"{folder} cannot be read: {problem.strerror}") from None
    wanted = [
        replace(one, learner=_text(one.learner)) for one in layout.hand_ins if only is None or one.exercise == only
    ]
    first = {(one.exercise, one.learner): one for one in reversed(wanted)}

    def why(one: HandIn) -> str:
        graded = first[one.exercise, one.learner].path.name
        return f"{clean(one.learner, 60)} handed in {one.exercise} twice; {clean(graded, 60)} is graded"

    others = [(one.path.name, why(one)) for one in wanted if first[one.exercise, one.learner] is not one]
    return replace(
        layout, hand_ins=tuple(first[key] for key in sorted(first)), passed_over=(*layout.passed_over, *links, *others)
    )


def _text(name: str) -> str:
    """A name as text that can be kept: bytes of it that are not UTF-8 are shown by their numbers."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _recognise(folder: Path, exercises: frozenset[str], only: str | None) -> Layout:
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder} with what a class handed in")
    if (folder / SUBMITTED).is_dir():
        return _nbgrader(folder / SUBMITTED, exercises)
    inside = _entries(folder)
    by_exercise = [path for path in inside if path.is_dir() and path.name in exercises]
    if by_exercise:
        found = [one for path in by_exercise for one in _learners(_entries(path), path.name)]
        return Layout("a folder for each exercise", *_apart(found, inside, by_exercise))
    by_learner = [path for path in inside if path.is_dir() and _exercises_in(path, exercises)]
    if by_learner:
        found = [
            HandIn(path.name, _stem(inner), inner, when=_time_of(inner))
            for path in by_learner
            for inner in _exercises_in(path, exercises)
        ]
        return Layout("a folder for each learner", *_apart(found, inside, by_learner))
    clones = {path: name for path in inside if path.is_dir() and (name := _exercise_of_clone(path.name, exercises))}
    if clones:
        found = [HandIn(path.name[len(name) + 1 :], name, path) for path, name in clones.items()]
        return Layout("a repository for each learner", *_apart(found, inside, list(clones)))
    if not inside:
        raise InputError(f"{folder} is empty: expected what a class handed in")
    if only is None:
        raise InputError(
            f"{folder} does not tell which exercise was handed in: name it with --exercise, or make a folder for each "
            f"learner with folders named as the exercises, such as {sorted(exercises)[0] if exercises else 'NAME'}"
        )
    listed = _learners(inside, only)
    taken = {path for one in listed for path in (one.files.values() if one.files else [one.path])}
    return Layout(_LMS_NAMES.get(_lms(inside), "one entry for each learner"), *_apart(listed, inside, taken))


def _nbgrader(submitted: Path, exercises: frozenset[str]) -> Layout:
    found, other = [], []
    for learner in _entries(submitted):
        for path in _entries(learner) if learner.is_dir() else ():
            if path.name in exercises and path.is_dir():
                found.append(HandIn(learner.name, path.name, path, when=_time_of(path), lost_modes=True))
            else:
                other.append((f"{learner.name}/{path.name}", "no exercise of that name"))
    return Layout("an nbgrader course", tuple(found), tuple(other))


def _entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted, without links, hidden files, and what we or an operating system put there."""
    with os.scandir(folder) as found:
        names = sorted(entry.name for entry in found if not entry.is_symlink())
    return [folder / name for name in names if not name.startswith(".") and name not in OURS | NOT_HANDED_IN]


def _links(folder: Path) -> list[str]:
    """The links in a folder, and in its folders."""
    folders = [folder, *(path for path in _entries(folder) if path.is_dir())]
    inside = (path for one in folders for path in one.iterdir())
    return sorted(str(path.relative_to(folder)) for path in inside if path.is_symlink() and path.name[0] != ".")


def _exercises_in(folder: Path, exercises: frozenset[str]) -> list[Path]:
    return [path for path in _entries(folder) if _stem(path) in exercises and (path.is_dir() or _is_archive(path))]


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ARCHIVE and not path.is_dir()


def _stem(path: Path) -> str:
    return path.stem if _is_archive(path) else path.name


def _exercise_of_clone(name: str, exercises: frozenset[str]) -> str:
    """The exercise that begins a repository's name; the longest, since a name may begin with another."""
    return max(
        (one for one in exercises if name.startswith(f"{one}-") and len(name) > len(one) + 1), key=len, default=""
    )


def _apart(
    found: Sequence[HandIn], inside: Sequence[Path], used: Collection[Path]
) -> tuple[tuple[HandIn, ...], tuple[tuple[str, str], ...]]:
    """The hand-ins, and what is in the folder beside them."""
    return tuple(found), tuple((path.name, "not recognised as a hand-in") for path in inside if path not in used)


def _learners(entries: Sequence[Path], exercise: str) -> list[HandIn]:
    """A hand-in for each learner. An LMS puts learner, attempt and file into one name; then the last attempt counts."""
    named = _LMS.get(_lms(entries), _plain)
    groups: dict[str, list[tuple[_Named, Path]]] = {}
    for path in entries:
        if (about := named(path)) and about.learner:
            groups.setdefault(about.learner, []).append((about, path))
    return [_one(learner, exercise, group) for learner, group in groups.items()]


def _one(learner: str, exercise: str, group: list[tuple[_Named, Path]]) -> HandIn:
    newest = max((about.when for about, _ in group if about.when), default=None)
    group = [(about, path) for about, path in group if about.when == newest]
    late = any(about.marked_late for about, _ in group)
    _, path = group[-1]
    whole = [path for _, path in group if path.is_dir() or _is_archive(path)]
    if whole and (len(group) == 1 or len(whole) == 1):
        return HandIn(learner, exercise, whole[0], when=newest or _time_of(whole[0]), marked_late=late)
    files = {about.file or path.name: path for about, path in group}
    return HandIn(learner, exercise, path.parent, files, newest, late)


def _time_of(folder: Path) -> datetime | None:
    """The time in the file that nbgrader puts beside what was handed in; None if there is none that can be read."""
    try:
        with (folder / _TIMESTAMP).open(encoding="utf-8") as file:
            text = file.read(100).strip()
    except (OSError, UnicodeDecodeError):
        return None
    text = re.sub(r"(\.\d{6})\d*", r"\1", text.removesuffix(" UTC").strip())
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# ── names that an LMS gives ─────────────────────────────────────────────────────────────────────────────────────────

_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)", re.DOTALL)
_CANVAS = re.compile(
    r"(?P<name>[^_]+)(?P<late>_late)?_(?P<id>\d+)_(?P<upload>\d+)_(?P<file>.+)", re.DOTALL | re.IGNORECASE
)
_BLACKBOARD = re.compile(
    r".*_(?P<name>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|(?P<slip>\.txt))?", re.DOTALL
)
_GRADESCOPE = re.compile(r"submission_(?P<id>\d+)")
_AGAIN = re.compile(r"-\d+(?=\.[^.]*$|$)")


def _moodle(path: Path) -> _Named | None:
    match = _MOODLE.fullmatch(path.name)
    return _Named(f"{match['name']}_{match['id']}", match["file"]) if match else None


def _canvas(path: Path) -> _Named | None:
    match = _CANVAS.fullmatch(path.name)
    if not match:
        return None
    # Canvas numbers a file that is uploaded again: app-1.py.
    return _Named(f"{match['name']}_{match['id']}", _AGAIN.sub("", match["file"]), marked_late=bool(match["late"]))


def _blackboard(path: Path) -> _Named | None:
    match = _BLACKBOARD.fullmatch(path.name)
    if not match or match["slip"]:  # the slip has the learner's comment
        return None
    try:
        # Blackboard's time is the server's own, and does not say its zone.
        when = datetime.strptime(match["when"], "%Y-%m-%d-%H-%M-%S").astimezone()
    except ValueError:
        return None
    return _Named(match["name"], match["file"] or "", when)


def _gradescope(path: Path) -> _Named | None:
    match = _GRADESCOPE.fullmatch(path.name)
    return _Named(path.name) if match and path.is_dir() else None


def _plain(path: Path) -> _Named | None:
    return _Named(_stem(path)) if path.is_dir() or _is_archive(path) else None


_LMS: dict[str, Callable[[Path], _Named | None]] = {
    "moodle": _moodle,
    "canvas": _canvas,
    "blackboard": _blackboard,
    "gradescope": _gradescope,
}
_LMS_NAMES = {
    "moodle": "a download from Moodle",
    "canvas": "a download from Canvas",
    "blackboard": "a download from Blackboard",
    "gradescope": "an export from Gradescope",
}


def _lms(entries: Sequence[Path]) -> str:
    """The LMS that named these, or "" if none did: at least half of them have names as it gives them."""
    for name, named in _LMS.items():
        if sum(named(path) is not None for path in entries) * 2 > len(entries):
            return name
    return ""


def shown(layout: Layout) -> Iterator[str]:
    """What was recognised, in lines for a person. Names are untrusted, so they are cleaned."""
    count = len(layout.hand_ins)
    exercises = {hand_in.exercise for hand_in in layout.hand_ins}
    learners = layout.learners
    yield (
        f"{layout.name[:1].upper()}{layout.name[1:]}: {count} hand-in{'' if count == 1 else 's'} of {len(learners)} "
        f"learner{'' if len(learners) == 1 else 's'} for {len(exercises)} exercise{'' if len(exercises) == 1 else 's'}."
    )
    for name, why in layout.passed_over[:10]:
        yield f"Passed over: {clean(name, 100)}: {why}."
    if len(layout.passed_over) > 10:
        yield f"Passed over: {len(layout.passed_over) - 10} more."

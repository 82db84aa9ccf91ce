"""Read the known submissions of an exercise: variants/NAME/, with an expect.toml that gives their verdicts, and why.

A variant's folder has only what differs: its files are laid over the solution (or the starter, or nothing).

    why    = "USER is in the builder stage; the image that ships is root"
    kind   = "cheat"                 # starter | near-miss | cheat | odd-but-right
    base   = "solution"              # what its files are laid over: solution (default) | starter | none
    delete = ["requirements.txt"]    # removed from the base first
    score  = 1.0                     # optional: the exact points that it gets

    [checks]                         # the status of every check, by id
    build = "passed"
    user  = "failed"

If something must happen elsewhere before a submission can be judged (such as a push of an image), a script does it:
do.sh in the variant's folder, or solution.sh in the exercise's folder for the solution and for the variants over it
without a do.sh. See `grader.verify.setup`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from grader.errors import ExerciseInvalid
from grader.exercise import Exercise
from grader.lib.toml_model import Missing, Unreadable, nearest, read_table
from grader.settings import InnerPath

EXPECTATION = "expect.toml"

SCRIPT = "do.sh"
SOLUTION_SCRIPT = "solution.sh"

STARTER = "starter"
"""The variant that every exercise has: the unchanged starter, which fails for the right reason."""

Expected = Literal["passed", "partial", "failed", "skipped"]
Kind = Literal["starter", "near-miss", "cheat", "odd-but-right"]


class _Expectation(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    why: str = Field(min_length=1)
    kind: Kind
    base: Literal["solution", "starter", "none"] = "solution"
    delete: tuple[InnerPath, ...] = ()
    score: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    checks: dict[str, Expected]


@dataclass(frozen=True)
class Variant:
    """A known submission.

    `checks` is the status that each check must get, and `score` the points if they are fixed too. `script` runs first,
    in the laid-out submission.
    """

    name: str
    folder: Path
    why: str
    kind: Kind
    base: Path | None
    delete: tuple[str, ...]
    score: float | None
    checks: dict[str, Expected]
    script: Path | None = None

    def lay_out(self, target: Path) -> None:
        """Write the submission to the new folder `target`. Raises ExerciseInvalid if its parts do not fit."""
        try:
            if self.base is None:
                target.mkdir()
            else:
                shutil.copytree(self.base, target, symlinks=True)
            for name in self.delete:
                _remove(target / name)
            for path in sorted(self.folder.iterdir()):
                if path.name not in (EXPECTATION, SCRIPT):
                    _lay_over(path, target / path.name)
        except OSError as problem:
            reason = problem.args[0][0][2] if isinstance(problem, shutil.Error) else problem.strerror
            at = f"{problem.filename}: " if problem.filename else ""
            raise ExerciseInvalid(f"{self.folder / EXPECTATION}: cannot be laid over its base: {at}{reason}") from None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _lay_over(source: Path, target: Path) -> None:
    """Replace what is at `target` by `source`. Two folders are merged."""
    if source.is_dir() and not source.is_symlink():
        target.mkdir(exist_ok=True)
        for path in sorted(source.iterdir()):
            _lay_over(path, target / path.name)
        shutil.copymode(source, target)
        return
    if target.is_symlink() or target.exists():
        _remove(target)
    shutil.copy2(source, target, follow_symlinks=False)


def load(exercise: Exercise, folder: Path) -> Variant:
    """Return the variant in that folder. Raises ExerciseInvalid, in one line, if its expect.toml is not valid."""
    file = folder / EXPECTATION
    try:
        text = read_table(file, _Expectation)
    except Missing:
        raise ExerciseInvalid(
            f"{file}: missing; every folder under variants/ needs one, with the verdicts it must get"
        ) from None
    except Unreadable as problem:
        raise ExerciseInvalid(str(problem)) from None
    ids = tuple(check.id for check in exercise.checks)
    for name in text.checks:
        if name not in ids:
            raise ExerciseInvalid(f"{file}: checks: no check {name!r} in {exercise.name}{nearest(name, ids)}")
    missing = [name for name in ids if name not in text.checks]
    if missing:
        raise ExerciseInvalid(f"{file}: checks: does not name {', '.join(missing)}; every check needs its status")
    if (folder.name == STARTER) != (text.kind == "starter") or (text.kind == "starter") > (text.base == "starter"):
        raise ExerciseInvalid(
            f'{file}: kind, base: both are "starter" for the variant named {STARTER!r}, and for no other'
        )
    if all(status == "passed" for status in text.checks.values()) != (text.kind == "odd-but-right"):
        raise ExerciseInvalid(f"{file}: kind: a variant is odd-but-right if it passes every check, and only then")
    base = None if text.base == "none" else exercise.folder / text.base
    return Variant(
        name=folder.name,
        folder=folder,
        why=text.why,
        kind=text.kind,
        base=base,
        delete=text.delete,
        score=text.score,
        checks=dict(text.checks),
        script=_file(folder / SCRIPT) or (solution_script(exercise) if text.base == "solution" else None),
    )


def solution_script(exercise: Exercise) -> Path | None:
    """The script to run in the laid-out solution before it is graded; None without one."""
    return _file(exercise.folder / SOLUTION_SCRIPT)


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None


def load_all(exercise: Exercise) -> list[Variant]:
    """Return every variant, by name. Raises ExerciseInvalid if one is not valid, or the starter has no expect.toml."""
    folders = sorted(path for path in (exercise.folder / "variants").glob("*") if path.is_dir())
    found = [load(exercise, folder) for folder in folders]
    if not any(variant.name == STARTER for variant in found):
        raise ExerciseInvalid(
            f"{exercise.folder / 'variants' / STARTER / EXPECTATION}: missing; it says how the starter must fail"
        )
    return found

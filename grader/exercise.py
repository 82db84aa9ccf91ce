"""exercise.toml as pydantic models: the only place that knows the file format.

`load(name_or_path)` reads an exercise folder. If anything in it is wrong, it raises ExerciseInvalid with one line that
names the file, the key and, for a misspelt key or kind, the nearest valid spelling.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from grader import checks
from grader.checks import CheckParams
from grader.errors import ExerciseInvalid, ExerciseNotFound
from grader.lib.toml_model import Unreadable, explain, nearest, read_table
from grader.settings import BuildSettings
from grader.verdict import CheckResult, Verdict

EXERCISES = Path(__file__).resolve().parents[1] / "exercises"
"""The exercises of the course, in a checkout."""

MANIFEST = "exercise.toml"


def _hundredths(points: float) -> float:
    if round(points, 2) != points:
        raise ValueError("expected at most two decimals, so that the points of a report add up")
    return points


Points = Annotated[float, Field(strict=True, gt=0, le=1000, allow_inf_nan=False), AfterValidator(_hundredths)]
"""The points for one check."""


@dataclass(frozen=True)
class Check:
    """One `[[check]]`: the keys that every kind has, and `params` with the kind's own."""

    id: str
    kind: str
    title: str
    points: float
    params: CheckParams
    hint: str | None = None
    lesson: str | None = None
    needs: tuple[str, ...] = ()
    why: str | None = None
    """Why it is checked, in a sentence for a learner who has passed it."""


class _CheckTable(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str
    title: str = Field(min_length=1)
    points: Points
    id: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9-]*)?$")
    hint: str | None = None
    lesson: str | None = None
    needs: tuple[str, ...] = ()
    why: str | None = None


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1)
    lesson: str = Field(min_length=1)
    level: Literal["core", "stretch", "capstone", "interview"]
    minutes: int = Field(strict=True, gt=0, le=600)
    skills: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    build: BuildSettings = BuildSettings()
    check: tuple[dict[str, Any], ...] = Field(min_length=1)


@dataclass(frozen=True)
class Exercise:
    """A graded exercise: the content of exercise.toml, and the folder."""

    name: str
    folder: Path
    title: str
    lesson: str
    level: str
    minutes: int
    skills: tuple[str, ...]
    images: tuple[str, ...]
    """The base images it builds on, by their names in the catalogue."""
    hints: tuple[str, ...]
    build: BuildSettings
    checks: tuple[Check, ...]
    seed: int | None = None
    """Which instance it is, if it is one of many (see layerwise.instances)."""

    @property
    def label(self) -> str:
        """The name, and which instance it is: "slow-build, seed 7"."""
        return self.name if self.seed is None else f"{self.name}, seed {self.seed}"

    @property
    def points(self) -> float:
        return round(sum(check.points for check in self.checks), 2)

    def result(self, check: Check, verdict: Verdict) -> CheckResult:
        """The verdict on one of the checks as an entry of a report."""
        return CheckResult.of(
            verdict,
            id=check.id,
            kind=check.kind,
            title=check.title,
            max_points=check.points,
            hint=check.hint,
            lesson=check.lesson or self.lesson,
        )

    @property
    def starter(self) -> Path:
        return self.folder / "starter"

    @property
    def solution(self) -> Path:
        return self.folder / "solution"

    @property
    def story(self) -> str:
        """The text of its README.md between the title and the first section; empty if that cannot be read."""
        try:
            lines = (self.folder / "README.md").read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return ""
        body = lines[1:] if lines and lines[0].startswith("# ") else lines
        end = next((number for number, line in enumerate(body) if line.startswith("## ")), len(body))
        return "\n".join(body[:end]).strip()

    @property
    def variants(self) -> Sequence[Path]:
        """The folders of known submissions, each with an expect.toml, sorted by name."""
        return sorted(path.parent for path in (self.folder / "variants").glob("*/expect.toml"))


def names(exercises: Path = EXERCISES) -> list[str]:
    """The names of the exercises in a folder, sorted."""
    return sorted(path.parent.name for path in exercises.glob(f"*/{MANIFEST}"))


def load(name: str | Path, exercises: Path = EXERCISES, others: Sequence[str] = ()) -> Exercise:
    """The exercise with that name under `exercises`, or in the folder at that path.

    Raises ExerciseNotFound, which names the nearest of these and of `others`, or ExerciseInvalid.
    """
    text = str(name)
    folder = exercises / text
    if "/" in text or text in {"", ".", ".."} or not _is_exercise(folder):
        folder = Path(text)
        if not _is_exercise(folder):
            known = [*names(exercises), *others]
            near = difflib.get_close_matches(text, known, n=1, cutoff=0.4)
            listed = "'lab exercises' lists them" if known else "give the path of an exercise's folder"
            advice = f"did you mean {near[0]}?" if near else listed
            raise ExerciseNotFound(f"no exercise {text!r}: {advice}")
    file = folder / MANIFEST
    try:
        manifest = read_table(file, _Manifest)
        found = tuple(_check(table, number) for number, table in enumerate(manifest.check, 1))
        return Exercise(
            name=folder.resolve().name,
            folder=folder.resolve(),
            checks=_named(found),
            **{key: getattr(manifest, key) for key in _Manifest.model_fields if key != "check"},
        )
    except Unreadable as problem:
        raise ExerciseInvalid(str(problem)) from None
    except _Problem as problem:
        raise ExerciseInvalid(f"{file}: {problem}") from None


def _is_exercise(folder: Path) -> bool:
    try:
        return (folder / MANIFEST).is_file()
    except OSError:  # a name longer than a file's can be, a folder without permission
        return False


class _Problem(Exception):
    """A fault in a [[check]] table, in one line without the file's name."""


def _check(table: dict[str, Any], number: int) -> Check:
    place = f"check {number}"
    common = {key: value for key, value in table.items() if key in _CheckTable.model_fields}
    try:
        head = _CheckTable.model_validate(common)
    except ValidationError as problem:
        raise _Problem(f"{place}: {explain(problem, list(_CheckTable.model_fields))}") from None
    try:
        kind = checks.kind(head.kind)
    except KeyError:
        raise _Problem(f"{place}: unknown kind {head.kind!r}{nearest(head.kind, checks.KINDS)}") from None
    own = {key: value for key, value in table.items() if key not in common}
    valid = [*_CheckTable.model_fields, *kind.params.model_fields]
    try:
        params = kind.params.model_validate(own)
    except ValidationError as problem:
        raise _Problem(f"{place} ({head.kind}): {explain(problem, valid, kind.params)}") from None
    return Check(
        id=head.id,
        kind=head.kind,
        title=head.title,
        points=head.points,
        params=params,
        hint=head.hint,
        lesson=head.lesson,
        needs=head.needs,
        why=head.why,
    )


def _named(found: tuple[Check, ...]) -> tuple[Check, ...]:
    """The checks with their ids (default: the kind, numbered if repeated). Raises _Problem if an id is not unique, or
    `needs` names a check that does not come before."""
    named: list[Check] = []
    seen: dict[str, int] = {}
    for check in found:
        identity = check.id
        if not identity:
            seen[check.kind] = seen.get(check.kind, 0) + 1
            count = seen[check.kind]
            identity = check.kind if count == 1 else f"{check.kind}-{count}"
        before = [other.id for other in named]
        if identity in before:
            raise _Problem(f"two checks have the id {identity!r}: give one of them another id")
        for need in check.needs:
            if need not in before:
                raise _Problem(
                    f"check {identity!r} needs {need!r}, but no check before it has that id"
                    f"{nearest(need, tuple(before))}"
                )
        named.append(Check(**{**vars(check), "id": identity}))
    return tuple(named)

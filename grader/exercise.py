"""exercise.toml as pydantic models: the one place that knows the file format.

`load(name_or_path)` reads an exercise folder; whatever is wrong in it is an ExerciseInvalid of one line that names the
file, the key and, for a misspelt key or kind, the nearest valid spelling.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from grader import checks
from grader.checks import CheckParams
from grader.errors import ExerciseInvalid, ExerciseNotFound
from grader.units import Duration

EXERCISES = Path(__file__).resolve().parents[1] / "exercises"
"""The exercises of the course, in a checkout."""

MANIFEST = "exercise.toml"

M = TypeVar("M", bound=BaseModel)


def inside(text: str) -> str:
    """The text itself, as a validator of pydantic; ValueError where it is no path inside a folder."""
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise ValueError("expected a path inside the exercise's folder")
    return text


InnerPath = Annotated[str, AfterValidator(inside)]


def _hundredths(points: float) -> float:
    if round(points, 2) != points:
        raise ValueError("expected at most two decimals, so that the points of a report add up")
    return points


Points = Annotated[float, Field(strict=True, gt=0, le=1000, allow_inf_nan=False), AfterValidator(_hundredths)]
"""Points of a check."""


class BuildSettings(BaseModel):
    """How a submission is built: the `[build]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dockerfile: InnerPath = "Dockerfile"
    context: InnerPath = "."
    target: str = ""
    args: dict[str, str] = Field(default_factory=dict)
    timeout: Duration = 600.0
    """Seconds for one build."""


@dataclass(frozen=True)
class Check:
    """One `[[check]]`: what every kind has, and `params`, the kind's own."""

    id: str
    kind: str
    title: str
    points: float
    params: CheckParams
    hint: str | None = None
    lesson: str | None = None
    needs: tuple[str, ...] = ()


class _CheckTable(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str
    title: str = Field(min_length=1)
    points: Points
    id: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9-]*)?$")
    hint: str | None = None
    lesson: str | None = None
    needs: tuple[str, ...] = ()


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=1)
    lesson: str = Field(min_length=1)
    level: Literal["core", "stretch", "capstone"]
    minutes: int = Field(strict=True, gt=0, le=600)
    skills: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    build: BuildSettings = BuildSettings()
    check: tuple[dict[str, Any], ...] = Field(min_length=1)


@dataclass(frozen=True)
class Exercise:
    """A graded exercise: what exercise.toml says, and where its folder is."""

    name: str
    folder: Path
    title: str
    lesson: str
    level: str
    minutes: int
    skills: tuple[str, ...]
    images: tuple[str, ...]
    """Base images it builds on, by catalogue name."""
    hints: tuple[str, ...]
    build: BuildSettings
    checks: tuple[Check, ...]

    @property
    def points(self) -> float:
        return round(sum(check.points for check in self.checks), 2)

    @property
    def starter(self) -> Path:
        return self.folder / "starter"

    @property
    def solution(self) -> Path:
        return self.folder / "solution"

    @property
    def variants(self) -> Sequence[Path]:
        """Folders of known submissions, each with expect.toml, sorted by name."""
        return sorted(path.parent for path in (self.folder / "variants").glob("*/expect.toml"))


def names(exercises: Path = EXERCISES) -> list[str]:
    """Names of the exercises in a folder, in order."""
    return sorted(path.parent.name for path in exercises.glob(f"*/{MANIFEST}"))


def load(name: str | Path, exercises: Path = EXERCISES) -> Exercise:
    """The exercise of that name under `exercises`, or in the folder at that path.

    Raises ExerciseNotFound (with the nearest name) or ExerciseInvalid.
    """
    text = str(name)
    folder = exercises / text
    if "/" in text or text in {"", ".", ".."} or not _is_exercise(folder):
        folder = Path(text)
        if not _is_exercise(folder):
            near = difflib.get_close_matches(text, names(exercises), n=1, cutoff=0.4)
            advice = f"did you mean {near[0]}?" if near else "'lab exercises' lists them"
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
    except OSError:  # a name longer than any file's, a folder that may not be entered
        return False


class _Problem(Exception):
    """Something wrong in a [[check]] table, in one line without the file's name."""


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
    )


def _named(found: tuple[Check, ...]) -> tuple[Check, ...]:
    """The checks with their ids (default: the kind, numbered when repeated); ids are unique, `needs` looks back."""
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
            raise _Problem(f"check id {identity!r} is given twice: give one of them an id of its own")
        for need in check.needs:
            if need not in before:
                raise _Problem(
                    f"check {identity!r} needs {need!r}, which is no check before it{nearest(need, tuple(before))}"
                )
        named.append(Check(**{**vars(check), "id": identity}))
    return tuple(named)


class Unreadable(Exception):
    """A TOML file that cannot be used, in one line with its name."""


class Missing(Unreadable):
    """There is no such file."""


def read_table(file: Path, model: type[M]) -> M:
    """A TOML file as a model. Unreadable for whatever is wrong in it, Missing where there is none."""
    try:
        return model.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as problem:
        why = f"not valid TOML: {problem}"
    except UnicodeDecodeError:
        why = "not UTF-8 text"
    except FileNotFoundError as problem:
        raise Missing(f"{file}: cannot be read: {problem.strerror}") from None
    except OSError as problem:
        why = f"cannot be read: {problem.strerror}"
    except ValidationError as problem:
        why = explain(problem, list(model.model_fields), model)
    raise Unreadable(f"{file}: {why}")


def _keys(model: Any, path: Sequence[str | int]) -> Sequence[str]:
    """The keys of the table at that path inside a model, in lists and under keys; empty for the outermost."""
    for part in path:
        fields = getattr(model, "model_fields", {})
        model = fields[part].annotation if part in fields else next(iter(get_args(model)), None)
    return list(getattr(model, "model_fields", {})) if path else ()


def nearest(word: str, valid: Sequence[str]) -> str:
    """``"; did you mean 'x'?"`` or, where nothing is near, the valid words; empty where there are none."""
    if not valid:
        return ""
    near = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; valid: {', '.join(valid)}"


def explain(problem: ValidationError, valid: Sequence[str], model: type[BaseModel] | None = None) -> str:
    """One fault of a pydantic validation in one line, with the key's path; an unknown key before a missing one.

    `valid` are the keys of the outermost table; where the model is given, those of tables inside it are its.
    """
    faults = problem.errors()
    fault = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown key {where!r}{nearest(str(fault['loc'][-1]), _keys(model, fault['loc'][:-1]) or valid)}"
    if fault["type"] == "missing":
        return f"missing key {where!r}"
    if fault["type"] == "tuple_type":
        return f"{where}: expected a list" + (", written [[check]]" if where == "check" else "")
    return f"{where or 'parameters'}: {fault['msg'].removeprefix('Value error, ')}"

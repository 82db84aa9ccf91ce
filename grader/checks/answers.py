"""`answers`: written answers match the key.

The learner's file, in the submission, has one answer a line. An empty one is still missing:

    layers = 3
    newest = ""

The key, in the exercise's folder and never in the submission, has one table for each question:

    [layers]
    kind    = "number"                                         # also "12 MB": then bytes
    measure = "layers localhost:5000/base/python:3.13-slim"    # instead of `answer`: see facts/build/measure.py
    tolerance = "2 %"                                          # or a number; default: none

    [newest]
    kind    = "choice"
    choices = ["upper", "lower"]
    answer  = "upper"

Kinds: `choice`, `number`, `digest` (in full, or at least its first twelve digits), `image` (an image by its digest, as
an engine takes it), `order` (a list in this order) and `text` (one of the accepted spellings; case and spaces do not
matter, nor how a date is written). Every question is worth the same share of the points.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from grader.checks import CheckParams
from grader.errors import ExerciseInvalid
from grader.facts.build.measure import Measure, NotPushed, measured
from grader.facts.dockerfile.reference import parse_reference
from grader.lib.schedule import Workload
from grader.lib.text import clean
from grader.lib.toml_model import explain, nearest
from grader.lib.units import parse_number, parse_size
from grader.settings import InnerPath
from grader.verdict import Place, Verdict

if TYPE_CHECKING:
    from grader.facts import Facts

LIMIT = 64 * 1024
"""The most bytes in a file of answers."""
_BLANK = frozenset(("", "?", "…", "...", "todo"))
_SCALAR = (str, bool, int, Decimal, date, time)
"""The values of TOML that count as one word. A float is a Decimal, as it was written: 3.10 is not 3.1."""
_DIGEST = re.compile(r"(?:.*@)?(?:sha256:)?([0-9a-f]{12,64})", re.DOTALL)


class Params(CheckParams):
    """`file`: the answers, in the submission. `key`: the right answers, in the exercise's folder."""

    work: ClassVar[Workload] = Workload.LOOKS
    needs_build: ClassVar[bool] = False
    file: InnerPath
    key: InnerPath = "key.toml"


class Malformed(Exception):
    """The answer has another type than the question asks for. The message says what was expected."""


def _measure(text: str) -> str:
    Measure.parse(text)
    return text


def _by_digest(text: str) -> str:
    found = parse_reference(text)
    if not found or not found.digest:
        raise ValueError(f"expected an image with its digest, found {text!r}")
    return text


class Question(BaseModel, ABC):
    """A question of the key. Its right answer is `answer`, or what `measure` finds during the grading. `why` is the
    reason, for a learner who has answered it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    why: str = ""
    measure: Annotated[str, AfterValidator(_measure)] | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (getattr(self, "answer") is None) == (self.measure is None):  # noqa: B009
            raise ValueError("expected either an answer or a measure, and not both")
        return self

    def right(self, facts: Facts) -> Any:
        return getattr(self, "answer") if self.measure is None else measured(facts, self.measure)  # noqa: B009

    @abstractmethod
    def matches(self, given: object, right: Any) -> bool:
        """Whether the answer is right. Raises Malformed if it has the wrong type."""


class Choice(Question):
    """One of several words."""

    kind: Literal["choice"]
    choices: tuple[str | bool, ...] = Field(min_length=2)
    answer: str | bool

    @model_validator(mode="after")
    def _is_a_choice(self) -> Self:
        if _plain(self.answer) not in map(_plain, self.choices):
            raise ValueError(f"the answer {self.answer!r} is not one of the choices")
        return self

    def matches(self, given: object, right: Any) -> bool:
        if not isinstance(given, _SCALAR) or _plain(given) not in map(_plain, self.choices):
            raise Malformed(f"one of {', '.join(_plain(choice) for choice in self.choices)}")
        return _plain(given) == _plain(right)


class Number(Question):
    """A number, also with thousands marked ("1,234"), or a size such as "12 MB", which is bytes."""

    kind: Literal["number"]
    answer: float | None = Field(default=None, allow_inf_nan=False)
    tolerance: Annotated[float, Field(ge=0)] | Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?%$")] = 0.0

    def matches(self, given: object, right: Any) -> bool:
        number = _number(given)
        if isinstance(self.tolerance, str):
            allowed = abs(right) * float(self.tolerance.rstrip("% ")) / 100
        else:
            allowed = self.tolerance
        return math.isfinite(number) and abs(number - right) <= allowed


class Digest(Question):
    """A sha256 digest."""

    kind: Literal["digest"]
    answer: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None

    def matches(self, given: object, right: Any) -> bool:
        found = _DIGEST.fullmatch(given.strip().lower()) if isinstance(given, str) else None
        if not found:
            raise Malformed("a digest (sha256: and 64 hexadecimal digits, or at least the first 12 of them)")
        return str(right).removeprefix("sha256:").startswith(found[1])


class ByDigest(Question):
    """An image with its digest, as an engine takes it. A tag between name and digest does not matter."""

    kind: Literal["image"]
    answer: Annotated[str, AfterValidator(_by_digest)] | None = None

    def matches(self, given: object, right: Any) -> bool:
        found = parse_reference(given.strip()) if isinstance(given, str) else None
        if not found or not found.digest:
            raise Malformed("an image with its digest (its whole name, @sha256: and 64 hexadecimal digits)")
        wanted = parse_reference(right)
        return wanted is not None and (found.name, found.digest) == (wanted.name, wanted.digest)


class Order(Question):
    """A list in the right order."""

    kind: Literal["order"]
    answer: tuple[str | int, ...] = Field(min_length=2)

    def matches(self, given: object, right: Any) -> bool:
        if not isinstance(given, list) or not all(isinstance(item, _SCALAR) for item in given):
            raise Malformed(f"a list of {len(self.answer)} items")
        words, wanted = [_plain(item) for item in given], [_plain(item) for item in right]
        if sorted(words) != sorted(wanted):
            raise Malformed("a list with each of the items to put in order, once")
        return words == wanted


class Text(Question):
    """A few words. A list holds all accepted spellings."""

    kind: Literal["text"]
    answer: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    def matches(self, given: object, right: Any) -> bool:
        if not isinstance(given, _SCALAR):
            raise Malformed("text in quotes")
        accepted = (right,) if isinstance(right, str) else right
        moment = _moment(given)
        return any(
            _plain(given) == _plain(text) or (moment is not None and moment == _moment(text)) for text in accepted
        )


_KEY: TypeAdapter[dict[str, Choice | Number | Digest | ByDigest | Order | Text]] = TypeAdapter(
    dict[str, Annotated[Choice | Number | Digest | ByDigest | Order | Text, Field(discriminator="kind")]]
)


def judge(facts: Facts, params: Params) -> Verdict:
    """The share of the answers that are right."""
    key = read_key(facts.exercise_file(params.key))
    expected = f"{len(key)} answers in {params.file}"
    text = facts.submitted_file(params.file, LIMIT + 1)
    if text is None:
        return Verdict.failed(
            f"There is no {params.file}: your answers belong in it.", expected=expected, found="no such file"
        )
    try:
        given = read_answers(text)
    except (ValueError, RecursionError) as problem:
        line = re.search(r"at line (\d+)", str(problem))
        return Verdict.failed(
            f"{params.file} cannot be read as TOML: {_why(problem)}.",
            expected=expected,
            found="not valid TOML",
            where=[Place(file=params.file, line=int(line[1]) if line else None)],
        )
    states = {name: _state(facts, question, given.get(name)) for name, question in key.items()}
    right = sum(state == "right" for state in states.values())
    lines = text.decode("utf-8", "replace").splitlines()
    count = f"{right} of {len(key)} answers {'is' if right == 1 else 'are'} right."
    return Verdict.share(
        right / len(key),
        " ".join([count, *_told(states, [name for name in given if name not in key])]),
        expected=expected if right < len(key) else "",
        where=[
            Place(file=params.file, line=_line(name, lines), text=clean(str(given[name]), 100))
            for name, state in states.items()
            if state != "right" and name in given
        ],
        details={"answers": states},
    )


def read_key(path: Path) -> Mapping[str, Question]:
    """The questions of a key by name. Raises ExerciseInvalid."""
    try:
        key = _KEY.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as problem:
        raise ExerciseInvalid(f"{path}: {explain(problem, ())}") from None
    except (ValueError, OSError) as problem:
        raise ExerciseInvalid(f"{path}: cannot be used: {problem}") from None
    if not key:
        raise ExerciseInvalid(f"{path}: it has no questions")
    return key


def read_answers(text: bytes) -> dict[str, Any]:
    """A file of answers: what is given, by the name of the question. Raises ValueError or RecursionError."""
    if len(text) > LIMIT:
        raise ValueError(f"it is larger than {LIMIT} bytes")
    return tomllib.loads(text.decode("utf-8-sig"), parse_float=Decimal)


def _why(problem: Exception) -> str:
    if isinstance(problem, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return clean(str(problem), 200) if isinstance(problem, ValueError) else "it is nested too deeply"


def _state(facts: Facts, question: Question, given: object) -> str:
    """The state of an answer: right, wrong, unanswered, what was expected, or why it cannot be judged yet."""
    items = given if isinstance(given, list) else [given]
    if given is None or not items or any(isinstance(item, str) and _plain(item) in _BLANK for item in items):
        return "unanswered"
    try:
        return "right" if question.matches(given, question.right(facts)) else "wrong"
    except Malformed as problem:
        return f"expected {problem}"
    except NotPushed as problem:
        return f"there is nothing to compare it with, since {problem}"


def _told(states: Mapping[str, str], unknown: Sequence[str]) -> list[str]:
    """Sentences that name the answers that are not right."""
    told = []
    for state, word in (("wrong", "Wrong"), ("unanswered", "Not answered yet")):
        if names := [name for name, found in states.items() if found == state]:
            told.append(f"{word}: {', '.join(names)}.")
    told += [f"{name}: {state}." for name, state in states.items() if state not in ("right", "wrong", "unanswered")]
    told += [f"There is no question {clean(name, 60)!r}{nearest(name, tuple(states))}." for name in unknown[:3]]
    return told


def _line(name: str, lines: Sequence[str]) -> int | None:
    key = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=")
    return next((number for number, line in enumerate(lines, 1) if key.match(line)), None)


_DASHES = re.compile("[\u2010-\u2015\u2212]")
_AROUND = "\"'`\u2018\u2019\u201c\u201d"


def _plain(value: object) -> str:
    """A word as it is compared: without case, extra spaces, quotes around it, a full stop at its end, and with every
    dash alike."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", str(value)))
    text = " ".join(text.split()).strip(_AROUND).casefold()
    return re.sub(r"(?<=\w)\.$", "", text)


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTHS = ("%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y")


def _moment(value: object) -> date | time | None:
    """The day, or day and time, that an answer names: as TOML has it, in ISO 8601, or a day with its month in words."""
    if isinstance(value, date | time):
        return value
    text = _plain(value).upper()
    if not text.isascii():
        return None
    for form in ("",) if _DAY.match(text) else _MONTHS:
        try:
            if form:
                return datetime.strptime(" ".join(text.replace(",", " ").split()), form).date()
            return date.fromisoformat(text) if len(text) == len("2026-01-31") else datetime.fromisoformat(text)
        except ValueError:
            pass
    return None


def _number(given: object) -> float:
    try:
        if isinstance(given, int | Decimal) and not isinstance(given, bool):
            return float(given)
        if isinstance(given, str):
            return _number_in(given)
    except (ValueError, OverflowError):
        pass
    raise Malformed("a number")


def _number_in(text: str) -> float:
    try:
        return parse_number(text)
    except ValueError:
        return float(parse_size(text))

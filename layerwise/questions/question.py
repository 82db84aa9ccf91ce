"""A question, and how its answers are judged. This module does not depend on notebooks."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from layerwise.errors import InputError

Kind = Literal["choice", "several", "order", "number", "text", "open"]
CHARACTERS = {"text": 500, "open": 4000}
"""How much of a written answer is read, by kind."""
Words = Annotated[
    str,
    Field(min_length=1, max_length=2000),
    BeforeValidator(lambda text: " ".join(text.split()) if isinstance(text, str) else text),
]
"""A text that its author may wrap where it suits the file."""


@dataclass(frozen=True)
class Judgement:
    """Whether an answer is right, and a remark on it (which never tells the answer)."""

    right: bool
    text: str


class Wrong(BaseModel):
    """What is said to a certain wrong answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: Any
    why: Words


class Question(BaseModel):
    """A question. Its kind decides what an answer is:

    choice   the number of an option, from 0
    several  the numbers of options, ascending
    order    all numbers, in the reader's order; the author lists the options in the right order
    number   a number, right within `tolerance` (in the same `unit`)
    text     words; capitals and spaces do not matter; each of the given answers is right
    open     sentences, said aloud or written. No program can judge them, so there is no answer; a rubric judges them

    With `predict` there is no answer until the result is known. `why` is the reason why the right answer is right. That
    of a prediction may hold {names}, for what was measured: `with_answer` fills them in.
    `wrong` holds a remark for each of some wrong answers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    has_rubric: ClassVar[bool] = False
    """Whether such questions have a rubric, by which an open one is judged."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    ask: Words
    kind: Kind = "choice"
    options: tuple[Words, ...] = ()
    answer: Any = None
    predict: bool = False
    why: Words
    wrong: tuple[Wrong, ...] = ()
    tolerance: float = Field(default=0.0, ge=0)
    unit: str = ""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.kind in ("choice", "several", "order")) != bool(self.options):
            raise ValueError(f"kind {self.kind!r} {'has no options' if self.options else 'needs options'}")
        if len(set(self.options)) != len(self.options) or len(self.options) == 1:
            raise ValueError("options: expected at least two, all different")
        if self.kind != "number" and (self.tolerance or self.unit):
            raise ValueError(f"kind {self.kind!r} has no tolerance and no unit")
        if self.kind == "open":
            self._fits_open()
            return self
        if self.predict:
            if self.answer is not None or self.wrong:
                raise ValueError("a prediction is judged by what happens: leave out answer and wrong")
            return self
        if self.answer is None and self.kind != "order":
            raise ValueError("expected an answer, or predict = true")
        for each in self.wrong:
            given = self.read(each.answer)
            if given is None or self._is_right(given):
                raise ValueError(f"wrong: {each.answer!r} is {'not an answer' if given is None else 'right'}")
        self._read_as_right(self.answer)
        return self

    def _fits_open(self) -> None:
        """Raises ValueError if an open question says what only others do."""
        if not self.has_rubric:
            raise ValueError("kind 'open' needs a rubric, and only the interview bank has them: use another kind")
        if self.predict or self.answer is not None:
            raise ValueError("an open question is judged by its rubric: leave out answer and predict")
        for each in self.wrong:
            if not _is_text(each.answer):
                raise ValueError(f"wrong: expected what people say, as a text; found {each.answer!r}")

    @property
    def right(self) -> Any:
        """The right answer as answers are read (a list of texts if the kind is text); None if it is not known yet, or
        the question is open."""
        unknown = self.kind == "open" or (self.predict and self.answer is None)
        return None if unknown else self._read_as_right(self.answer)

    def with_answer(self, answer: Any, measured: Mapping[str, Any]) -> Question:
        """The prediction with its answer, as it was measured, and with `measured` in place of the names in `why`.

        Raises InputError if an answer or a name does not fit.
        """
        names = {name for _, name, _, _ in Formatter().parse(self.why) if name is not None}
        if names != set(measured):
            raise InputError(f"the reason of question {self.id!r} needs {sorted(names)}; found {sorted(measured)}")
        try:
            self._read_as_right(answer)
        except ValueError as problem:
            raise InputError(f"question {self.id!r}: {problem}") from None
        return self.model_copy(update={"answer": answer, "why": self.why.format_map(measured)})

    def read(self, given: Any) -> Any:
        """Return the given input as an answer of this kind; None if it is not an answer (no choice, no number)."""
        count = len(self.options)
        if self.kind == "choice":
            return given if _is_index(given, count) else None
        if self.kind in ("several", "order"):
            if not isinstance(given, list | tuple | set | frozenset) or not given:
                return None
            numbers = list(given)
            if not all(_is_index(number, count) for number in numbers) or len(set(numbers)) != len(numbers):
                return None
            if self.kind == "several":
                return sorted(numbers)
            return numbers if len(numbers) == count else None
        if self.kind == "number":
            return _number(given)
        return given.strip()[: CHARACTERS[self.kind]] if _is_text(given) else None

    def judge(self, given: Any) -> Judgement:
        """Judge an answer that `read` accepted. Raises ValueError for a prediction without an answer, and for an open
        question."""
        if self.right is None:
            raise ValueError(
                f"judged by {'its rubric' if self.kind == 'open' else 'what happens'}, and not by an answer"
            )
        if self._is_right(given):
            return Judgement(True, f"Yes. {self.why}")
        remark = next((each.why for each in self.wrong if self.read(each.answer) == given), "") or self._nudge(given)
        return Judgement(False, f"Not yet. {remark}".strip())

    def say(self, given: Any) -> str:
        """Return an answer in words."""
        if self.kind == "choice":
            return self.options[int(given)]
        if self.kind == "several":
            return "; ".join(self.options[number] for number in given)
        if self.kind == "order":
            return " → ".join(self.options[number] for number in given)
        if self.kind == "number":
            return f"{given:g} {self.unit}".strip() if isinstance(given, float) else f"{given} {self.unit}".strip()
        return " or ".join(given) if isinstance(given, list) else str(given)

    def shuffled(self) -> list[int]:
        """The options of an `order` question as first shown: always in the same order, and never in the right one."""
        numbers = list(range(len(self.options)))
        dice = random.Random(self.ask)
        while len(numbers) > 1 and numbers == self.right:
            dice.shuffle(numbers)
        return numbers

    def _read_as_right(self, answer: Any) -> Any:
        """An author's answer in the form in which answers are read. Raises ValueError if it does not fit the kind."""
        if self.kind == "order" and answer is None:
            return list(range(len(self.options)))
        if self.kind == "text":
            right = [answer] if isinstance(answer, str) else answer
            if not (
                isinstance(right, list) and right and all(isinstance(word, str) and word.strip() for word in right)
            ):
                raise ValueError(f"an answer of kind 'text' is a text, found {answer!r}")
            return right
        right = self.read(answer)
        if right is None:
            raise ValueError(f"{answer!r} is not an answer of kind {self.kind!r}")
        return right

    def _is_right(self, given: Any) -> bool:
        if self.kind == "number":
            return bool(abs(given - self.right) <= self.tolerance + 1e-9 * abs(self.right))
        if self.kind == "text":
            return _fold(given) in [_fold(word) for word in self.right]
        return bool(given == self.right)

    def _nudge(self, given: Any) -> str:
        if self.kind == "several":
            extra, missing = len(set(given) - set(self.right)), len(set(self.right) - set(given))
            parts = [f"{_count(extra)} too many"] if extra else []
            return ", ".join(parts + ([f"{_count(missing)} missing"] if missing else [])).capitalize() + "."
        if self.kind == "order":
            place = next(
                place for place, pair in enumerate(zip(given, self.right, strict=True), 1) if pair[0] != pair[1]
            )
            if place == 1:
                return "Look at the first one again."
            return "The first one is right." if place == 2 else f"The first {place - 1} are right."
        if self.kind == "number":
            return "It is more." if given < self.right else "It is less."
        return ""


def _is_index(given: Any, count: int) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 0 <= given < count


def _is_text(given: Any) -> bool:
    return isinstance(given, str) and bool(given.strip())


def _number(given: Any) -> int | float | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, str):
        try:
            given = float(given.replace(",", ".").strip())
        except ValueError:
            return None
    if not isinstance(given, int | float) or not math.isfinite(given):
        return None
    return int(given) if given == int(given) else float(given)


def _fold(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")


def _count(number: int) -> str:
    return ("none", "one", "two", "three", "four", "five", "six")[number] if number <= 6 else str(number)

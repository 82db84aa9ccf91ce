"""A quiz question and what is right about an answer; knows nothing of notebooks."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from layerwise.errors import InputError

Kind = Literal["choice", "several", "order", "number", "text"]
KINDS: tuple[Kind, ...] = ("choice", "several", "order", "number", "text")


@dataclass(frozen=True)
class Judgement:
    """Whether an answer is right, and what to say of it (never the answer itself)."""

    right: bool
    text: str


@dataclass(frozen=True)
class Question:
    """A question. An answer to it is, by kind:

    choice   the number of an option, from 0
    several  numbers of options, ascending
    order    all numbers, in the reader's order; the author lists the options in the right one
    number   a number, right within `tolerance` (in the same `unit`)
    text     words; capitals and spaces do not matter; any of the given answers is right

    A prediction has no `answer` until it is known what happens.
    `why` is said once the answer is right; one text for each option is said of the option chosen.
    """

    text: str
    options: tuple[str, ...]
    kind: Kind
    answer: Any
    why: str | tuple[str, ...] = ""
    tolerance: float = 0.0
    unit: str = ""

    @classmethod
    def of(
        cls,
        text: str,
        options: Sequence[str],
        answer: Any,
        *,
        why: str | Sequence[str] = "",
        kind: str | None = None,
        tolerance: float = 0.0,
        unit: str = "",
        predict: bool = False,
    ) -> Question:
        """A question whose kind follows from its options and its answer, unless it is named.

        InputError where they do not fit together, or where there is no answer to judge by and it is no prediction.
        """
        chosen = kind or _kind(options, answer)
        if chosen not in KINDS:
            raise InputError(f"a question is one of {', '.join(KINDS)}; found kind {chosen!r}")
        if (chosen in ("choice", "several", "order")) != bool(options):
            raise InputError(f"a question of kind {chosen!r} {'has no options' if options else 'needs options'}")
        made = cls(
            text=text,
            options=tuple(options),
            kind=chosen,
            answer=None,
            why=why if isinstance(why, str) else tuple(why),
            tolerance=tolerance,
            unit=unit,
        )
        if isinstance(made.why, tuple) and len(made.why) != len(made.options):
            raise InputError(
                f"one `why` for each of {len(made.options)} options, or a single one; found {len(made.why)}"
            )
        if predict:
            return made
        if answer is None and chosen != "order":
            raise InputError(f"{text!r} needs an answer, or predict=True")
        return made.with_answer(answer)

    def with_answer(self, answer: Any, why: str | None = None) -> Question:
        """The same question with that answer, which may have been measured. InputError where it cannot be an answer."""
        if self.kind == "order" and answer is None:
            right: Any = list(range(len(self.options)))
        elif self.kind == "text":
            right = [answer] if isinstance(answer, str) else list(answer)
            if not right or not all(isinstance(word, str) and word.strip() for word in right):
                raise InputError(f"the answer to a question of kind 'text' is words, found {answer!r}")
        else:
            right = self.read(answer)
            if right is None:
                raise InputError(f"{answer!r} is no answer to {self.text!r} ({self.kind})")
        return replace(self, answer=right, why=self.why if why is None else why)

    def read(self, given: Any) -> Any:
        """What was given, as an answer of this kind; None where it is none (nothing chosen, no number)."""
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
        return given.strip()[:500] if isinstance(given, str) and given.strip() else None

    def judge(self, given: Any) -> Judgement:
        """Judge an answer that `read` accepted. ValueError for a prediction with no answer yet."""
        if self.answer is None:
            raise ValueError("a prediction is judged by what happens")
        if self._is_right(given):
            return Judgement(True, f"Yes. {self._why(given)}".strip())
        return Judgement(False, f"Not yet. {self._nudge(given)}".strip())

    def say(self, given: Any) -> str:
        """An answer in words."""
        if self.kind == "choice":
            return self.options[int(given)]
        if self.kind == "several":
            return "; ".join(self.options[number] for number in given)
        if self.kind == "order":
            return " → ".join(self.options[number] for number in given)
        if self.kind == "number":
            return f"{given:g} {self.unit}".strip() if isinstance(given, float) else f"{given} {self.unit}".strip()
        return " or ".join(given) if isinstance(given, list) else str(given)

    def explanation(self) -> str:
        """Why the right answer is right."""
        return self._why(self.answer)

    def shuffled(self) -> list[int]:
        """The options of an `order` question as they are first shown: always the same, never the right order."""
        numbers = list(range(len(self.options)))
        dice = random.Random(self.text)
        while self.answer is not None and len(numbers) > 1 and numbers == self.answer:
            dice.shuffle(numbers)
        return numbers

    def _is_right(self, given: Any) -> bool:
        if self.kind == "number":
            return bool(abs(given - self.answer) <= self.tolerance + 1e-9 * abs(self.answer))
        if self.kind == "text":
            return _fold(given) in [_fold(word) for word in self.answer]
        return bool(given == self.answer)

    def _why(self, given: Any) -> str:
        if isinstance(self.why, str):
            return self.why
        chosen = given if isinstance(given, list) else [given]
        return " ".join(filter(None, (self.why[number] for number in chosen)))

    def _nudge(self, given: Any) -> str:
        if self.kind == "choice":
            return self._why(given) if isinstance(self.why, tuple) else ""
        if self.kind == "several":
            extra, missing = len(set(given) - set(self.answer)), len(set(self.answer) - set(given))
            parts = [f"{_count(extra)} too many"] if extra else []
            return ", ".join(parts + ([f"{_count(missing)} missing"] if missing else [])).capitalize() + "."
        if self.kind == "order":
            place = next(
                place for place, pair in enumerate(zip(given, self.answer, strict=True), 1) if pair[0] != pair[1]
            )
            return f"The first {place - 1} stand right." if place > 1 else "Look at the first one again."
        if self.kind == "number":
            return "It is more." if given < self.answer else "It is less."
        return ""


def _kind(options: Sequence[str], answer: Any) -> str:
    if options:
        return "several" if isinstance(answer, list | tuple | set | frozenset) else "choice"
    return "number" if isinstance(answer, int | float) else "text"


def _is_index(given: Any, count: int) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 0 <= given < count


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

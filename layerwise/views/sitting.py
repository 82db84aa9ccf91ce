"""A session that this notebook's kernel has open, and what a view of it does: save, go to an item, hand in, rate.

The view that shows it may change: a cell that is run again makes a new one. No HTML is made here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from grader.errors import GraderError, UnusableInput
from grader.exercise import Exercise
from grader.verdict import Report
from layerwise import prerequisites
from layerwise.errors import InputError, LabError
from layerwise.interview import answers
from layerwise.interview.plan import Sources
from layerwise.interview.session import Session
from layerwise.interview.state import State
from layerwise.views.grading import Grading


def prepare(exercises: Sequence[Exercise]) -> None:
    """Bring the base images of exercises into the lab's registry. Raises LabError if there is no lab."""
    prerequisites.prepare(exercises, lambda *_: None)


class Running(Protocol):
    """One grading in a separate process."""

    def run(self) -> Report: ...
    def stop(self) -> None: ...


Grader = Callable[[Exercise, Path, Callable[[str], None]], Running]
"""Prepares the grading of a folder; the last argument gets a line for each step."""


def grader(exercise: Exercise, folder: Path, on_news: Callable[[str], None]) -> Running:
    """Grade with `lab grade`."""
    return Grading(exercise.name, on_news, folder, exercise.seed)


class Sitting:
    """Methods raise what those of Session do. While the grader works, all but `stop` are refused."""

    def __init__(self, session: Session, sources: Sources, grader: Grader) -> None:
        self.session = session
        self.sources = sources
        self._grader = grader
        self._running: Running | None = None
        self._stopped = False
        self.news = ""
        """What the grader is doing; empty if it does nothing."""
        self.on_change: Callable[[str], object] = lambda said: None
        """Called by the grader's thread: while it works with an empty text, and once it has ended with a sentence. That
        does not tell the result."""

    @property
    def state(self) -> State:
        return self.session.state

    def open(self, number: int) -> str:
        """Turn to an item. The files of a task are written when it is first opened. Returns why they were not, or an
        empty text."""
        self._free()
        self.session.open(number)
        item = self.session.plan.items[number]
        if item.kind == "task":
            try:
                self.session.start_task(self.sources.task(item))
            except (GraderError, LabError) as problem:
                return f"This task cannot be begun: {problem}"
        return ""

    def save(self, number: int, given: Mapping[str, Any]) -> bool:
        """Save what is in the fields of the item that is open. Returns whether there was anything new.

        What cannot be read as an answer of the question's kind counts as nothing. Who is fast may have left the item by
        another message already. Raises InputError only if there is something new then.
        """
        self._free()
        state = self.state
        item = state.items[number]
        question = self.sources.question(item.item)
        answer: dict[str, Any] = {}
        for name in answers.fields(item.item, question):
            value = given.get(name)
            if name == "answer" and question and question.kind != "open":
                answer[name] = question.read(value)
            else:
                answer[name] = value if isinstance(value, str) else ""
        before = item.answers[-1].fields if item.answers else None
        if answers.is_empty(answer) or answer == before:
            return False
        if state.current != number:
            raise InputError("another item is open: this was not saved")
        self.session.answer(answer)
        return True

    def skip(self) -> None:
        self._free()
        self.session.skip()

    def next(self) -> int | None:
        """The next item that was neither done nor skipped; None if there is no other."""
        state = self.state
        return state.next(-1 if state.current is None else state.current)

    def pause(self) -> None:
        self._free()
        self.session.pause()

    def end(self) -> None:
        self._free()
        self.session.end()

    def hand_in(self) -> None:
        """Have the task that is open graded, in a thread."""
        self._free()
        state = self.state
        if state.current is None:
            raise InputError("no item is open")
        task = self.sources.task(state.items[state.current].item)
        self._stopped = False
        self.news = "beginning"

        def tell(news: str) -> None:
            self.news = news
            self.on_change("")

        def grade(exercise: Exercise, folder: Path) -> Report:
            self._running = self._grader(exercise, folder, tell)
            if self._stopped:
                self._running.stop()
            try:
                return self._running.run()
            except InputError as problem:
                raise UnusableInput(str(problem)) from None

        def work() -> None:
            try:
                found = self.session.hand_in(task, grade)
                if found.unusable:
                    said = f"There is nothing to grade: {found.problem}"
                elif not found.is_graded:
                    said = f"It could not be graded: {found.problem}. That took none of your time; hand it in again."
                else:
                    said = "Handed in. You hear at the end how it was. You may still change it and hand it in again."
            except (GraderError, LabError) as problem:
                said = f"Not handed in: {problem}"
            except Exception as problem:
                said = f"Not handed in ({type(problem).__name__}: {problem}). Please report it."
            finally:
                self._running = None
                self.news = ""
            self.on_change(said)

        threading.Thread(target=work, name=f"grading {task.exercise.name}", daemon=True).start()

    def stop(self) -> None:
        """Stop the grader."""
        self._stopped = True
        if self._running is not None:
            self._running.stop()

    def _free(self) -> None:
        if self.news:
            raise InputError("your work is being graded, and the clock stands still: wait for it, or stop it")

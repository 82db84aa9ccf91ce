"""A mock interview in a terminal: item by item, against the clock, and nothing said about answers until the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader.errors import GraderError
from grader.reports.reading import points
from layerwise import workspace
from layerwise.errors import InputError, LabError
from layerwise.interview import words
from layerwise.interview.plan import Item, Sources
from layerwise.interview.session import Grade, Session
from layerwise.interview.state import State
from layerwise.interview.tasks import Task
from layerwise.interview.terminal import asking
from layerwise.interview.terminal.console import Desk, Leave, Over

Shell = Callable[[Session, Task, int, Path], None]
"""Run a shell in a task's folder until the candidate leaves it: of a session, the task, its item and the folder."""

LATER, OVERVIEW, PAUSE, END = "later", "overview", "pause", "end"
ANSWER, HAND_IN, SHELL = "answer", "hand-in", "shell"
QUESTION_WORDS = (ANSWER, LATER, OVERVIEW, PAUSE, END)
TASK_WORDS = (ANSWER, HAND_IN, SHELL, LATER, OVERVIEW, PAUSE, END)


def introduce(desk: Desk, state: State) -> None:
    """Say what the session consists of, and how it goes."""
    plan = state.plan
    desk.heading(f"{plan.minutes} minutes, {len(plan.items)} items, {points(plan.points)}")
    for number, item in enumerate(plan.items, 1):
        desk.say(f"  {words.head(number, item)}")
    desk.say()
    desk.say(
        "You hear nothing about your answers until the end; then you rate them yourself, by what an interviewer would "
        "listen for. Leave an item with “later” and come back to it by its number. Type the first letter of a word."
    )
    if state.assistant:
        desk.say("An AI assistant is allowed. The report says so.")
    else:
        desk.say("No AI assistant, no notes: the report says so.")


@dataclass
class Mock:
    """A session at a desk."""

    desk: Desk
    session: Session
    sources: Sources
    grade: Grade
    shell: Shell

    def run(self) -> None:
        """Until the time is over or the candidate ends it. Raises Leave if the candidate leaves; it can be resumed."""
        self.desk.clock = lambda: words.clock(self.session.state)
        self.desk.over = lambda: self.session.state.is_over
        self.session.keep_time()
        try:
            self._items()
        except Over:
            pass
        finally:
            self.desk.clock = None
        state = self.session.state
        if state.is_over:
            self.desk.heading("The time is over.")
            self._late_hand_in(state)
        self.session.end()

    def _items(self) -> None:
        """Go from item to item."""
        state = self.session.state
        place: int | None = state.current if state.current is not None else 0
        while not state.is_over:
            if place is None:
                self._overview(state)
                place = self._wanted(self._ask(OVERVIEW, PAUSE, END), None)
            else:
                self.session.open(place)
                self._show(place)
                place = self._item(place)
            if place == len(state.items):
                return
            state = self.session.state

    def _item(self, place: int) -> int | None:
        """Stay at an item until the candidate leaves it. Returns the next; None for the overview; the number of items
        for the end."""
        item = self.session.plan.items[place]
        while not self.session.state.is_over:
            word = self._ask(*(QUESTION_WORDS if item.kind == "question" else TASK_WORDS))
            if word == ANSWER and self._answer(item) and item.kind == "question":
                return self.session.state.next(place)
            if word == HAND_IN and self._hand_in(item):
                return self.session.state.next(place)
            if word == SHELL:
                self._shell(item, place)
            elif word == LATER:
                self.session.skip()
                return self.session.state.next(place)
            elif word not in (ANSWER, HAND_IN):
                wanted = self._wanted(word, place)
                if wanted != place:
                    return wanted
        return place

    def _wanted(self, word: str, place: int | None) -> int | None:
        """Where a word leads that is the same everywhere."""
        count = len(self.session.plan.items)
        if word == PAUSE:
            self._pause()
        elif word == END:
            left = sum(not item.is_done for item in self.session.state.items)
            if self.desk.yes(f"End now{f', with {left} left' if left else ''}?"):
                return count
        elif word == OVERVIEW:
            return None
        elif word.isdecimal() and 1 <= int(word) <= count:
            return int(word) - 1
        elif word.isdecimal():
            self.desk.say(f"There are items 1 to {count}.")
        return place

    def _ask(self, *options: str) -> str:
        shown = ", ".join(f"[{option[0]}]{option[1:]}" for option in options)
        return self.desk.choice(f"{shown}, or a number >", options, until_over=True)

    def _overview(self, state: State) -> None:
        self.desk.heading("Overview")
        for number, item in enumerate(state.items, 1):
            standing = words.standing(item)
            self.desk.say(f"  {words.head(number, item.item)}{f': {standing}' if standing else ''}")

    def _show(self, place: int) -> None:
        item = self.session.plan.items[place]
        self.desk.heading(words.head(place + 1, item))
        if item.kind == "task":
            self._show_task(item)
        else:
            question = self.sources.question(item)
            if question:
                asking.put(self.desk, question)
            else:
                self.desk.say(item.text)

    def _show_task(self, item: Item) -> None:
        try:
            task = self.sources.task(item)
            folder = self.session.start_task(task)
        except (GraderError, LabError) as problem:
            self.desk.say(f"This task cannot be begun: {problem}", "red")
            return
        self.desk.say(words.paragraphs(task.exercise.story))
        self.desk.say()
        self.desk.say("Judged:")
        for check in task.exercise.checks:
            self.desk.quote(f"{check.points:>4g}  {check.title}")
        self.desk.quote(
            f"{len(item.rubric):>4g}  Your diagnosis: what is wrong, what shows it, how the cure was verified"
        )
        self.desk.say()
        self.desk.say(f"Its files are in {workspace.shown(folder)}. Work there, in another terminal or with “shell”.")

    def _answer(self, item: Item) -> bool:
        """Read and submit an answer. Returns whether there is one now."""
        try:
            answer = asking.read_fields(self.desk, item, self.sources.question(item))
        except Leave:
            if not self.desk.is_live:
                raise
            self.desk.say("Nothing was submitted.")
            return False
        try:
            self.session.answer(answer)
        except InputError as problem:
            self.desk.say(str(problem), "red")
            return False
        late = self.session.state.is_over
        self.desk.say("Saved, as late." if late else "Saved.")
        return True

    def _hand_in(self, item: Item) -> bool:
        """Have the task graded. Returns whether it was, but not how."""
        self.desk.say("The grader works; the clock stands still meanwhile.")
        try:
            found = self.session.hand_in(self.sources.task(item), self.grade)
        except (GraderError, LabError) as problem:
            self.desk.say(f"Not handed in: {problem}", "red")
            return False
        if found.unusable:
            self.desk.say(f"There is nothing to grade: {found.problem}", "red")
        elif not found.is_graded:
            self.desk.say(f"It could not be graded: {found.problem}", "red")
            self.desk.say("That took none of your time. ./lab doctor says what is wrong; then hand it in again.")
        else:
            self.desk.say("Handed in.")
        return found.is_graded

    def _late_hand_in(self, state: State) -> None:
        """Offer to hand in the task that the candidate is at."""
        item = state.here
        if item is None or item.item.kind != "task" or not item.folder or (item.hand_in and item.hand_in.is_graded):
            return
        if self.desk.yes("Hand in what is there now? It is shown in the report, and does not count."):
            self._hand_in(item.item)

    def _shell(self, item: Item, place: int) -> None:
        folder = self.session.state.items[place].folder
        if not self.desk.is_live:
            self.desk.say("A shell needs a terminal.")
        elif folder:
            self.shell(self.session, self.sources.task(item), place, Path(folder))

    def _pause(self) -> None:
        self.session.pause()
        try:
            self.desk.line("Paused: the clock stands still. Enter goes on >")
        finally:
            if self.session.state.paused:
                self.session.go_on()

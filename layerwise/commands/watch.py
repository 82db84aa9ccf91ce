"""`lab watch`: grade after each save."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerwise.errors import InputError, LabError

if TYPE_CHECKING:
    from grader.exercise import Exercise
    from grader.lint.model import Linted
    from grader.verdict import Report
    from layerwise.commands._screen import Screen

RESTLESS = 5.0
"""Seconds of changes without a pause, after which a line says that we wait for a pause."""


@click.command()
@click.argument("exercise")
@click.argument("folder", required=False)
def command(exercise: str, folder: str | None) -> None:
    """Grade your work on EXERCISE, or what is in FOLDER, after each save.

    What lint finds is shown at once, and the grade when it is ready. If you save during a grading, it starts again.
    Ctrl-C ends it, and leaves nothing behind.

    Exit status: 2 there is nothing to watch; 130 ended by Ctrl-C.

    \b
    lab watch 05-drop-root
    """
    from layerwise import workspace
    from layerwise.commands._screen import screen
    from layerwise.commands._watching import stoppable

    found = workspace.find(exercise)
    if folder == "":
        raise InputError("the name of the folder to watch is empty; leave it out to watch your own work")
    place = Path(folder) if folder is not None else workspace.folder(found)
    if not place.is_dir():
        begin = f"; begin with: ./lab start {exercise}" if folder is None else ""
        raise InputError(f"there is no folder {workspace.shown(place)} to watch{begin}")
    with stoppable(), screen(found.name, workspace.shown(place)) as page:
        _Loop(found, exercise, place, page).run()


class _Loop:
    """Watches the folder, and runs at most one grading at a time."""

    def __init__(self, exercise: Exercise, name: str, folder: Path, page: Screen) -> None:
        self._exercise = exercise
        self._name = name
        self._folder = folder
        self._page = page
        self._round: _Round | None = None
        self._waiting = False
        """Whether there was a save for which no grading has begun."""

    def run(self) -> None:
        """Watch until interrupted. A grading in progress is then ended, and removes what it made."""
        from layerwise.saves import Saves

        saves = Saves(self._folder)
        try:
            while True:
                began = time.monotonic()
                if saves.poll(began):
                    self._saved(saves.there)
                self._tend()
                if saves.moving_since is not None and began - saves.moving_since > RESTLESS:
                    self._page.news("the folder keeps changing: waiting for a pause")
                # A large folder is checked less often.
                time.sleep(min(2.0, max(0.1, 9 * (time.monotonic() - began))))
        finally:
            if self._round is not None:
                self._round.stop()
                self._round.join()

    def _saved(self, there: bool) -> None:
        from layerwise.workspace import shown

        if self._round is not None:
            self._round.stop()
        self._waiting = there
        if not there:
            self._page.problem(f"the folder {shown(self._folder)} is gone; it will be graded when it is back")
            return
        self._page.saved(self._lint())

    def _lint(self) -> Linted | None:
        from grader.lint.linter import lint

        settings = self._exercise.build
        dockerfile = self._folder / settings.dockerfile
        return lint(dockerfile, self._folder / settings.context, settings.dockerfile) if dockerfile.exists() else None

    def _tend(self) -> None:
        """Show the result of a grading that has ended, and begin the next one."""
        current = self._round
        if current is not None and not current.ended:
            self._page.news("stopping the grading of the earlier save" if current.stopping else current.news)
            return
        if current is not None:
            self._round = None
            self._page.news("")
            if not current.stopping:
                self._show(current)
        if self._waiting:
            self._waiting = False
            self._round = _Round(self._name, self._folder, own=self._own)
            self._page.news(self._round.news)

    @property
    def _own(self) -> bool:
        """Whether it is the learner's own work: then grades are recorded."""
        from layerwise import workspace

        return self._folder.absolute() == workspace.folder(self._exercise).absolute()

    def _show(self, ended: _Round) -> None:
        if ended.report is None:
            self._page.problem(f"{ended.problem.rstrip('.')}; it is graded again after the next save")
            return
        self._page.report(ended.report)
        if ended.report.score is None:
            self._page.problem("the engine or the grader failed; it is graded again after the next save")


class _Round:
    """One grading, in a process of its own that a thread follows."""

    def __init__(self, name: str, folder: Path, *, own: bool) -> None:
        from layerwise.views.grading import Grading

        self.news = "grading"
        self.report: Report | None = None
        self.problem = ""
        self.stopping = False
        self._grading = Grading(name, self._hear, None if own else folder)
        self._thread = threading.Thread(target=self._run, name="grading")
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end soon, without a grade."""
        self.stopping = True
        self._grading.stop()

    def join(self) -> None:
        """Wait until it has removed what it made; a second Ctrl-C does not interrupt that."""
        while self._thread.is_alive():
            try:
                self._thread.join(0.2)
            except KeyboardInterrupt:
                continue

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    def _hear(self, text: str) -> None:
        self.news = text

    def _run(self) -> None:
        try:
            self.report = self._grading.run()
        except (LabError, OSError) as problem:
            self.problem = str(problem)

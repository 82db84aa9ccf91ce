"""`lab watch`: grade at each save."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerwise.errors import InputError, LabError

if TYPE_CHECKING:
    from grader.exercise import Exercise
    from grader.lint import Linted
    from grader.verdict import Report
    from layerwise.commands._screen import Screen

RESTLESS = 5.0
"""Seconds of changes without a pause after which it is said that a pause is waited for."""


@click.command()
@click.argument("exercise")
@click.argument("folder", required=False)
def command(exercise: str, folder: str | None) -> None:
    """Grade your work on EXERCISE, or what is in FOLDER, at each save.

    What can be told from the Dockerfile alone is shown at once, the grade when it is there. A save while it is being
    worked out begins it anew. Ctrl-C ends it; nothing is left behind.

    Exit status: 2 nothing to watch; 130 ended by Ctrl-C.

    \b
    lab watch 05-drop-root
    """
    from layerwise import workbench
    from layerwise.commands._screen import screen
    from layerwise.commands._watching import stoppable

    found = workbench.find(exercise)
    if folder == "":
        raise InputError("the name of the folder to watch is empty; leave it out to watch your own work")
    place = Path(folder) if folder is not None else workbench.folder(found)
    if not place.is_dir():
        begin = f"; begin with: ./lab start {exercise}" if folder is None else ""
        raise InputError(f"no folder {workbench.shown(place)} to watch{begin}")
    with stoppable(), screen(found.name, workbench.shown(place)) as page:
        _Loop(found, exercise, place, page).run()


class _Loop:
    """Looks at the folder, and keeps one grading at most going."""

    def __init__(self, exercise: Exercise, name: str, folder: Path, page: Screen) -> None:
        self._exercise = exercise
        self._name = name
        self._folder = folder
        self._page = page
        self._round: _Round | None = None
        self._waiting = False
        """A save was seen that no grading has begun for."""

    def run(self) -> None:
        """Until interrupted. The grading that goes on then is ended, and has removed what it made."""
        from layerwise.saves import Saves

        saves = Saves(self._folder)
        try:
            while True:
                began = time.monotonic()
                if saves.poll(began):
                    self._saved(saves.there)
                self._tend()
                if saves.moving_since is not None and began - saves.moving_since > RESTLESS:
                    self._page.news("the folder keeps changing: waiting until it rests")
                # A large folder is looked at less often.
                time.sleep(min(2.0, max(0.1, 9 * (time.monotonic() - began))))
        finally:
            if self._round is not None:
                self._round.stop()
                self._round.join()

    def _saved(self, there: bool) -> None:
        from layerwise.workbench import shown

        if self._round is not None:
            self._round.stop()
        self._waiting = there
        if not there:
            self._page.problem(f"the folder {shown(self._folder)} is gone; it is graded again when it is back")
            return
        self._page.saved(self._lint())

    def _lint(self) -> Linted | None:
        from grader.lint import lint

        settings = self._exercise.build
        dockerfile = self._folder / settings.dockerfile
        return lint(dockerfile, self._folder / settings.context, settings.dockerfile) if dockerfile.exists() else None

    def _tend(self) -> None:
        """Take up what a grading came to, and begin the next one."""
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
        """Whether it is the learner's own work, whose grades are remembered."""
        from layerwise import workbench

        return self._folder.absolute() == workbench.folder(self._exercise).absolute()

    def _show(self, ended: _Round) -> None:
        if ended.report is None:
            self._page.problem(f"{ended.problem.rstrip('.')}; tried again at the next save")
            return
        self._page.report(ended.report)
        if ended.report.score is None:
            self._page.problem("the engine or the grader failed; tried again at the next save")


class _Round:
    """One grading in a process of its own, followed by a thread."""

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
        """Have it end soon, without a grade."""
        self.stopping = True
        self._grading.stop()

    def join(self) -> None:
        """Wait until it has removed what it made; a second Ctrl-C does not cut that short."""
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

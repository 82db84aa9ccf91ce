"""What the page shows of this moment, and the one thing that it does: to start an exercise."""

from __future__ import annotations

from http import HTTPStatus

from grader.errors import GraderError
from grader.lib.text import clean
from layerwise import course_progress, workspace
from layerwise.course_progress import Course, ExerciseProgress
from layerwise.errors import LabError
from layerwise.homepage import lab_state
from layerwise.homepage.lab_state import LabState
from layerwise.interview.store import Sessions
from layerwise.interview.today import Today, today
from layerwise.progress import Progress
from layerwise.stack import paths


class NotStarted(LabError):
    """An exercise could not be started. `status` is HTTP's number for why."""

    def __init__(self, text: str, status: HTTPStatus) -> None:
        super().__init__(text)
        self.status = status


def look() -> tuple[Course, LabState, Today | None]:
    """The course with the learner's progress, the state of the lab, and what to practise for an interview; None if
    nothing is known of that, or it cannot be read."""
    return _course(), lab_state.look(paths.home()), _practice()


def start(name: str) -> ExerciseProgress:
    """Copy the starter of the exercise of that name into the learner's folder, unless there is work already.

    Raises NotStarted, in one line, if the course has no such exercise or if it cannot be copied.
    """
    found = next((one for one in _course().exercises if one.exercise.name == name), None)
    if found is None:
        raise NotStarted(f"The course has no exercise {clean(name, 60)!r}.", HTTPStatus.NOT_FOUND)
    try:
        if not found.begun:
            workspace.start(found.exercise)
    except LabError as problem:
        if workspace.begun(found.exercise):  # by a second click, or in a terminal
            return found
        said = f"{found.exercise.name} was not started: {problem}"
        raise NotStarted(said, HTTPStatus.INTERNAL_SERVER_ERROR) from None
    return found


def _practice() -> Today | None:
    try:
        found = today(Progress(), sessions=Sessions())
    except LabError:  # the course says so of the progress file; of the sessions' file `lab interview` does
        return None
    return found if found.due or found.later or found.open_session is not None else None


def _course() -> Course:
    try:
        return course_progress.course()
    except (LabError, GraderError) as problem:
        return Course((), [str(problem)])

"""A learner's progress in sentences and in pieces of HTML: for `lw.home()`, the report card and the home page."""

from __future__ import annotations

import html
from dataclasses import dataclass

from grader.reports.reading import amount, points
from layerwise.course_progress import Course, ExerciseProgress, Lesson
from layerwise.views.markup import inline, plain
from layerwise.views.words import counted

MARKS = {"done": "✓", "begun": "…", "not begun": "○"}


@dataclass(frozen=True)
class NextStep:
    """The next step, in a sentence: `before`, then `name`, which links to `link` ("" for no link)."""

    before: str
    name: str = ""
    link: str = ""
    after: str = ""


def next_step(found: Course, after: str = "") -> NextStep | None:
    """The next step, for somebody who has just done the exercise `after`; None if there are no exercises."""
    following = found.next_after(after) if after else found.next
    if following is None:
        return NextStep("All exercises are done.") if found.exercises else None
    lesson, exercise = found.lesson(following), following.exercise
    if lesson.notebook is None:
        return NextStep("Next: ", f"`lab {'grade' if following.begun else 'start'} {exercise.name}`")
    if not lesson.begun:
        after = f", about {lesson.notebook.minutes} minutes" if lesson.notebook.minutes else ""
        return NextStep("Next: the lesson ", lesson.title, lesson.link(), after)
    before = "Next: go on with " if following.state == "begun" else "Next: the exercise "
    return NextStep(before, exercise.title, lesson.link(exercise), f", in {plain(lesson.title)}")


def sentence(step: NextStep) -> str:
    """The next step as HTML."""
    return f'<p class="lw-title">{text(step.before)}{link(step.name, step.link)}{text(step.after)}</p>'


def totals(found: Course) -> str:
    """What is done of the whole course, in a sentence."""
    lessons = [lesson.done for lesson in found.lessons]
    exercises = [one.done for one in found.exercises]
    return (
        f"{sum(lessons)} of {counted(len(lessons), 'lesson')} and {sum(exercises)} of "
        f"{counted(len(exercises), 'exercise')} done, {amount(found.score)} of {points(found.max_score)}."
    )


def bar(found: Course) -> str:
    """The points as a part of all points. It is hidden from screen readers, which read the sentence before it."""
    share = found.score / found.max_score if found.max_score else 0.0
    got = f'<span class="lw-solid" style="width: {100 * share:.1f}%"></span>' if share else ""
    return f'<div class="lw-bar lw-all" aria-hidden="true">{got}</div>'


def faults(found: Course) -> list[str]:
    """What could not be read, a line each."""
    return [*found.warnings, *found.problems]


def lesson_facts(lesson: Lesson) -> list[str]:
    """The facts about a lesson, other than its title."""
    if lesson.notebook is None:
        return ["not written yet"]
    minutes, questions = lesson.notebook.minutes, lesson.questions
    return [
        *([f"about {minutes} min"] if minutes else []),
        *([f"{lesson.answered} of {counted(questions, 'question')} answered"] if questions else []),
    ]


def exercise_facts(progress: ExerciseProgress) -> str:
    """The facts about an exercise, other than its title and points."""
    exercise = progress.exercise
    tries = f", {counted(progress.attempts, 'try', 'tries')}" if progress.state != "not begun" else ""
    changed = ", its checks have changed since this grade" if progress.is_of_other_checks else ""
    return f"{exercise.level}, {exercise.minutes} min{tries}{changed}"


def best(progress: ExerciseProgress) -> str:
    """The points of the best try, and all that are to be had."""
    return f"{amount(progress.score) if progress.best else '–'} of {amount(progress.max_score)}"


def mark(state: str) -> str:
    """A state as a sign and a word."""
    return f'<span class="lw-state"><span class="lw-mark" aria-hidden="true">{MARKS[state]}</span>&nbsp;{state}</span>'


def link(title: str, to: str, name: str = "") -> str:
    """The title as a link, or as plain text without a target. `name` is the link's id, if it needs one."""
    own = f' id="{text(name)}"' if name else ""
    return f'<a{own} href="{text(to)}">{inline(title)}</a>' if to else inline(title)


def text(plain_text: str) -> str:
    """Plain text as HTML."""
    return html.escape(plain_text)

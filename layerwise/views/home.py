"""Show a learner's progress in the course: lessons, exercises, points, and what is next.

lw.home()
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from grader.reports.reading import amount, points
from layerwise.course_progress import Course, ExerciseProgress, Lesson, course
from layerwise.views.listing import counted
from layerwise.views.live import static_html
from layerwise.views.markup import inline, plain

MARKS = {"done": "✓", "begun": "…", "not begun": "○"}


def home() -> Home:
    """Return the present state of the course. Run the cell again to update it."""
    return Home(course())


@dataclass(frozen=True)
class NextStep:
    """The next step, in a sentence: `before`, then `name`, which links to `link` ("" for no link)."""

    before: str
    name: str = ""
    link: str = ""
    after: str = ""


class Home:
    """The lessons and exercises with the points reached. It shows itself in a notebook."""

    def __init__(self, found: Course) -> None:
        self.course = found

    def __repr__(self) -> str:
        lines = [f"warning: {line}" for line in self._faults()]
        step = next_step(self.course)
        if step:
            lines.append(f"{step.before}{plain(step.name)}{step.after}" + (f" ({step.link})" if step.link else ""))
        lines.append(_sum(self.course))
        for lesson in self.course.lessons:
            title = [plain(lesson.title)] if lesson.notebook else []
            lines += ["", f"{lesson.name}: {', '.join([*title, *_facts(lesson)])}"]
            lines += [
                f"  {one.state:9}  {_best(one):>8}  {one.exercise.name}: {plain(one.exercise.title)} ({_about(one)})"
                for one in lesson.exercises
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        found = self.course
        step = next_step(found)
        faults = "".join(f'<p class="lw-fault">{_text(line)}</p>' for line in self._faults())
        body = "".join(map(_group, found.lessons))
        head = "".join(f'<th scope="col">{word}</th>' for word in ("State", "Lesson and exercises", "Best"))
        return static_html(
            f'<div class="lw-box lw-home">{sentence(step) if step else ""}'
            f"<p>{_text(_sum(found))}</p>{_bar(found)}{faults}"
            f'<table class="lw-course"><thead class="lw-heard"><tr>{head}</tr></thead>{body}</table></div>'
        )

    def _faults(self) -> list[str]:
        return [*self.course.warnings, *self.course.problems]


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


def _sum(found: Course) -> str:
    lessons = [lesson.done for lesson in found.lessons]
    exercises = [one.done for one in found.exercises]
    return (
        f"{sum(lessons)} of {counted(len(lessons), 'lesson')} and {sum(exercises)} of "
        f"{counted(len(exercises), 'exercise')} done, {amount(found.score)} of {points(found.max_score)}."
    )


def _facts(lesson: Lesson) -> list[str]:
    """The facts about a lesson, other than its title."""
    if lesson.notebook is None:
        return ["not written yet"]
    minutes, questions = lesson.notebook.minutes, lesson.questions
    return [
        *([f"about {minutes} min"] if minutes else []),
        *([f"{lesson.answered} of {counted(questions, 'question')} answered"] if questions else []),
    ]


def _about(progress: ExerciseProgress) -> str:
    exercise = progress.exercise
    tries = f", {counted(progress.attempts, 'try', 'tries')}" if progress.state != "not begun" else ""
    changed = ", its checks have changed since this grade" if progress.is_of_other_checks else ""
    return f"{exercise.level}, {exercise.minutes} min{tries}{changed}"


def _best(progress: ExerciseProgress) -> str:
    return f"{amount(progress.score) if progress.best else '–'} of {amount(progress.max_score)}"


def sentence(step: NextStep) -> str:
    """The next step as HTML."""
    return f'<p class="lw-title">{_text(step.before)}{_link(step.name, step.link)}{_text(step.after)}</p>'


def _bar(found: Course) -> str:
    """The points as a part of all points. It is hidden from screen readers, which read the sentence before it."""
    share = found.score / found.max_score if found.max_score else 0.0
    got = f'<span class="lw-solid" style="width: {100 * share:.1f}%"></span>' if share else ""
    return f'<div class="lw-bar lw-all" aria-hidden="true">{got}</div>'


def _group(lesson: Lesson) -> str:
    head = (
        f'<tr class="lw-lesson"><th scope="rowgroup" colspan="2"><strong>{_link(lesson.title, lesson.link())}</strong> '
        f'<span class="lw-soft">{_text(", ".join(_facts(lesson)))}</span></th>'
        f'<td class="lw-size">{_mark("done") if lesson.done else ""}</td></tr>'
    )
    return f"<tbody>{head}{''.join(_row(lesson, one) for one in lesson.exercises)}</tbody>"


def _row(lesson: Lesson, progress: ExerciseProgress) -> str:
    exercise = progress.exercise
    title = _link(exercise.title, lesson.link(exercise))
    return (
        f'<tr><td>{_mark(progress.state)}</td><th scope="row">{title} '
        f'<span class="lw-soft"><code>{_text(exercise.name)}</code> {_text(_about(progress))}</span></th>'
        f'<td class="lw-size">{_text(_best(progress))}</td></tr>'
    )


def _mark(state: str) -> str:
    return f'<span class="lw-state"><span class="lw-mark" aria-hidden="true">{MARKS[state]}</span>&nbsp;{state}</span>'


def _link(title: str, to: str) -> str:
    """The title as a link, or as plain text without a target."""
    return f'<a href="{_text(to)}">{inline(title)}</a>' if to else inline(title)


def _text(text: str) -> str:
    return html.escape(text)

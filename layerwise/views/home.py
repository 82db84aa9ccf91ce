"""Where you stand in the course: lessons, exercises, points, and what is next.

lw.home()
"""

from __future__ import annotations

import html
from dataclasses import dataclass

from grader.reports.reading import amount, points
from layerwise.standing import Course, Lesson, Standing, course
from layerwise.views.listing import counted
from layerwise.views.live import static_html
from layerwise.views.markup import inline, plain

MARKS = {"done": "✓", "begun": "…", "not begun": "○"}


def home() -> Home:
    """The course as it stands now; run the cell again to see it anew."""
    return Home(course())


@dataclass(frozen=True)
class Step:
    """What is next, in a sentence: `before`, then `name`, which leads to `link` (empty where it leads nowhere)."""

    before: str
    name: str = ""
    link: str = ""
    after: str = ""


class Home:
    """Lessons and exercises with what was reached; shows itself in a notebook."""

    def __init__(self, found: Course) -> None:
        self.course = found

    def __repr__(self) -> str:
        lines = [f"warning: {line}" for line in self._faults()]
        step = _next(self.course)
        if step:
            lines.append(f"{step.before}{plain(step.name)}{step.after}" + (f" ({step.link})" if step.link else ""))
        lines.append(_sum(self.course))
        for lesson in self.course.lessons:
            title = [plain(lesson.title)] if lesson.notebook else []
            lines += ["", f"{lesson.name}: {', '.join([*title, *_facts(lesson)])}"]
            lines += [
                f"  {one.state:9}  {_best(one):>8}  {one.exercise.name}: {plain(one.exercise.title)} ({_about(one)})"
                for one in lesson.standings
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        found = self.course
        step = _next(found)
        faults = "".join(f'<p class="lw-fault">{_text(line)}</p>' for line in self._faults())
        body = "".join(map(_group, found.lessons))
        head = "".join(f'<th scope="col">{word}</th>' for word in ("State", "Lesson and exercises", "Best"))
        return static_html(
            f'<div class="lw-box lw-home">{_sentence(step) if step else ""}'
            f"<p>{_text(_sum(found))}</p>{_bar(found)}{faults}"
            f'<table class="lw-course"><thead class="lw-heard"><tr>{head}</tr></thead>{body}</table></div>'
        )

    def _faults(self) -> list[str]:
        return [*self.course.warnings, *self.course.problems]


def _next(found: Course) -> Step | None:
    """None where there are no exercises."""
    following = found.next
    if following is None:
        return Step("All exercises are done.") if found.standings else None
    lesson, exercise = found.lesson(following), following.exercise
    if lesson.notebook is None:
        return Step("Next: ", f"`lab {'grade' if following.begun else 'start'} {exercise.name}`")
    if not lesson.begun:
        after = f", about {lesson.notebook.minutes} minutes" if lesson.notebook.minutes else ""
        return Step("Next: the lesson ", lesson.title, lesson.link(), after)
    before = "Next: go on with " if following.state == "begun" else "Next: the exercise "
    return Step(before, exercise.title, lesson.link(exercise), f", in {plain(lesson.title)}")


def _sum(found: Course) -> str:
    lessons = [lesson.done for lesson in found.lessons]
    exercises = [standing.done for standing in found.standings]
    return (
        f"{sum(lessons)} of {counted(len(lessons), 'lesson')} and {sum(exercises)} of "
        f"{counted(len(exercises), 'exercise')} done, {amount(found.score)} of {points(found.max_score)}."
    )


def _facts(lesson: Lesson) -> list[str]:
    """What is known of a lesson besides its title."""
    if lesson.notebook is None:
        return ["not written yet"]
    minutes, questions = lesson.notebook.minutes, lesson.questions
    return [
        *([f"about {minutes} min"] if minutes else []),
        *([f"{lesson.answered} of {counted(questions, 'question')} answered"] if questions else []),
    ]


def _about(standing: Standing) -> str:
    exercise = standing.exercise
    tries = f", {counted(standing.attempts, 'try', 'tries')}" if standing.state != "not begun" else ""
    return f"{exercise.level}, {exercise.minutes} min{tries}"


def _best(standing: Standing) -> str:
    return f"{amount(standing.score) if standing.best else '–'} of {amount(standing.max_score)}"


def _sentence(step: Step) -> str:
    return f'<p class="lw-title">{_text(step.before)}{_link(step.name, step.link)}{_text(step.after)}</p>'


def _bar(found: Course) -> str:
    """The points as a part of all there are; hidden from those who hear the sentence before it."""
    share = found.score / found.max_score if found.max_score else 0.0
    got = f'<span class="lw-solid" style="width: {100 * share:.1f}%"></span>' if share else ""
    return f'<div class="lw-bar lw-all" aria-hidden="true">{got}</div>'


def _group(lesson: Lesson) -> str:
    head = (
        f'<tr class="lw-lesson"><th scope="rowgroup" colspan="2"><strong>{_link(lesson.title, lesson.link())}</strong> '
        f'<span class="lw-soft">{_text(", ".join(_facts(lesson)))}</span></th>'
        f'<td class="lw-size">{_mark("done") if lesson.done else ""}</td></tr>'
    )
    return f"<tbody>{head}{''.join(_row(lesson, standing) for standing in lesson.standings)}</tbody>"


def _row(lesson: Lesson, standing: Standing) -> str:
    exercise = standing.exercise
    title = _link(exercise.title, lesson.link(exercise))
    return (
        f'<tr><td>{_mark(standing.state)}</td><th scope="row">{title} '
        f'<span class="lw-soft"><code>{_text(exercise.name)}</code> {_text(_about(standing))}</span></th>'
        f'<td class="lw-size">{_text(_best(standing))}</td></tr>'
    )


def _mark(state: str) -> str:
    return f'<span class="lw-state"><span class="lw-mark" aria-hidden="true">{MARKS[state]}</span>&nbsp;{state}</span>'


def _link(title: str, to: str) -> str:
    """A title as a link, or as it is where it leads nowhere."""
    return f'<a href="{_text(to)}">{inline(title)}</a>' if to else inline(title)


def _text(text: str) -> str:
    return html.escape(text)

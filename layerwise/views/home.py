"""Show a learner's progress in the course: lessons, exercises, points, and what is next.

lw.home()
"""

from __future__ import annotations

from layerwise.course_progress import Course, ExerciseProgress, Lesson, course
from layerwise.views import course_parts as parts
from layerwise.views.live import static_html
from layerwise.views.markup import plain


def home() -> Home:
    """Return the present state of the course. Run the cell again to update it."""
    return Home(course())


class Home:
    """The lessons and exercises with the points reached. It shows itself in a notebook."""

    def __init__(self, found: Course) -> None:
        self.course = found

    def __repr__(self) -> str:
        lines = [f"warning: {line}" for line in parts.faults(self.course)]
        step = parts.next_step(self.course)
        if step:
            lines.append(f"{step.before}{plain(step.name)}{step.after}" + (f" ({step.link})" if step.link else ""))
        lines.append(parts.totals(self.course))
        for lesson in self.course.lessons:
            title = [plain(lesson.title)] if lesson.notebook else []
            lines += ["", f"{lesson.name}: {', '.join([*title, *parts.lesson_facts(lesson)])}"]
            lines += [
                f"  {one.state:9}  {parts.best(one):>8}  {one.exercise.name}: {plain(one.exercise.title)} "
                f"({parts.exercise_facts(one)})"
                for one in lesson.exercises
            ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        found = self.course
        step = parts.next_step(found)
        faults = "".join(f'<p class="lw-fault">{parts.text(line)}</p>' for line in parts.faults(found))
        body = "".join(map(_group, found.lessons))
        head = "".join(f'<th scope="col">{word}</th>' for word in ("State", "Lesson and exercises", "Best"))
        return static_html(
            f'<div class="lw-box lw-home">{parts.sentence(step) if step else ""}'
            f"<p>{parts.text(parts.totals(found))}</p>{parts.bar(found)}{faults}"
            f'<table class="lw-course"><thead class="lw-heard"><tr>{head}</tr></thead>{body}</table></div>'
        )


def _group(lesson: Lesson) -> str:
    title = parts.link(lesson.title, lesson.link())
    head = (
        f'<tr class="lw-lesson"><th scope="rowgroup" colspan="2"><strong>{title}</strong> '
        f'<span class="lw-soft">{parts.text(", ".join(parts.lesson_facts(lesson)))}</span></th>'
        f'<td class="lw-size">{parts.mark("done") if lesson.done else ""}</td></tr>'
    )
    return f"<tbody>{head}{''.join(_row(lesson, one) for one in lesson.exercises)}</tbody>"


def _row(lesson: Lesson, progress: ExerciseProgress) -> str:
    exercise = progress.exercise
    title = parts.link(exercise.title, lesson.link(exercise))
    return (
        f'<tr><td>{parts.mark(progress.state)}</td><th scope="row">{title} <span class="lw-soft">'
        f"<code>{parts.text(exercise.name)}</code> {parts.text(parts.exercise_facts(progress))}</span></th>"
        f'<td class="lw-size">{parts.text(parts.best(progress))}</td></tr>'
    )

"""Show an exercise in a lesson: its story, buttons to start and grade, hints one at a time, and the report.

lw.check("00-hello-image")             # in a notebook: the view
lw.check("00-hello-image").grade()     # graded at once; the cell shows the report
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import traitlets

from grader.exercise import Exercise
from grader.lib.units import format_duration
from grader.reports import html, reading
from grader.verdict import Report, Status
from layerwise import workspace
from layerwise.course_progress import was_judged_otherwise
from layerwise.errors import InputError, LabError
from layerwise.progress import Progress, ProgressError
from layerwise.views import passed
from layerwise.views.grading import Grading, Stopped
from layerwise.views.live import LiveWidget, View, plainly, script, static_html
from layerwise.views.markup import inline, paragraphs, plain

MAX_FILES = 8
"""The most files of the learner's folder that are linked, the Dockerfile first."""


def check(exercise: str) -> Check:
    """Return the exercise of that name, to show in a notebook."""
    with plainly():
        return Check(workspace.find(exercise))


class CheckWidget(LiveWidget):
    """The live part of an exercise."""

    _esm = script("files.js", "check.js")
    about = traitlets.Dict().tag(sync=True)
    """The fixed parts: name, line of facts, title, story, what is judged, number of hints."""
    files: traitlets.List[str] = traitlets.List().tag(sync=True)
    """The learner's files, as paths that JupyterLab opens; empty before the start."""
    hints: traitlets.List[str] = traitlets.List().tag(sync=True)
    """The hints shown so far, as HTML."""
    news = traitlets.Unicode("").tag(sync=True)
    """The present step of the grading; empty if none is running."""
    seconds = traitlets.Float(0.0).tag(sync=True)
    """How long the grading had been running when `news` came."""
    result = traitlets.Unicode("").tag(sync=True)
    """The score, and what to do first; empty while a grading runs."""
    note = traitlets.Unicode("").tag(sync=True)
    """A further remark, as HTML."""
    report = traitlets.Unicode("").tag(sync=True)
    """The report card as HTML."""
    after = traitlets.Unicode("").tag(sync=True)
    """What is shown once the exercise is passed, as HTML; empty before."""
    compared = traitlets.Unicode("").tag(sync=True)
    """The learner's files beside the course's solution, as HTML; empty until it is asked for."""


class Check(View):
    """An exercise in a notebook. For each button there is a method."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self._grading: Grading | None = None
        self._began = 0.0
        self._hints = 0
        self._key = workspace.key(exercise)
        minutes = format_duration(60 * exercise.minutes)
        about = {
            "name": exercise.name,
            "facts": f"{reading.points(exercise.points)}, about {minutes}",
            "title": inline(exercise.title),
            "story": paragraphs(exercise.story),
            "judged": [[reading.amount(check.points), inline(check.title)] for check in exercise.checks],
            "hints": len(exercise.hints),
        }
        actions = {
            "start": lambda _: self.start(),
            "grade": lambda _: self._grade_aside(),
            "stop": lambda _: self.stop(),
            "hint": lambda _: self.hint(),
            "reset": lambda _: self.reset(),
            "compare": lambda _: self.compare(),
        }
        super().__init__(CheckWidget(about=about), actions)
        self._look()
        self._recall()

    def start(self) -> None:
        """Copy the starter into the learner's folder, unless it has work already."""
        with plainly():
            if not workspace.begun(self.exercise):
                workspace.start(self.exercise)
        self._look()

    def reset(self) -> None:
        """Reset the learner's folder to the starter. The work so far is kept in another folder."""
        with plainly():
            kept = workspace.reset(self.exercise).kept
        said = (
            f"Back to the starter. What you had is kept in <code>work/{workspace.TRASH}/{inline(kept.name)}</code>."
            if kept
            else ""
        )
        self._show(None, note=said)
        self._look()

    def hint(self) -> None:
        """Show one more hint."""
        if self._hints < len(self.exercise.hints):
            self._hints += 1
            with suppress(ProgressError):
                Progress().record_hint(self._key, self._hints)
        self._look()

    def compare(self) -> None:
        """Show the learner's files beside the course's solution, or hide that again. Raises InputError before the
        exercise is passed."""
        with plainly():
            if not self.widget.after:
                raise InputError("the solution is shown once you have passed; until then there are hints")
        self.widget.compared = "" if self.widget.compared else passed.comparison(self.exercise)

    def grade(self) -> Graded:
        """Grade the work and wait for it. The result shows itself as the report card."""
        with plainly():
            return Graded(self._run(self._begin()))

    def stop(self) -> None:
        """Stop the running grading."""
        if self._grading is not None:
            self.widget.news = "stopping, and removing what was made"
            self._grading.stop()

    def html(self) -> str:
        about = self.widget.about
        judged = "".join(f"<li>{title} ({points})</li>" for points, title in about["judged"])
        work = f"Your copy is in <code>{self._folder()}</code>." if self.widget.files else "Run this cell to start."
        hints = "".join(f"<li>{hint}</li>" for hint in self.widget.hints)
        parts = [
            f'<p class="lw-kicker">Exercise <code>{inline(about["name"])}</code>, {about["facts"]}</p>',
            f"<p><strong>{about['title']}</strong></p>{about['story']}",
            f"<p>What is judged:</p><ul>{judged}</ul><p>{work}</p>",
            f"<p>Hints:</p><ol>{hints}</ol>" if hints else "",
        ]
        after = f'<div class="lw-box lw-after">{self.widget.after}</div>' if self.widget.after else ""
        return f'<div class="lw-box">{"".join(parts)}</div>{self.widget.report}{after}'

    def text(self) -> str:
        judged = [f"- {plain(check.title)} ({check.points:g})" for check in self.exercise.checks]
        return "\n".join([f"Exercise {self.exercise.name}: {plain(self.exercise.title)}", *judged, self.widget.result])

    def _grade_aside(self) -> None:
        """Grade in a thread, so that the kernel still answers."""
        grading = self._begin()

        def work() -> None:
            try:
                self._run(grading)
            except LabError as problem:
                self.widget.fault = "" if isinstance(problem, Stopped) else str(problem)
            except Exception as problem:
                self.widget.fault = f"The grading failed ({type(problem).__name__}: {problem}). Please report it."

        threading.Thread(target=work, name=f"grading {self.exercise.name}", daemon=True).start()

    def _begin(self) -> Grading:
        with self._one:
            if self._grading is not None:
                raise InputError("this exercise is being graded already; wait for it, or stop it")
            seed = self.exercise.seed
            self._grading = Grading(self._key if seed is None else self.exercise.name, self._tell, seed=seed)
            self._began = time.monotonic()
            self.widget.fault = ""
            self.widget.result = ""
            self._tell("beginning")
            return self._grading

    def _run(self, grading: Grading) -> Report:
        note = ""
        report = None
        try:
            saved = self._last_saved()
            report = grading.run()
            note = " ".join(
                [f"Graded what was last saved {saved}." if saved else "", *map(inline, grading.warnings)]
            ).strip()
            return report
        except Stopped:
            note = "Stopped: nothing was judged, and nothing is recorded."
            raise
        finally:
            self._grading = None
            self.widget.news = ""
            self._show(report, note=note)
            self._look()

    def _tell(self, news: str) -> None:
        self.widget.seconds = round(time.monotonic() - self._began, 1)
        self.widget.news = news

    def _show(self, report: Report | None, note: str = "") -> None:
        self.widget.report = html.card(report, lessons="") if report else ""
        if report and report.status is Status.PASSED:
            self.widget.after = passed.after(self.exercise)
        self.widget.compared = ""
        self.widget.result = _sum_up(report) if report else ""
        self.widget.note = note
        self.refresh()

    def _look(self) -> None:
        """Update files and hints."""
        self.widget.files = self._files()
        self.widget.hints = [inline(hint) for hint in self.exercise.hints[: self._hints]]
        self.refresh()

    def _recall(self) -> None:
        """Show the best of the earlier tries, and the hints shown then."""
        with suppress(ProgressError):
            self._hints = max(Progress().hints(self._key), default=0)
            best = Progress().best(self._key)
            if best is not None:
                said = f"Best so far: {reading.amount(best.score)} of {reading.points(best.max_score)}."
                if was_judged_otherwise(best, self.exercise):
                    said += " The checks have changed since: grade again to see what your work earns today."
                self.widget.note = said
                if best.full_marks:
                    self.widget.after = passed.after(self.exercise)
        self._look()

    def _folder(self) -> str:
        return f"work/{self.exercise.name}"

    def _files(self) -> list[str]:
        place = workspace.folder(self.exercise)
        paths = workspace.files(self.exercise)[:MAX_FILES]
        return [f"{self._folder()}/{path.relative_to(place).as_posix()}" for path in paths]

    def _last_saved(self) -> str:
        """When the learner's newest file was saved, such as "12 s ago"; empty if over an hour ago."""
        times = []
        for path in workspace.files(self.exercise):
            with suppress(OSError):
                times.append(path.stat().st_mtime)
        age = time.time() - max(times, default=0.0)
        if not times or age > 3600:
            return ""
        seconds = max(1, round(age))
        return f"{seconds} s ago" if seconds < 60 else f"{format_duration(seconds // 60 * 60)} ago"


class Graded:
    """The result of a grading, shown as its report card."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def __repr__(self) -> str:
        return _sum_up(self.report)

    def _repr_html_(self) -> str:
        return static_html(html.card(self.report, lessons=""))


def _sum_up(report: Report) -> str:
    return f"{reading.score(report)}. {reading.next_step(report)}"

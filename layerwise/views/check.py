"""An exercise in a lesson: its story, a start, a grade, hints one at a time, and the report.

lw.check("00-hello-image")             # in a notebook: the view
lw.check("00-hello-image").grade()     # graded here and now; the cell shows the report
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

import traitlets

from grader.exercise import Exercise
from grader.reports import html, reading
from grader.units import format_duration
from grader.verdict import Report
from layerwise import workbench
from layerwise.errors import InputError, LabError
from layerwise.progress import Progress, ProgressError
from layerwise.views.grading import Grading, Stopped
from layerwise.views.live import LiveWidget, View, plainly, script, static_html
from layerwise.views.markup import inline, paragraphs, plain

MAX_FILES = 8
"""Files of the learner's folder that are linked, its Dockerfile first."""


def check(exercise: str) -> Check:
    """The exercise of that name, to show in a notebook."""
    with plainly():
        return Check(workbench.find(exercise))


class CheckWidget(LiveWidget):
    """The live part of an exercise."""

    _esm = script("check.js")
    about = traitlets.Dict().tag(sync=True)
    """What never changes: name, line of facts, title, story, what is judged, number of hints."""
    files: traitlets.List[str] = traitlets.List().tag(sync=True)
    """The learner's files as paths that JupyterLab opens; empty before the start."""
    hints: traitlets.List[str] = traitlets.List().tag(sync=True)
    """The hints looked at, as HTML."""
    news = traitlets.Unicode("").tag(sync=True)
    """What the grading is at; empty when none runs."""
    seconds = traitlets.Float(0.0).tag(sync=True)
    """How long the grading had run when `news` came."""
    result = traitlets.Unicode("").tag(sync=True)
    """The outcome in a sentence, for those who hear it."""
    note = traitlets.Unicode("").tag(sync=True)
    """What else is to be said of it, as HTML."""
    report = traitlets.Unicode("").tag(sync=True)
    """The report card as HTML."""


class Check(View):
    """An exercise in a notebook. Each button is a method too."""

    def __init__(self, exercise: Exercise) -> None:
        self.exercise = exercise
        self._grading: Grading | None = None
        self._began = 0.0
        self._hints = 0
        self._key = workbench.key(exercise)
        minutes = format_duration(60 * exercise.minutes)
        about = {
            "name": exercise.name,
            "facts": f"{reading.points(exercise.points)}, about {minutes}",
            "title": inline(exercise.title),
            "story": paragraphs(_story(exercise.folder / "README.md")),
            "judged": [[reading.amount(check.points), inline(check.title)] for check in exercise.checks],
            "hints": len(exercise.hints),
        }
        actions = {
            "start": lambda _: self.start(),
            "grade": lambda _: self._grade_aside(),
            "stop": lambda _: self.stop(),
            "hint": lambda _: self.hint(),
            "reset": lambda _: self.reset(),
        }
        super().__init__(CheckWidget(about=about), actions)
        self._look()
        self._recall()

    def start(self) -> None:
        """Copy the starter into the learner's folder, unless there is work already."""
        with plainly():
            if not workbench.begun(self.exercise):
                workbench.start(self.exercise)
        self._look()

    def reset(self) -> None:
        """Put the learner's folder back to the starter; the work so far is kept aside."""
        with plainly():
            kept = workbench.reset(self.exercise).kept
        said = (
            f"Back to the starter. What you had is kept in <code>work/{workbench.TRASH}/{inline(kept.name)}</code>."
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

    def grade(self) -> Graded:
        """Grade the work here and now. The result shows itself as the report card."""
        with plainly():
            return Graded(self._run(self._begin()))

    def stop(self) -> None:
        """Stop the grading that runs."""
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
        return f'<div class="lw-box">{"".join(parts)}</div>{self.widget.report}'

    def text(self) -> str:
        judged = [f"- {plain(check.title)} ({check.points:g})" for check in self.exercise.checks]
        return "\n".join([f"Exercise {self.exercise.name}: {plain(self.exercise.title)}", *judged, self.widget.result])

    def _grade_aside(self) -> None:
        """Grade in a thread, so that the kernel goes on answering."""
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
            self._grading = Grading(self._key, self._tell)
            self._began = time.monotonic()
            self.widget.fault = ""
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
        self.widget.result = _sum_up(report) if report else ""
        self.widget.note = note
        self.refresh()

    def _look(self) -> None:
        """Bring files and hints up to date."""
        self.widget.files = self._files()
        self.widget.hints = [inline(hint) for hint in self.exercise.hints[: self._hints]]
        self.refresh()

    def _recall(self) -> None:
        """The best of earlier tries, and the hints looked at."""
        with suppress(ProgressError):
            self._hints = max(Progress().hints(self._key), default=0)
            best = Progress().best(self._key)
            if best is not None:
                self.widget.note = f"Best so far: {reading.amount(best.score)} of {reading.points(best.max_score)}."
        self._look()

    def _folder(self) -> str:
        return f"work/{self.exercise.name}"

    def _paths(self) -> list[Path]:
        """The learner's files: first the Dockerfile, then by name; none before the start."""
        place = workbench.folder(self.exercise)
        try:
            found = [path for path in place.iterdir() if path.is_file() and not path.name.startswith(".#")]
        except OSError:
            return []
        first = self.exercise.build.dockerfile
        return sorted(found, key=lambda path: (path.name != first, path.name))

    def _files(self) -> list[str]:
        return [f"{self._folder()}/{path.name}" for path in self._paths()[:MAX_FILES]]

    def _last_saved(self) -> str:
        """When the last of the learner's files was saved, as in "12 s ago"; empty where that was over an hour ago."""
        times = []
        for path in self._paths():
            with suppress(OSError):
                times.append(path.stat().st_mtime)
        age = time.time() - max(times, default=0.0)
        if not times or age > 3600:
            return ""
        seconds = max(1, round(age))
        return f"{seconds} s ago" if seconds < 60 else f"{format_duration(seconds // 60 * 60)} ago"


class Graded:
    """A grading, shown as its report card."""

    def __init__(self, report: Report) -> None:
        self.report = report

    def __repr__(self) -> str:
        return _sum_up(self.report)

    def _repr_html_(self) -> str:
        return static_html(html.card(self.report, lessons=""))


def _sum_up(report: Report) -> str:
    return f"{reading.score(report)}. {reading.next_step(report)}"


def _story(readme: Path) -> str:
    """The README's text between its title and its first section; empty where there is none."""
    try:
        lines = readme.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    body = lines[1:] if lines and lines[0].startswith("# ") else lines
    end = next((number for number, line in enumerate(body) if line.startswith("## ")), len(body))
    return "\n".join(body[:end])

"""Show a build as it happens: which instructions ran, which came from the cache, how long each took, what ran together.

lw.build("apps/tides")
lw.build("apps/tides", edit="tides.py")     the build after an edit of that file, in a copy: your file is not changed
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import traitlets
from IPython.core.getipython import get_ipython

from grader.errors import SubmissionFault
from grader.facts import Facts
from grader.facts.build import build as builds
from grader.facts.build.build_log import BuildLog, Vertex
from grader.facts.build.edits import Change
from grader.facts.build.rebuild import Rebuild, rebuild
from grader.facts.build.steps import BuiltStep, StepStatus, match
from grader.facts.dockerfile.resolved import BuildPlan as Plan
from grader.lib.units import format_duration
from grader.settings import BuildSettings
from grader.submission import Submission
from layerwise.errors import InputError
from layerwise.views import timeline
from layerwise.views.listing import fold, visible
from layerwise.views.live import LiveWidget, NotebookError, View, plainly, script
from layerwise.views.settings import build_settings
from layerwise.views.words import counted

EVERY = 0.4
"""The seconds between two drawings of a running build."""


def build(
    folder: str | Path,
    edit: str | Sequence[str] = (),
    *,
    change: Change = "content",
    file: str = "Dockerfile",
    target: str = "",
    args: Mapping[str, str] | None = None,
    cache: bool = True,
) -> Built:
    """Build a folder and show how. No image is made, but the engine's cache has what ran, for `docker build` too.

    `edit` gives names or patterns of files in the folder: the folder is built, those files are edited in a copy, and
    the copy is built. `change` is "content" (a new comment, unknown to every build), "touch" (only a new time),
    "dependency" or "add". `cache=False` runs every step again.
    """
    paths = [edit] if isinstance(edit, str) else list(edit)
    with plainly():
        if paths and not cache:
            raise InputError("an edit shows which steps are reused, and that takes the cache: leave out cache=False")
        settings = build_settings(folder, file, target, args)
        built = Built(_named(folder, file, paths, change))
        built.run(Path(folder), settings, paths, change, cache=cache)
    return built


def _named(folder: str | Path, file: str, paths: Sequence[str], change: Change) -> str:
    name = str(folder) if file == "Dockerfile" else f"{folder}, {file}"
    words = {"content": "an edit of", "touch": "a touch of", "dependency": "a new dependency in", "add": "adding"}
    return f"{name}, after {words[change]} {', '.join(paths)}" if paths else name


class BuildWidget(LiveWidget):
    """The live part of a build."""

    _esm = script("build.js")
    picture = traitlets.Unicode("").tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    """The present state in a few words, for screen readers."""


class Built(View):
    """A build in a notebook. It shows itself while it runs, and again wherever it is displayed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._vertexes: dict[str, Vertex] = {}
        self._plan: Plan | None = None
        self._rebuild: Rebuild | None = None
        self._phase = ""
        self._cache = True
        self._wrong = ""
        self._shown_by: int | None = None
        super().__init__(BuildWidget(), {})

    @property
    def done(self) -> Rebuild:
        """The result of the build: its steps and its log. Raises NotebookError if the build did not end well."""
        if self._rebuild is None:
            raise NotebookError(self._wrong or "this build did not end")
        return self._rebuild

    @property
    def steps(self) -> Sequence[BuiltStep]:
        """The instructions of all stages that were built, in file order."""
        return self.done.steps

    @property
    def ran(self) -> list[str]:
        """The instructions that ran, as written."""
        return [step.text for step in self.done.ran]

    @property
    def reused(self) -> list[str]:
        """The instructions that came from the cache; none in a build without it."""
        return [step.text for step in self.steps if step.state is StepStatus.REUSED] if self._cache else []

    @property
    def work(self) -> float:
        """The total seconds of its steps. A step that two stages share counts once."""
        return sum({step.vertex.digest: step.seconds for step in self.steps if step.vertex}.values())

    @property
    def broke(self) -> list[BuiltStep]:
        """The instructions that ran although all that they build on was reused; none in a first build."""
        if not self._cache or (not self.reused and not self.done.edited):
            return []
        causes = {id(cause): cause for cause in map(self.done.cause, self.done.ran)}
        return list(causes.values())

    @property
    def lines(self) -> list[timeline.Line]:
        """The build on its time axis."""
        drawn = timeline.lines(self.steps, _began(self.done.log.vertexes), self.broke)
        return drawn if self._cache else timeline.without_cache(drawn)

    def run(self, folder: Path, settings: BuildSettings, paths: Sequence[str], change: Change, *, cache: bool) -> None:
        """Build, and show the progress."""
        self._cache = cache
        self._show_now()
        over = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(over,), daemon=True)
        ticker.start()
        try:
            with Submission.open(folder, settings) as submission, Facts(submission, on_step=self._on_step) as facts:
                self._plan = facts.plan
                self._rebuild = self._measure(facts, paths, change, cache=cache)
        except SubmissionFault as fault:
            self._wrong = str(fault)
            notes = "\n".join(getattr(fault, "__notes__", ()))
            raise NotebookError(f"{fault}\n{notes}".strip()) from None
        finally:
            over.set()
            ticker.join()
            if not self._ended:
                self._wrong = "stopped before its end"
            self._draw()
            self.refresh()

    def html(self) -> str:
        picture: str = self.widget.picture
        return picture

    def text(self) -> str:
        return f"{self._headline()}\n{timeline.plain(self._lines())}"

    def _ipython_display_(self) -> None:
        if self._shown_by is None or self._shown_by != _cell():
            super()._ipython_display_()

    def __repr__(self) -> str:
        return self.text()

    def _show_now(self) -> None:
        if _cell() is not None:
            self._ipython_display_()
            self._shown_by = _cell()

    def _measure(self, facts: Facts, paths: Sequence[str], change: Change, *, cache: bool) -> Rebuild:
        if paths:
            self._phase = "first as it is"
            _ = facts.build
            with self._one:
                self._vertexes, self._phase = {}, "after the edit"
            return rebuild(facts, paths, change)
        log = builds.build(facts.engine, facts.submission, export=False, cache=cache, on_step=self._on_step).log
        # After any changes that were made before.
        return Rebuild(change, (), (), match(log, facts.plan), log, {})

    def _on_step(self, vertex: Vertex) -> None:
        self._vertexes[vertex.digest] = vertex

    def _tick(self, over: threading.Event) -> None:
        while not over.wait(EVERY):
            self._draw()

    def _lines(self) -> list[timeline.Line]:
        if self._rebuild:
            return self.lines
        if self._plan is None:
            return []
        seen = [replace(vertex) for vertex in tuple(self._vertexes.values())]
        so_far = match(BuildLog(True, 0, seen), self._plan)  # a guess: only at the end it is known what is reused
        return timeline.lines(so_far, _began(seen), (), time.time())

    def _draw(self) -> None:
        with self._one:
            drawn = self._lines()
            running = [line for line in drawn if line.state == "running"]
            self.widget.said = f"running {running[0].step.text}" if running else self._headline() if self._ended else ""
            after = ""
            if self._rebuild:
                after = timeline.key(drawn) + fold("Details: steps as a table", timeline.details(drawn))
            self.widget.picture = (
                f'<div class="lw-box lw-image"><p class="lw-kicker">{visible(self._headline(), 1000)}</p>'
                f"{timeline.picture(drawn, timeline.span(drawn) or 1.0)}{after}</div>"
            )

    @property
    def _ended(self) -> bool:
        return bool(self._rebuild or self._wrong)

    def _headline(self) -> str:
        if self._wrong:
            return f"{self.name}: {self._wrong}"
        if self._rebuild is None:
            return f"Building {self.name}{': ' if self._phase else ''}{self._phase} …"
        ran = counted(len(self.ran), "step") + " ran"
        other = sum(line.state == "shared" for line in self.lines)
        reused = f"{len(self.reused)} reused" if self._cache else "without the cache"
        if other:
            reused += f", {other} shared with another stage"
        unseen = ", ".join(self.done.unseen)
        kept = f" The ignore file keeps {unseen} from the builder." if unseen else ""
        return (
            f"{self.name}: {ran}, {reused}; {format_duration(self.work)} of work, "
            f"{format_duration(self.done.log.seconds)} in all.{kept}"
        )


def _began(vertexes: Sequence[Vertex]) -> float:
    """The time at which a build, or a part of it, began; now if it has reported nothing yet."""
    began = BuildLog(True, 0, vertexes).began
    return time.time() if began is None else began


def _cell() -> int | None:
    """The number of the running cell; None outside a notebook."""
    shell = get_ipython()
    return None if shell is None else int(shell.execution_count)

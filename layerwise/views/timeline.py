"""Draw builds on a time axis: one line for each instruction, hollow if it was reused and solid if it ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.facts.build.steps import BuiltStep, StepStatus
from grader.lib.units import format_duration
from layerwise.views.layers import legend
from layerwise.views.listing import spelt, table, visible

LONGEST_INSTRUCTION = 300

RAN = ("lw-solid", "ran")
REUSED = ("lw-hollow", "reused from the cache")
SHARED = ("lw-hollow", "shared: another stage of this build has the same step, and it ran once")
WORDS = {
    "reused": "reused",
    "shared": "shared",
    "ran": "ran",
    "nothing": "config only",
    "unknown": "not seen",
    "waiting": "not yet",
    "running": "running",
    "failed": "failed",
}


@dataclass(frozen=True)
class Line:
    """An instruction on the axis. `start` and `seconds` are in seconds of the build, and 0 if it did not run."""

    step: BuiltStep
    state: str
    """The state, a key of WORDS."""
    start: float = 0.0
    seconds: float = 0.0
    broke: bool = False
    """Whether it broke the chain: it ran although everything that it builds on was reused."""

    @property
    def end(self) -> float:
        return self.start + self.seconds

    @property
    def drawn(self) -> bool:
        """Whether it has a length on the axis."""
        return self.state in ("ran", "running", "failed")


def lines(steps: Sequence[BuiltStep], began: float, broke: Sequence[BuiltStep], now: float | None = None) -> list[Line]:
    """Return the lines of a successful build or, with the present time in `now`, of one that failed or is running."""
    return [_line(step, began, any(step is other for other in broke), now) for step in steps]


def without_cache(drawn: Sequence[Line]) -> list[Line]:
    """The lines of a build without the cache: what was not run anew there, another stage of the same build had run."""
    return [replace(line, state="shared") if line.state == "reused" else line for line in drawn]


def _line(step: BuiltStep, began: float, broke: bool, now: float | None) -> Line:
    vertex = step.vertex
    if now is not None and step.state is not StepStatus.NOTHING:
        if vertex is None or (vertex.started is None and not vertex.cached):
            return Line(step, "waiting")
        if vertex.started is not None and vertex.error:
            return Line(step, "failed", max(0.0, vertex.started - began), vertex.seconds)
        if vertex.started is not None and vertex.completed is None:
            return Line(step, "running", max(0.0, vertex.started - began), max(0.0, now - vertex.started))
    if step.state is StepStatus.RAN and vertex is not None and vertex.started is not None:
        return Line(step, "ran", max(0.0, vertex.started - began), vertex.seconds, broke)
    return Line(step, str(step.state))


def span(drawn: Sequence[Line]) -> float:
    """The seconds from the beginning to the end of the last step."""
    return max((line.end for line in drawn), default=0.0)


def picture(drawn: Sequence[Line], seconds: float) -> str:
    """The lines on an axis of that many seconds."""
    several = len({line.step.step.stage.index for line in drawn}) > 1
    rows, stage = [], None
    for line in drawn:
        own = line.step.step.stage
        if several and own is not stage:
            rows.append(
                f'<p class="lw-kicker lw-stage">stage <code>{visible(own.name or str(own.index), 60)}</code></p>'
            )
        stage = own
        rows.append(_row(line, seconds))
    return (
        f'<div class="lw-steps">{"".join(rows)}<div class="lw-step lw-axis" aria-hidden="true"><span></span>'
        f"<span><span>0</span><span>{format_duration(seconds)}</span></span><span></span></div></div>"
    )


def _row(line: Line, seconds: float) -> str:
    text = line.step.text
    if line.drawn:
        left = min(99.0, 100 * line.start / seconds) if seconds else 0.0
        width = min(100.0 - left, 100 * line.seconds / seconds) if seconds else 0.0
        bar = f'<span class="lw-solid lw-is-{line.state}" style="left:{left:.2f}%;width:{width:.2f}%"></span>'
    else:
        bar = '<span class="lw-hollow"></span>' if line.state in ("reused", "shared") else ""
    broke = '<span class="lw-broke">the chain breaks here</span>' if line.broke else ""
    word = WORDS[line.state]
    if line.drawn:
        word = f"{word} {format_duration(line.seconds)}"
    return (
        f'<div class="lw-step"><span class="lw-made"><code title="{visible(text, 1000)}">'
        f"{visible(text, LONGEST_INSTRUCTION)}</code>{broke}</span>"
        f'<span class="lw-track" aria-hidden="true">{bar}</span><span class="lw-soft lw-word">{word}</span></div>'
    )


def details(drawn: Sequence[Line]) -> str:
    """The lines as a table."""
    rows = [
        [
            str(line.step.step.line),
            visible(line.step.step.stage.name or str(line.step.step.stage.index), 60),
            WORDS[line.state] + (", broke the chain" if line.broke else ""),
            f"{line.start:.2f}" if line.drawn else "",
            f"{line.seconds:.2f}" if line.drawn else "",
            f"<code>{visible(line.step.text, LONGEST_INSTRUCTION)}</code>",
        ]
        for line in drawn
    ]
    return table(("Line", "Stage", "What happened", "From, s", "For, s", "Instruction"), rows, numbers=(0, 3, 4))


def key(drawn: Sequence[Line]) -> str:
    """The legend: what hollow and solid mean."""
    states = {line.state for line in drawn}
    hollow = [SHARED] if "shared" in states else []
    return legend(*([REUSED] if "reused" in states or not hollow else []), *hollow, RAN)


def plain(drawn: Sequence[Line]) -> str:
    """The lines in words."""
    return "\n".join(
        f"{WORDS[line.state]:11} {format_duration(line.seconds) if line.drawn else '':>7}  {spelt(line.step.text)}"
        f"{'   <- the chain breaks here' if line.broke else ''}"
        for line in drawn
    )

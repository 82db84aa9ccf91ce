"""Compare two builds on one time axis: what was saved, and which instruction broke the chain in each.

lw.compare(before, after)     two results of lw.build
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from grader.lib.units import format_duration
from layerwise.errors import InputError
from layerwise.views import timeline
from layerwise.views.build import Built
from layerwise.views.listing import fold, spelt, visible
from layerwise.views.live import plainly, static_html


def compare(before: Built, after: Built) -> Comparison:
    """Return a comparison of two successful builds."""
    with plainly():
        for one in (before, after):
            if not isinstance(one, Built):
                raise InputError("give two builds to compare, each as lw.build gave it")
        return Comparison(before, after)


class Comparison:
    """A comparison of two builds, which shows itself in a notebook."""

    def __init__(self, before: Built, after: Built) -> None:
        self.before = before
        self.after = after
        self._lines = [before.lines, after.lines]

    @property
    def saved(self) -> float:
        """The seconds of work that the second build saved; negative if it did more."""
        return self.before.work - self.after.work

    @property
    def times(self) -> float:
        """The work of the first build as a multiple of the second's; infinite if the second did none."""
        return self.before.work / self.after.work if self.after.work else float("inf")

    def __repr__(self) -> str:
        parts = [f"{spelt(one.name)}\n{timeline.plain(drawn)}" for one, drawn in self._builds()]
        return "\n\n".join([*parts, self._sentence()])

    def _repr_html_(self) -> str:
        scale = max(timeline.span(drawn) for drawn in self._lines) or 1.0
        shown = "".join(
            f'<div class="lw-group"><p class="lw-kicker">{visible(one.name, 300)}: {format_duration(one.work)} of work'
            f"</p>{timeline.picture(drawn, scale)}</div>"
            for one, drawn in self._builds()
        )
        tables = "".join(
            f'<p class="lw-kicker">{visible(one.name, 300)}</p>{timeline.details(drawn)}'
            for one, drawn in self._builds()
        )
        return static_html(
            f'<div class="lw-box lw-image"><p><strong>{visible(self._sentence(), 1000)}</strong></p>{shown}'
            f"{timeline.key([*chain(*self._lines)])}{fold('Details: both as tables', tables)}</div>"
        )

    def _builds(self) -> Iterator[tuple[Built, list[timeline.Line]]]:
        return zip((self.before, self.after), self._lines, strict=True)

    def _sentence(self) -> str:
        first, second = format_duration(self.before.work), format_duration(self.after.work)
        if self.saved <= 0:
            said = f"Nothing saved: {first} of work, then {second}."
        elif self.times == float("inf"):
            said = f"Saved all {first} of work: the second had nothing to do."
        else:
            said = f"Saved {format_duration(self.saved)} of work: {first}, then {second}, {self.times:.1f} times less."
        for word, one in (("first", self.before), ("second", self.after)):
            for step in one.broke:
                said += f" In the {word} the chain breaks at line {step.step.line}, “{spelt(step.text, 60)}”."
        return said

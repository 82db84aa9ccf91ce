"""Show an image as a stack of layers: what made each, how big it is, which files it added, changed and removed.

lw.layers("hello:v1")
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.lib.text import clean
from grader.lib.units import format_size
from layerwise.views.anatomy import Anatomy, Change, Slice, load
from layerwise.views.listing import ListingView, fold, size, spelt, table, visible
from layerwise.views.live import plainly
from layerwise.views.words import counted

MAX_WARNINGS = 10
"""The most secrets outside of files that are listed."""
LOCK = (
    '<svg class="lw-lock" viewBox="0 0 12 14" role="img" aria-label="secret">'
    '<path d="M3 6V4a3 3 0 0 1 6 0v2" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<rect x="1" y="6" width="10" height="7.5" rx="1" fill="currentColor"/></svg>'
)
MAX_STEPS = 200
"""The most lines of an image's history that are shown, from the top. An image has at most 127 layers."""
LONGEST_INSTRUCTION = 90
"""The most characters of an instruction in a line of text. In the picture, the style cuts it at the line's end."""


def layers(image: str) -> Layers:
    """Return the layers of an image on the engine, to show in a notebook."""
    with plainly():
        return Layers(load(image))


def bar(whole: float, total: float, *, base: bool, wasted: float = 0) -> str:
    """A bar to scale: hollow for the base's bytes, solid for the image's own, hatched for waste."""
    width = 100 * whole / total if total else 0
    hatched = 100 * min(1, wasted / whole) if whole else 0
    waste = f'<span class="lw-waste" style="width:{hatched:.2f}%"></span>' if hatched else ""
    kind = "lw-hollow" if base else "lw-solid"
    return (
        f'<span class="lw-bar" aria-hidden="true"><span class="{kind}" style="width:{width:.2f}%">{waste}</span></span>'
    )


def legend(*words: tuple[str, str]) -> str:
    """The legend of a picture, from pairs of a mark's class and its meaning."""
    parts = "".join(f'<span><span class="lw-key {mark}"></span>{text}</span>' for mark, text in words)
    return f'<p class="lw-legend lw-soft" aria-hidden="true">{parts}</p>'


HOLLOW = ("lw-hollow", "comes with the base image")
SOLID = ("lw-solid", "made for this image")
WASTE = ("lw-solid lw-waste", "waste: shipped, but hidden by a later layer")


class Layers(ListingView):
    """The layers of an image in a notebook."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self._leaks = anatomy.leaks
        self._secrets = {(leak.layer, leak.path): leak.what for leak in self._leaks or () if leak.where == "file"}
        """The kind of secret that was found, by layer and path."""
        super().__init__([self._ordered(part) for part in anatomy.slices])

    def picture(self) -> str:
        slices = self.anatomy.slices
        biggest = max((part.layer.size for part in slices), default=0)
        steps = self.anatomy.steps
        rows = []
        for step in reversed(steps[-MAX_STEPS:]):
            if step.layer is None:
                rows.append(
                    '<div class="lw-config"><span class="lw-place" aria-hidden="true">·</span>'
                    f'<code title="{visible(step.instruction, 1000)}">{_shown(step.instruction)}</code>'
                    '<span class="lw-soft">config only: no layer</span></div>'
                )
            else:
                rows.append(self._layer(slices[step.layer], biggest))
        left = len(steps) - MAX_STEPS
        if left > 0:
            rows.append(f'<p class="lw-soft">and {left} older steps of its history</p>')
        marks = [HOLLOW] if self.anatomy.base_layers else []
        marks += [SOLID] + ([WASTE] if any(part.wasted for part in slices) else [])
        return (
            f'<div class="lw-box lw-image"><p class="lw-kicker">{self._headline()}</p>{self._warnings()}'
            f'<div class="lw-tools"></div><div class="lw-stack">{"".join(rows)}</div>{legend(*marks)}'
            f"{fold('Details: the same as a table', self._table())}</div>"
        )

    def text(self) -> str:
        slices = self.anatomy.slices
        lines = [f"Image {spelt(self.anatomy.name)}: {format_size(self.anatomy.size)}"]
        for part in reversed(slices):
            made = "base" if part.base else "own "
            lines.append(
                f"{part.layer.index + 1:3} {made} {format_size(part.layer.size):>10}  "
                f"{_counts(part) or 'nothing'}  {spelt(part.instruction, LONGEST_INSTRUCTION)}"
            )
        return "\n".join(lines)

    def places(self, count: int) -> str:
        return counted(count, "layer")

    def remark(self, number: int, change: Change) -> str:
        secret = self._secret(number, change)
        parts = [f"{LOCK} {visible(secret)}"] if secret else []
        parts += [visible(change.note)] if change.note else []
        if change.hidden is not None:
            parts.append(f"hidden by layer {change.hidden + 1}, and still shipped")
        if change.what == "removed" and change.size:
            parts.append("out of sight, but still in a layer below")
        return ", ".join(parts)

    def _ordered(self, part: Slice) -> Sequence[Change]:
        """The changes of a layer, those with a secret first."""
        return sorted(part.changes, key=lambda change: not self._secret(part.layer.index, change))

    def _secret(self, number: int, change: Change) -> str:
        """The kind of secret in a layer's file; empty if none is known."""
        return "" if change.what == "removed" else self._secrets.get((number, clean(change.path, 300)), "")

    def _warnings(self) -> str:
        """The warnings about secrets outside of files, or that the image was not searched."""
        if self._leaks is None:
            return '<p class="lw-kicker">Not searched for secrets: its own layers are too big.</p>'
        said = {
            "config": "in the config ({}), which whoever has the image can read",
            "history": "in the history ({}), which whoever has the image can read",
            "name": "in the name of a file: {}",
        }
        places: dict[str, list[str]] = {}
        for leak in self._leaks:
            if leak.where in said:
                place = said[leak.where].format(f"<code>{visible(leak.path)}</code>")
                places.setdefault(place, []).append(visible(leak.what))
        lines = [f"{LOCK} {', '.join(kinds)} {place}" for place, kinds in places.items()]
        return "".join(f'<p class="lw-secret">{line}</p>' for line in lines[:MAX_WARNINGS])

    def _layer(self, part: Slice, biggest: int) -> str:
        number = part.layer.index + 1
        held = sorted({what for (layer, _), what in self._secrets.items() if layer == part.layer.index})
        locked = f", {LOCK} holds a secret: {visible(', '.join(held))}" if held else ""
        waste = f", {size(part.wasted)} of it waste" if part.wasted else ""
        whose = "base" if part.base else "own"
        return (
            f'<details class="lw-layer"><summary><span class="lw-place">{number}</span>'
            f"{bar(part.layer.size, biggest, base=part.base, wasted=part.wasted)}"
            f'<span class="lw-size">{size(part.layer.size)}</span>'
            f'<span class="lw-made"><code title="{visible(part.instruction, 1000)}">{_shown(part.instruction)}</code>'
            f'<span class="lw-soft">{whose}: {_counts(part) or "no files"}{waste}{locked}</span></span></summary>'
            f'<div class="lw-inside"><p class="lw-soft">Named by its content: '
            f"<code>{visible(part.layer.diff_id, 80)}</code></p>"
            f'<div data-list="{part.layer.index}">{self.first_rows(part.layer.index)}</div></div></details>'
        )

    def _headline(self) -> str:
        anatomy = self.anatomy
        total, own = anatomy.size, anatomy.size - anatomy.base_size
        said = f"Image <code>{visible(anatomy.name)}</code>: {counted(len(anatomy.slices), 'layer')}, {size(total)}"
        if anatomy.base_layers:
            said += f"; {size(anatomy.base_size)} of it from <code>{visible(anatomy.base)}</code>, {size(own)} its own"
        wasted = sum(part.wasted for part in anatomy.slices)
        return said + (f"; {size(wasted)} waste." if wasted else ".")

    def _table(self) -> str:
        rows = [
            [
                str(part.layer.index + 1),
                "base" if part.base else "own",
                f"{part.layer.size:,}",
                *(f"{part.counts.get(what, 0):,}" for what in ("added", "changed", "removed")),
                f"{part.wasted:,}",
                f"<code>{visible(part.layer.diff_id[:19], 19)}</code>",
                visible(part.instruction, 100) or "not recorded",
            ]
            for part in reversed(self.anatomy.slices)
        ]
        heads = ("Layer", "From", "Bytes", "Added", "Changed", "Removed", "Waste, bytes", "Digest", "Made by")
        return table(heads, rows, numbers=(0, 2, 3, 4, 5, 6))


def _shown(text: str) -> str:
    return visible(text, 2 * LONGEST_INSTRUCTION) or "an imported file system (no instruction recorded)"


def _counts(part: Slice) -> str:
    return ", ".join(
        f"{part.counts[what]:,} {what}" for what in ("added", "changed", "removed") if part.counts.get(what)
    )

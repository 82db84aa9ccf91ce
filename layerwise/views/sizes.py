"""Show the sizes of images to one scale: what came with the base and what was added, as stored and as sent.

lw.sizes("hello:v1", "localhost:5000/base/python:3.13-slim")
"""

from __future__ import annotations

from collections.abc import Sequence

from grader.lib.units import format_size
from layerwise.errors import InputError
from layerwise.views.anatomy import Anatomy, load
from layerwise.views.layers import HOLLOW, SOLID, bar, legend
from layerwise.views.listing import fold, size, spelt, table, visible
from layerwise.views.live import plainly, static_html

MAX_IMAGES = 24


def sizes(*images: str) -> Sizes:
    """Return the sizes of images on the engine: uncompressed, and compressed as a registry would send them (gzip)."""
    with plainly():
        if not 1 <= len(images) <= MAX_IMAGES:
            raise InputError(f"give between 1 and {MAX_IMAGES} images to compare")
        return Sizes([load(image) for image in images])


class Sizes:
    """Images by size, which show themselves in a notebook."""

    def __init__(self, images: list[Anatomy]) -> None:
        self.images = images
        self.rows = [
            (one, (one.base_size, one.size - one.base_size), _parts(one.image.compressed_sizes, one.base_layers))
            for one in images
        ]
        """For each image, the bytes of its base layers and its own layers, uncompressed and then compressed."""

    def __repr__(self) -> str:
        return "\n".join(
            f"{format_size(sum(stored)):>9} stored, {format_size(sum(sent)):>9} sent  {spelt(one.name)}"
            for one, stored, sent in self.rows
        )

    def _repr_html_(self) -> str:
        largest = max(sum(stored) for _, stored, _ in self.rows)
        groups = "".join(
            f'<div class="lw-group"><code>{visible(one.name, 80)}</code>'
            f"{_line('stored', stored, largest)}{_line('sent', sent, largest)}</div>"
            for one, stored, sent in self.rows
        )
        rows = [
            [
                f"<code>{visible(one.name, 80)}</code>",
                f"<code>{visible(one.base, 80)}</code>" if one.base_layers else "none known",
                *(f"{count:,}" for count in (*stored, sum(stored), *sent, sum(sent))),
            ]
            for one, stored, sent in self.rows
        ]
        heads = ("Image", "Base", "Base, stored", "Own, stored", "All, stored", "Base, sent", "Own, sent", "All, sent")
        marks = ([HOLLOW] if any(stored[0] for _, stored, _ in self.rows) else []) + [SOLID]
        return static_html(
            '<div class="lw-box lw-image"><p class="lw-kicker">Stored: all layers uncompressed. Sent: the same layers '
            f"compressed (gzip), as a registry serves them. One scale.</p>{groups}{legend(*marks)}"
            f"{fold('Details: bytes as a table', table(heads, rows, numbers=range(2, 8)))}</div>"
        )


def _parts(counts: Sequence[int], base_layers: int) -> tuple[int, int]:
    return sum(counts[:base_layers]), sum(counts[base_layers:])


def _line(word: str, parts: tuple[int, int], largest: int) -> str:
    base, own = parts
    said = f"{size(base)} base + {size(own)} own" if base else ""
    bars = (bar(base, largest, base=True) if base else "") + (bar(own, largest, base=False) if own else "")
    return (
        f'<div class="lw-pair"><span class="lw-soft">{word}</span><span class="lw-joined">{bars}</span>'
        f'<span class="lw-size">{size(base + own)}</span><span class="lw-soft lw-parts">{said}</span></div>'
    )

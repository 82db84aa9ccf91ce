"""Show a signature as a chain, from the key down to the layers: each link computed from bytes, and where it breaks.

lw.signature("localhost:5000/me/postcards:1.0")                    with the key in cosign.pub
lw.signature("localhost:5000/me/postcards@sha256:...", key="keys/ours.pub")
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.facts.dockerfile.reference import parse_reference
from grader.facts.registry.repository import Repository
from layerwise.errors import InputError
from layerwise.views.chain import BREAKS, HOLDS, SHORT, UNSEEN, Link, follow
from layerwise.views.layers import legend
from layerwise.views.listing import fold, spelt, table, visible
from layerwise.views.live import plainly, static_html

MAX_DIGESTS = 6
"""The most digests of a link in the picture and the text. The table has more."""
MAX_ROWS = 200
MARKS = {HOLDS: "✓", BREAKS: "✕", UNSEEN: "·"}
FRAMES = {
    HOLDS: ("lw-ships", "holds: computed here, and it fits"),
    BREAKS: ("lw-snapped", "breaks"),
    UNSEEN: ("lw-stays", "not reached"),
}


def signature(image: str, key: str | Path = "cosign.pub") -> Signature:
    """Return the chain of an image in a registry, named by its tag or digest.

    `key` is the file of the public key to check its signature with.
    """
    with plainly():
        reference = parse_reference(image)
        if reference is None:
            raise InputError(f"{spelt(image)} is not the name of an image: write REGISTRY/REPOSITORY:TAG, or @sha256:…")
        which = reference.digest or reference.tag or "latest"
        return Signature(image, str(key), follow(Repository.of(reference), which, Path(key)))


class Signature:
    """A chain from key to layers. It shows itself in a notebook, in its state at the time of the call."""

    def __init__(self, name: str, key: str, links: Sequence[Link]) -> None:
        self.name = name
        self.key = key
        self.links = links

    @property
    def broken(self) -> str:
        """The name of the link that breaks; empty if all hold."""
        return next((link.name for link in self.links if link.state == BREAKS), "")

    def __repr__(self) -> str:
        lines = [
            f"{MARKS[link.state]} {link.name:9}  {link.state}: {spelt(link.said, 500)}"
            + "".join(f"\n{'':13}{d}" for d in _few(link))
            for link in self.links
        ]
        return "\n".join([spelt(self._headline(), 1000), *lines])

    def _repr_html_(self) -> str:
        states = [link.state for link in self.links]
        marks = [FRAMES[state] for state in FRAMES if state in states]
        return static_html(
            f'<div class="lw-box lw-image"><p class="lw-kicker">{visible(self._headline(), 1000)}</p>'
            f'<div class="lw-chain" role="list">{"".join(map(_card, self.links))}</div>{legend(*marks)}'
            f"{fold('Details: the same as a table', self._table())}</div>"
        )

    def _headline(self) -> str:
        what = f"{self.name}, checked with {self.key}"
        end = f"the chain breaks at the {self.broken}" if self.broken else "the chain holds from the key to the layers"
        return f"{what}: {end}."

    def _table(self) -> str:
        rows = [
            [link.name, link.state, f"<code>{visible(digest, 80)}</code>" if digest else "", visible(link.said, 500)]
            for link in self.links
            for digest in link.digests or ("",)
        ]
        return table(("Link", "State", "Digest", "What was found"), rows[:MAX_ROWS])


def _card(link: Link) -> str:
    frame, _ = FRAMES[link.state]
    digests = " ".join(f"<code>{visible(digest)}</code>" for digest in _few(link))
    found = "" if link.state == UNSEEN else f'<p class="lw-found">{visible(link.said, 500)} {digests}</p>'
    return (
        f'<div class="lw-node {frame}" role="listitem"><p class="lw-node-head"><strong>{link.name}</strong>'
        f'<span class="lw-became"><span aria-hidden="true">{MARKS[link.state]} </span>{link.state}</span></p>'
        f"{found}</div>"
    )


def _few(link: Link) -> list[str]:
    """The first digests of a link in short form, and how many more there are."""
    left = len(link.digests) - MAX_DIGESTS
    return [digest[:SHORT] for digest in link.digests[:MAX_DIGESTS]] + ([f"and {left:,} more"] if left > 0 else [])

"""Show the content of a registry: repositories, tags, what each tag leads to, and shared blobs, to scale.

lw.registry()                                      all of the lab's registry
lw.registry(repository="lesson06")                 the repositories under lesson06/, or that one
lw.registry(repository=["lesson06/*", "base/*"])   those that match
lw.registry("localhost:5001", "mine/app")          of another registry
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from grader.errors import LoginRequired, RegistryUnavailable
from grader.lib.units import format_size
from layerwise.views.layers import bar, legend
from layerwise.views.listing import fold, size, spelt, table, visible
from layerwise.views.live import NotebookError, plainly, static_html
from layerwise.views.registry_tree import Holdings, Item, Shelf, Tag, read_registry
from layerwise.views.words import counted

HERE = "localhost:5000"
MAX_ROWS = 1200
"""The most blobs that are listed, for all tags together."""
MAX_SHARERS = 3
"""The most tags named in a line that share blobs with a tag."""
MAX_PLATFORMS = 6
"""The most platforms of an index named in a line."""
MAX_EMPTY = 8
"""The most repositories without a tag that are named."""
SHARED = ("lw-hollow", "blobs that another tag here also has")
OWN = ("lw-solid", "blobs of this tag alone")


class Style(NamedTuple):
    """How to format untrusted names, sentences, and bytes."""

    code: Callable[[str], str]
    plain: Callable[[str], str]
    size: Callable[[float], str]


TEXT = Style(spelt, lambda text: spelt(text, 300), format_size)
HTML = Style(lambda text: f"<code>{visible(text)}</code>", lambda text: visible(text, 300), size)


def registry(address: str = HERE, repository: str | Sequence[str] | None = None) -> Registry:
    """Return the content of the registry at that address, of all repositories or of those that match."""
    with plainly():
        patterns = [repository] if isinstance(repository, str) else list(repository or ())
        try:
            return Registry(read_registry(address, [str(pattern) for pattern in patterns]))
        except LoginRequired:
            raise
        except RegistryUnavailable as problem:
            raise NotebookError(f"{problem}; is the lab up? lab status" if address == HERE else str(problem)) from None


class Registry:
    """The repositories and tags of a registry. It shows itself in a notebook, in its state at the time of the call."""

    def __init__(self, holdings: Holdings) -> None:
        self.holdings = holdings
        self._room = max(3, MAX_ROWS // max(1, len(holdings.tags)))

    def own(self, tag: str) -> int:
        """The bytes of a tag, such as "lesson06/bakery:1.0", that no other tag shown here has."""
        return self.holdings.own(self._find(tag))

    def size(self, tag: str) -> int:
        """The bytes of all blobs of a tag."""
        return self._find(tag).size

    def _find(self, name: str) -> Tag:
        for tag in self.holdings.tags:
            if name == f"{tag.repository}:{tag.name}":
                return tag
        raise KeyError(f"no tag {name!r} here")

    def __repr__(self) -> str:
        lines = [self._headline(TEXT)]
        for shelf in self.holdings.shelves:
            lines += ["", spelt(shelf.name) + (f": {spelt(shelf.fault, 300)}" if shelf.fault else "")]
            for tag in shelf.tags:
                own = self.holdings.own(tag)
                sizes = f"{format_size(tag.size):>9}, own {format_size(own):>9}" if tag.items else " " * 24
                lines.append(f"  {_short(tag.name):20} {sizes}  {tag.digest[:19]}  {self._said(tag, TEXT)}")
            if shelf.left:
                lines.append(f"  and {counted(shelf.left, 'tag')} not looked at")
        return "\n".join([*lines, *(["", rest] if (rest := self._rest(TEXT)) else [])])

    def _repr_html_(self) -> str:
        shelves = "".join(map(self._shelf, self.holdings.shelves))
        rest = self._rest(HTML)
        marks = legend(SHARED, OWN) if self.holdings.tags else ""
        details = fold("Details: the same as a table", self._table()) if self.holdings.tags else ""
        return static_html(
            f'<div class="lw-box lw-image lw-registry"><p class="lw-kicker">{self._headline(HTML)}</p>{shelves}'
            f"{f'<p class=lw-soft>{rest}</p>' if rest else ''}{marks}{details}</div>"
        )

    def _headline(self, style: Style) -> str:
        held = self.holdings
        where = style.code(held.registry) + (f", {style.plain(held.asked)}" if held.asked else "")
        if not held.shelves:
            return f"{where}: no repository holds a tag."
        found = f"{counted(len(held.shelves), 'repository', 'repositories')}, {counted(len(held.tags), 'tag')}"
        saved = held.named - held.kept
        if not saved:
            return f"{where}: {found}; {style.size(held.kept)}, nothing of it shared."
        return (
            f"{where}: {found}. Counted tag by tag {style.size(held.named)}, each blob once {style.size(held.kept)}: "
            f"sharing saves {style.size(saved)}."
        )

    def _rest(self, style: Style) -> str:
        """A sentence about what is not shown."""
        said = []
        if empty := self.holdings.empty:
            some = [style.code(name) for name in empty[:MAX_EMPTY]]
            more = [f"{len(empty) - len(some):,} more"] if len(empty) > len(some) else []
            said.append(f"Listed, but without a tag: {', '.join(some + more)}.")
        if self.holdings.left:
            said.append(f"Not looked into: {counted(self.holdings.left, 'more repository', 'more repositories')}.")
        return " ".join(said)

    def _shelf(self, shelf: Shelf) -> str:
        said = f"<strong>{visible(shelf.name)}</strong>"
        if shelf.fault:
            return f'<p class="lw-under">{said}</p><p class="lw-fault">{visible(shelf.fault, 300)}</p>'
        largest = max((tag.size for tag in self.holdings.tags), default=0)
        rows = "".join(self._row(tag, largest) for tag in shelf.tags)
        left = f'<p class="lw-soft">and {counted(shelf.left, "tag")} not looked at</p>' if shelf.left else ""
        return f'<p class="lw-under">{said}</p><div class="lw-stack">{rows}</div>{left}'

    def _row(self, tag: Tag, largest: int) -> str:
        own = self.holdings.own(tag)
        shared = tag.size - own
        bars = (bar(shared, largest, base=True) if shared else "") + (bar(own, largest, base=False) if own else "")
        said = self._said(tag, HTML)
        name = visible(tag.name, 200)
        return (
            '<details class="lw-layer"><summary><span class="lw-place"></span>'
            f'<span class="lw-joined" aria-hidden="true">{bars}</span>'
            f'<span class="lw-size">{size(tag.size) if tag.items else ""}</span>'
            f'<span class="lw-made"><code title="{name}">{visible(_short(tag.name))}</code>'
            f'<span class="lw-soft">{said}</span></span></summary>'
            f'<div class="lw-inside">{self._inside(tag)}</div></details>'
        )

    def _said(self, tag: Tag, style: Style) -> str:
        """A line about what a tag leads to, and what other tags share of it."""
        if tag.fault:
            return style.plain(tag.fault)
        said = [self._what(tag, style)]
        own = self.holdings.own(tag)
        if twins := self.holdings.twins(tag):
            said.append(f"the same as {_listed([style.code(twin.name) for twin in twins], MAX_SHARERS)}")
        elif sharers := self.holdings.sharers(tag):
            names = [style.code(_name_seen_from(other, tag)) for other, _ in sharers]
            said.append(
                f"{style.size(tag.size - own)} shared with {_listed(names, MAX_SHARERS)}; "
                f"pushed after them, it sends {style.size(own)}"
            )
        return "; ".join(said)

    def _what(self, tag: Tag, style: Style) -> str:
        if tag.about:
            subjects = [style.code(subject.name) for subject in self.holdings.subjects(tag)]
            whose = _listed(subjects, MAX_SHARERS) if subjects else "a manifest that no tag here leads to"
            return f"{tag.attached} of {whose}"
        images = [item for item in tag.items if item.what == "image"]
        others = len(tag.items) - len(images) + tag.left
        broken = sum(1 for item in tag.items if item.fault)
        if not tag.is_index:
            said = _plain(tag.items[0], style)
        else:
            listed = [style.code(item.platform or "no platform") for item in images]
            shown = listed[:MAX_PLATFORMS]
            rest = others + len(listed) - len(shown)
            said = (
                f"index: {_listed([*(shown or ['no image']), *([f'{rest} more'] if rest else [])], MAX_PLATFORMS + 1)}"
            )
        return said + (f" ({broken} cannot be read)" if broken else "")

    def _inside(self, tag: Tag) -> str:
        if tag.fault:
            return f"<p>{visible(tag.fault, 300)}</p>"
        rows = []
        for item in tag.items:
            what = visible(item.what, 100) + (f" for <code>{visible(item.platform)}</code>" if item.platform else "")
            note = f"cannot be read: {visible(item.fault, 200)}" if item.fault else ""
            rows.append([f"manifest: {what}", f"{item.size:,}", _digest(item.digest), note])
            for part in item.parts:
                others = sorted(
                    (other for other in self.holdings.users[part.digest] if other is not tag),
                    key=lambda other: other.repository != tag.repository,
                )
                also = [visible(_name_seen_from(other, tag)) for other in others]
                shared = f"shared with {_listed(also, MAX_SHARERS)}" if also else "its own"
                rows.append([f"· {part.kind}", f"{part.size:,}", _digest(part.digest), shared])
        left = len(rows) - self._room
        more = f'<p class="lw-soft">and {left:,} more lines</p>' if left > 0 else ""
        heads = ("What", "Bytes", "Digest", "")
        kind = "the index" if tag.is_index else "the manifest"
        return (
            f'<p class="lw-soft">The tag names {kind} <code>{visible(tag.digest, 80)}</code></p>'
            f"{table(heads, rows[: self._room], numbers=(1,))}{more}"
        )

    def _table(self) -> str:
        rows = []
        for tag in self.holdings.tags:
            own = self.holdings.own(tag)
            with_whom = [f"{other.repository}:{_short(other.name)}" for other, _ in self.holdings.sharers(tag)]
            rows.append(
                [
                    f"<code>{visible(tag.repository)}</code>",
                    f"<code>{visible(_short(tag.name))}</code>",
                    _digest(tag.digest),
                    visible(tag.fault, 200) or self._what(tag, HTML),
                    str(len(tag.parts)),
                    *(f"{count:,}" for count in (tag.size, tag.size - own, own)),
                    visible(_listed(with_whom, 6), 400) or "nobody",
                ]
            )
        heads = ("Repository", "Tag", "Digest", "Leads to", "Blobs", "Bytes", "Shared", "Its own", "Shares with")
        return table(heads, rows, numbers=(4, 5, 6, 7))


def _plain(item: Item, style: Style) -> str:
    return f"image for {style.code(item.platform)}" if item.platform else style.plain(item.what)


def _short(tag: str) -> str:
    """The tag in readable form: a name with a digest is cut."""
    return f"{tag[:15]}…{tag[71:]}" if tag.startswith("sha256-") and len(tag) > 70 else spelt(tag, 60)


def _name_seen_from(other: Tag, tag: Tag) -> str:
    """The name of another tag, as it is shown for this one."""
    return _short(other.name) if other.repository == tag.repository else f"{other.repository}:{_short(other.name)}"


def _digest(digest: str) -> str:
    return f'<code title="{visible(digest, 200)}">{visible(digest[:19])}</code>' if digest else ""


def _listed(words: Sequence[str], most: int) -> str:
    """A list in words: "a, b and 3 more"."""
    some = [*words[:most], *([f"{len(words) - most:,} more"] if len(words) > most else [])]
    return " and ".join(filter(None, (", ".join(some[:-1]), some[-1]))) if some else ""

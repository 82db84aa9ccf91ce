"""Show lists of files next to a picture: the biggest at once, the others on request, and a search through all.

An image can have a hundred thousand files, which are too many for a notebook. So what is shown is bounded, and a search
runs in the kernel, through the widget's messages.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from grader.lib.units import format_size
from layerwise.views.live import LiveWidget, View, script
from layerwise.views.words import counted

if TYPE_CHECKING:
    from layerwise.views.anatomy import Change

FIRST = 8
"""The most files of a section that are shown at once and kept in a saved notebook."""
FIRST_OF_ALL = 160
"""The same for all sections together."""
MORE = 100
"""The most files of a section that a search, or "more", shows."""
MOST = 1000
"""The most files of a section that are ever shown."""
MAX_QUERY = 200
LONGEST = 120
"""The most characters of a path that is shown in full."""

_SIGNS = {"added": ("+", "added"), "changed": ("~", "changed"), "removed": ("−", "removed")}


def spelt(text: str, limit: int = LONGEST) -> str:
    """Untrusted text in one line. Invisible characters are spelt out, and a long text is cut in the middle."""
    shown = "".join(char if char.isprintable() else _spell(char) for char in text[: 20 * limit])
    return shown if len(shown) <= limit else f"{shown[: limit // 2 - 1]} … {shown[-(limit // 2) + 2 :]}"


def visible(text: str, limit: int = LONGEST) -> str:
    """Untrusted text in one line, as HTML."""
    return html.escape(spelt(text, limit))


def _spell(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:  # a byte of a name that is not UTF-8
        return f"\\x{number - 0xDC00:02x}"
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def size(count: float) -> str:
    """A size in words, with the exact bytes on hover."""
    return f'<span title="{count:,.0f} bytes">{format_size(count)}</span>'


class ListingWidget(LiveWidget):
    """The live part: a picture as HTML, with lists that are filled on request."""

    _esm = script("listing.js")
    picture = traitlets.Unicode("").tag(sync=True)
    """The HTML, with an element `data-list="N"` for each list."""
    lists = traitlets.Dict().tag(sync=True)
    """The present content of each list as HTML, by its number (as text)."""
    hits = traitlets.Dict().tag(sync=True)
    """The number of files that the search found in each list; empty without a search."""
    said = traitlets.Unicode("").tag(sync=True)
    """The result of the search, in one line."""


class ListingView(View):
    """A picture with a list of files for each of its sections. A subclass draws the picture."""

    def __init__(self, sections: Sequence[Sequence[Change]]) -> None:
        self._sections = sections
        self._query = ""
        self._first = max(1, min(FIRST, FIRST_OF_ALL // max(1, len(sections))))
        super().__init__(
            ListingWidget(),
            {
                "search": lambda message: self.search(str(message.get("text") or "")),
                "more": lambda message: self._more(message.get("list")),
            },
        )
        self.widget.picture = self.picture()

    def picture(self) -> str:
        """The picture as HTML."""
        raise NotImplementedError

    def html(self) -> str:
        picture: str = self.widget.picture
        return picture

    def search(self, text: str) -> None:
        """Show the files with this text in their path, in any case. An empty text shows all again."""
        self._query = text.strip()[:MAX_QUERY].lower()
        found = {number: self._matching(number) for number in range(len(self._sections))}
        if not self._query:
            self.widget.hits = {}
            self.widget.lists = {str(number): self.rows(number, rows, self._first) for number, rows in found.items()}
            self.widget.said = ""
            return
        share = max(3, min(MORE, MOST // max(1, sum(1 for rows in found.values() if rows))))
        self.widget.lists = {str(number): self.rows(number, rows, share) for number, rows in found.items()}
        total = sum(map(len, found.values()))
        places = sum(1 for rows in found.values() if rows)
        self.widget.hits = {str(number): len(rows) for number, rows in found.items()}
        self.widget.said = (
            f"{counted(total, 'entry', 'entries')} in {self.places(places)}." if total else "No path contains that."
        )

    def places(self, count: int) -> str:
        """The number of sections, in words."""
        return counted(count, "list")

    def rows(self, number: int, changes: Sequence[Change], limit: int) -> str:
        """The first changes of a list as a table, and how many more there are."""
        if not changes:
            return '<p class="lw-soft">No files.</p>'
        body = "".join(self._row(number, change) for change in changes[:limit])
        left = len(changes) - limit
        more = ""
        if left > 0:
            can = limit < MOST
            button = f'<button type="button" class="lw-quiet" data-more="{number}">Show more</button>' if can else ""
            more = f'<p class="lw-soft">and {left:,} more{"" if can else ": search for the rest"} {button}</p>'
        head = "<tr><th></th><th>Path</th><th>Size</th><th></th></tr>"
        return f'<table class="lw-files"><thead class="lw-heard">{head}</thead><tbody>{body}</tbody></table>{more}'

    def first_rows(self, number: int) -> str:
        """The rows that a list shows at first."""
        return self.rows(number, self._sections[number], self._first)

    def remark(self, number: int, change: Change) -> str:
        """A remark on a change in list `number`, as HTML."""
        return visible(change.note)

    def _row(self, number: int, change: Change) -> str:
        sign, word = _SIGNS[change.what]
        tail = "/" if change.kind == "folder" else ""
        shown = "" if change.kind == "folder" and change.what != "removed" else size(change.size)
        return (
            f'<tr class="lw-{change.what}{" lw-lost" if change.hidden is not None else ""}">'
            f'<td><span aria-hidden="true">{sign}</span><span class="lw-heard">{word}</span></td>'
            f'<td title="{visible("/" + change.path, 1000)}">{visible("/" + change.path)}{tail}</td>'
            f'<td>{shown}</td><td class="lw-soft">{self.remark(number, change)}</td></tr>'
        )

    def _matching(self, number: int) -> Sequence[Change]:
        if not self._query:
            return self._sections[number]
        return [change for change in self._sections[number] if self._query in f"/{change.path}".lower()]

    def _more(self, number: Any) -> None:
        if isinstance(number, int) and 0 <= number < len(self._sections):
            limit = MORE if not self._query and str(number) not in self.widget.lists else MOST
            lists: Mapping[str, str] = self.widget.lists
            self.widget.lists = {**lists, str(number): self.rows(number, self._matching(number), limit)}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table of HTML cells. The columns in `numbers` are set as numbers."""
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    body = "".join(
        "<tr>" + "".join(
            f"<td{' class=lw-number' if column in numbers else ''}>{cell}</td>" for column, cell in enumerate(row)
        ) + "</tr>"
        for row in rows
    )  # fmt: skip
    inner = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    # It scrolls where it is too wide, so it takes the focus: the arrow keys scroll it.
    label = html.escape(", ".join(heads[:3]))
    return (
        f'<div class="lw-wide" role="group" tabindex="0" aria-label="Table: {label}, …">'
        f'<table class="lw-table">{inner}</table></div>'
    )


def fold(title: str, content: str) -> str:
    """A closed fold under a picture."""
    return f'<details class="lw-fold"><summary>{html.escape(title)}</summary>{content}</details>'

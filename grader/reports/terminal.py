"""The report in a terminal: the score, what to do next, the checks. It works in 80 columns, without colour, and piped.

A shape and a word show each status, and colour only helps. If the output cannot show a character (its console is not
UTF-8), a plain one replaces it. Strings are Text, never markup: brackets in a submission stay brackets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Console
from rich.text import Text

from grader.reports.evidence import Table
from grader.reports.reading import Reader, Reading, read
from grader.verdict import Report, Status

WIDEST = 100
"""The most columns used of a wide terminal: longer lines are hard to read."""
NARROWEST = 40

_MARKS = {Status.PASSED: "✓", Status.PARTIAL: "◐", Status.FAILED: "✗", Status.SKIPPED: "○", Status.ERROR: "!"}
_PLAIN_MARKS = {Status.PASSED: "+", Status.PARTIAL: "~", Status.FAILED: "x", Status.SKIPPED: "-", Status.ERROR: "!"}
_STYLES = {
    Status.PASSED: "green",
    Status.PARTIAL: "yellow",
    Status.FAILED: "red",
    Status.SKIPPED: "dim",
    Status.ERROR: "magenta",
}
_STAND_INS = str.maketrans(
    {"“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "·": "-", "–": "-", "—": "-", "→": "->", "○": "o", "●": "*"}
)
_INDENT = 11
"""Columns for the mark and the status word. What a check says starts to the right of it."""
_NAME_COLUMN = 10
"""Columns for `expected`, `found` and the other names."""
_TABLE_ROWS = 12


def render(report: Report, *, console: Console) -> None:
    """Print the report on the console."""
    for line in lines(report, width=console.width, encoding=console.encoding):
        console.print(line, soft_wrap=True, highlight=False)


def lines(report: Report, *, width: int = 80, encoding: str = "utf-8") -> list[Text]:
    """The report as lines of at most `width` columns, without characters that `encoding` cannot write."""
    page = _Page(max(NARROWEST, min(width, WIDEST)), encoding)
    return list(_report(page, read(report)))


@dataclass(frozen=True)
class _Page:
    """The paper: its columns, and an encoding that may lack characters."""

    width: int
    encoding: str

    def fit(self, text: str) -> str:
        """The text with plain replacements for characters that the encoding lacks."""
        if _encodes(text, self.encoding):
            return text
        return text.translate(_STAND_INS).encode(self.encoding, "replace").decode(self.encoding)

    def mark(self, status: Status) -> str:
        return _MARKS[status] if _encodes("".join(_MARKS.values()), self.encoding) else _PLAIN_MARKS[status]

    def wrap(self, text: str, width: int) -> list[str]:
        """The text in lines of at most `width` columns, broken at spaces if there are any."""
        return [piece for line in self.fit(text).split("\n") for piece in _wrap(line, width)]

    def cut(self, text: str, width: int) -> str:
        """The text in at most `width` columns, with dots if something is left out."""
        if cell_len(text) <= width:
            return text
        dots = self.fit("…")
        return set_cell_size(text, max(0, width - len(dots))).rstrip() + dots

    def paragraph(self, text: str, indent: int = 0, style: str = "") -> Iterator[Text]:
        for piece in self.wrap(text, self.width - indent):
            yield _joined((" " * indent, ""), (piece, style))

    def named(self, name: str, text: str, style: str = "") -> Iterator[Text]:
        """A name in its own column under a check, with the text to the right of it."""
        if not text:
            return
        label = self.fit(name)
        if cell_len(label) >= _NAME_COLUMN:
            yield from self.paragraph(label, _INDENT, "dim")
            label = ""
        for piece in self.wrap(text, self.width - _INDENT - _NAME_COLUMN):
            yield _joined((" " * _INDENT, ""), (set_cell_size(label, _NAME_COLUMN), "dim"), (piece, style))
            label = ""

    def between(self, left: Text, text: str, right: str, style: str = "bold") -> Iterator[Text]:
        """A text indented to the end of `left`, with `right` at the end of its first line."""
        indent = left.cell_len
        room = self.width - indent - (cell_len(right) + 2 if right else 0)
        for row, piece in enumerate(self.wrap(text, room)):
            gap = " " * (self.width - indent - cell_len(piece) - cell_len(right)) if right and row == 0 else ""
            start = left if row == 0 else Text(" " * indent)
            yield Text.assemble(start, (piece, style), gap, right if gap else "")


def _report(page: _Page, reader: Reader) -> Iterator[Text]:
    yield from page.paragraph(reader.score, style="bold")
    yield from page.paragraph(f"{reader.exercise} · {reader.title}", style="dim")
    yield Text()
    yield from page.paragraph(reader.next)
    yield Text()
    for check in (*reader.errors, *reader.lost):
        yield from _open(page, check)
        yield Text()
    for check in reader.skipped:
        yield from _heading(page, check, style="")
        yield from page.paragraph(check.message, _INDENT, "dim")
    if reader.passed:
        yield _folded(page, reader)
    if reader.skipped or reader.passed:
        yield Text()
    yield from page.paragraph(" · ".join(reader.footer), style="dim")


def _heading(page: _Page, check: Reading, style: str = "bold") -> Iterator[Text]:
    return page.between(_status(page, check.status), check.title, check.points, style)


def _status(page: _Page, status: Status) -> Text:
    return Text(f"{page.mark(status)} {status}".ljust(_INDENT), _STYLES[status])


def _open(page: _Page, check: Reading) -> Iterator[Text]:
    """A check with all its details."""
    yield from _heading(page, check)
    if check.message:
        yield from page.paragraph(check.message, _INDENT)
    yield from page.named("expected", check.expected)
    yield from page.named("found", check.found)
    name = "where"
    for spot in check.where:
        yield from page.named(
            name, f"{spot.where}  {spot.text}" if spot.where and spot.text else spot.where + spot.text
        )
        name = " "
    if check.more_places:
        yield from page.named(name, f"… and {check.more_places} more")
    for label, text in check.facts:
        yield from page.named(label, text)
    for table in check.tables:
        yield from _table(page, table)
    yield from page.named("hint", check.hint)
    yield from page.named("read", check.lesson)


def _folded(page: _Page, reader: Reader) -> Text:
    """The checks that passed, in one line."""
    count = f"{len(reader.passed)} check{'' if len(reader.passed) == 1 else 's'}"
    left = _status(page, Status.PASSED)
    text = page.fit(f"{count}: {'; '.join(check.title for check in reader.passed)}")
    right = reader.passed_points
    room = page.width - left.cell_len - (cell_len(right) + 2 if right else 0)
    shown = page.cut(text, room)
    return Text.assemble(left, set_cell_size(shown, room) + "  " + right if right else shown)


def _table(page: _Page, table: Table) -> Iterator[Text]:
    """A table under a check, with its columns cut to fit."""
    rows = [[page.fit(cell) for cell in row] for row in (table.head, *table.rows[:_TABLE_ROWS])]
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(table.head))]
    room = page.width - _INDENT - 2 * len(widths)
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    yield from page.paragraph(table.title, _INDENT, "dim")
    for number, row in enumerate(rows):
        cells = [set_cell_size(page.cut(cell, width), width) for cell, width in zip(row, widths, strict=True)]
        yield _joined((" " * (_INDENT + 2), ""), ("  ".join(cells).rstrip(), "dim" if number == 0 else ""))
    left_out = table.left_out + max(0, len(table.rows) - _TABLE_ROWS)
    if left_out:
        yield from page.paragraph(f"… and {left_out} more", _INDENT + 2, "dim")


def _wrap(line: str, width: int) -> Iterator[str]:
    """The words of a line wrapped at `width` columns, with the same indent. A word that is too long is broken."""
    text = line.strip(" ")
    lead = " " * min(len(line) - len(line.lstrip(" ")), width // 2) if text else ""
    shown, used = lead, len(lead)
    for word in text.split(" "):
        size = cell_len(word)
        if shown.strip() and used + 1 + size > width:
            yield shown.rstrip()
            shown, used = lead, len(lead)
        if len(lead) + size > width:
            *full, word = chop_cells(word, width - len(lead))
            yield from (lead + piece for piece in full)
            size = cell_len(word)
        gap = " " if shown.strip() else ""
        shown, used = shown + gap + word, used + len(gap) + size
    yield shown.rstrip()


def _joined(*parts: tuple[str, str]) -> Text:
    return Text.assemble(*(part for part in parts if part[0]))


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True

"""CSV that a spreadsheet takes for what it is: text stays text, and no cell is a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from grader.reports import safe
from grader.reports.reading import amount

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def render(rows: Iterable[Sequence[str | float | None]]) -> str:
    """The rows with every cell quoted and lines that end in CR LF. Numbers stay numbers, and None is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def _cell(cell: str | float | None) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return amount(cell)
    # Excel, LibreOffice and Google Sheets run a cell that begins like a formula. With an apostrophe it is text.
    text = safe.block(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text

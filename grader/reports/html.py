"""The report as HTML: `page` is a whole page, `card` a fragment for a notebook. Static: no script, nothing fetched.

All text is escaped by `_text`. There is one style element, which a policy can allow by its hash, and no style
attribute. JupyterLab's theme sets the colours and fonts; elsewhere the reader's preference for light or dark does. A
shape and a word show each status, and colour (from the Okabe–Ito set) only helps.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.reports.evidence import Table
from grader.reports.reading import Reader, Reading, read
from grader.verdict import Report, Status

STYLE = Path(__file__).with_name("html.css").read_text(encoding="utf-8")

_SHAPES = {
    Status.PASSED: '<circle cx="10" cy="10" r="9"/><path d="M5.8 10.4l2.9 2.9 5.6-6.2"/>',
    Status.FAILED: '<circle cx="10" cy="10" r="9"/><path d="M6.7 6.7l6.6 6.6m0-6.6l-6.6 6.6"/>',
    Status.PARTIAL: '<circle class="lwr-ring" cx="10" cy="10" r="8"/><path class="lwr-half" d="M10 2a8 8 0 010 16z"/>',
    Status.SKIPPED: '<circle class="lwr-ring" cx="10" cy="10" r="8" stroke-dasharray="3 2.6"/>',
    Status.ERROR: '<path class="lwr-sign" d="M10 1.6L19 18.2H1z"/><path d="M10 7.4v5M10 15.1v.1"/>',
}
_HEADING = ' role="heading" aria-level="2"'
"""Not an <h2>: JupyterLab would number it and list it in the notebook's table of contents."""
_LONG = 24
"""Cells with this many characters or more may be broken into lines."""
_LESSON = re.compile(r"([0-9]{2}-[a-z0-9-]{1,60})(?:#([A-Za-z0-9_-]{1,80}))?")


def card(report: Report, *, lessons: str | None = None) -> str:
    """The report as a fragment to show in a notebook.

    `lessons` is the folder of the lesson notebooks, as the start of a link: "" for the folder of the notebook that
    shows the card, "../course/" for another. Lessons to read are then links; without it they are text.
    """
    return f"<style>{STYLE}</style>\n{_report(read(report), lessons)}\n"


def article(report: Report) -> str:
    """The report as a fragment without its style, for a `document` that shows several."""
    return _report(read(report), None)


def page(report: Report) -> str:
    """The report as a page to keep, mail or open from disk."""
    reader = read(report)
    return document(f"{reader.exercise}: {reader.score}", _report(reader, None))


def document(title: str, main: str) -> str:
    """A whole page in the style of a report. `title` is text, and `main` is HTML already."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{digest}'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f'<body class="lwr-page">\n<main>\n{main}\n</main>\n</body>\n</html>\n'
    )


def _report(reader: Reader, lessons: str | None) -> str:
    parts = [
        f'<article class="lwr-report" aria-label="{_text(f"Report: {reader.title}")}">',
        '<header class="lwr-head">',
        _score(reader),
        f'<p class="lwr-exercise"><code>{_text(reader.exercise)}</code> {_text(reader.title)}</p>',
        f'<p class="lwr-next">{_text(reader.next)}</p>',
        "</header>",
        *(_check(check, lessons) for check in (*reader.errors, *reader.lost)),
        *_skipped(reader),
        _passed(reader),
        f'<footer class="lwr-foot">{"".join(f"<span>{_text(part)}</span>" for part in reader.footer)}</footer>',
        "</article>",
    ]
    return "\n".join(part for part in parts if part)


def _score(reader: Reader) -> str:
    if reader.share is None:
        return (
            f'<p class="lwr-score lwr-none"{_HEADING}>{_icon(Status.ERROR)}<strong>{_text(reader.score)}</strong></p>'
        )
    earned, _, rest = reader.score.partition(" ")
    # The bar is drawn, not styled: a strict policy forbids a width in a style attribute.
    width = f"{100 * reader.share:.1f}"
    return (
        f'<p class="lwr-score"{_HEADING}><strong>{_text(earned)}</strong> {_text(rest)}</p>\n'
        '<svg class="lwr-bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<rect class="lwr-track" width="100" height="1"/><rect class="lwr-earned" width="{width}" height="1"/></svg>'
    )


def _check(check: Reading, lessons: str | None) -> str:
    """A check with all its details, open; the reader can fold it."""
    body = [
        f'<p class="lwr-message">{_text(check.message)}</p>' if check.message else "",
        _terms(
            ("expected", _passage(check.expected)),
            ("found", _passage(check.found)),
            ("where", _places(check)),
            *((label, _passage(text)) for label, text in check.facts),
        ),
        *(_table(table) for table in check.tables),
        _terms(("hint", _text(check.hint)), ("read", _lesson(check, lessons))),
    ]
    return (
        f'<details class="lwr-check lwr-{check.status}" open>\n'
        f"{_summary(check.status, _text(check.title), check.points)}\n"
        f'<div class="lwr-body">{"".join(body)}</div>\n</details>'
    )


def _skipped(reader: Reader) -> Iterator[str]:
    """The checks that were skipped, folded into one line for each thing they wait for."""
    waiting: dict[str, list[Reading]] = {}
    for check in reader.skipped:
        waiting.setdefault(check.message, []).append(check)
    for message, checks in waiting.items():
        name = f"{_count(checks)}: {_text(message)}"
        items = "".join(
            f'<li><span class="lwr-name">{_text(check.title)}</span>{_points(check.points)}</li>' for check in checks
        )
        yield (
            f'<details class="lwr-check lwr-skipped">\n{_summary(Status.SKIPPED, name, "")}\n'
            f'<ul class="lwr-body">{items}</ul>\n</details>'
        )


def _count(checks: Sequence[Reading]) -> str:
    return f"{len(checks)} check{'' if len(checks) == 1 else 's'}"


def _passed(reader: Reader) -> str:
    """The checks that passed, folded into one line."""
    if not reader.passed:
        return ""
    count = _count(reader.passed)
    titles = _text("; ".join(check.title for check in reader.passed[:20]))
    name = f'{count}<span class="lwr-titles">: {titles}</span>'
    items = "".join(
        f'<li><span class="lwr-name">{_text(check.title)}</span>{_points(check.points)}'
        f'<span class="lwr-message">{_text(check.message)}</span></li>'
        for check in reader.passed
    )
    return (
        f'<details class="lwr-check lwr-passed">\n{_summary(Status.PASSED, name, reader.passed_points)}\n'
        f'<ul class="lwr-body">{items}</ul>\n</details>'
    )


def _summary(status: Status, name: str, points: str) -> str:
    """The line that stays visible when a check is folded. `name` is HTML already."""
    return (
        f'<summary>{_icon(status)}<span class="lwr-word">{_text(status)}</span> '
        f'<span class="lwr-name">{name}</span> {_points(points)}</summary>'
    )


def _terms(*rows: tuple[str, str]) -> str:
    """A list of names and contents. The contents are HTML already."""
    shown = "".join(f"<dt>{_text(name)}</dt><dd>{content}</dd>" for name, content in rows if content)
    return f"<dl>{shown}</dl>" if shown else ""


def _passage(text: str) -> str:
    """A text; if it has several lines it is output, and keeps its line breaks."""
    return f"<pre>{_text(text)}</pre>" if "\n" in text else _text(text)


def _places(check: Reading) -> str:
    spots = [
        f'<span class="lwr-spot">{_text(spot.where)}{f" <code>{_text(spot.text)}</code>" if spot.text else ""}</span>'
        for spot in check.where
    ]
    if check.more_places:
        spots.append(f'<span class="lwr-spot">… and {check.more_places} more</span>')
    return "".join(spots)


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in table.head)
    rows = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in table.rows)
    more = f'<p class="lwr-more">… and {table.left_out} more</p>' if table.left_out else ""
    return (
        f'<div class="lwr-scroll" tabindex="0" role="group" aria-label="{_text(table.title)}"><table>'
        f"<caption>{_text(table.title)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{more}"
    )


def _cell(text: str) -> str:
    return f'<td class="lwr-long">{_text(text)}</td>' if len(text) >= _LONG else f"<td>{_text(text)}</td>"


def _lesson(check: Reading, lessons: str | None) -> str:
    match = _LESSON.fullmatch(check.anchor)
    if lessons is None or match is None:
        return _text(check.lesson)
    section = f"#cell-id={match[2]}" if match[2] else ""  # as JupyterLab names a cell
    return f'<a href="{_text(f"{lessons}{match[1]}.ipynb{section}")}">{_text(check.lesson)}</a>'


def _points(points: str) -> str:
    return f'<span class="lwr-points">{_text(points)}</span>' if points else ""


def _icon(status: Status) -> str:
    return (
        f'<svg class="lwr-icon lwr-icon-{status}" viewBox="0 0 20 20" aria-hidden="true" focusable="false">'
        f"{_SHAPES[status]}</svg>"
    )


def _text(text: str) -> str:
    return html.escape(text, quote=True)

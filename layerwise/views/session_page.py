"""The report on an interview session as a page of its own: static, in light and dark, with nothing fetched.

What the candidate wrote and handed in is untrusted text: all of it is cleaned and escaped.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

from grader.lib.text import clean
from grader.reports import html as report_html
from grader.reports import safe
from grader.reports.reading import points
from layerwise.differences import FileDifference
from layerwise.interview import answers
from layerwise.interview.report import ItemReport, SessionReport
from layerwise.interview.scores import Score
from layerwise.interview.words import about, minutes, of
from layerwise.views.markup import inline

LONGEST = 70_000
"""Characters of an answer that are shown: all that can be submitted."""
MARKS = {True: "✓ shown: ", False: "✗ not shown: ", None: ""}


def page(found: SessionReport) -> str:
    """The whole page."""
    return report_html.document(f"Interview session {found.number}: {of(found.score)} points", main(found))


def main(found: SessionReport) -> str:
    """What is on the page, as HTML: for a notebook too, with the style of `grader.reports.html`."""
    said = "".join(f"<p>{_line(text)}</p>" for text in about(found))
    width = f"{100 * found.score.share:.1f}"
    return (
        f'<header class="lwr-about"><h1>Interview session {found.number}</h1>{said}</header>\n'
        f'<article class="lwr-report" aria-label="Points">\n'
        f'<p class="lwr-score"><strong>{_line(of(found.score).partition(" ")[0])}</strong> '
        f"of {_line(points(found.score.most))}</p>\n"
        '<svg class="lwr-bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
        f'<rect class="lwr-track" width="100" height="1"/><rect class="lwr-earned" width="{width}" height="1"/></svg>\n'
        f"{_scores('By dimension', found.by_dimension)}{_scores('By skill', found.by_skill)}{_times(found.items)}"
        f"</article>\n{''.join(map(_item, found.items))}"
    )


def _scores(title: str, parts: Mapping[Any, Score]) -> str:
    rows = ([_line(name), _line(of(score)), f"{100 * score.share:.0f} %"] for name, score in parts.items())
    return _table(title, ("", "Points", "Share"), rows)


def _times(items: Iterable[ItemReport]) -> str:
    rows = (
        [
            f"{one.number}  {_name(one)}",
            _line(of(one.score)),
            minutes(one.state.seconds),
            minutes(one.planned),
            minutes(one.found) if one.found is not None else "",
        ]
        for one in items
    )
    return _table("Time by item", ("Item", "Points", "Took", "Planned", "First useful evidence after"), rows)


def _table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table. The cells are HTML already."""
    top = "".join(f'<th scope="col">{_line(cell)}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="lwr-scroll" tabindex="0" role="group" aria-label="{_line(title)}"><table>'
        f"<caption>{_line(title)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>\n"
    )


def _name(one: ItemReport) -> str:
    item = one.state.item
    return _line(item.text, 80) if item.kind == "task" else f"{_line(item.level)} question"


def _item(one: ItemReport) -> str:
    item, hand_in = one.state.item, one.state.hand_in
    notes = "".join(f"<p><em>{_line(note, 400)}</em></p>" for note in one.notes)
    asked = f"<p>{inline(safe.line(item.text, 2000))}</p>" if item.kind == "question" else ""
    graded = report_html.article(hand_in.report) if hand_in and hand_in.report else ""
    parts = [_answer(one), _rubric(one), _model(one), _differences(one.differences), _why(one), _follow_ups(one)]
    return (
        f'<section>\n<div class="lwr-about"><h2>{one.number}. {_name(one)}: {_line(of(one.score))} points</h2>'
        f"{asked}{notes}</div>\n{graded}\n"
        f'<article class="lwr-report" aria-label="Item {one.number}">{"".join(parts)}</article>\n</section>\n'
    )


def _answer(one: ItemReport) -> str:
    if not one.state.answer:
        return ""
    said = "".join(
        f"<dt>{_line(label.rstrip('?'))}</dt><dd><pre>{_block(given or '-')}</pre></dd>"
        for label, given in answers.in_words(one.state.item, one.question, one.state.answer.fields)
    )
    return f"{_heading('What you said')}<dl>{said}</dl>"


def _rubric(one: ItemReport) -> str:
    rated = one.state.rated
    rows = "".join(
        f"<li><span>{MARKS[rated[number] if rated else None]}{inline(safe.line(point.evidence, 400))} "
        f"({_line(point.dimension)})</span></li>"
        for number, point in enumerate(one.state.item.rubric)
    )
    return f"{_heading('What is listened for')}<ul>{rows}</ul>"


def _model(one: ItemReport) -> str:
    if one.question:
        question = one.question
        right = (
            f"<p><strong>Right:</strong> {_line(question.say(question.right), 2000)}</p>"
            if question.right is not None
            else ""
        )
        wrong = "".join(
            f"<p>“{_line(question.say(each.answer), 400)}” <em>{inline(each.why)}</em></p>" for each in question.wrong
        )
        return _fold(
            "Model answers",
            f"{right}<p><strong>Short:</strong> {inline(question.short)}</p>"
            f"<p><strong>Strong:</strong> {inline(question.strong)}</p>"
            f"<p><strong>What people also say, and why it is wrong</strong></p>{wrong}",
        )
    if one.task:
        told = one.task.about
        return _fold(
            "What it was",
            f"<p>{inline(told.cause)}</p><p>This shows it:</p><pre>{_block(told.command)}</pre>"
            f"<p><strong>A strong candidate says:</strong> {inline(told.answers.strong)}</p>",
        )
    return ""


def _differences(found: Iterable[FileDifference]) -> str:
    files = "".join(map(_file, found))
    return _fold("From what you handed in (−) to our solution (+)", files) if files else ""


def _file(one: FileDifference) -> str:
    words = f": {_line(one.words)}" if one.words else ""
    lines = "\n".join(_changed(sign, line) for sign, line in one.lines)
    return f"<p><code>{_line(one.path)}</code>{words}</p>" + (f"<pre>{lines}</pre>" if lines else "")


def _changed(sign: str, line: str) -> str:
    text = f"{sign} {html.escape(clean(line, 500))}"
    return {"-": f"<del>{text}</del>", "+": f"<ins>{text}</ins>"}.get(sign, text)


def _why(one: ItemReport) -> str:
    if not one.task:
        return ""
    folds = "".join(_fold(f"Why? {why.ask}", f"<p>{inline(why.answer)}</p>") for why in one.task.about.why)
    return f"{_heading('Answer first, then open')}{folds}"


def _follow_ups(one: ItemReport) -> str:
    rows = "".join(f"<li><span>{inline(safe.line(ask, 600))}</span></li>" for ask in one.follow_ups)
    return f"{_heading('An interviewer would go on with')}<ul>{rows}</ul>" if rows else ""


def _heading(title: str) -> str:
    return f'<p class="lwr-next"><strong>{title}</strong></p>'


def _fold(title: str, content: str) -> str:
    """A part that opens. The content is HTML already."""
    return (
        f'<details class="lwr-check"><summary><span class="lwr-name">{_line(title, 400)}</span></summary>'
        f'<div class="lwr-body">{content}</div></details>'
    )


def _line(text: object, limit: int = 200) -> str:
    return html.escape(safe.line(text, limit), quote=True)


def _block(text: object) -> str:
    return html.escape(safe.block(text, LONGEST), quote=True)

"""What a learner gets back: a web page with the reports of all exercises, and what being late cost."""

from __future__ import annotations

import html

from grader.reports import html as report_html
from grader.reports import safe
from layerwise.classroom.gradebook import Entry, Gradebook, State
from layerwise.classroom.lateness import told
from layerwise.classroom.names import file_names, labels

_NO_SCORE = {
    State.MISSING: "Nothing was handed in.",
    State.WAITING: "Not graded yet.",
    State.ERROR: "There is no score yet, because the grader failed. That is not your fault, and it costs you nothing.",
}


def pages(book: Gradebook) -> dict[str, str]:
    """A page for each learner, by the name of its file."""
    names, files = labels(book.learners), file_names(book.learners)
    return {
        f"{files[learner]}.html": page(names[learner], book, entries) for learner, entries in book.by_learner.items()
    }


def page(learner: str, book: Gradebook, entries: list[Entry]) -> str:
    """The page of one learner: HTML that needs nothing from elsewhere. `learner` is text."""
    parts = [f'<header class="lwr-about"><h1>{_text(learner)}</h1></header>']
    for entry in entries:
        report = None if entry.state in _NO_SCORE else book.report(entry)
        about = "".join(f"<p>{_text(sentence)}</p>" for sentence in sentences(entry))
        parts.append(f'<section>\n<div class="lwr-about"><h2>{_text(entry.exercise.name)}</h2>{about}</div>')
        parts += [report_html.article(report)] if report else []
        parts.append("</section>")
    return report_html.document(f"{learner}: what you got", "\n".join(parts))


def sentences(entry: Entry) -> list[str]:
    """What to know beyond the report: why there is no score, what being late cost, and that a score may change."""
    found = [_NO_SCORE[entry.state]] if entry.state in _NO_SCORE else []
    if late := told(entry.late, entry.score or 0):
        found.append(late if not found else late.partition(".")[0] + ".")
    if entry.state is State.STALE:
        found.append(f"This score may change: {entry.why}.")
    return found


def _text(text: str) -> str:
    return html.escape(safe.line(text), quote=True)

"""Turn the few marks that an author may use in a question or a story into HTML. Everything else is escaped."""

from __future__ import annotations

import html
import re

_MARKS = re.compile(r"`([^`\n]+)`|\*\*(?=\S)([^*\n]+)(?<=\S)\*\*|(?<![\w*])\*(?=\S)([^*\n]+)(?<=\S)\*(?![\w*])")


def inline(text: str) -> str:
    """One line of HTML, with `code`, **strong** and *emphasis*. The rest of the text is not changed."""
    parts, last = [], 0
    for match in _MARKS.finditer(text):
        parts.append(html.escape(text[last : match.start()]))
        code, strong, emphasis = match.groups()
        if code is not None:
            parts.append(f"<code>{html.escape(code)}</code>")
        elif strong is not None:
            parts.append(f"<strong>{html.escape(strong)}</strong>")
        else:
            parts.append(f"<em>{html.escape(emphasis)}</em>")
        last = match.end()
    return "".join(parts) + html.escape(text[last:])


def paragraphs(text: str) -> str:
    """Paragraphs of HTML, from text separated by empty lines."""
    blocks = [" ".join(block.split()) for block in re.split(r"\n\s*\n", text.strip())]
    return "".join(f"<p>{inline(block)}</p>" for block in blocks if block)


def plain(text: str) -> str:
    """The text without marks."""
    return _MARKS.sub(lambda match: next(group for group in match.groups() if group is not None), text)

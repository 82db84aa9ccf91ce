"""Show a learner's Markdown to others without the HTML in it, which could run scripts in an instructor's formgrader."""

from __future__ import annotations

from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath


@pass_context
def without_html(context: Context, source: str) -> str:
    """Return Markdown as HTML. Tags in it are text, links run nothing, and pasted pictures are shown."""
    cell: Any = context.get("cell") or {}
    renderer = IPythonRenderer(escape=True, allow_harmful_protocols=False, attachments=cell.get("attachments") or {})
    return MarkdownWithMath(renderer=renderer).render(source)

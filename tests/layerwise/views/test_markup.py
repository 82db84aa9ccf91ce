from __future__ import annotations

import pytest

from layerwise.views.markup import inline, paragraphs, plain


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("run `docker ps` now", "run <code>docker ps</code> now"),
        ("**one** and *two*", "<strong>one</strong> and <em>two</em>"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("`a*b*c`", "<code>a*b*c</code>"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("`<b>`", "<code>&lt;b&gt;</code>"),
        ('**<i onclick="x">**', "<strong>&lt;i onclick=&quot;x&quot;&gt;</strong>"),
        ("a `b", "a `b"),
    ],
)
def test_inline(text: str, html: str) -> None:
    assert inline(text) == html


def test_paragraphs_are_set_apart_by_empty_lines() -> None:
    assert paragraphs("one\ntwo\n\n`three`\n") == "<p>one two</p><p><code>three</code></p>"


def test_plain_leaves_the_marks_out() -> None:
    assert plain("run `x` **now**") == "run x now"

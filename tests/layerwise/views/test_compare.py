"""Two builds on one time axis: what was saved, and what broke the chain."""

from __future__ import annotations

from pathlib import Path

import pytest

import layerwise as lw
from layerwise.errors import LabError

from .test_build import folder


@pytest.mark.engine
def test_the_order_of_instructions_is_what_saves(tmp_path: Path, base: str) -> None:
    late = f"FROM {base}\nCOPY list /\nRUN wc /list && sleep 1\nCOPY . /app\n"
    early = f"FROM {base}\nCOPY . /app\nRUN wc /app/list && sleep 1\n"
    mine = folder(tmp_path / "app", early, list="1", code="2", better=late)
    before, after = lw.build(mine, edit="code"), lw.build(mine, edit="code", file="better")
    view = lw.compare(before, after)
    assert view.saved > 0.5
    assert view.times > 1
    said = repr(view)
    assert "In the first the chain breaks at line 2, “COPY . /app”. In the second the chain breaks at line 4" in said
    shown = view._repr_html_()
    assert shown.count("the chain breaks here") == 2
    assert shown.count('class="lw-steps"') == 2
    assert "Nothing saved" in repr(lw.compare(after, before))

    still = lw.build(mine, file="better")
    assert lw.compare(before, still).times == float("inf")
    assert "the second had nothing to do" in repr(lw.compare(before, still))


def test_only_builds_can_be_compared() -> None:
    with pytest.raises(LabError, match="give two builds"):
        lw.compare("a", "b")  # type: ignore[arg-type]

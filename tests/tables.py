"""Tables of cases in which some take long, and the rule that they show has fast tests of its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest


def cases(table: Sequence[Any], long: Collection[str]) -> list[Any]:
    """Return a parameter for each case, named as the case. Those named in `long` are run with --long, and by the slice
    that has them: fast tests decide the same about them without an engine."""
    names = {case.name for case in table}
    unknown = sorted(set(long) - names)
    if unknown or len(names) < len(table):
        raise ValueError(f"no case, or more than one, has the name {unknown or sorted(names)}")
    return [
        pytest.param(case, id=case.name.replace(" ", "-"), marks=[pytest.mark.long] if case.name in long else [])
        for case in table
    ]

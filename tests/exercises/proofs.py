"""What tests of known submissions share."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from grader.verify.trials import Outcome


def assert_proved(outcomes: Iterable[Outcome]) -> None:
    """Fail with all that is known of each submission that was not proved: it may never be seen again."""
    said = [
        f"{outcome.exercise}, {outcome.submission}, {outcome.seconds:.0f} s: {line}"
        for outcome in outcomes
        if not outcome.proved
        for line in outcome.problems or [outcome.error]
    ]
    if said:
        pytest.fail("\n".join(said), pytrace=False)

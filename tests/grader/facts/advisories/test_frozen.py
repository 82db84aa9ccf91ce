"""What the file of the frozen advisories says, and what is known in a snapshot."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest
from pydantic import ValidationError

from grader.facts.advisories import frozen
from grader.facts.advisories.frozen import Advisories, snapshot

THEN, NOW = snapshot("then"), snapshot("now")


def test_the_file_says_what_it_is_for() -> None:
    text = frozen.text().decode()
    assert "FOR TEACHING. NOT FOR PRODUCTION" in text.splitlines()[0]
    assert len(text) < 300_000
    known = frozen.advisories()
    assert "not for production" in known.notice
    ids = [one.id for one in known.advisory]
    assert len(ids) == len(set(ids))
    assert all(one.source for one in known.advisory)
    # In order of their dates, so that a new one has its place.
    assert [one.published for one in known.advisory] == sorted(one.published for one in known.advisory)


def test_what_was_published_before_its_day_is_known_in_a_snapshot() -> None:
    assert THEN.date < NOW.date
    early = {one.id for one in THEN.advisories}
    late = {one.id for one in NOW.advisories}
    assert early < late
    assert all(one.published < THEN.date for one in THEN.advisories)
    assert all(THEN.date <= one.published < NOW.date for one in NOW.advisories if one.id not in early)
    assert late == {one.id for one in frozen.advisories().advisory}


@pytest.mark.parametrize(
    "affected",
    [
        {"in": "debian 13", "package": "tar"},
        {"in": "debian 13", "package": "tar", "fixed": ["1"], "status": "affected"},
        {"in": "debian 13", "package": "tar", "status": "affected", "vulnerable": ["<1"]},
        {"in": "pip", "package": "flask"},
        {"in": "pip", "package": "flask", "vulnerable": ["<1"], "status": "affected"},
        {"in": "gem", "package": "rails", "vulnerable": ["<1"]},
    ],
)
def test_a_package_that_is_not_said_in_full_is_refused(affected: Mapping[str, Any]) -> None:
    raw = tomllib.loads(files("grader").joinpath("data/advisories.toml").read_text())
    raw["advisory"][0]["affects"] = [affected]
    with pytest.raises(ValidationError):
        Advisories.model_validate(raw)

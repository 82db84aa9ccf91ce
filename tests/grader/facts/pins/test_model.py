"""How firmly a thing is named, and why that is not enough."""

from __future__ import annotations

import pytest

from grader.facts.pins.model import Category, Dependency, Tier
from grader.verdict import Place


def thing(tier: Tier, why: str = "any version will do", *, shown: bool = True) -> Dependency:
    return Dependency(Category.PACKAGE, "pip", "flask", tier, 3, Place(file="Dockerfile", line=3), why, shown)


@pytest.mark.parametrize(
    ("given", "wanted", "why"),
    [
        (thing(Tier.NONE), Tier.VERSION, "any version will do"),
        (thing(Tier.VERSION), Tier.VERSION, None),
        (thing(Tier.VERSION, "a tag can be moved"), Tier.DIGEST, "a tag can be moved"),
        (thing(Tier.DIGEST, ""), Tier.TAG, None),
    ],
)
def test_why_it_is_open(given: Dependency, wanted: Tier, why: str | None) -> None:
    assert given.why_open(wanted) == why


@pytest.mark.parametrize("wanted", list(Tier))
def test_what_cannot_be_shown_is_never_pinned(wanted: Tier) -> None:
    why = thing(Tier.NONE, "it is a secret", shown=False).why_open(wanted)
    assert why is not None
    assert "it is a secret" in why


def test_a_higher_tier_leaves_less_to_chance() -> None:
    assert Tier.NONE < Tier.TAG < Tier.VERSION < Tier.DIGEST

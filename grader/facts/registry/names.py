"""Names of repositories in exercises: `localhost:5000/{learner}/tides`, so that many can push to one registry.

`{learner}` is the name of who is graded, `me` by default; the facts fill it in.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from grader.errors import UnusableInput
from grader.facts.dockerfile.reference import parse_reference
from grader.lib.text import clean

PLACEHOLDER = "{learner}"
DEFAULT_LEARNER = "me"
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_LONGEST = 64


def learner_name(text: str) -> str:
    """Return the text itself. Raises UnusableInput if it cannot be part of a repository's name."""
    if len(text) > _LONGEST or not _COMPONENT.fullmatch(text):
        raise UnusableInput(
            f"LAYERWISE_LEARNER becomes part of a repository's name: expected at most {_LONGEST} lower "
            f"case letters and digits, with single dots, dashes or underscores between them, found {clean(text, 40)!r}"
        )
    return text


def fill(text: str, learner: str) -> str:
    """Return the text with that learner's name in place of each placeholder."""
    return text.replace(PLACEHOLDER, learner)


def _repository(text: str) -> str:
    found = parse_reference(fill(text, DEFAULT_LEARNER))
    if text.count(PLACEHOLDER) > 1:
        raise ValueError(f"expected {PLACEHOLDER} at most once, found {text!r}")
    if not found or found.tag or found.digest:
        raise ValueError(
            f"expected a repository without a tag, such as localhost:5000/{PLACEHOLDER}/tides, found {text!r}"
        )
    if not text.startswith(f"{found.registry}/"):
        raise ValueError(f"expected a repository with its registry in front, such as localhost:5000/…, found {text!r}")
    return text


RepositoryName = Annotated[str, AfterValidator(_repository)]
"""A repository in a kind's parameters: with its registry, without tag or digest; `{learner}` once at most."""


def _tag(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", text):
        raise ValueError(f"expected a tag such as 1.0, found {text!r}")
    return text


TagName = Annotated[str, AfterValidator(_tag)]
"""A tag in a kind's parameters."""

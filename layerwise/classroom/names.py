"""Learners' names as others may have to read them: as text, as names of files, and with the number that an LMS gives.

They come from the names of folders and files, so they are untrusted. What is made of them differs from learner to
learner, however alike the names look.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import count

from grader.reports import safe

_LONGEST = 60
_UNSAFE = re.compile(r"[^\w .@+,'-]")
_NUMBERED = re.compile(r"(?P<name>.+)_(?P<id>[0-9]{1,18})", re.DOTALL)


def labels(learners: Iterable[str]) -> dict[str, str]:
    """The names to show, in one line each. If two look the same when they are cleaned, one of them gets a number.

    A name that needs no cleaning keeps its own, so nobody can pass for somebody else.
    """
    found: dict[str, str] = {}
    for learner, label in _own_first(learners, lambda learner: safe.line(learner) or "no name"):
        taken = set(found.values())
        numbers = (f"{label} ({number})" for number in count(2))
        found[learner] = label if label not in taken else next(name for name in numbers if name not in taken)
    return found


def file_names(learners: Iterable[str]) -> dict[str, str]:
    """Names for files, without an ending: no slash, no dot or dash in front, at most 80 characters.

    A name that had to be changed ends in a part of its SHA-256, so it is the same each time. Some systems take names
    that differ in case for the same, so these differ in more.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for learner, name in _own_first(learners, _file_name):
        found[learner] = name if name.casefold() not in taken else _hashed(name, learner)
        taken.add(found[learner].casefold())
    return found


def numbered(learners: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Each learner's name and the number in it that a download from an LMS ends with: `Ann Lee_1234`.

    The number is "" if there is none, or if several learners have the same one: then nobody knows whose it is.
    """
    found = {}
    for learner in learners:
        match = _NUMBERED.fullmatch(learner)
        found[learner] = (match["name"], match["id"]) if match else (learner, "")
    counts = Counter(number for _, number in found.values())
    return {learner: (name, number if counts[number] == 1 else "") for learner, (name, number) in found.items()}


def _own_first(learners: Iterable[str], named: Callable[[str], str]) -> list[tuple[str, str]]:
    """Each learner and the name; first those that keep their own."""
    pairs = [(learner, named(learner)) for learner in set(learners)]
    return sorted(pairs, key=lambda pair: (pair[0] != pair[1], pair[0]))


def _file_name(learner: str) -> str:
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", learner)).strip(" .")
    name = re.sub("^-", "_", name)[:_LONGEST].strip(" .")
    return name if name == learner else _hashed(name, learner)


def _hashed(name: str, learner: str) -> str:
    return f"{name or '_'}-{hashlib.sha256(os.fsencode(learner)).hexdigest()[:12]}"

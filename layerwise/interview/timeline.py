"""The commands that were run in a session's shell: when, with which status, and whether they showed the cause.

Only a command's words, status and time are kept, in the session's folder on this machine. Its output is searched for
the task's evidence while it runs, and then dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.lib.text import clean

FILE = "commands.jsonl"
LONGEST = 500
"""Characters of a command that are kept."""
MOST = 1_000_000
"""Characters of a command's output that are searched: the last ones."""


@dataclass(frozen=True)
class Ran:
    """A command: which `item` it was run for, `at` how many seconds of the item, its words and exit status, and whether
    its output held the task's evidence."""

    item: int
    at: float
    command: str
    status: int
    evidence: bool


def shows(evidence: str, output: str) -> bool:
    """Whether a command's output holds what the expression describes."""
    text = clean(output[-MOST:], MOST)
    return bool(re.search(evidence, text))


def write(folder: Path, ran: Ran) -> None:
    """Keep a command. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(ran)) + "\n")


def read(folder: Path) -> list[Ran]:
    """The commands of a session, in their order. A line that was cut by a kill is left out."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            raw = json.loads(line)
            found.append(
                Ran(int(raw["item"]), float(raw["at"]), str(raw["command"]), int(raw["status"]), bool(raw["evidence"]))
            )
        except (ValueError, TypeError, KeyError):
            continue
    return found


def first_evidence(commands: Iterable[Ran], item: int) -> float | None:
    """After how many seconds of an item the first useful evidence was seen; None if it was not."""
    return next((ran.at for ran in commands if ran.item == item and ran.evidence), None)

"""When the processes of a container are looked at: not before what the main one starts is there to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from grader.facts.engine import main_process
from grader.facts.engine.container import Process
from grader.facts.engine.main_process import watch

ROOT = Process(1, True, 0, 0, 0, 0, "sh /entrypoint")
SHELL = Process(1, True, 7, 7, 7, 7, "sh -c '/o/sleep 300; true'")
DROPPED = Process(1, True, 7, 7, 7, 7, "sleep 300")
CHILD = Process(2, False, 7, 7, 7, 7, "/o/sleep 300")

BUSY, IDLE = False, True


class Staged:
    """A container of which each look shows the next scene: its processes, and whether all of them sleep."""

    state: ClassVar = {"Running": True}
    output = ("", "")

    def __init__(self, scenes: Sequence[tuple[list[Process], bool]]) -> None:
        self.scenes = list(scenes)
        self.looks = 0

    def processes(self) -> list[Process]:
        self.looks += 1
        return self.scenes[min(self.looks, len(self.scenes)) - 1][0]

    def is_idle(self) -> bool:
        return self.scenes[min(self.looks, len(self.scenes)) - 1][1]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes only when somebody sleeps."""
    now = [0.0]
    fake: Any = type(
        "Clock", (), {"monotonic": lambda: now[0], "sleep": lambda seconds: now.__setitem__(0, now[0] + seconds)}
    )
    monkeypatch.setattr(main_process, "time", fake)
    monkeypatch.setattr(main_process, "stretched", lambda seconds: seconds)


@pytest.mark.parametrize(
    ("scenes", "main", "others"),
    [
        ([([DROPPED], IDLE)], DROPPED, []),
        # A busy machine: the shell is there, and what it starts is not, yet.
        ([([SHELL], BUSY)] * 40 + [([SHELL, CHILD], IDLE)], SHELL, [CHILD]),
        ([([SHELL], IDLE), ([SHELL], BUSY), ([SHELL, CHILD], IDLE)], SHELL, [CHILD]),
        ([([ROOT], IDLE)] * 20 + [([DROPPED], IDLE)], DROPPED, []),
        ([([ROOT], IDLE)] * 20 + [([SHELL], BUSY)] * 40 + [([SHELL, CHILD], IDLE)], SHELL, [CHILD]),
        # Never: root is not dropped in time, and what computes all the time is looked at in the end all the same.
        ([([ROOT], IDLE)] * 400 + [([DROPPED], IDLE)], ROOT, []),
        ([([DROPPED], BUSY)], DROPPED, []),
        # It ends: what was seen counts.
        ([([SHELL, CHILD], BUSY), ([], IDLE)], SHELL, [CHILD]),
        ([([], IDLE)], None, []),
    ],
    ids=[
        "at rest", "its child comes late", "a moment of calm", "drops root", "drops root and its child comes late",
        "stays root", "never at rest", "ends later", "ended before",
    ],
)  # fmt: skip
def test_what_is_seen(scenes: Any, main: Process | None, others: list[Process]) -> None:
    staged: Any = Staged(scenes)
    seen = watch(staged, 5.0, scenes[0][0] == [ROOT])
    assert (seen.main, list(seen.others)) == (main, others)
    assert staged.looks < 150


BECAME = Process(1, True, 7, 0, 0, 0, "/o/serve")
INIT = Process(1, True, 0, 0, 0, 0, "runc init")
SUDO = Process(3, False, 0, 0, 0, 0, "sudo true")


@pytest.mark.parametrize(
    ("scenes", "root"),
    [
        ([([DROPPED], IDLE)], None),
        ([([DROPPED], BUSY)] * 3 + [([BECAME], IDLE)], BECAME),
        ([([DROPPED], IDLE)] * 5 + [([BECAME], IDLE)], BECAME),  # it slept for a moment
        ([([SHELL], BUSY)] * 3 + [([SHELL, SUDO], BUSY)] + [([SHELL], IDLE)], SUDO),  # and it is gone again
        ([([ROOT, SUDO], IDLE)] * 9 + [([DROPPED], IDLE)], None),
        ([([ROOT], IDLE)] * 9 + [([DROPPED, SUDO], IDLE)] + [([DROPPED], IDLE)], SUDO),
        ([([ROOT], IDLE)] * 9 + [([DROPPED], IDLE)] * 2 + [([ROOT], IDLE)], ROOT),  # dropped, and taken back
        ([([ROOT], IDLE)] * 400, ROOT),
        ([([SHELL], BUSY), ([SHELL, SUDO], BUSY), ([], IDLE)], SUDO),
        ([([INIT], BUSY)] * 5 + [([DROPPED], IDLE)], None),  # the runtime is about to start it
        ([([INIT], BUSY)] * 400, INIT),  # it only calls itself so
        ([([DROPPED], BUSY), ([INIT], BUSY)], INIT),
        ([([INIT, SUDO], BUSY)], INIT),
    ],
)
def test_what_is_root_at_any_look_counts(scenes: Any, root: Process | None) -> None:
    staged: Any = Staged(scenes)
    assert watch(staged, 5.0, ROOT in scenes[0][0]).root == root

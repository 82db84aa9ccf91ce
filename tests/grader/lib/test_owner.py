"""Marks: whose process made this, and is it still alive?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from grader.lib import owner

ROOT = Path(__file__).resolve().parents[3]


def mark_of_another(wait: bool) -> tuple[str, subprocess.Popen[str]]:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from grader.lib import owner; print(owner.mark(), flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program + "; sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    mark = process.stdout.readline().strip()
    if wait:
        process.communicate(timeout=30)
    return mark, process


def test_a_living_process_is_not_stale() -> None:
    mark, process = mark_of_another(wait=False)
    assert not owner.is_stale(mark + "-anything")
    process.communicate(timeout=30)
    assert owner.is_stale(mark + "-anything")


def test_a_mark_is_fit_for_tags_and_file_names() -> None:
    assert owner.mark().replace("-", "").isalnum()
    assert owner.mark().islower()
    assert len(owner.mark()) < 50


@pytest.mark.parametrize("text", ["", "something", "0123456789ab-1-1", "-1-1", "../../etc", "a" * 10_000])
def test_what_is_not_of_this_machine_is_left_alone(text: str) -> None:
    assert not owner.is_stale(text)


def test_a_reused_process_id_is_told_apart() -> None:
    host, pid, start = owner.mark().split("-")
    assert pid == str(os.getpid())
    assert owner.is_stale(f"{host}-{pid}-{int(start) - 1}")
    assert not owner.is_stale(f"{host}-{pid}-{start}")

"""Run a cell of the interview bank that proves an answer, and remove what it made.

A cell is run by Bash, in an empty folder of its own, and ends with the first command that fails. It finds a unique
name in $NAME, for containers, networks and volumes, and one in $IMAGE, for images: the lab's registry takes those.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from grader.lib import owner, process
from grader.lib.patience import stretched
from grader.lib.scratch import private_folder
from grader.lib.text import clean
from grader.verify import cleanup
from layerwise.errors import LabError
from layerwise.questions.bank import Proof

SECONDS = 60.0
"""How long a cell may take on a machine that does nothing else."""
_BYTES = 1 << 20
_KINDS = (
    # how to list the names of such things, and how to remove some
    ("ps --all --format {{.Names}}", "rm --force --volumes"),
    ("volume ls --format {{.Name}}", "volume rm"),
    ("network ls --format {{.Name}}", "network rm"),
)


@dataclass(frozen=True)
class Proved:
    """What a cell printed (both of its outputs, control codes removed), and whether it shows what it must."""

    output: str
    holds: bool


def run(proof: Proof) -> Proved:
    """Run the cell of a proof on the engine that the environment names. What a killed run left is removed first.

    A cell that does not show it runs once more: a busy engine loses what a quick container printed, now and then
    (see `grader.facts.engine.command`).

    Raises LabError if it does not end in time or prints without end, and GraderError if what it made cannot be removed.
    """
    proved = _run(proof)
    return proved if proved.holds else _run(proof)


def _run(proof: Proof) -> Proved:
    name = cleanup.new_learner()
    env = {**os.environ, "NAME": name, "IMAGE": f"{cleanup.REGISTRY}/{name}/proof"}
    _remove(lambda other: owner.is_stale(other.removeprefix(cleanup.FAMILY)))
    with private_folder() as folder:
        command = ["bash", "-eu", "-o", "pipefail", "-c", f"exec 2>&1\n{proof.cell}"]
        try:
            ended = process.run(command, timeout=stretched(SECONDS), limit=_BYTES, env=env, cwd=folder)
        finally:
            _remove(lambda other: other.startswith(name))
            cleanup.remove(name)
    output = clean(ended.stdout.decode("utf-8", "replace"), _BYTES)
    if ended.timed_out or ended.flooded:
        why = "took too long" if ended.timed_out else "printed too much"
        raise LabError(f"the proof {why}; try again, or run it by hand; it began: {output[:200]}")
    return Proved(output, ended.status == 0 and bool(re.search(proof.shows, output, re.MULTILINE)))


def _remove(is_over: Callable[[str], bool]) -> None:
    """Remove the containers, volumes and networks of cells whose names are over."""
    for listing, removal in _KINDS:
        listed = _docker(f"{listing} --filter name={cleanup.FAMILY}").split()
        over = [name for name in listed if name.startswith(cleanup.FAMILY) and is_over(name)]
        if over:
            _docker(f"{removal} {' '.join(over)}")


def _docker(words: str) -> str:
    return process.run(["docker", *words.split()], timeout=stretched(SECONDS)).stdout.decode("utf-8", "replace")

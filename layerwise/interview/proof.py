"""Run a cell of the interview bank that proves an answer, and remove what it made.

A cell is run by Bash, in an empty folder of its own, and ends with the first command that fails. It finds a unique
name in $NAME, for containers, networks and volumes, and one in $IMAGE, for images: the lab's registry takes those.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from grader.lib import process
from grader.lib.patience import stretched
from grader.lib.text import clean
from grader.verify import cleanup
from layerwise.errors import LabError
from layerwise.questions.bank import Proof

SECONDS = 60.0
"""How long a cell may take on a machine that does nothing else."""
_BYTES = 1 << 20
_REMOVE = """
docker ps --all --quiet --filter "name=$NAME" | xargs -r docker rm --force --volumes
docker volume ls --quiet --filter "name=$NAME" | xargs -r docker volume rm
docker network ls --quiet --filter "name=$NAME" | xargs -r docker network rm
"""


@dataclass(frozen=True)
class Proved:
    """What a cell printed (both of its outputs, control codes removed), and whether it shows what it must."""

    output: str
    holds: bool


def run(proof: Proof) -> Proved:
    """Run the cell of a proof on the engine that the environment names.

    Raises LabError if it does not end in time or prints without end, and GraderError if what it made cannot be removed.
    """
    name = cleanup.new_learner()
    env = {**os.environ, "NAME": name, "IMAGE": f"{cleanup.REGISTRY}/{name}/proof"}
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:  # BuildKit tells contexts apart by this name
        try:
            ended = _bash(f"exec 2>&1\n{proof.cell}", env, Path(folder), stretched(SECONDS))
        finally:
            _bash(_REMOVE, env, Path(folder), stretched(SECONDS))
            cleanup.remove(name)
    output = clean(ended.stdout.decode("utf-8", "replace"), _BYTES)
    if ended.timed_out or ended.flooded:
        why = "took too long" if ended.timed_out else "printed too much"
        raise LabError(f"the proof {why}; try again, or run it by hand; it began: {output[:200]}")
    return Proved(output, ended.status == 0 and bool(re.search(proof.shows, output, re.MULTILINE)))


def _bash(program: str, env: dict[str, str], folder: Path, timeout: float) -> process.Ended:
    command = ["bash", "-eu", "-o", "pipefail", "-c", program]
    return process.run(command, timeout=timeout, limit=_BYTES, env=env, cwd=folder)

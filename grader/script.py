"""What has to happen outside a known submission's folder before it can be judged: a shell script of the exercise's.

It is run in the laid-out folder, and does there what a learner of that name would do: it builds and pushes to
`$REGISTRY/$LEARNER/…`, signs, and may write files of the submission. What it leaves elsewhere, `leavings` removes.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from grader import owner, process
from grader.errors import ExerciseInvalid
from grader.leavings import REGISTRY
from grader.submission import PREFIX
from grader.units import format_duration
from grader.verdict import clean

TIMEOUT = 600.0
"""Seconds that a script may take."""
_OUTPUT = 4 << 20
_LINES = 5


def run(script: Path, folder: Path, learner: str) -> None:
    """Run the script with `sh -eu` in that folder. ExerciseInvalid, with its last lines, where it does not end well."""
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{owner.mark()}-", ignore_cleanup_errors=True) as home:
        env = {
            "DOCKER_CONFIG": str(Path.home() / ".docker"),  # or docker looks for its plugins in the new home
            **os.environ,
            "HOME": home,
            "LEARNER": learner,
            "REGISTRY": REGISTRY,
            "COSIGN_PASSWORD": "",
        }
        try:
            ended = process.run(["sh", "-eu", str(script)], timeout=TIMEOUT, limit=_OUTPUT, env=env, cwd=folder)
        except OSError as problem:
            raise ExerciseInvalid(f"{script}: cannot be run: {problem.strerror}") from None
    if ended.status == 0:
        return
    how = f"ended with status {ended.status}"
    if ended.timed_out:
        how = f"did not end within {format_duration(TIMEOUT)}"
    elif ended.flooded:
        how = "was stopped, since it prints without end"
    said = (ended.stderr.strip() or ended.stdout.strip()).decode("utf-8", "replace").splitlines()
    last = " | ".join(clean(" ".join(line.split()), 200) for line in said[-_LINES:])
    raise ExerciseInvalid(f"{script}: {how}" + (f": {last}" if last else " and said nothing"))

"""Run the shell script of a known submission, which does what must happen outside its folder before it is judged.

The script runs in the laid-out folder and does what the learner would do: it builds and pushes to
`$REGISTRY/$LEARNER/…`, signs, and may write files of the submission. `cleanup` removes what it leaves elsewhere.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from grader.errors import ExerciseInvalid
from grader.facts.engine.errors import SNAPSHOT_GONE
from grader.lib import owner, process
from grader.lib.patience import stretched
from grader.lib.scratch import PREFIX
from grader.lib.text import clean
from grader.lib.units import format_duration
from grader.verify import cleanup

TIMEOUT = 600.0
"""The most seconds that a script may take."""
_OUTPUT = 4 << 20
_LINES = 5


def run(script: Path, folder: Path, learner: str) -> None:
    """Run the script with `sh -eu` in the folder. Raises ExerciseInvalid, with its last lines, if it fails.

    If the engine removed a layer that a build of the script was using, everything is as before, and it runs again.
    """
    limit = stretched(TIMEOUT)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{owner.mark()}-", ignore_cleanup_errors=True) as kept:
        before = Path(kept) / "before"
        shutil.copytree(folder, before, symlinks=True)
        ended = _once(script, folder, learner, limit)
        if ended.status and SNAPSHOT_GONE.search(ended.stderr.decode("utf-8", "replace")):
            cleanup.remove(learner)
            shutil.rmtree(folder)
            shutil.copytree(before, folder, symlinks=True)
            ended = _once(script, folder, learner, limit)
    if ended.status == 0:
        return
    how = f"ended with status {ended.status}"
    if ended.timed_out:
        how = f"did not end within {format_duration(limit)}"
    elif ended.flooded:
        how = "was stopped, since it prints without end"
    said = (ended.stderr.strip() or ended.stdout.strip()).decode("utf-8", "replace").splitlines()
    last = " | ".join(clean(" ".join(line.split()), 200) for line in said[-_LINES:])
    raise ExerciseInvalid(f"{script}: {how}" + (f": {last}" if last else " and said nothing"))


def _once(script: Path, folder: Path, learner: str, limit: float) -> process.Ended:
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{owner.mark()}-", ignore_cleanup_errors=True) as home:
        env = {
            "DOCKER_CONFIG": str(Path.home() / ".docker"),  # docker would look for its plugins in the new home
            **os.environ,
            "HOME": home,
            "LEARNER": learner,
            "REGISTRY": cleanup.REGISTRY,
            "COSIGN_PASSWORD": "",
        }
        try:
            return process.run(["sh", "-eu", str(script)], timeout=limit, limit=_OUTPUT, env=env, cwd=folder)
        except OSError as problem:
            raise ExerciseInvalid(f"{script}: cannot be run: {problem.strerror}") from None

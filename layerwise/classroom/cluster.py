"""Run gradings on the workers of a dask.distributed scheduler. Each worker has an engine of its own.

    dask scheduler --port 8786
    dask worker tcp://HOST:8786 --nthreads 1 --resources engine=1      (on each machine, in its checkout of Layerwise)

A worker takes one grading at a time. If it dies, another worker grades what it was at. FOLDER and the checkout have to
be at the same paths on all machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from grader.errors import GraderError
from grader.exercise import load
from layerwise import prerequisites
from layerwise.classroom import judging, keys
from layerwise.classroom.judging import Outcome, Task
from layerwise.errors import InputError, LabError
from layerwise.stack import environment

if TYPE_CHECKING:
    from distributed import Client

RESOURCE = "engine"
EXTRA = "the extra `cluster`: pip install '.[cluster]' in a checkout of Layerwise"
_SECONDS = 20
"""The most seconds until the scheduler answers."""


class Cluster:
    """The workers of a scheduler that have an engine."""

    jobs = 1
    """How many are graded at a time on one engine."""

    def __init__(self, client: Client, address: str, judge: Callable[[Task], Outcome] | None = None) -> None:
        self._client = client
        self._address = address
        self._judge = judge or _judge

    def engines(self) -> list[str]:
        """The engines of the workers. Raises LabError if a worker's engine does not answer."""
        try:
            found = self._client.run(_engine, workers=self._workers())
        except Exception as problem:
            raise LabError(f"a worker's engine does not answer: {problem}; start it, and try again") from None
        return sorted(set(found.values()))

    def run(self, tasks: Sequence[Task], _jobs: int) -> Iterator[tuple[Task, Outcome]]:
        """Grade the tasks. Yields each with its outcome as soon as that is known. See `workers.Here.run`."""
        from distributed import as_completed

        # Not pure: a batch that is started again grades again, and does not get what a scheduler remembers.
        futures = self._client.map(self._judge, tasks, pure=False, resources={RESOURCE: 1}, batch_size=100)
        left = {future.key: (future, task) for future, task in zip(futures, tasks, strict=True)}
        try:
            for future in as_completed(futures, loop=self._client.loop):
                _, task = left.pop(future.key)
                problem = future.exception()
                outcome = Outcome(error=_said(problem)) if problem else future.result()
                future.release()
                yield task, outcome
        finally:
            self._client.cancel([future for future, _ in left.values()])

    def check(self) -> None:
        """Raise LabError if no worker is left."""
        self._workers()

    def _workers(self) -> list[str]:
        info = self._client.scheduler_info(n_workers=-1)
        found = [name for name, worker in info["workers"].items() if worker.get("resources", {}).get(RESOURCE)]
        if not found:
            raise LabError(
                f"no worker of {self._address} has an engine; start one: "
                f"dask worker {self._address} --nthreads 1 --resources {RESOURCE}=1"
            )
        return found


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The cluster with that address, such as tcp://10.0.0.5:8786. Raises InputError if it does not answer."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError(f"--cluster needs {EXTRA}") from None
    try:
        client = Client(address, timeout=_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as problem:
        raise InputError(f"--cluster {address}: no scheduler answers there: {problem}") from None
    with client:
        yield Cluster(client, address)


def _engine() -> str:
    """The engine of the lab on the machine where this runs, or the one that DOCKER_HOST names there."""
    environment.activate()
    return keys.engine_line()


def _judge(task: Task) -> Outcome:
    """Grade on a worker, in the environment of its own lab, with the base images in its own registry."""
    try:
        _prepare(task.exercise)
    except (LabError, GraderError) as problem:
        return Outcome(error=str(problem))
    return judging.judge(task)


@cache
def _prepare(exercise: Path) -> None:
    prerequisites.prepare([load(exercise)], lambda image, what: None)


def _said(problem: BaseException) -> str:
    if type(problem).__name__ == "KilledWorker":
        return "each worker that graded it died; is there enough memory?"
    return f"a worker failed ({type(problem).__name__}: {str(problem)[:200]})"

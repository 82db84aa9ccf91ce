"""A dask scheduler and workers as processes of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """The address of a scheduler on a free port of 127.0.0.1."""
    file = folder / "scheduler.json"
    words = ["--host=127.0.0.1", "--port=0", "--no-dashboard", f"--scheduler-file={file}"]
    with _started("distributed.cli.dask_scheduler", *words, log=folder / "scheduler.log"):
        deadline = time.monotonic() + 60
        while not (file.exists() and file.read_text().strip().endswith("}")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"]


@contextmanager
def started_worker(
    address: str, folder: Path, name: str, resources: str = "engine=1"
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker, which nobody starts again if it dies."""
    words = [address, "--nthreads=1", "--no-nanny", "--no-dashboard", "--host=127.0.0.1", f"--name={name}"]
    words += [f"--resources={resources}", f"--local-directory={folder}"]
    with _started("distributed.cli.dask_worker", *words, log=folder / f"{name}.log") as process:
        yield process


@contextmanager
def _started(*words: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_TEMPORARY_DIRECTORY": str(log.parent)}
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", *words], env=env, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)

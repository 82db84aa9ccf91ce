"""The doctor's smoke test: build, push, pull, run and remove a tiny image on the lab's engine and registry."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from grader.errors import GraderError, SubmissionFault
from grader.facts.registry.repository import Repository
from grader.lib import process
from grader.lib.units import format_duration
from layerwise.errors import LabError
from layerwise.stack import images
from layerwise.stack.addresses import REGISTRY
from layerwise.stack.findings import Diagnosis, fail, ok
from layerwise.stack.run import last_line

BASES = ("busybox:musl", "debian:trixie-slim", "python:3.13-slim")
"""Small base images; the first that the registry has is used."""

STEP_SECONDS = 120.0


def trial(env: Mapping[str, str]) -> Iterator[Diagnosis]:
    """Build, push, pull, run and remove a tiny image; a finding for each step. Leaves nothing behind."""
    base = next((name for name in BASES if _in_registry(name)), None)
    if base is None:
        yield fail("trial", f"the registry at {REGISTRY} has none of the small base images", "./lab up")
        return
    word = secrets.token_hex(8)
    tag = f"{REGISTRY}/doctor/trial:{word}"
    with tempfile.TemporaryDirectory(prefix="layerwise-doctor-") as folder:
        Path(folder, "Dockerfile").write_text(
            f'FROM {REGISTRY}/base/{base}\nLABEL layerwise="doctor"\nCOPY word /word\nCMD ["cat", "/word"]\n',
            encoding="utf-8",
        )
        Path(folder, "word").write_text(word, encoding="utf-8")
        steps = {
            "build": ["docker", "buildx", "build", "--load", "--provenance=false", "--quiet", "--tag", tag, folder],
            "push": ["docker", "push", "--quiet", tag],
            "remove": ["docker", "image", "rm", tag],
            "pull": ["docker", "pull", "--quiet", tag],
            "run": ["docker", "run", "--rm", "--network", "none", "--label", "layerwise=doctor", tag],
        }
        try:
            for title, argv in steps.items():
                begun = time.monotonic()
                status, output = call(argv, env)
                if title == "run" and status == 0 and not output:
                    # A busy engine loses what a quick container printed, now and then.
                    status, output = call(argv, env)
                took = format_duration(time.monotonic() - begun)
                if status != 0:
                    yield fail(title, last_line(output) or "no output", _trial_cure(title, output))
                    return
                if title == "run" and output.strip() != word:
                    yield fail(
                        title, "the container did not print the word that was built in", "./lab down, then ./lab up"
                    )
                    return
                yield ok(title, f"{base}: {took}")
        finally:
            call(["docker", "image", "rm", "--force", tag], env)
            _forget(word)


def _trial_cure(title: str, output: str) -> str:
    if "no space left" in output:
        return "the engine's disk is full: docker builder prune, or free some space"
    if "connection refused" in output:
        return f"{REGISTRY} does not answer the engine: ./lab down, then ./lab up"
    if title == "run" and "exec format error" in output:
        return "the base images are for another architecture: ./lab down --purge, then ./lab up"
    if title == "run" and ("caps" in output or "cgroup" in output):
        return "the engine cannot start containers here; its log says why (the lab's own: engine/dockerd.log)"
    return "./lab down, then ./lab up; the engine's log says more"


def call(argv: list[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Run a command. Returns its status (127: not found, 124: stopped by us) and its output, at most 64 kB of it."""
    try:
        ended = process.run(argv, timeout=STEP_SECONDS, env=env)
    except OSError:
        return 127, f"{argv[0]}: not found"
    if ended.status is None:
        why = "printed without end" if ended.flooded else f"gave no answer in {STEP_SECONDS:.0f} s"
        return 124, f"{' '.join(argv[:3])} {why}"
    output = ended.stdout + (ended.stderr if ended.status else b"")
    return ended.status, output[-65536:].decode("utf-8", "replace")


def _in_registry(name: str) -> bool:
    try:
        return images.digest(name) is not None
    except LabError:
        return False


def _forget(tag: str) -> None:
    """Delete the smoke test's manifest from the registry."""
    repository = Repository(REGISTRY, "doctor/trial")
    with suppress(GraderError, SubmissionFault):
        if manifest := repository.manifest(tag):
            repository.delete(manifest.digest)

"""The doctor's trial: build, push, pull, run and remove a tiny image, on the lab's own engine and registry."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from grader.units import format_duration
from layerwise.stack.findings import Finding, fail, ok

REGISTRY = "localhost:5000"
BASES = ("busybox:musl", "debian:trixie-slim", "python:3.13-slim")
"""Small base images, the first that the registry holds is used."""

STEP_SECONDS = 120.0


def trial(env: Mapping[str, str]) -> Iterator[Finding]:
    """Build, push, pull, run and remove a tiny image on the lab's engine and registry; leaves nothing behind."""
    base = next((name for name in BASES if _in_registry(name)), None)
    if base is None:
        yield fail("trial", f"the registry at {REGISTRY} holds none of the small base images", "./lab up")
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
                took = format_duration(time.monotonic() - begun)
                if status != 0:
                    yield fail(title, _last_line(output), _trial_cure(title, output))
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
        return "the engine cannot start containers here; its log says more (./lab status names it)"
    return "./lab down, then ./lab up; the engine's log says more"


def call(argv: list[str], env: Mapping[str, str]) -> tuple[int, str]:
    """Run a command of the lab: its status (127: not there, 124: too slow) and its output, at most 64 kB of it."""
    program = shutil.which(argv[0], path=env.get("PATH"))
    if program is None:
        return 127, f"{argv[0]}: not found"
    try:
        done = subprocess.run(
            [program, *argv[1:]],
            env=dict(env),
            capture_output=True,
            timeout=STEP_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return 124, f"{' '.join(argv[:3])} gave no answer in {STEP_SECONDS:.0f} s"
    output = done.stdout + (done.stderr if done.returncode else b"")
    return done.returncode, output[-65536:].decode("utf-8", "replace")


def http_status(url: str) -> int | None:
    """The HTTP status of a GET, or None where nothing answers HTTP."""
    try:
        with _open(url, "GET") as answer:
            return int(answer.status)
    except HTTPError as answer:
        with answer:
            return answer.code
    except (URLError, OSError, ValueError):
        return None


def _in_registry(name: str) -> bool:
    repository, _, tag = name.partition(":")
    return http_status(f"http://{REGISTRY}/v2/base/{repository}/manifests/{tag}") == 200


def _forget(tag: str) -> None:
    """Take the trial's manifest out of the registry again."""
    url = f"http://{REGISTRY}/v2/doctor/trial/manifests"
    try:
        with _open(f"{url}/{tag}", "HEAD") as answer:
            digest = answer.headers["Docker-Content-Digest"]
        _open(f"{url}/{digest}", "DELETE").close()
    except (HTTPError, URLError, OSError):
        return


_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


def _open(url: str, method: str) -> Any:
    # Past any proxy: the registry is on this machine.
    return build_opener(ProxyHandler({})).open(Request(url, method=method, headers={"Accept": _ACCEPT}), timeout=5)


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no output"

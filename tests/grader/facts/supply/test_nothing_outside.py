"""Signing, verifying and judging signatures open no connection but to this machine, with Cosign 2 and 3.

strace sees what a program asks of the kernel, also one in Go, which does without libc. That it sees, is tested too.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from grader.facts.registry.repository import Repository
from grader.facts.supply import trivy
from layerwise.stack import apt
from layerwise.stack.environment import NOTHING_PUBLISHED
from layerwise.stack.paths import ROOT
from tests import cosigns
from tests.cosigns import Signer, push

pytestmark = pytest.mark.lab

ADDRESS = re.compile(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"')
EXERCISE = """
title = "Signed"
lesson = "08-signing"
level = "core"
minutes = 1

[[check]]
kind = "signed"
title = "Signed"
points = 5
repository = "localhost:5000/{learner}/tides"
tag = "1.0"

[[check]]
kind = "sbom"
title = "Listed"
points = 5
repository = "localhost:5000/{learner}/tides"
tag = "1.0"
format = "cyclonedx"
key = "cosign.pub"
"""
GRADE = """
import sys
from pathlib import Path
from grader.exercise import load
from grader.grade import grade
report = grade(load(Path(sys.argv[1])), Path(sys.argv[2]), learner=sys.argv[3])
print(report.score, *[check.message for check in report.checks])
"""


def outside(
    command: Sequence[str], env: Mapping[str, str], folder: Path, *, fails: bool = False
) -> tuple[set[str], str]:
    """Which addresses beyond this machine a command and all that it starts send anything to, and what it prints."""
    if not shutil.which("strace"):
        apt.install(["strace"], print)
    seen = folder / "seen"
    watched = ["strace", "--follow-forks", "--trace=connect,sendto,sendmsg,sendmmsg", f"--output={seen}", *command]
    done = subprocess.run(watched, cwd=folder, env=dict(env), capture_output=True, text=True, timeout=120)
    assert (done.returncode != 0) is fails, done.stderr
    text = seen.read_text(errors="replace")
    assert "exited with" in text  # it was there until the end
    found = {ipaddress.ip_address(four or six) for four, six in ADDRESS.findall(text)}
    return {str(address) for address in found if not _is_here(address)}, done.stdout


def _is_here(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


@pytest.fixture(params=["2", "3"])
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> Signer:
    return Signer(cosigns.program(request.param), tmp_path)


@pytest.fixture
def lab(signer: Signer) -> Mapping[str, str]:
    """The lab's environment, as far as Cosign sees it."""
    return {"PATH": os.defpath, "HOME": str(signer.folder), "COSIGN_PASSWORD": "", **NOTHING_PUBLISHED}


LINES = [
    ("sign --yes --tlog-upload=false --key mine.key {image}", False),
    ("sign --yes --key mine.key {image}", False),  # the flag forgotten
    ("sign --key mine.key {image}", False),
    ("attest --yes --tlog-upload=false --key mine.key --type cyclonedx --predicate bom.json {image}", False),
    ("attest --yes --key mine.key --type cyclonedx --predicate bom.json {image}", False),
    ("verify --insecure-ignore-tlog=true --key mine.pub {image}", True),
    ("verify --key mine.pub {image}", True),
    ("verify-attestation --insecure-ignore-tlog=true --type cyclonedx --key mine.pub {image}", True),
    ("verify-attestation --type cyclonedx --key mine.pub {image}", True),
    ("sign --yes --key mine.key {image}", False),
    ("verify --insecure-ignore-tlog=true --key mine.pub {image}", False),
    ("verify --key mine.pub {image}", False),
    ("verify --key other.pub {image}", True),
    ("attest --yes --key mine.key --type cyclonedx --predicate bom.json {image}", False),
    ("verify-attestation --type cyclonedx --key mine.pub {image}", False),
    ("tree {image}", False),
    ("clean --force {image}", False),
]


def test_the_command_lines_of_the_lab(signer: Signer, lab: Mapping[str, str], tmp_path: Path) -> None:
    """Each in a fresh home: what one has looked up another need not."""
    (tmp_path / "bom.json").write_text('{"bomFormat": "CycloneDX"}')
    with cosigns.repository() as served:
        image = f"{served}@{push(served)}"
        for number, (line, fails) in enumerate(LINES):
            if fails and "other" not in line:
                signer.run("clean", "--force", image)
            home = tmp_path / str(number)
            home.mkdir()
            command = [str(signer.cosign), *line.format(image=image).split()]
            assert outside(command, {**lab, "HOME": str(home)}, tmp_path, fails=fails)[0] == set(), line


def test_a_connection_would_be_seen(signer: Signer, lab: Mapping[str, str], tmp_path: Path) -> None:
    """Without the lab's variables Cosign looks for sigstore's roots of trust before it says anything."""
    bare = {name: value for name, value in lab.items() if name not in NOTHING_PUBLISHED}
    with cosigns.repository() as served:
        image = f"{served}@{push(served)}"
        signer.sign(image)
        script = f"{signer.cosign} verify --key mine.pub {image}; exit 0"
        assert outside(["sh", "-c", script], bare, tmp_path)[0] != set()


@pytest.mark.parametrize("bundle", [False, True], ids=["tag", "bundle"])
def test_a_grading(bundle: bool, signer: Signer, tmp_path: Path) -> None:
    """The two checks that look at signatures, from the first request to the verdict."""
    for name in ("exercise", "submission", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "exercise" / "exercise.toml").write_text(EXERCISE)
    (tmp_path / "submission" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "submission" / "cosign.pub").write_bytes(signer.public("mine"))
    (tmp_path / "grade.py").write_text(GRADE)
    (tmp_path / "bin" / "cosign").symlink_to(signer.cosign)
    with cosigns.repository() as served:
        _sign(served, signer, bundle, tmp_path)
        path = f"{tmp_path / 'bin'}:{trivy.program().parent}:{os.defpath}"
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "DOCKER_CONFIG": str(tmp_path)}
        command = [sys.executable, "grade.py", "exercise", "submission", cosigns.LEARNER]
        found, said = outside(command, env, tmp_path)
    assert said.startswith("10.0 "), said
    assert found == set()


def _sign(served: Repository, signer: Signer, bundle: bool, folder: Path) -> None:
    image = f"{served}@{push(served)}"
    bom = json.loads('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}')
    if bundle:
        third = signer.with_program(cosigns.program("3"), folder / "third")
        third.bundle(image)
        third.attest_bundle(image, "cyclonedx", bom)
    else:
        signer.sign(image)
        signer.attest(image, "cyclonedx", bom)

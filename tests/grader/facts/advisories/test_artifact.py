"""The advisories in a registry: pushed once, and pulled by the real scanner."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.facts.advisories import artifact
from grader.facts.registry.repository import Repository
from grader.facts.supply import trivy

NAME = f"localhost:5000/layerwise-test/advisories-{os.getpid()}"


@pytest.fixture
def repository() -> Iterator[Repository]:
    repository = Repository.parse(NAME)
    yield repository
    for tag in repository.tags():
        manifest = repository.manifest(tag)
        if manifest:  # two tags share one
            repository.delete(manifest.digest)


@pytest.mark.lab
def test_the_scanner_pulls_what_was_pushed(repository: Repository, tmp_path: Path) -> None:
    assert artifact.publish(repository) == ["then", "now", "2"]
    assert artifact.publish(repository) == []
    assert repository.tags() == ["2", "now", "then"]
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "requirements.txt").write_text("urllib3==2.5.0\n")
    found = {}
    for tag in repository.tags():
        command = [trivy.program(), "filesystem", f"--cache-dir={tmp_path / tag}", "--scanners=vuln", "--format=json"]
        command += [f"--db-repository={NAME}:{tag}", "--skip-version-check", "--disable-telemetry", tmp_path / "x"]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        found[tag] = ended.stdout.count('"VulnerabilityID"')
    assert found["then"] == 0
    assert found["now"] == found["2"] == 4

"""The scanner: which one is run, and what is said where it cannot look. A program that stands in for it is a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.facts import trivy
from grader.facts.scan import scan_folder
from grader.stolen import is_stolen


def stand_in(folder: Path, text: str) -> Path:
    path = folder / "bin" / "trivy"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("content", "stolen"),
    [
        (b"\x00-ldflags=-X ver=0.69.4\n\x00", True),
        (b"0.69.5", True),
        (b"v0.69.6\x00", True),
        (b"10.69.4 0.69.41 0.69.4.1", False),
        (b"10.69.4 and then 0.69.4", True),
        (b"\x7fELF 0.69.3 0.70.0", False),
        (b"", True),  # what cannot be read is not run
    ],
)
def test_a_stolen_trivy_is_known_by_its_bytes(tmp_path: Path, content: bytes, stolen: bool) -> None:
    (tmp_path / "trivy").write_bytes(content)
    assert is_stolen(tmp_path / "trivy") is stolen


def test_a_stolen_release_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = stand_in(tmp_path, f"# 0.69.5\ntouch {tmp_path}/ran")
    monkeypatch.setenv("PATH", f"{bad.parent}:/usr/bin:/bin")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "nothing"))
    with pytest.raises(GraderError, match="CVE-2026-33634"):
        scan_folder(tmp_path, "now")
    assert not (tmp_path / "ran").exists()


def test_no_scanner_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    with pytest.raises(GraderError, match="the scanner is missing"):
        scan_folder(tmp_path, "now")


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("echo '2026-01-01T00:00:00Z\tFATAL\tFatal error\tno room' >&2; exit 1", r"could not look \(no room\)"),
        ("exit 7", "it said nothing"),
        ("kill -9 $$", "could not look"),
        ("echo 'no JSON'", "report cannot be read"),
        ("echo '[]'", "report cannot be read"),
        ("echo '{\"Results\": 7}'", "report cannot be read"),
        ("echo '{\"Results\": [7]}'", "report cannot be read"),
        ('echo \'{"Results": [{"Vulnerabilities": [{}]}]}\'', "report cannot be read"),
        ("cat /dev/zero", "printed without end"),
    ],
)
def test_a_scanner_that_cannot_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, says: str) -> None:
    program = stand_in(tmp_path, does)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr(trivy, "MAX_OUTPUT", 1 << 20)
    with pytest.raises(GraderError, match=says):
        scan_folder(tmp_path, "now")


def test_one_that_never_ends_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = stand_in(tmp_path, "sleep 600")
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setattr(trivy, "TIMEOUT", 0.5)
    with pytest.raises(GraderError, match="did not end"):
        scan_folder(tmp_path, "now")


def test_what_surrounds_it_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No ignore file, configuration or variable: neither in the current folder, nor in the environment."""
    (tmp_path / "requirements.txt").write_text("flask==2.2.2\n")
    (tmp_path / ".trivyignore").write_text("CVE-2023-30861\n")
    (tmp_path / "trivy.yaml").write_text("severity: [LOW]\nscan:\n  skip-files: ['**/*']\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIVY_SEVERITY", "LOW")
    monkeypatch.setenv("TRIVY_SKIP_FILES", "**/*")
    monkeypatch.setenv("TRIVY_IGNOREFILE", str(tmp_path / ".trivyignore"))
    assert [finding.id for finding in scan_folder(tmp_path, "now").findings] == ["CVE-2023-30861"]

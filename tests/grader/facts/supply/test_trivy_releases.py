"""Releases of the scanner that an attacker published are known by their bytes, and never run to be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.supply.trivy_releases import is_compromised


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
    assert is_compromised(tmp_path / "trivy") is stolen


def test_what_cannot_be_read_is_not_run(tmp_path: Path) -> None:
    assert is_compromised(tmp_path / "none")
    assert is_compromised(tmp_path)


def test_through_a_link_and_again_after_it_was_replaced(tmp_path: Path) -> None:
    program = tmp_path / "trivy-0.70"
    program.write_bytes(b"0.70.0")
    (tmp_path / "trivy").symlink_to(program)
    assert not is_compromised(tmp_path / "trivy")
    program.write_bytes(b"now 0.69.5")
    assert is_compromised(tmp_path / "trivy")

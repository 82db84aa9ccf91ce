"""Packages of this machine: a stand-in for apt-get says what it was asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import apt

INSTALL = "install -y --no-install-recommends -o DPkg::Lock::Timeout=120 strace"


@pytest.mark.parametrize(
    ("does", "asked", "problem"),
    [
        ("exit 0", [INSTALL], None),
        # Only with new lists is the package found.
        (
            '[ "$1" != update ] || touch {new}; [ "$1" = update ] || [ -e {new} ] || exit 100',
            [INSTALL, "update", INSTALL],
            None,
        ),
        (
            "echo 'W: old' >&2; echo 'E: Unable to locate package strace' >&2; exit 100",
            [INSTALL, "update", INSTALL],
            "cannot install strace: E: Unable to locate package strace; see whether this works: apt-get update",
        ),
        ("exit 1", [INSTALL, "update", INSTALL], "cannot install strace: it failed;"),
    ],
)
def test_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, asked: list[str], problem: str | None
) -> None:
    program = tmp_path / "apt-get"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/log\n{does.format(new=tmp_path / "new")}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    said: list[str] = []
    if problem:
        with pytest.raises(LabError, match=problem):
            apt.install(["strace"], said.append)
    else:
        apt.install(["strace"], said.append)
    assert (tmp_path / "log").read_text().splitlines() == asked
    assert [f"apt-get {words.split()[0]}" for words in asked] == [" ".join(text.split()[:2]) for text in said]


def test_no_apt_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match="cannot run apt-get: No such file or directory"):
        apt.install(["strace"], lambda text: None)


@pytest.mark.parametrize(
    ("program", "keyring", "missing"),
    [
        (True, True, []),
        (False, True, ["mmdebstrap"]),
        (True, False, ["debian-archive-keyring"]),
        (False, False, ["mmdebstrap", "debian-archive-keyring"]),
    ],
)
def test_what_a_root_filesystem_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: bool, keyring: bool, missing: list[str]
) -> None:
    for name, there in (("mmdebstrap", program), ("keyring.gpg", keyring)):
        if there:
            (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(apt, "KEYRING", tmp_path / "keyring.gpg")
    assert apt.missing_for_rootfs() == missing

"""Whether this machine can have an engine of the lab's own, and why one could not be made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import rootfs
from layerwise.stack.paths import Home


@pytest.mark.parametrize(
    ("lines", "full", "said"),
    [
        (["E: mmdebstrap failed to run"], True, "the disk is full; free 3 GB"),
        (["cp: error writing: No space left on device", "E: x"], False, "the disk is full"),
        (
            ["Err:1 http://x trixie", "  Temporary failure resolving 'x'", "E: y"],
            False,
            "cannot be reached; check the net",
        ),
        (["W: GPG error: NO_PUBKEY 1234", "E: z"], False, "debian-archive-keyring is too old"),
        (
            ["I: x", "E: Unable to locate package cosign", "E: mmdebstrap failed to run"],
            False,
            "Unable to locate package",
        ),
        (["something odd"], False, "something odd"),
        ([], False, "mmdebstrap said nothing"),
    ],
)
def test_why_it_could_not_be_made(lines: list[str], full: bool, said: str) -> None:
    assert said in rootfs.failure(lines, full)


def test_the_filesystem_of_a_folder() -> None:
    assert rootfs.filesystem_of(Path("/proc/self")) == "proc"
    assert rootfs.filesystem_of(Path("/proc/1/does/not/exist")) == "proc"


@pytest.mark.parametrize("kind", ["overlay", "nfs4", "9p", "fuse.sshfs"])
@pytest.mark.skipif(os.geteuid() != 0, reason="comes after the question whether we are root")
def test_a_filesystem_that_cannot_hold_layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(rootfs, "filesystem_of", lambda path: kind)
    with pytest.raises(LabError, match=rf"is on {kind}, where an engine cannot keep image layers; set LAYERWISE_HOME"):
        rootfs.require_possible(Home(tmp_path))


def test_not_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"needs root: install Docker .* sudo \./lab up"):
        rootfs.require_possible(Home(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="comes after the question whether we are root")
def test_no_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"needs apt \(Debian or Ubuntu\): install Docker"):
        rootfs.require_possible(Home(tmp_path))


def test_left_overs_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    rootfs.sweep(home)
    (home.engine / "rootfs.new-abc" / "rootfs" / "bin").mkdir(parents=True)
    (home.engine / "rootfs" / "bin").mkdir(parents=True)
    assert not rootfs.is_ready(home)
    rootfs.sweep(home)
    assert [each.name for each in home.engine.iterdir()] == ["rootfs"]

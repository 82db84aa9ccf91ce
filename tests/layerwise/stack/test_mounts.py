"""The table of mounts, as proc(5) has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import mounts, removal, rootfs

TABLE = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /proc rw,nosuid - proc proc rw
31 22 0:40 / /my\040home/a\011b rw master:3 - overlay overlay rw,lowerdir=/x
32 22 8:2 / /my\040home/engine rw - xfs /dev/sdb rw
"""


@pytest.fixture(autouse=True)
def _table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mountinfo").write_text(TABLE)
    monkeypatch.setattr(mounts, "TABLE", tmp_path / "mountinfo")


def test_each_mount() -> None:
    assert list(mounts.mounts()) == [
        ("/", "ext4"),
        ("/proc", "proc"),
        ("/my home/a\tb", "overlay"),
        ("/my home/engine", "xfs"),
    ]


def test_a_system_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "TABLE", Path("/no/such/file"))
    assert list(mounts.mounts()) == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/proc/1/none", "proc"), ("/my home/a\tb", "overlay"), ("/my home/engine/x", "xfs"), ("/procs", "ext4")],
)
def test_the_filesystem_of_a_folder(path: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rootfs, "nearest", Path)
    assert rootfs.filesystem_of(Path(path)) == kind


@pytest.mark.parametrize(("folder", "mounted"), [("/my home", True), ("/my home/engine", False), ("/my", False)])
def test_nothing_behind_a_mount_is_to_be_deleted(folder: str, mounted: bool) -> None:
    if mounted:
        with pytest.raises(LabError, match=r"/my home/a\tb is a mount inside the lab's folder"):
            removal.require_unmounted(Path(folder))
    else:
        removal.require_unmounted(Path(folder))

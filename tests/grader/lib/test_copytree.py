"""Copying folders nobody vouches for."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import SubmissionUnusable
from grader.lib.copytree import Limits, copy_tree
from tests.grader.conftest import nest


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def listing(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        os.path.relpath(path, folder): (
            stat.S_IMODE(path.lstat().st_mode),
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
        if not path.is_symlink()
    }


def test_everything_is_kept(source: Path, target: Path) -> None:
    (source / "app").mkdir(mode=0o750)
    (source / "app" / "run.sh").write_text("#!/bin/sh\n")
    (source / "app" / "run.sh").chmod(0o4755)
    (source / "app" / "data.bin").write_bytes(os.urandom(3_000_000))
    (source / ".dockerignore").write_text("*.log\n")
    (source / "empty").mkdir()
    os.utime(source / "Dockerfile", ns=(1, 1_234_567_890_123_456_789))
    os.utime(source / "app", ns=(1, 1_000_000_000_000_000_001))
    assert copy_tree(source, target, Limits()) == 6
    assert listing(target) == listing(source)


def test_names_of_any_bytes(source: Path, target: Path) -> None:
    names = [b"a\nb", b"\x1b[31mred", b"\xff\xfe", "schön".encode(), b"-rf", b" ", b"a" * 255]
    for name in names:
        (source / os.fsdecode(name)).write_bytes(name)
    copy_tree(source, target, Limits())
    assert sorted(os.listdir(os.fsencode(target))) == sorted([*names, b"Dockerfile"])


def test_hard_links_become_files_of_their_own(source: Path, target: Path) -> None:
    os.link(source / "Dockerfile", source / "again")
    copy_tree(source, target, Limits())
    assert (target / "again").read_bytes() == (target / "Dockerfile").read_bytes()
    assert (target / "again").stat().st_ino != (target / "Dockerfile").stat().st_ino


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("plain", "Dockerfile"),
        ("deep/up", "../Dockerfile"),
        ("folder", "deep"),
        ("dead", "no/such/file"),
        ("circle", "circle"),
        ("there-and-back", "deep/../Dockerfile"),
        ("to-the-top", "."),
        ("deep/top", ".."),
        ("back-through-a-link", "folder-link/../Dockerfile"),
    ],
)
def test_links_inside_stay_links(name: str, to: str, source: Path, target: Path) -> None:
    (source / "deep").mkdir()
    (source / "folder-link").symlink_to("deep")
    (source / name).symlink_to(to)
    copy_tree(source, target, Limits())
    assert os.readlink(target / name) == to


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("absolute", "/etc/passwd"),
        ("root", "/"),
        ("up", "../secret"),
        ("deep/up", "../../secret"),
        ("hidden", "deep/../../secret"),
        ("through-a-link", "top/../secret"),
        ("through-two", "deep/top/../secret"),
        ("just-out", ".."),
    ],
)
def test_links_that_leave_are_refused(name: str, to: str, source: Path, target: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not yours")
    (source / "deep").mkdir()
    (source / "top").symlink_to(".")
    (source / "deep" / "top").symlink_to("..")
    (source / name).symlink_to(to)
    with pytest.raises(SubmissionUnusable, match="a link that leaves the folder") as fault:
        copy_tree(source, target, Limits())
    assert name in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_link_made_of_two_that_are_fine_each(source: Path, target: Path) -> None:
    """`a/b` is a link to the top, so `a/b/..` leaves, whatever the text looks like."""
    (source / "a").mkdir()
    (source / "a" / "b").symlink_to("..")
    (source / "out").symlink_to("a/b/../x")
    with pytest.raises(SubmissionUnusable, match="'out'"):
        copy_tree(source, target, Limits())


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    if os.getuid():
        pytest.fail("making a device needs root")
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(("make", "kind"), [(pipe, "a pipe"), (device, "a device"), (unix_socket, "a socket")])
def test_special_files_are_refused(make: Callable[[Path], None], kind: str, source: Path, target: Path) -> None:
    (source / "deep").mkdir()
    make(source / "deep" / "odd\nname")
    with pytest.raises(SubmissionUnusable, match=kind) as fault:
        copy_tree(source, target, Limits())
    assert "\n" not in str(fault.value)


def test_a_sparse_file_counts_in_full_and_is_not_read(source: Path, target: Path) -> None:
    with (source / "huge").open("wb") as file:
        file.truncate(10_000_000_000)
    with pytest.raises(SubmissionUnusable, match="larger than 2"):
        copy_tree(source, target, Limits())
    assert not (target / "huge").exists()


def test_many_files_are_refused_before_they_are_copied(source: Path, target: Path) -> None:
    for number in range(101):
        (source / f"{number}").touch()
    with pytest.raises(SubmissionUnusable, match="more than 100 files"):
        copy_tree(source, target, Limits(entries=100))
    assert not target.exists()


def test_long_paths_are_refused(source: Path, target: Path) -> None:
    (source / ("x" * 100) / ("y" * 100)).mkdir(parents=True)
    with pytest.raises(SubmissionUnusable, match="path of more than 150 bytes"):
        copy_tree(source, target, Limits(path_bytes=150))


def test_five_thousand_folders_deep(source: Path, target: Path) -> None:
    nest(source, 5_000)
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(SubmissionUnusable, match="more than 100 folders deep"):
        copy_tree(source, target, Limits())
    assert len(os.listdir("/proc/self/fd")) == descriptors
    subprocess.run(["rm", "-rf", source], check=True, timeout=60)  # pytest's own clean-up recurses


@pytest.mark.parametrize("depth", [1, 99])
def test_folders_within_the_limit(depth: int, source: Path, target: Path) -> None:
    nest(source, depth)
    assert copy_tree(source, target, Limits()) == depth + 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "no such folder"),
        (lambda path: path.write_text("x"), "is not a folder"),
    ],
)
def test_no_folder(make: Callable[[Path], object], says: str, tmp_path: Path) -> None:
    make(tmp_path / "x")
    with pytest.raises(SubmissionUnusable, match=says):
        copy_tree(tmp_path / "x", tmp_path / "y", Limits())


UNREADABLE = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from grader.errors import SubmissionUnusable
from grader.lib.copytree import Limits, copy_tree
os.setgid(65534); os.setuid(65534)
try:
    copy_tree(Path(sys.argv[2]), Path(sys.argv[3]), Limits())
except SubmissionUnusable as fault:
    print(fault)
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_cannot_be_read_is_named(kind: str, tmp_path: Path) -> None:
    if os.getuid():
        pytest.fail("acting as another user needs root")
    shared = Path("/tmp") / f"layerwise-test-{os.getpid()}-{kind}"
    shared.mkdir(mode=0o777)
    try:
        shared.chmod(0o777)
        (shared / "in").mkdir(mode=0o755)
        closed = shared / "in" / "closed"
        closed.touch(mode=0o600) if kind == "file" else closed.mkdir(mode=0o700)
        root = Path(__file__).resolve().parents[3]
        ended = subprocess.run(
            [sys.executable, "-c", UNREADABLE, root, shared / "in", shared / "out"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "'closed' in" in ended.stdout, ended.stderr
        assert "cannot be read: Permission denied" in ended.stdout
    finally:
        subprocess.run(["rm", "-rf", shared], check=True, timeout=60)


def test_a_folder_swapped_for_a_link_meanwhile_is_not_followed(
    source: Path, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking at a name and opening it the learner puts a link to somewhere else there."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret").write_text("not yours")
    (source / "folder").mkdir()
    real = os.stat

    def swapping(path: object, **more: object) -> os.stat_result:
        found = real(path, **more)  # type: ignore[arg-type]
        if path == "folder" and stat.S_ISDIR(found.st_mode):
            (source / "folder").rmdir()
            (source / "folder").symlink_to(tmp_path / "elsewhere")
        return found

    monkeypatch.setattr(os, "stat", swapping)
    with pytest.raises(SubmissionUnusable, match=r"'folder' in .* cannot be read"):
        copy_tree(source, target, Limits())
    monkeypatch.undo()
    assert not list(target.rglob("secret"))

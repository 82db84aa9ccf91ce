"""A container's file system: mounts read from mountinfo, and the upper directory seen through the engine."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import layerwise as lw
from layerwise.errors import LabError
from layerwise.views.mounts import _parse

from .test_layers import docker

LINE = "257 132 0:64 / / rw,relatime - overlay overlay rw,"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (LINE + "lowerdir=/l2:/l1,upperdir=/u,workdir=/w", (("/l2", "/l1"), "/u", "/w")),
        (LINE + r"lowerdir=/a\040b,upperdir=/u\054,workdir=/w", (("/a b",), "/u,", "/w")),
        (LINE + "lowerdir+=/l2,lowerdir+=/l1,upperdir=/u,workdir=/w", (("/l2", "/l1"), "/u", "/w")),
        (LINE + "lowerdir=/l1", None),
        ("257 132 0:64 / /other rw - overlay overlay rw,lowerdir=/l,upperdir=/u", None),
        ("132 131 254:0 / / rw - ext4 /dev/vda rw", None),
        ("", None),
    ],
)
def test_a_line_of_mountinfo(line: str, found: tuple[tuple[str, ...], str, str] | None) -> None:
    mount = _parse(line)
    assert (mount and (mount.lower, mount.upper, mount.work)) == found


WRITES = """
echo new > '/<b>new'; rm /etc/group; echo >> /bin/busybox; mkdir /d; touch "$(printf '/d/a\\nb\\033')"
touch /done; sleep 300
"""


@pytest.fixture
def container(base: str) -> Iterator[str]:
    name = docker("run", "--detach", "--network=none", "--label=layerwise=test", base, "sh", "-c", WRITES)
    yield name
    docker("rm", "--force", name)


@pytest.mark.engine
def test_what_a_container_wrote(container: str) -> None:
    deadline = time.monotonic() + 30
    while "A /done" not in docker("diff", container):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    seen = lw.overlay(container)
    assert seen.why == ""
    assert seen.mount is not None
    assert seen.mount.upper not in seen.mount.lower
    told = {entry.path: (entry.what, entry.above and entry.above.kind) for entry in seen.entries}
    assert told == {
        "<b>new": ("added", "file"),
        "etc/group": ("removed", "whiteout"),
        "bin/busybox": ("changed", "file"),
        "d": ("added", "folder"),
        "d/a\nb\x1b": ("added", "file"),
        "done": ("added", "file"),
    }
    largest = seen.entries[0]
    assert (largest.path, largest.above and largest.above.size) == ("bin/busybox", (largest.below or 0) + 1)
    shown = seen._repr_html_()
    assert "the whole file, copied up" in shown
    assert "a whiteout hides it" in shown
    assert "/&lt;b&gt;new" in shown
    assert "<b>" not in shown
    assert "\x1b" not in shown + repr(seen)

    docker("kill", container)
    seen = lw.overlay(container)
    assert "the container does not run" in seen.why or seen.mount is not None, (
        "only classic stores tell of a stopped one"
    )
    assert len(seen.entries) == 6
    assert "stopped" in seen._repr_html_()


@pytest.mark.engine
def test_an_unknown_container_is_one_line() -> None:
    with pytest.raises(LabError, match=r"no container 'layerwise-none'.*docker ps") as fault:
        lw.overlay("layerwise-none")
    assert fault.value._render_traceback_() == [str(fault.value)]  # type: ignore[attr-defined]

"""What an engine leaves at its mount points, and what a RUN changed there."""

from __future__ import annotations

import pytest

from grader.facts.image.mount_points import is_leftover, states_below
from grader.facts.image.tar import Member


def entry(path: str, kind: str = "folder", mode: int = 0o755, uid: int = 0, gid: int = 0, size: int = 0) -> Member:
    return Member(path, kind, size, mode, uid, gid, "")


ETC = entry("etc")
HOSTS = entry("etc/hosts", "file", 0o644)


@pytest.mark.parametrize(
    ("member", "below", "leftover"),
    [
        (ETC, [], True),
        (ETC, [ETC], True),
        (HOSTS, [], True),
        (HOSTS, [HOSTS], True),
        (entry("proc", mode=0o555), [entry("proc", mode=0o555)], True),
        (entry("etc", mode=0o711), [ETC], False),
        (entry("etc", uid=1000), [ETC], False),
        (entry("etc", gid=7), [ETC], False),
        (entry("etc", "symlink"), [], False),
        (entry("etc/hosts", "file", 0o600), [HOSTS], False),
        (HOSTS, [entry("etc/hosts", "file", 0o644, size=20)], False),
        (entry("etc/hosts", "file", 0o644, size=1), [], False),
        (ETC, [entry("etc", "symlink")], False),
        (entry("app"), [], False),
        (entry("etc/.wh.hosts", "file"), [], False),
    ],
)
def test_entries(member: Member, below: list[Member], leftover: bool) -> None:
    assert is_leftover(member, {found.path: found for found in below}) is leftover


@pytest.mark.parametrize(
    ("layers", "left"),
    [
        ([[ETC, HOSTS]], ["etc", "etc/hosts"]),
        ([[entry("etc", mode=0o700)], [ETC]], ["etc"]),
        ([[ETC, HOSTS], [entry("etc/.wh.hosts", "file")]], ["etc"]),
        ([[ETC, HOSTS], [entry(".wh.etc", "file")]], []),
        ([[ETC, HOSTS], [entry("etc/.wh..wh..opq", "file")]], ["etc"]),
        ([[ETC, HOSTS], [entry("etc/.wh..wh..opq", "file"), HOSTS]], ["etc", "etc/hosts"]),
        ([[ETC, HOSTS, entry("proc")], [entry(".wh..wh..opq", "file")]], []),
        ([[ETC, HOSTS], [entry("etc", "symlink")]], ["etc"]),
        ([[ETC, HOSTS], [entry("etcetera", "file"), entry("etc/.wh.host", "file")]], ["etc", "etc/hosts"]),
        ([], []),
    ],
)
def test_what_lower_layers_have(layers: list[list[Member]], left: list[str]) -> None:
    states = states_below([*layers, []])
    assert states[0] == {}
    assert sorted(states[-1]) == left
    assert len(states) == len(layers) + 1

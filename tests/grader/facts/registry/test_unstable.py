"""What may differ in a third build, if it differed between the first two."""

from __future__ import annotations

import pytest

from grader.facts.image.filesystem import FileSystem
from grader.facts.image.tar import Member
from grader.facts.registry.layer_files import Entry, LayerFiles
from grader.facts.registry.unstable import Unstable

FILE = Entry("file", 0o644, 0, 0, "", "")
ROOTED = FILE._replace(mode=0o4755)
OWNED = FILE._replace(uid=7)
LINK = Entry("symlink", 0, 0, 0, "a", "")


def layer(**files: Entry) -> LayerFiles:
    named = {path.replace("_", "/"): entry for path, entry in files.items()}
    folders = {path.rpartition("/")[0] for path in named if "/" in path}
    members = [Member(path, "folder", 0, 0o755, 0, 0, "") for path in sorted(folders)]
    return LayerFiles(named, {}, FileSystem([members]))


@pytest.mark.parametrize(
    ("ours", "second", "path", "mine", "its", "allowed"),
    [
        # another name
        ({"srv_a": FILE}, {"srv_b": FILE}, "srv/a", FILE, None, True),
        ({"srv_a": FILE}, {"srv_b": FILE}, "srv/c", None, FILE, True),
        ({"srv_a": FILE}, {"srv_b": FILE}, "srv/c", None, ROOTED, False),
        ({"srv_a": FILE}, {"srv_b": FILE}, "srv/c", None, OWNED, False),
        ({"srv_a": FILE}, {"srv_b": FILE}, "srv/c", None, LINK, False),
        ({"srv_a": FILE}, {"srv_b": FILE}, "bin/c", None, FILE, False),
        ({"srv_a": FILE}, {"srv_b": FILE}, "srv/c/d", None, FILE, False),
        ({"srv_a_x": FILE}, {"srv_b_x": FILE}, "srv/c/x", None, FILE, True),
        # the same name
        ({"srv_a": FILE}, {"srv_a": FILE}, "srv/a", FILE, None, False),
        ({"srv_a": FILE}, {}, "srv/a", FILE, None, True),
        ({}, {"srv_a": FILE}, "srv/a", None, FILE, True),
        ({}, {"srv_a": FILE}, "srv/a", None, ROOTED, False),
        ({"l": LINK}, {"l": LINK._replace(link="b")}, "l", LINK, LINK._replace(link="c"), True),
        ({"l": LINK}, {"l": LINK._replace(link="b")}, "l", LINK, FILE, False),
        ({"a": FILE}, {"a": FILE}, "a", FILE, ROOTED, False),
        ({"a": FILE}, {"a": OWNED}, "a", FILE, ROOTED, False),
    ],
)
def test_what_is_allowed(
    ours: dict[str, Entry], second: dict[str, Entry], path: str, mine: Entry | None, its: Entry | None, allowed: bool
) -> None:
    assert Unstable(layer(**ours), layer(**second)).allows(path, mine, its) == allowed


def test_no_more_than_there_were() -> None:
    unstable = Unstable(layer(srv_a=FILE), layer(srv_b=FILE))
    assert [unstable.allows(f"srv/{name}", None, FILE) for name in "cd"] == [True, False]


def test_any_number_if_the_number_differs() -> None:
    unstable = Unstable(layer(srv_a=FILE), layer(srv_b=FILE, srv_c=FILE))
    assert all(unstable.allows(f"srv/{name}", None, FILE) for name in "defg")

"""Layers laid over each other: what a container sees, and what is carried along for nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from grader.facts.image.changeset import MAX_LINKS
from grader.facts.image.filesystem import Content, FileSystem, Waste
from grader.facts.image.tar import Member

KINDS = {"/": "folder", "@": "symlink", "=": "hardlink"}


def layer(*entries: str) -> list[Member]:
    """`a` is a file of as many bytes as its name has letters, `a/` a folder, `a@TARGET` and `a=TARGET` are links."""
    return [_member(entry) for entry in entries]


def _member(entry: str) -> Member:
    if entry.endswith("/"):
        return Member(entry[:-1], "folder", 0, 0o755, 0, 0, "")
    for sign in ("@", "="):
        path, found, target = entry.partition(sign)
        if found:
            return Member(path, KINDS[sign], 0, 0o777, 0, 0, target)
    return Member(entry, "file", len(entry), 0o644, 0, 0, "")


def seen(*layers: Sequence[str]) -> list[str]:
    return sorted(FileSystem([layer(*entries) for entries in layers]))


@pytest.mark.parametrize(
    ("layers", "visible"),
    [
        ([["a"], ["b"]], ["a", "b"]),
        ([["a"], [".wh.a"]], []),
        ([["d/", "d/a"], ["d/.wh.a", "d/b"]], ["d", "d/b"]),
        ([["d/", "d/a"], [".wh.d"]], []),
        ([["d/", "d/a"], [".wh.d"], ["d/", "d/b"]], ["d", "d/b"]),
        ([["d/", "d/a"], ["d/", "d/b"]], ["d", "d/a", "d/b"]),
        ([["d/", "d/a", "d/s/", "d/s/x"], ["d/", "d/.wh..wh..opq", "d/b"]], ["d", "d/b"]),
        pytest.param([["d/", "d/a"], ["d"]], ["d"], id="a file where a folder was"),
        pytest.param([["d/", "d/a"], ["d@e"], ["d/"]], ["d"], id="a folder again, and its old content is gone"),
        pytest.param([["d"], ["d/", "d/a"]], ["d", "d/a"], id="a folder where a file was"),
        pytest.param([["d/a"], ["d@e"]], ["d"], id="a folder without an entry of its own"),
        pytest.param([["d/.wh..wh..opq", "d/a"]], ["d/a"], id="an opaque mark touches nothing of its own layer"),
        pytest.param([["a"], [".wh.a", "a"]], ["a"], id="deleted and made anew in one layer"),
        pytest.param(
            [["d/", "d/a"], [".wh.d", "d/", "d/b"]], ["d", "d/a", "d/b"], id="a folder's entry undoes its whiteout"
        ),
        pytest.param([["a", "a@b"]], ["a"], id="twice in a layer"),
        pytest.param([["ab"], [".wh.a"]], ["ab"], id="a name that begins like it"),
        pytest.param([["d/a"], ["d/.wh..wh.plnk"]], ["d/a"], id="a mark of a storage driver"),
        pytest.param([["d/a"], [".wh..wh..opq"]], ["d/a"], id="a root that is opaque, to no effect"),
        pytest.param([["a"], [".wh.a", "b=a"]], [], id="a hard link to what is deleted"),
        pytest.param([["lib@usr", "usr/b"], ["lib/x"]], ["lib/x", "usr/b"], id="an implied folder replaces a link"),
        pytest.param([["d"], ["d/x"]], ["d/x"], id="or a file"),
        pytest.param([["e/a", "d@e"], ["d/.wh.a"]], ["e/a"], id="also if it only has a mark"),
        pytest.param([["d/", "d/a"], ["d@e"], ["d/x"]], ["d/x"], id="and what was below the link stays gone"),
        pytest.param([["d/", "d/a"], ["d/x"]], ["d", "d/a", "d/x"], id="but it merges with a folder"),
        pytest.param([["lib@usr", "lib/x"]], ["lib", "usr/x"], id="through a link of its own layer"),
        pytest.param([["d/", "d/x", "d"]], ["d"], id="a folder replaced in its own layer"),
        ([[]], []),
        ([], []),
    ],
)
def test_what_is_visible(layers: list[list[str]], visible: list[str]) -> None:
    assert seen(*layers) == visible


def test_the_last_entry_of_a_path_counts() -> None:
    files = FileSystem([layer("a@x", "a@y"), layer("b"), layer("b@z")])
    assert [(files.get(path).link, files.get(path).layer) for path in ("a", "b")] == [("y", 0), ("z", 2)]  # type: ignore[union-attr]


def test_folders_without_entries() -> None:
    files = FileSystem([layer("usr/lib/x")])
    assert [files.listing(path) for path in ("", "/usr", "usr/lib/", "usr/lib/x", "none")] == [
        ["usr"],
        ["lib"],
        ["x"],
        [],
        [],
    ]
    assert files.get("usr/lib").kind == "folder"  # type: ignore[union-attr]
    assert ("usr" in files, "us" in files, "" in files) == (True, False, True)


def test_an_implied_folder_has_the_mode_of_the_folder_below() -> None:
    below = [Member("d", "folder", 0, 0o700, 7, 7, "")]
    files = FileSystem([below, layer("d/x")])
    assert (files.get("d").mode, files.listing("d")) == (0o700, ["x"])  # type: ignore[union-attr]
    replaced = FileSystem([below, layer("d@e"), layer("d/x")])
    assert (replaced.get("d").kind, replaced.get("d").mode) == ("folder", 0o755)  # type: ignore[union-attr]


def test_an_implied_folder_without_content() -> None:
    files = FileSystem([layer("e/a", "d@e"), layer("d/.wh.a")])
    assert (files.get("d").kind, files.listing("d"), files.listing("")) == ("folder", [], ["d", "e"])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("a", "d/real"),
        ("/a", "d/real"),
        ("d/up", "b"),
        ("folder/real", "d/real"),
        ("folder/../b", "b"),
        ("absolute", "d/real"),
        ("above", "b"),
        ("a/x", None),
        ("loop", None),
        ("dangling", None),
        ("none", None),
        ("", ""),
        ("folder", "d"),
    ],
)
def test_links_are_followed_as_in_the_container(path: str, resolved: str | None) -> None:
    files = FileSystem(
        [
            layer("d/", "d/real", "d/up@../b", "b", "a@d/real", "folder@d", "absolute@/d/./real"),
            layer("above@../../../b", "loop@loop", "dangling@x"),
        ]
    )
    assert files.resolve(path) == resolved


def test_a_chain_of_links_has_an_end() -> None:
    chain = [f"l{number}@l{number + 1}" for number in range(MAX_LINKS + 1)]
    files = FileSystem([layer(*chain, f"l{MAX_LINKS + 1}")])
    assert files.resolve("l1") == f"l{MAX_LINKS + 1}"
    assert files.resolve("l0") is None


def test_stat_and_content() -> None:
    files = FileSystem([layer("d/", "a", "link@a", "to-folder@d")])
    assert files.stat("link") == files.get("a")
    assert files.content("link") == Content(0, 1)
    assert (files.content("to-folder"), files.content("none"), files.stat("none")) == (None, None, None)


class TestHardLinks:
    def test_share_the_content_of_their_own_layer(self) -> None:
        files = FileSystem([layer("a"), layer("a", "b=a")])
        found = files.get("b")
        assert found is not None
        assert (found.path, found.kind, found.size) == ("b", "file", 1)
        assert files.content("b") == Content(1, 0)

    def test_the_bytes_that_the_name_had_then(self) -> None:
        files = FileSystem([layer("a", "b=a", "a")])
        assert (files.content("a"), files.content("b"), files.waste()) == (Content(0, 2), Content(0, 0), [])

    def test_also_when_the_other_name_is_deleted(self) -> None:
        files = FileSystem([layer("a", "b=a"), layer(".wh.a")])
        assert (files.content("b"), files.waste()) == (Content(0, 0), [])

    def test_of_links(self) -> None:
        assert FileSystem([layer("a", "b=a", "c=b")]).content("c") == Content(0, 0)


@pytest.mark.parametrize(
    ("layers", "first", "wasted"),
    [
        ([["a"], ["a"]], 0, [(0, "a", True)]),
        ([["aaa"], [".wh.aaa"]], 0, [(0, "aaa", False)]),
        ([["d/", "d/aaa"], [".wh.d"]], 0, [(0, "d/aaa", False)]),
        ([["d/aaa"], ["d@x"]], 0, [(0, "d/aaa", False)]),
        ([["a"], ["a"], ["a"]], 1, [(1, "a", True)]),
        ([["a"], ["a"]], 1, []),
        ([["big-one", "s"], [".wh.big-one", ".wh.s"]], 0, [(0, "big-one", False), (0, "s", False)]),
        pytest.param([["a", "a"]], 0, [(0, "a", True)], id="twice in one layer"),
        pytest.param([["a@b", "d/"], [".wh.a", ".wh.d"]], 0, [], id="links and folders weigh nothing"),
    ],
)
def test_waste(layers: list[list[str]], first: int, wasted: list[tuple[int, str, bool]]) -> None:
    found = FileSystem([layer(*entries) for entries in layers]).waste(first)
    assert [(each.layer, each.path, each.overwritten) for each in found] == wasted
    assert all(each.size == len(each.path) for each in found)


@pytest.mark.parametrize(
    ("layers", "hidden_by"),
    [
        ([["d/", "d/a"], ["x"], ["d/a"], ["d/a"]], 2),
        ([["d/", "d/a"], ["x"], ["d/.wh.a"]], 2),
        ([["d/", "d/a"], [".wh.d"], ["d/a"]], 1),
        ([["d/", "d/a"], ["d/.wh..wh..opq"]], 1),
        ([["d/", "d/a"], ["d"]], 1),
        ([["d/", "d/a"], ["d/"], ["d/.wh.a"]], 2),
        pytest.param([["d/", "d/a"], [".wh..wh..opq"], ["d/.wh.a"]], 2, id="not a root that is opaque"),
        pytest.param([["d/a"], ["x"], ["d/a/b/c"]], 2, id="an implied folder in its place"),
    ],
)
def test_which_layer_hides_it(layers: list[list[str]], hidden_by: int) -> None:
    waste = Waste(0, "d/a", 3, False)
    assert FileSystem([layer(*entries) for entries in layers]).hidden_by([waste]) == {waste: hidden_by}

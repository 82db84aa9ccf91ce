"""What an engine makes of a layer: each case as members, and the same as an image that a live engine unpacks."""

from __future__ import annotations

import pytest

from grader.facts.image.changeset import GONE, IMPLIED, Changeset
from grader.facts.image.filesystem import FileSystem
from grader.facts.image.tar import BadArchive, Member
from tests.grader.facts.image.test_filesystem import layer


def left(*entries: str) -> dict[str, str]:
    """What is left of these entries: `(/)` for a folder without one, `gone`, else the entry itself."""
    found = Changeset(layer(*entries)).entries
    words = {IMPLIED: "(/)", GONE: "gone"}
    return {path: words.get(number) or entries[number] for path, number in found.items()}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param(["d/", "d/x"], {"d": "d/", "d/x": "d/x"}, id="nothing odd"),
        pytest.param(["a/b/x"], {"a": "(/)", "a/b": "(/)", "a/b/x": "a/b/x"}, id="folders without entries"),
        pytest.param(["d/x", "d/"], {"d": "d/", "d/x": "d/x"}, id="the folder's entry comes late"),
        pytest.param(["d/.wh.x"], {"d": "(/)", "d/x": "gone"}, id="a mark makes its folder"),
        pytest.param([".wh.a", "a"], {"a": "a"}, id="deleted and made anew"),
        pytest.param([".wh.d", "d/", "d/x"], {"d": "d/", "d/x": "d/x"}, id="a folder deleted and made anew"),
        pytest.param([".wh.d/"], {"d": "gone"}, id="a mark that is a folder"),
        pytest.param([".wh.d/x"], {".wh.d": "(/)", ".wh.d/x": ".wh.d/x"}, id="a mark that only something is in"),
        pytest.param([".wh.a", "b=a"], {"a": "gone", "b": "gone"}, id="a hard link to what is deleted"),
        pytest.param(["l@d", "l/x"], {"l": "l@d", "d": "(/)", "d/x": "l/x"}, id="through a link"),
        pytest.param(["l@/d/e", "l/x"], {"l": "l@/d/e", "d": "(/)", "d/e": "(/)", "d/e/x": "l/x"}, id="from the root"),
        pytest.param(["a/l@../../b", "a/l/x"], {"a": "(/)", "a/l": "a/l@../../b", "b": "(/)", "b/x": "a/l/x"}, id="up"),
        pytest.param(["d/", "d/x", "d"], {"d": "d"}, id="a file replaces a folder and what is in it"),
        pytest.param(["d/", "d/e/x", "d@b", "d/y"], {"d": "d@b", "b": "(/)", "b/y": "d/y"}, id="and so does a link"),
        pytest.param(["d/", "d/x", "d", "d/", "d/y"], {"d": "d/", "d/y": "d/y"}, id="which is replaced in turn"),
        pytest.param(["l@d", "l/x", "l/"], {"l": "l/", "d": "(/)", "d/x": "l/x"}, id="a folder replaces a link"),
        pytest.param(["l@d", "l/x", "l/", "l/y"],
                     {"l": "l/", "d": "(/)", "d/x": "l/x", "l/y": "l/y"}, id="and the next goes elsewhere"),
        pytest.param(["a", "b=a", "b/"], {"a": "a", "b": "b/"}, id="a hard link replaced"),
        pytest.param(["e@d", "l=e", "l/x"], {"e": "e@d", "l": "l=e", "d": "(/)", "d/x": "l/x"}, id="a linked link"),
    ],
)  # fmt: skip
def test_what_is_left(entries: list[str], found: dict[str, str]) -> None:
    assert left(*entries) == found


@pytest.mark.parametrize(
    ("entries", "shared"),
    [
        pytest.param(["a", "b=a", "a"], {1: 0}, id="the bytes that the name had then"),
        pytest.param(["a", "a", "b=a"], {2: 1}, id="the last before it"),
        pytest.param(["a", "b=a", "c=b"], {1: 0, 2: 0}, id="of a hard link"),
        pytest.param(["d/a", "l@d", "b=l/a"], {2: 0}, id="through a link"),
    ],
)
def test_which_content_a_hard_link_has(entries: list[str], shared: dict[int, int]) -> None:
    assert Changeset(layer(*entries)).shared == shared


def test_marks() -> None:
    found = Changeset(layer("d/.wh.a", "l@d", "l/.wh.b", "e/.wh..wh..opq", "d/.wh..wh.plnk", ".wh..wh..opq"))
    gone = {path for path, number in found.entries.items() if number == GONE}
    assert (gone, found.opaque) == ({"d/a", "d/b"}, {"e"})


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (["d/.wh."], "'d/.wh.' deletes a file without a name"),
        ([".wh.."], "without a name"),
        (["d/.wh..."], "without a name"),
        (["a", "a/b"], "'a' is not a folder"),
        (["a", "a/b/c"], "'a' is not a folder"),
        (["a@b", "b", "a/c"], "'b' is not a folder"),
        (["a@a", "a/b"], "a link in a circle"),
        (["a@b", "b@a", "a/c"], "a link in a circle"),
        (["a@a", "b=a/c"], "a link in a circle"),
        (["a", ".wh.a"], "'a' is both added and deleted"),
        (["d/", "d/x", ".wh.d"], "'d' is both added and deleted"),
        ([".wh.d", "d/x"], "'d' is not a folder"),
        (["b=a"], "no file before it has that name"),
        (["b=a", "a"], "no file before it has that name"),
        (["a", "a=a"], "no file before it has that name"),
        (["d/", "b=d"], "no file before it has that name"),
        (["d/x", "b=d"], "no file before it has that name"),
    ],
)
def test_what_no_engine_unpacks(entries: list[str], says: str) -> None:
    with pytest.raises(BadArchive, match=says):
        Changeset(layer(*entries))


def many(count: int) -> dict[str, list[Member]]:
    """Layers that would take long if everything was gone through again for each entry."""
    return {
        "a folder replaced over and over": layer(*["d/", "d/x", "d"] * count),
        "files beside it": layer(*[f"f{number}" for number in range(count)], *["d/x", "d@e"] * count),
        "links in a row": layer(*[f"l{number}@l{number + 1}" for number in range(30)], *["l0/x", "l0/y/"] * count),
        "deep folders": layer(*["d/" * 2000 + f"x{number}" for number in range(count // 100)]),
    }


@pytest.mark.parametrize("name", many(1))
def test_no_layer_keeps_it_busy(name: str) -> None:
    FileSystem([many(50_000)[name]])


def test_folders_without_entries_are_bounded() -> None:
    """Seven thousand names of 4,000 letters, each in folders of its own, would make as many paths of 2,000 letters."""
    deep = layer(*[f"{number}/" + "d/" * 1900 + "x" for number in range(3)])
    with pytest.raises(BadArchive, match="too many folders"):
        Changeset(deep)
    with pytest.raises(BadArchive, match="too many folders"):
        FileSystem([deep[:1], deep[1:2], deep[2:]])

"""A layer by path, in one form whatever the builder wrote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from grader.facts.image.image import Image
from grader.facts.registry.layer_files import DELETED, digests, kind_at, layer_files
from tests.grader.facts.image.archives import Entry, Maker, folder, hard_link, link, plain, tar


def image(*layers: list[Entry]) -> Image:
    @contextmanager
    def source() -> Iterator[Iterator[bytes]]:
        yield iter([Maker(*(tar(*entries) for entries in layers)).bytes()])

    return Image(source)


def test_files_and_folders() -> None:
    made = image([folder("etc"), plain("etc/a", b"1"), link("b", "etc/a"), hard_link("c", "etc/a")])
    found = layer_files(made, made.layers[0], digests(made, {0}))
    assert sorted(found.files) == ["b", "c", "etc/a"]
    assert sorted(found.folders) == ["etc"]
    assert found.files["c"] == found.files["etc/a"]
    assert found.files["b"].link == "etc/a"
    assert len(found.files["etc/a"].content) == 64
    assert "file, mode" in str(found.files["etc/a"])


def test_deletions() -> None:
    below = [plain("d/a"), plain("d/b"), plain("e")]
    emptied = image(below, [plain("d/.wh..wh..opq"), plain(".wh.e")])
    listed = image(below, [plain("d/.wh.a"), plain("d/.wh.b"), plain(".wh.e")])
    both = [layer_files(made, made.layers[1], {}).files for made in (emptied, listed)]
    assert both[0] == both[1] == dict.fromkeys(("d/.wh.a", "d/.wh.b", ".wh.e"), DELETED)


def test_what_is_replaced_is_not_deleted() -> None:
    made = image([plain("a")], [plain(".wh.a"), plain("a", b"2")])
    assert sorted(layer_files(made, made.layers[1], {}).files) == ["a"]


def test_what_is_there() -> None:
    made = image([folder("etc"), plain("etc/a")])
    assert [kind_at(made.files, path) for path in ("etc", "etc/a", "x")] == ["folder", "file", "nothing"]

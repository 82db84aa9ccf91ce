"""An image from its archive: layers, files, and how often the archive is read for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.errors import SubmissionFault, SubmissionUnusable
from grader.facts.image import image as module
from grader.facts.image.image import Image, Layer
from grader.facts.image.tar import Member, Sink
from tests.grader.facts.image.archives import LAYER, Maker, folder, hard_link, image, link, maker, plain, tar


@pytest.mark.parametrize(
    ("members", "empty"),
    [
        ([], True),
        ([("etc", "folder", 0), ("etc/hosts", "file", 0), ("proc", "folder", 0)], True),
        ([("etc/hosts", "file", 1)], False),
        ([("dev", "symlink", 0)], False),
        ([("app", "folder", 0)], False),
        ([("etc/.wh.hosts", "file", 0)], False),
    ],
)
def test_a_layer_that_holds_nothing(members: list[tuple[str, str, int]], empty: bool) -> None:
    found = [Member(path, kind, size, 0o755, 0, 0, "") for path, kind, size in members]
    assert Layer(0, "", 0, "", found).is_empty is empty


def test_a_layer_that_only_changes_a_mode(tmp_path: Path) -> None:
    closed = tar(("etc", b"5", b"", 0o711))
    found = image(Maker(tar(folder("etc")), tar(folder("etc")), closed, closed).bytes(), tmp_path)
    assert [layer.is_empty for layer in found.layers] == [True, True, False, True]


def test_layers_and_who_made_them(tmp_path: Path) -> None:
    made = Maker(LAYER, tar())
    made.config["history"] = [
        {"created_by": "COPY a b"},
        {"created_by": "USER x", "empty_layer": True},
        {"created_by": "RUN y"},
    ]
    found = image(made.bytes(), tmp_path)
    assert [(layer.index, layer.created_by, layer.size) for layer in found.layers] == [
        (0, "COPY a b", len(LAYER)), (1, "RUN y", len(tar()))]  # fmt: skip
    assert found.size == len(LAYER) + len(tar())


def test_a_history_that_does_not_fit_says_nothing(tmp_path: Path) -> None:
    made = Maker(LAYER)
    made.config["history"] = [{"created_by": "COPY a b"}, {"created_by": "RUN y"}]
    assert [layer.created_by for layer in image(made.bytes(), tmp_path).layers] == [""]


LAYERS = (
    tar(plain("etc/passwd", b"old"), plain("a", b"first"), plain("b", b"b" * 100), folder("d")),
    tar(plain("a", b"second"), link("l", "/d/../a"), hard_link("h", "a"), plain(".wh.b", b"")),
    tar(plain("etc/passwd", b"new")),
)


class Counting:
    """An archive, and how often it was opened."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.opened = 0

    @contextmanager
    def __call__(self) -> Iterator[Iterator[bytes]]:
        self.opened += 1
        yield iter([self.data])


def test_what_is_read_and_how_often() -> None:
    source = Counting(Maker(*LAYERS).bytes())
    found = Image(source)
    assert (found.read("/etc/passwd"), source.opened) == (b"new", 1), "small tables are kept on the first pass"
    assert found.read_all(["a", "l", "h", "b", "d", "none"], limit=3) == {
        "a": b"sec", "l": b"sec", "h": b"sec", "b": None, "d": None, "none": None}  # fmt: skip
    assert source.opened == 2, "one more pass for all of them"
    assert (found.read("none"), source.opened) == (None, 2)


def test_a_layer_that_occurs_twice_is_read_at_its_first_place() -> None:
    found = Image(Counting(Maker(LAYERS[0], LAYERS[1], LAYERS[0]).bytes()))
    assert (found.read("a"), found.read("b")) == (b"first", b"b" * 100)


def test_a_visitor_sees_hidden_files_too(tmp_path: Path) -> None:
    found = image(Maker(*LAYERS).bytes(), tmp_path)
    seen: list[tuple[int, int, str]] = []

    class Visitor:
        def visit(self, layer: int, number: int, member: Member) -> Sink | None:
            seen.append((layer, number, member.path))
            return None

    found.visit(Visitor())
    assert seen == [(0, 0, "etc/passwd"), (0, 1, "a"), (0, 2, "b"), (1, 0, "a"), (1, 3, ".wh.b"), (2, 0, "etc/passwd")]
    seen.clear()
    found.visit(Visitor(), [2])
    assert seen == [(2, 0, "etc/passwd")]


def test_compressed_by_us_however_it_was_compressed(tmp_path: Path) -> None:
    sizes = image(Maker(*LAYERS).bytes(), tmp_path).compressed_sizes
    assert all(0 < size < len(layer) for size, layer in zip(sizes, LAYERS, strict=True))
    assert image(Maker(*LAYERS, packed=True).bytes(), tmp_path).compressed_sizes == sizes


def test_a_layer_met_before_is_not_compressed_again() -> None:
    layer = tar(plain("only in this test", b"x" * 3_000))
    first, again = Counting(Maker(layer).bytes()), Counting(Maker(layer, LAYER).bytes())
    assert Image(first).compressed_sizes[0] == Image(again).compressed_sizes[0]
    assert (first.opened, again.opened) == (2, 2)
    assert Image(again).compressed_sizes
    assert again.opened == 3, "both are known: only the first pass"


@pytest.mark.parametrize(("limit", "value"), [("MAX_ENTRIES", 2), ("MAX_NAMES", 12)])
def test_more_files_than_can_be_measured(
    limit: str, value: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, limit, value)
    found = image(Maker(*LAYERS).bytes(), tmp_path)
    for _ in range(2):
        with pytest.raises(SubmissionFault, match="more than"):
            _ = found.layers


def test_ids_and_digests(tmp_path: Path) -> None:
    of_archive = image(Maker().bytes(), tmp_path)
    assert of_archive.id.startswith("sha256:")
    assert of_archive.digest
    assert image(Maker().docker(), tmp_path).digest is None, "no manifest, no digest"
    source = Counting(Maker().bytes())
    of_engine = Image(source, name="layerwise/x", digest="sha256:1")
    assert (of_engine.id, of_engine.digest, source.opened) == ("layerwise/x", "sha256:1", 0), "nothing is read for them"


def test_whose_fault_it_is(tmp_path: Path) -> None:
    data = maker(config=Maker().config | {"config": {"Env": 5}}).docker()
    for fault in (SubmissionFault, module.EngineFailure):
        with pytest.raises(fault, match="its config is malformed"):
            _ = Image(Counting(data), unusable=fault).config


def test_whose_fault_it_is_that_no_engine_can_unpack_it() -> None:
    """A RUN can make such a layer, and a classic image store does not notice."""
    source = Counting(Maker(tar(plain("-a"), plain(".wh.-a"))).bytes())
    for unusable, fault in ((module.EngineFailure, SubmissionFault), (SubmissionUnusable, SubmissionUnusable)):
        with pytest.raises(fault, match="no engine can unpack the image: in layer 1, '-a' is both added and deleted"):
            _ = Image(source, unusable=unusable).files

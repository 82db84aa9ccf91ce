"""An image's archive is asked for once, and what is kept of it on disk stays bounded and says the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.facts.image.cached_archive import CachedArchive
from grader.facts.image.image import Image
from grader.facts.image.tar import BadArchive, Member, Sink
from tests.grader.facts.image.archives import Maker, plain, tar, without

LAYERS = [tar(plain("below", b"b" * 70_000)), tar(plain("own", b"o" * 70_000))]


class Engine:
    """Gives an archive out in chunks, and counts how often it was asked."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked = 0

    @contextmanager
    def __call__(self) -> Iterator[Iterator[bytes]]:
        self.asked += 1
        yield (self.data[at : at + 10_000] for at in range(0, len(self.data), 10_000))


class Names:
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str]] = []

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        self.seen.append((layer, member.path))
        return None


@pytest.fixture
def engine() -> Engine:
    return Engine(Maker(*LAYERS).bytes())


def test_it_is_asked_for_once(engine: Engine, tmp_path: Path) -> None:
    image = Image(CachedArchive(engine, tmp_path))
    assert [len(layer.members) for layer in image.layers] == [1, 1]
    assert image.read("below", 3) == b"bbb"
    assert image.read("own", 3) == b"ooo"
    assert len(image.compressed_sizes) == 2
    assert engine.asked == 1
    (copy,) = tmp_path.iterdir()
    assert copy.read_bytes() == engine.data


def test_only_the_layers_that_are_asked_for_are_shown(engine: Engine, tmp_path: Path) -> None:
    image = Image(CachedArchive(engine, tmp_path))
    for layers, seen in ((None, [(0, "below"), (1, "own")]), ([1], [(1, "own")]), (range(2, 2), [])):
        names = Names()
        image.visit(names, layers)
        assert names.seen == seen


def test_a_skipped_layer_may_be_gone_and_others_may_not(engine: Engine) -> None:
    image = Image(engine)
    assert image.layers
    engine.data = Maker(*LAYERS).bytes(without(image._contents.layers[0]))
    names = Names()
    image.visit(names, [1])
    assert names.seen == [(1, "own")]
    with pytest.raises(Exception, match="some of its layers are missing"):
        image.visit(Names(), [0])


def test_what_is_too_large_is_asked_for_again(engine: Engine, tmp_path: Path) -> None:
    image = Image(CachedArchive(engine, tmp_path, limit=len(engine.data) - 1))
    assert image.layers
    assert image.read("own", 3) == b"ooo"
    assert engine.asked == 2
    assert not list(tmp_path.iterdir())


def test_a_disk_with_no_room_costs_nothing_but_time(engine: Engine, tmp_path: Path) -> None:
    image = Image(CachedArchive(engine, tmp_path / "nowhere"))
    assert image.layers
    assert image.read("own", 3) == b"ooo"
    assert engine.asked == 2


def test_an_archive_that_breaks_off_is_not_kept(engine: Engine, tmp_path: Path) -> None:
    kept = CachedArchive(engine, tmp_path)
    with kept() as chunks:
        next(chunks)
    assert not list(tmp_path.iterdir())
    with pytest.raises(BadArchive), kept() as chunks:
        next(chunks)
        raise BadArchive("no more of it")
    assert not list(tmp_path.iterdir())
    with kept() as chunks:
        assert b"".join(chunks) == engine.data

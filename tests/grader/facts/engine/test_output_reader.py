"""A container's output, bounded and read to its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from grader.errors import EngineFailure
from grader.facts.engine import output_reader as module
from grader.facts.engine.engine import Output
from grader.facts.engine.output_reader import OutputReader

Pair = tuple[bytes | None, bytes | None]


def read(*pairs: Pair) -> tuple[str, str]:
    reader = OutputReader(Output(iter(pairs)))
    reader.finish()
    return reader.text(0), reader.text(1)


def test_output() -> None:
    assert read((b"a", None), (None, b"x"), (b"b", b"y")) == ("ab", "xy")
    assert read((b"caf\xc3", None), (b"\xa9 \xff", None)) == ("café \ufffd", "")


def test_of_much_output_the_beginning_and_the_end_are_kept() -> None:
    pieces = [b"%07d\n" % number * 64 for number in range(module.OUTPUT // 256)]
    found, _ = read(*((piece, None) for piece in pieces))
    assert found.startswith("0000000\n")
    assert found.endswith(pieces[-1].decode())
    assert f"\n… {len(pieces) * 512 - module.OUTPUT} bytes left out …\n" in found
    assert len(found.encode()) < module.OUTPUT + 100


def test_a_flood_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLOOD", 10)
    for size, flooded in ((10, False), (11, True)):
        reader = OutputReader(Output(iter([(b"x" * 5, b"y" * (size - 5))])))
        reader.finish()
        assert reader.flooded is flooded


def test_a_stream_that_breaks_gives_no_output() -> None:
    def broken() -> Iterator[Pair]:
        yield b"half of it", None
        raise EngineFailure("the engine is gone")

    reader = OutputReader(Output(broken()))
    with pytest.raises(EngineFailure, match=r"the engine is gone.*grade again"):
        reader.finish()


def test_a_stream_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.05)
    over = threading.Event()

    def endless() -> Iterator[Pair]:
        over.wait()
        yield None, None

    reader = OutputReader(Output(endless()))
    try:
        with pytest.raises(EngineFailure, match="it goes on"):
            reader.finish()
    finally:
        over.set()

"""Reading ahead: the same bytes in order, faults where they happened, and no thread that stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from grader.facts.engine.readahead import PIECE, WAITING, read_ahead


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "read-ahead"]


@pytest.mark.parametrize("sizes", [[], [0], [1], [PIECE], [PIECE - 1, 1, 1], [10] * 1000, [3 * PIECE, 0, 5]])
def test_the_same_bytes(sizes: list[int]) -> None:
    chunks = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    with read_ahead(chunks) as pieces:
        assert b"".join(pieces) == b"".join(chunks)
    assert not threads()


def test_a_fault_comes_after_what_was_read_before_it() -> None:
    def source() -> Iterator[bytes]:
        yield b"a" * PIECE
        raise KeyError("gone")

    seen = []
    with pytest.raises(KeyError, match="gone"), read_ahead(source()) as pieces:
        for piece in pieces:
            seen.append(len(piece))
    assert seen == [PIECE]
    assert not threads()


def test_no_more_is_read_than_may_wait_and_nothing_after_the_block() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * PIECE

    with read_ahead(endless()) as pieces:
        assert next(pieces)
    assert not threads()
    assert read <= WAITING + 3

"""What a halt ends: programs, reading ahead, and whatever else may take long; what heeds none is left alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from grader.facts.ahead import ahead
from grader.halt import Halt, Halted, ended_by, heed
from grader.process import run


def in_thread(halt: Halt | None, do: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Do it in a thread that heeds the halt; what it gave, or raised, is put into the list."""
    given: list[object] = []

    def work() -> None:
        if halt:
            halt.heeded()
        try:
            given.append(do())
        except BaseException as problem:
            given.append(problem)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, given


def test_a_program_is_ended() -> None:
    halt = Halt()
    begun = threading.Event()
    command = ["sh", "-c", "echo up >&2; sleep 300"]
    thread, given = in_thread(halt, lambda: run(command, timeout=200, on_stderr=lambda _: begun.set()).status)
    assert begun.wait(30)
    halt.call()
    thread.join(30)
    assert given == [-15]


def test_reading_ahead_from_what_stalls_is_ended() -> None:
    halt = Halt()
    stalled, over = threading.Event(), threading.Event()

    def source() -> Iterator[bytes]:
        yield b"x"
        stalled.set()
        over.wait(60)

    def read() -> bytes:
        with ahead(source()) as chunks:
            return b"".join(chunks)

    thread, given = in_thread(halt, read)
    assert stalled.wait(30)
    halt.call()
    thread.join(30)
    over.set()  # as the engine's stream is closed once it is left
    assert isinstance(given[0], Halted)


def test_a_loop_that_computes_leaves() -> None:
    halt = Halt()

    def compute() -> None:
        while True:
            heed()

    thread, given = in_thread(halt, compute)
    time.sleep(0.05)
    halt.call()
    thread.join(30)
    assert isinstance(given[0], Halted)


def test_after_a_halt_nothing_begins() -> None:
    halt = Halt()
    halt.call()
    thread, given = in_thread(halt, lambda: run(["sleep", "300"], timeout=200))
    thread.join(30)
    assert isinstance(given[0], Halted)


def test_one_end_that_fails_does_not_keep_the_others() -> None:
    halt = Halt()
    ended = threading.Event()
    inside = threading.Barrier(3, timeout=30)

    def fails() -> None:
        raise OSError("gone already")

    def wait(end: Callable[[], object]) -> None:
        with ended_by(end):
            inside.wait()
            ended.wait(30)

    threads = [in_thread(halt, lambda: wait(fails))[0], in_thread(halt, lambda: wait(ended.set))[0]]
    inside.wait()
    halt.call()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert ended.is_set()


def test_a_thread_that_heeds_none_is_left_alone() -> None:
    halt = Halt()
    halt.call()
    thread, given = in_thread(None, lambda: (heed(), run(["true"], timeout=30).status))
    thread.join(30)
    assert given == [(None, 0)]
    with pytest.raises(Halted):
        halt.check()

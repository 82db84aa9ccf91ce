"""What a cancellation ends: programs, reading ahead, and whatever else may take long. Other threads are left alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from grader.facts.engine.readahead import read_ahead
from grader.lib.cancel import Cancellation, Cancelled, check_cancelled, on_cancel
from grader.lib.process import run


def in_thread(cancellation: Cancellation | None, do: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Do it in a thread that the cancellation has adopted; what it gave, or raised, is put into the list."""
    given: list[object] = []

    def work() -> None:
        if cancellation:
            cancellation.adopt_thread()
        try:
            given.append(do())
        except BaseException as problem:
            given.append(problem)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, given


def test_a_program_is_ended() -> None:
    cancellation = Cancellation()
    begun = threading.Event()
    command = ["sh", "-c", "echo up >&2; sleep 300"]
    thread, given = in_thread(cancellation, lambda: run(command, timeout=200, on_stderr=lambda _: begun.set()).status)
    assert begun.wait(30)
    cancellation.call()
    thread.join(30)
    assert given == [-15]


def test_reading_ahead_from_what_stalls_is_ended() -> None:
    cancellation = Cancellation()
    stalled, over = threading.Event(), threading.Event()

    def source() -> Iterator[bytes]:
        yield b"x"
        stalled.set()
        over.wait(60)

    def read() -> bytes:
        with read_ahead(source()) as chunks:
            return b"".join(chunks)

    thread, given = in_thread(cancellation, read)
    assert stalled.wait(30)
    cancellation.call()
    thread.join(30)
    over.set()  # as the engine's stream is closed once it is left
    assert isinstance(given[0], Cancelled)


def test_a_loop_that_computes_leaves() -> None:
    cancellation = Cancellation()

    def compute() -> None:
        while True:
            check_cancelled()

    thread, given = in_thread(cancellation, compute)
    time.sleep(0.05)
    cancellation.call()
    thread.join(30)
    assert isinstance(given[0], Cancelled)


def test_after_a_cancellation_nothing_begins() -> None:
    cancellation = Cancellation()
    cancellation.call()
    thread, given = in_thread(cancellation, lambda: run(["sleep", "300"], timeout=200))
    thread.join(30)
    assert isinstance(given[0], Cancelled)


def test_one_end_that_fails_does_not_keep_the_others() -> None:
    cancellation = Cancellation()
    ended = threading.Event()
    inside = threading.Barrier(3, timeout=30)

    def fails() -> None:
        raise OSError("gone already")

    def wait(end: Callable[[], object]) -> None:
        with on_cancel(end):
            inside.wait()
            ended.wait(30)

    threads = [in_thread(cancellation, lambda: wait(fails))[0], in_thread(cancellation, lambda: wait(ended.set))[0]]
    inside.wait()
    cancellation.call()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert ended.is_set()


def test_a_thread_that_was_not_adopted_is_left_alone() -> None:
    cancellation = Cancellation()
    cancellation.call()
    thread, given = in_thread(None, lambda: (check_cancelled(), run(["true"], timeout=30).status))
    thread.join(30)
    assert given == [(None, 0)]
    with pytest.raises(Cancelled):
        cancellation.check()

"""Jobs beside each other: the same results in the same order as one after the other, and none that had bad company."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from grader.lib.cancel import on_cancel
from grader.lib.schedule import Job, WorkerPool, Workload


class Watcher:
    """Notes which jobs are at work at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now: set[int] = set()
        self.seen: list[frozenset[int]] = []
        self.ended: list[int] = []

    @contextmanager
    def at(self, number: int) -> Iterator[None]:
        with self._lock:
            self.now.add(number)
            self.seen.append(frozenset(self.now))
        try:
            yield
        finally:
            with self._lock:
                self.now.remove(number)
                self.ended.append(number)


def job(do: Callable[[], str], work: Workload = Workload.RUNS, needs: tuple[int, ...] = ()) -> Job[str]:
    return Job(do, work, frozenset(needs), lambda result: result != "late")


def done(jobs: list[Job[str]], at_once: int = 4) -> list[str]:
    with WorkerPool(jobs, at_once) as crew:
        return list(crew.results())


@pytest.mark.parametrize("at_once", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(8))
def test_the_same_results_in_the_same_order_and_no_bad_company(seed: int, at_once: int) -> None:
    chance = random.Random(seed)
    works = [chance.choice(list(Workload)) for _ in range(12)]
    needs = [tuple(chance.sample(range(number), min(number, chance.randint(0, 2)))) for number in range(12)]
    watcher = Watcher()

    def work(number: int) -> str:
        with watcher.at(number):
            assert not set(needs[number]) & watcher.now
            assert set(needs[number]) <= set(watcher.ended)
            time.sleep(chance.random() / 200)
        return str(number)

    jobs = [job(lambda number=number: work(number), works[number], needs[number]) for number in range(12)]  # type: ignore[misc]
    assert done(jobs, at_once) == [str(number) for number in range(12)]
    assert sorted(watcher.ended) == list(range(12))
    for together in watcher.seen:
        kinds = sorted(works[number] for number in together)
        assert len(together) <= at_once
        assert kinds.count(Workload.BUILDS) <= 1
        assert kinds.count(Workload.LOOKS) <= 1
        assert Workload.ALONE not in kinds or len(kinds) == 1
    if at_once == 1:
        assert watcher.ended == list(range(12))


def test_what_waits_is_done_beside_the_rest() -> None:
    together = threading.Barrier(3, timeout=30)
    works = (Workload.LOOKS, Workload.RUNS, Workload.BUILDS)
    assert done([job(lambda: str(together.wait() >= 0), work) for work in works]) == ["True"] * 3


def test_what_fails_in_company_is_done_again_alone() -> None:
    watcher = Watcher()
    company = threading.Barrier(2, timeout=30)
    tries: list[frozenset[int]] = []

    def starved() -> str:
        with watcher.at(0):
            if not tries:
                company.wait()
            time.sleep(0.05)
            tries.append(frozenset(watcher.now))
        return "late" if len(tries) == 1 else "in time"

    def other() -> str:
        with watcher.at(1):
            company.wait()
            time.sleep(0.2)
        return "other"

    assert done([job(starved), job(other)]) == ["in time", "other"]
    assert tries == [{0, 1}, {0}]


def test_what_fails_alone_has_failed() -> None:
    tries: list[int] = []

    def late() -> str:
        tries.append(1)
        return "late"

    assert done([job(late)]) == ["late"]
    assert done([job(late), job(lambda: "x", needs=(0,))]) == ["late", "x"]
    assert done([job(late), job(lambda: "x")], at_once=1) == ["late", "x"]
    assert len(tries) == 3


def test_what_a_job_raises_is_raised_in_its_place() -> None:
    seen = []
    leaving = threading.Event()

    def fails() -> str:
        raise ValueError("no result")

    def waits() -> str:
        with on_cancel(leaving.set):
            assert leaving.wait(30)
        return "let go"

    with (
        pytest.raises(ValueError, match="no result"),
        WorkerPool([job(lambda: "one"), job(fails), job(waits)], 3) as crew,
    ):
        for result in crew.results():
            seen.append(result)
    assert seen == ["one"]
    assert leaving.is_set()
    assert not threads()


def test_leaving_early_ends_what_is_waited_for_and_nothing_more_begins() -> None:
    released, cleaned, begun = threading.Event(), threading.Event(), threading.Event()

    def waits() -> str:
        try:
            with on_cancel(released.set):
                begun.set()
                assert released.wait(30)
            with on_cancel(lambda: None):
                raise AssertionError("nothing begins after a cancellation")
        finally:
            cleaned.set()

    with pytest.raises(KeyboardInterrupt), WorkerPool([job(waits), job(lambda: "never", needs=(0,))]) as crew:
        crew.say(lambda: interrupt(begun))
        list(crew.results())
    assert cleaned.is_set()
    assert not threads()


def interrupt(begun: threading.Event) -> None:
    assert begun.wait(30)
    raise KeyboardInterrupt


def test_what_a_job_says_is_said_in_the_thread_that_waits() -> None:
    heard: list[threading.Thread] = []
    with WorkerPool([job(lambda: str(crew.say(lambda: heard.append(threading.current_thread()))))]) as crew:
        assert list(crew.results()) == ["None"]
    assert heard == [threading.current_thread()]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("check-")]

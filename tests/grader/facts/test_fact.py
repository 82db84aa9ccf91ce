"""What was measured is kept: each thing once, for these arguments, also a fault, also if many threads ask."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from grader.errors import GraderError, SubmissionFault
from grader.facts.fact import Fact, Memo


class Things(Memo):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[object] = []

    @Fact
    def number(self) -> int:
        """A number."""
        self.asked.append("number")
        return 7

    @Fact
    def nothing(self) -> None:
        self.asked.append("nothing")

    @Fact
    def twice(self) -> int:
        self.asked.append("twice")
        return 2 * self.number

    @Fact
    def broken(self) -> int:
        self.asked.append("broken")
        raise SubmissionFault("why")


class More(Things):
    @Fact
    def number(self) -> int:
        self.asked.append("more")
        return 8


def add(things: Things, one: int, other: int) -> int:
    things.asked.append((one, other))
    return one + other


def test_once(things: Things) -> None:
    assert not things.known(Things.number)
    assert [things.number, things.number, things.twice, things.twice] == [7, 7, 14, 14]
    assert things.asked == ["number", "twice"]
    assert things.known(Things.number)


def test_that_there_is_nothing_is_known_too(things: Things) -> None:
    for _ in range(3):
        assert things.nothing is None  # type: ignore[func-returns-value]
    assert things.asked == ["nothing"]
    assert things.known(Things.nothing)


def test_once_for_these_arguments(things: Things) -> None:
    assert [things.once(add, 1, 2), things.once(add, 2, 1), things.once(add, 1, 2)] == [3, 3, 3]
    assert things.asked == [(1, 2), (2, 1)]


def test_no_two_share_what_they_know(things: Things) -> None:
    assert (things.number, Things().number, More().number) == (7, 7, 8)
    assert things.asked == ["number"]


def test_a_property_of_the_class_is_the_fact_itself() -> None:
    assert isinstance(Things.number, Fact)
    assert Things.number.__doc__ == "A number."


@pytest.mark.parametrize("fault", [SubmissionFault("why"), GraderError("why")])
def test_a_fault_is_kept_like_a_value(things: Things, fault: Exception) -> None:
    def fails(things: Things) -> None:
        things.asked.append("fails")
        raise fault

    for _ in range(3):
        with pytest.raises(type(fault)) as caught:
            things.once(fails)
        assert caught.value is fault
        assert len(caught.traceback) < 8  # it does not grow from one to the next
    assert things.asked == ["fails"]


@pytest.mark.parametrize("fault", [ZeroDivisionError(), KeyboardInterrupt()])
def test_another_exception_is_no_fact(things: Things, fault: BaseException) -> None:
    left = [fault]

    def fails(_things: Things) -> int:
        if left:
            raise left.pop()
        return 1

    with pytest.raises(type(fault)):
        things.once(fails)
    assert things.once(fails) == 1


def test_what_failed_is_not_known(things: Things) -> None:
    with pytest.raises(SubmissionFault):
        _ = things.broken
    assert not things.known(Things.broken)


def test_who_asks_in_the_meantime_waits_for_it(things: Things) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow(things: Things) -> str:
        things.asked.append("slow")
        began.set()
        assert go_on.wait(30)
        return "done"

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(things.once, slow)
        assert began.wait(30)
        others = [pool.submit(things.once, slow) for _ in range(2)]
        # Another thing is measured in the meantime.
        assert pool.submit(lambda: things.twice).result(30) == 14
        assert not any(one.done() for one in others)
        go_on.set()
        assert [one.result(30) for one in (first, *others)] == ["done"] * 3
    assert things.asked.count("slow") == 1


def test_who_waits_gets_the_same_fault(things: Things) -> None:
    began, go_on = threading.Event(), threading.Event()

    def fails(things: Things) -> None:
        things.asked.append("fails")
        began.set()
        assert go_on.wait(30)
        raise SubmissionFault("why")

    def fault(measure: Callable[[Things], None]) -> BaseException | None:
        try:
            things.once(measure)
        except SubmissionFault as fault:
            return fault
        return None

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(fault, fails) for _ in range(2)]
        assert began.wait(30)
        go_on.set()
        one, other = (each.result(30) for each in both)
    assert one is other is not None
    assert things.asked == ["fails"]


@pytest.fixture
def things() -> Things:
    return Things()

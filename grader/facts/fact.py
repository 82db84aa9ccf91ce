"""Measure each thing once: a memo, and properties that use it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, Self, TypeVar, TypeVarTuple, overload

from grader.errors import GraderError, SubmissionFault

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
M = TypeVar("M", bound="Memo")


class Memo:
    """Keeps what was measured, by the function that measured it and its arguments."""

    def __init__(self) -> None:
        self._values: dict[Hashable, object] = {}
        self._faults: dict[Hashable, Exception] = {}
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.RLock] = {}
        """One for each key, so that several checks can measure different things at the same time."""

    def once(self, measure: Callable[[Self, *Ts], T], *args: *Ts) -> T:
        """Return `measure(self, *args)`, called once for these arguments, which must be hashable.

        A SubmissionFault or GraderError is kept like a value, and the same object is raised each time. A thread that
        asks while another one measures waits for it.
        """
        key = (measure, args)
        with self._lock:
            lock = self._locks.setdefault(key, threading.RLock())
        with lock:
            if key in self._faults:
                raise self._faults[key].with_traceback(None)
            if key not in self._values:
                try:
                    self._values[key] = measure(self, *args)
                except (SubmissionFault, GraderError) as fault:
                    self._faults[key] = fault
                    raise
            return self._values[key]  # type: ignore[return-value]

    def known(self, fact: Fact[Any, Any]) -> bool:
        """Whether that fact has been measured, without a fault."""
        return (fact.measure, ()) in self._values


class Fact(Generic[M, T]):
    """A property of a memo that is measured when first asked for. See `Memo.once`."""

    def __init__(self, measure: Callable[[M], T]) -> None:
        self.measure = measure
        self.__doc__ = measure.__doc__

    @overload
    def __get__(self, memo: None, kind: type[M]) -> Fact[M, T]: ...
    @overload
    def __get__(self, memo: M, kind: type[M]) -> T: ...
    def __get__(self, memo: M | None, kind: type[M]) -> Fact[M, T] | T:
        return self if memo is None else memo.once(self.measure)

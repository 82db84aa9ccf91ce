"""A fact as a property: measured when first asked for, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar, overload

if TYPE_CHECKING:
    from grader.facts import Facts

T = TypeVar("T")


class Fact(Generic[T]):
    """A property that is measured once; a fault is kept like a value, and raised again each time."""

    def __init__(self, measure: Callable[[Facts], T]) -> None:
        self.measure = measure
        self.__doc__ = measure.__doc__
        self.name = measure.__name__

    @overload
    def __get__(self, facts: None, kind: type[Facts]) -> Fact[T]: ...
    @overload
    def __get__(self, facts: Facts, kind: type[Facts]) -> T: ...
    def __get__(self, facts: Facts | None, kind: type[Facts]) -> Fact[T] | T:
        if facts is None:
            return self
        return facts.once(self.name, lambda: self.measure(facts))

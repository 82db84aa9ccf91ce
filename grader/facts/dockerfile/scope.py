"""Follow the variables at each point of a stage, and give those that a build starts with."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import NamedTuple

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MAX_VARIABLES = 1000  # in one stage
MAX_TOTAL = 16 << 20  # characters of all values of a build

PROXY_ARGS = frozenset(
    name
    for lower in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    for name in (lower, lower.upper())
)


class BuildPlatform(NamedTuple):
    """A platform, as TARGETPLATFORM and its parts name it."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in self if part)


LINUX_AMD64 = BuildPlatform("linux", "amd64")


def predefined_args(target: BuildPlatform, build: BuildPlatform, stage: str) -> dict[str, str]:
    """The arguments that BuildKit itself sets in the global scope."""
    values = {"TARGETSTAGE": stage or "default"}
    for prefix, platform in (("BUILD", build), ("TARGET", target)):
        values[f"{prefix}PLATFORM"] = str(platform)
        values[f"{prefix}OS"] = platform.os
        values[f"{prefix}ARCH"] = platform.architecture
        values[f"{prefix}VARIANT"] = platform.variant
        values[f"{prefix}OSVERSION"] = ""
    return values


class TooMany(Exception):
    """There are more variables, or longer ones, than in any honest file."""


class Variables:
    """The variables of one stage, which grow as its instructions are read. `view()` freezes the present state.

    A view is cheap: each name keeps the history of its values.
    """

    def __init__(self, inherited: Mapping[str, str]) -> None:
        self._history: dict[str, list[tuple[int, str]]] = {name: [(0, value)] for name, value in inherited.items()}
        self._version = 1
        self._written = 0

    def set(self, name: str, value: str) -> None:
        self._written += len(value)
        if len(self._history) > MAX_VARIABLES:
            raise TooMany(f"more than {MAX_VARIABLES} variables are set in one stage")
        if self._written > MAX_TOTAL:
            raise TooMany(f"the variables of one stage hold more than {MAX_TOTAL} characters")
        self._history.setdefault(name, []).append((self._version, value))
        self._version += 1

    def view(self) -> Mapping[str, str]:
        return _View(self._history, self._version)


class _View(Mapping[str, str]):
    def __init__(self, history: dict[str, list[tuple[int, str]]], version: int) -> None:
        self._history = history
        self._version = version

    def __getitem__(self, name: str) -> str:
        values = self._history.get(name, [])
        index = bisect_left(values, self._version, key=lambda item: item[0]) - 1
        if index < 0:
            raise KeyError(name)
        return values[index][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, values in self._history.items() if values[0][0] < self._version)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))

"""Decide by its environment marker whether a requirement may be installed in a Linux container.

`packaging` parses and evaluates markers. Only the system of a container's Python is known for sure. So a marker is
evaluated in sample environments: with the values that it compares with, their neighbours, and some that it does not
mention. No sample decides some comparisons: those with the kernel's release, and those by the order of letters, which
installers evaluate differently. Each of them may be true or false.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.markers import Marker
    from packaging.version import Version

MAX_MARKER = 2_000
"""The most characters of a marker that is evaluated. A longer marker may be true or false."""
MAX_ENVIRONMENTS = 300
"""The most environments tried for one question."""
MAX_PINS = 20
"""The most markers that are combined to cover every environment."""

_SYSTEM = {"os_name": "posix", "platform_system": "Linux", "sys_platform": "linux"}
_PYTHON = ("python_version", "python_full_version")
_IMPLEMENTATION = ("platform_python_implementation", "implementation_name")
_IMPLEMENTATIONS = (("CPython", "cpython"), ("PyPy", "pypy"), ("GraalVM", "graalpy"))
_MACHINES = ("x86_64", "aarch64", "armv7l", "i686", "ppc64le", "s390x", "riscv64")
_NEWEST = 20
"""Samples go up to Python 3.20. Newer versions are tried if a marker names them."""
_EQUALITY = ("==", "!=", "in", "not in")
_QUOTES = ("'", '"')
# A comparison in a marker as `packaging` writes it.
_COMPARISON = re.compile(
    r"""(\w+|"[^"]*"|'[^']*')[ ](<=|>=|===|==|~=|!=|<|>|not[ ]in|in)[ ](\w+|"[^"]*"|'[^']*')""", re.VERBOSE
)
_NUMBERS = re.compile(r"(\d{1,3})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?")


def may_hold(marker: str, python: str = "", extras: tuple[str, ...] = ()) -> bool:
    """Whether a requirement with this marker ("" for none) may be installed.

    `python` is its version if known ("3.13"). `extras` are those requested of the package that has the requirement.
    """
    return not marker or len(marker) > MAX_MARKER or _may_hold(marker, python, extras)


def covered(wanted: str, markers: Iterable[str], python: str = "", extras: tuple[str, ...] = ()) -> bool:
    """Whether in every environment in which `wanted` may be true, one of the markers surely is.

    The other arguments are those of `may_hold`.
    """
    given = frozenset(marker for marker in markers if len(marker) <= MAX_MARKER)
    if "" in given or (wanted in given and not extras):
        return True
    return 0 < len(given) <= MAX_PINS and _covered(wanted if len(wanted) <= MAX_MARKER else "", given, python, extras)


@lru_cache(maxsize=256)
def _may_hold(marker: str, python: str, extras: tuple[str, ...]) -> bool:
    condition = _reading(marker, unknown=True)
    for number, environment in enumerate(_environments((marker,), python)):
        if condition is None or number == MAX_ENVIRONMENTS or _holds(condition, environment, extras, failing=True):
            return True
    return False


@lru_cache(maxsize=256)
def _covered(wanted: str, markers: frozenset[str], python: str, extras: tuple[str, ...]) -> bool:
    asked = _reading(wanted, unknown=True)
    given = [reading for marker in markers if (reading := _reading(marker, unknown=False)) is not None]
    for number, environment in enumerate(_environments((wanted, *markers), python)):
        if number == MAX_ENVIRONMENTS:
            return False
        if asked is not None and not _holds(asked, environment, extras, failing=True):
            continue
        if not any(_holds(reading, environment, (), failing=False) for reading in given):
            return False
    return True


def _reading(marker: str, *, unknown: bool) -> Marker | None:
    """The marker with every comparison that no sample decides replaced by `unknown`.

    Markers have no negation. So with all of them true the marker tells what may be true, and with all of them false
    what surely is. Returns None if there is nothing to evaluate, or if it nests too deep.
    """
    from packaging.markers import Marker

    if not marker:
        return None
    assumed = 'os_name == "posix"' if unknown else 'os_name != "posix"'
    try:
        return Marker(_COMPARISON.sub(lambda found: found[0] if _is_decided(*found.groups()) else assumed, marker))
    except (ValueError, RecursionError):
        return None


def _is_decided(left: str, operator: str, right: str) -> bool:
    """Whether the samples include both results of a comparison."""
    reverse = left[0] in _QUOTES
    if reverse == (right[0] in _QUOTES):
        return False
    variable, text = (right, left[1:-1]) if reverse else (left, right[1:-1])
    if variable in _PYTHON:
        if operator in ("in", "not in"):
            return not reverse
        return operator != "===" and _version(text.removesuffix(".*") if operator in ("==", "!=") else text) is not None
    if variable in _SYSTEM or variable == "extra":
        return operator in _EQUALITY
    if variable == "platform_machine" or variable in _IMPLEMENTATION:
        return operator in (_EQUALITY[:2] if reverse else _EQUALITY)
    return False


def _version(text: str) -> Version | None:
    from packaging.version import Version

    try:
        return Version(text)
    except ValueError:
        return None


def _holds(marker: Marker, environment: dict[str, str], extras: Sequence[str], *, failing: bool) -> bool:
    """Whether it is true with any of the extras; `failing` if it cannot be evaluated, which stops some installers."""
    try:
        return any(marker.evaluate({**environment, "extra": extra}) for extra in extras or ("",))
    except (ValueError, KeyError, RecursionError):
        return failing


def _environments(markers: Sequence[str], python: str) -> Iterator[dict[str, str]]:
    """The possible values of the markers' variables, in all combinations."""
    texts: dict[str, set[str]] = {}
    for left, _, right in (found for marker in markers for found in _COMPARISON.findall(marker)):
        variable, text = (right, left) if left[0] in _QUOTES else (left, right)
        texts.setdefault(variable, set()).add(text[1:-1])
    pythons = _pythons(texts, python) if texts.keys() & set(_PYTHON) else [_SAME]
    machines = _machines(texts["platform_machine"]) if "platform_machine" in texts else ["x86_64"]
    implementations = _implementations(texts, python) if texts.keys() & set(_IMPLEMENTATION) else _IMPLEMENTATIONS[:1]
    # Python 2 calls the system linux2. That matters only to markers that mention it.
    systems = (
        ["linux", "linux2"]
        if python[:1] != "3" and any("linux2" in text for text in texts.get("sys_platform", ()))
        else ["linux"]
    )
    for (minor, full), machine, (name, short), system in product(pythons, machines, implementations, systems):
        yield {
            **_SYSTEM,
            "sys_platform": system,
            "python_version": minor,
            "python_full_version": full,
            "platform_machine": machine,
            "platform_python_implementation": name,
            "implementation_name": short,
        }


_SAME = ("3.13", "3.13.0")


def _pythons(texts: dict[str, set[str]], python: str) -> list[tuple[str, str]]:
    """The versions around each one that the markers name, as `major.minor` and in full."""
    named = {text for variable in _PYTHON for text in texts.get(variable, ())}
    numbers = [[int(part) for part in found if part] for text in named for found in _NUMBERS.findall(text)]
    minors = {(2, 7), *((3, minor) for minor in range(_NEWEST + 1))}
    minors |= {(3, near) for number in numbers if number[0] == 3 for near in _near(number[1:2])}
    patches = {0}
    if "python_full_version" in texts:
        patches |= {1, *(near for number in numbers for near in _near(number[2:3]))}
    known = [int(part) for part in python.split(".")] if python else []
    if known:
        minors = {(known[0], known[1])}
        patches = {known[2]} if known[2:] else patches
    found = [(f"{major}.{minor}", f"{major}.{minor}.{patch}") for major, minor in sorted(minors) for patch in patches]
    for text in texts.get("python_full_version", ()):
        version = _version(text)  # such as a release candidate
        if version is not None and version.release[:2] in minors and not known[2:]:
            found.append((f"{version.major}.{version.minor}", text))
    return found


def _near(number: Sequence[int]) -> Iterator[int]:
    for one in number:
        yield from range(max(one - 1, 0), one + 2)


def _machines(texts: set[str]) -> list[str]:
    words = {word for text in texts for word in re.split(r"[\s,]+", text)}
    return sorted({*_MACHINES, *texts, *words, "another"})


def _implementations(texts: dict[str, set[str]], python: str) -> Sequence[tuple[str, str]]:
    if python:
        return _IMPLEMENTATIONS[:1]
    named = {text for variable in _IMPLEMENTATION for text in texts.get(variable, ())}
    return sorted({*_IMPLEMENTATIONS, *((text, text.lower()) for text in named), ("another", "another")})

"""Markers: what may hold in a Linux container, and what surely does."""

from __future__ import annotations

import pytest

from grader.facts.pins.markers import MAX_MARKER, covered, may_hold
from grader.facts.pins.requirements import read_marker

NEVER = [
    "sys_platform == 'win32'",
    "sys_platform == 'cygwin'",
    "platform_system != 'Linux'",
    "os_name == 'nt'",
    "os.name == 'nt'",
    "'win' in sys_platform",
    "sys_platform in 'win32 darwin'",
    "sys_platform not in 'linux win32'",
    "os_name == 'platform_release == \"5\"'",
    "extra == 'dev'",
    "python_version >= '4'",
    "'4' <= python_version",
    "python_version < '2'",
    # Parts that exclude one another, or of which one never holds
    "python_version < '3.9' and python_version >= '3.9'",
    "platform_machine == 'x86_64' and platform_machine != 'x86_64'",
    "platform_python_implementation == 'CPython' and implementation_name == 'pypy'",
    "sys_platform == 'win32' and platform_release >= '10'",
    "(sys_platform == 'win32' or os_name == 'nt') and python_version > '3'",
    "sys_platform == 'win32' and platform_machine == 'AMD64' and python_version in '3.8, 3.9'",
]
MAYBE = [
    "sys_platform == 'linux2'",
    "sys_platform == 'win32' or python_version < '3'",
    "platform_machine == 'vax'",
    "platform_machine in 'arm64 aarch64' and platform_machine != 'arm64'",
    "platform_python_implementation == 'Jython'",
    "python_implementation != 'PyPy'",
    "implementation_name == 'pypy'",
    "python_version < '3.8'",
    "python_version in '2.7, 3.8'",
    "python_version == '3.8.*'",
    "python_version === '3.8'",
    "python_version > '3.30' and python_version < '3.32'",
    "python_full_version > '3.9.40' and python_full_version < '3.9.42'",
    "python_full_version == '3.14.0rc1'",
    "python_full_version != '3.11.3'",
    "'13.12' in python_full_version",
    "python_version < '3.11' and platform_machine in 'x86_64 aarch64' and implementation_name == 'cpython'",
    # The kernel's, which nobody knows, and what installers read in different ways, or refuse
    "platform_release > '5' and platform_release < '5.0.1'",
    "platform_version == 'x'",
    "implementation_version < '3'",
    "sys_platform < 'z'",
    "python_version < 'x'",
    "sys_platform ~= 'linux'",
    "os_name == sys_platform",
    "'a' == 'b'",
    "'dev' in extras",
]
ALWAYS = [
    "sys_platform == 'linux'",
    "sys_platform != 'win32'",
    "sys_platform == 'linux' or sys_platform == 'linux2'",
    "'linux' in sys_platform",
    "os_name == 'posix' and platform_system == 'Linux'",
    "extra != 'dev'",
    "python_version < '4'",
    "python_version >= '2.7'",
    "python_version < '3.9' or python_version >= '3.9'",
    "platform_machine == 'x86_64' or platform_machine not in 'x86_64'",
    "sys_platform == 'linux' or platform_release == '5'",
]


@pytest.mark.parametrize("text", NEVER)
def test_what_holds_in_no_container(text: str) -> None:
    marker = read_marker(text)
    assert not may_hold(marker)
    assert not covered("", [marker])
    assert covered(marker, [read_marker("sys_platform == 'win32'")])


@pytest.mark.parametrize("text", MAYBE)
def test_what_holds_in_some(text: str) -> None:
    marker = read_marker(text)
    assert may_hold(marker)
    assert not covered("", [marker])
    assert covered(marker, [marker])


@pytest.mark.parametrize("text", ALWAYS)
def test_what_holds_in_all(text: str) -> None:
    marker = read_marker(text)
    assert may_hold(marker)
    assert covered("", [marker])


KNOWN = [
    # marker, Python, may hold, surely holds
    ("python_version >= '3.11' and python_version < '4.0'", "3.13", True, True),
    ("python_version >= '3.11' and python_version < '4.0'", "3.10", False, False),
    ("python_version < '3.9'", "3.13", False, False),
    ("python_full_version != '3.13.3'", "3.13", True, False),
    ("python_full_version != '3.13.3'", "3.13.4", True, True),
    ("python_full_version == '3.13.3'", "3.13.4", False, False),
    ("python_full_version >= '3.14.0rc1'", "3.13", False, False),
    ("platform_python_implementation == 'CPython'", "3.13", True, True),
    ("sys_platform == 'linux2'", "3.13", False, False),
    ("sys_platform == 'linux2'", "2.7", True, False),
    ("platform_machine == 'x86_64'", "3.13", True, False),
]


@pytest.mark.parametrize(("text", "python", "may", "surely"), KNOWN)
def test_of_a_python_that_is_known(text: str, python: str, may: bool, surely: bool) -> None:
    marker = read_marker(text)
    assert may_hold(marker, python) == may
    assert covered("", [marker], python) == surely


COVERED = [
    # wanted, given
    ("", ["python_version < '3.12'", "python_version >= '3.12'"], True),
    ("", ["python_version < '3.12'", "python_version > '3.12'"], False),
    ("", ["python_full_version < '3.12.4'", "python_full_version > '3.12.4'"], False),
    ("", ["platform_machine == 'x86_64'", "platform_machine == 'aarch64'"], False),
    ("", ["platform_machine == 'x86_64'", ""], True),
    ("", [], False),
    ("python_version < '3.10'", ["python_version < '3.11'"], True),
    ("python_version < '3.12'", ["python_version < '3.11'"], False),
    ("python_version < '3.12'", ["python_version < '3.11'", "python_version in '3.11, 3.12'"], True),
    ("platform_machine == 'aarch64'", ["platform_machine != 'x86_64'"], True),
    ("platform_release > '6'", ["platform_release > '5'"], False),
    ("sys_platform < 'z'", ["os_name == 'posix'"], True),
]


@pytest.mark.parametrize(("wanted", "given", "expected"), COVERED)
def test_markers_that_leave_no_gap(wanted: str, given: list[str], expected: bool) -> None:
    assert covered(read_marker(wanted), [read_marker(text) for text in given]) == expected


def test_extras_are_those_that_are_asked_for() -> None:
    marker = read_marker("extra == 'Dev_Tools'")
    assert may_hold(marker, extras=("docs", "dev-tools"))
    assert not may_hold(marker, extras=("docs",))
    assert not covered(marker, [marker], extras=("dev-tools",))


def test_a_marker_of_no_honest_length_may_hold_and_may_not() -> None:
    never = read_marker(" and ".join(["sys_platform == 'win32'"] * MAX_MARKER))
    assert may_hold(never)
    always = read_marker(" or ".join(["sys_platform == 'linux'"] * MAX_MARKER))
    assert not covered("", [always])


def test_so_does_one_with_too_many_cases_to_try() -> None:
    versions = " or ".join(f"python_full_version == '9.{number}.{number}'" for number in range(30))
    machines = " or ".join(f"platform_machine == 'm{number}'" for number in range(20))
    marker = read_marker(f"({versions}) and ({machines}) and implementation_name == 'x'")
    assert len(marker) <= MAX_MARKER
    assert may_hold(marker)
    assert not covered("", [marker])

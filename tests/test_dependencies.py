"""What is imported is declared, and where it is needed; what is declared is locked, from no index in particular."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = PROJECT["dependency-groups"]
BASE = {canonicalize_name(Requirement(line).name) for line in PROJECT["project"]["dependencies"]}
NOTEBOOK = {canonicalize_name(Requirement(line).name) for line in EXTRAS["notebook"]}
IMPORTED_AS = {"backports": "backports-zstd", "re2": "google-re2", "yaml": "pyyaml"}
"""Import names that are not the distribution's."""
LOCKS = ("requirements.lock", "requirements-classroom.lock", "requirements-dev.lock")
IN_JUPYTER = ("layerwise/views/", "layerwise/homepage/", "layerwise/stack/lessons.py")
"""What runs in JupyterLab or for it: the rest must do without the extra `notebook`."""
CLASSROOM = {canonicalize_name(Requirement(line).name) for line in EXTRAS["classroom"]}
IN_NBGRADER = "layerwise/classroom/notebooks/"
"""What nbgrader's own commands call."""
CLUSTER = {canonicalize_name(Requirement(line).name) for line in EXTRAS["cluster"]}
ON_CLUSTER = "layerwise/classroom/cluster.py"
INTERVIEW = {canonicalize_name(Requirement(line).name) for line in EXTRAS["interview"]}
IN_INTERVIEWS = "layerwise/interview/"
OURS = {"grader", "layerwise"}
NEWER = {"compression"}
"""Modules of the standard library of a later Python."""


def modules() -> list[str]:
    found = (path for name in sorted(OURS) for path in (ROOT / name).rglob("*.py"))
    return [path.relative_to(ROOT).as_posix() for path in found]


def imported(module: str) -> Iterator[str]:
    """The distributions that a module imports from, at its head or inside a function."""
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        for top in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - OURS - NEWER:
            yield canonicalize_name(IMPORTED_AS.get(top, top))


def locked(name: str) -> set[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return {canonicalize_name(found) for found in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def versions(lock: str) -> dict[str, set[str]]:
    """The versions of each package in a lock: there are several if they depend on the Python."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


def test_each_module_imports_only_what_is_installed_with_it() -> None:
    more_of = {IN_JUPYTER: NOTEBOOK, IN_NBGRADER: CLASSROOM, ON_CLUSTER: CLUSTER, IN_INTERVIEWS: INTERVIEW}
    allowed = {
        module: BASE.union(*(more for where, more in more_of.items() if module.startswith(where)))
        for module in modules()
    }
    assert {module: more for module in allowed if (more := set(imported(module)) - allowed[module])} == {}


def test_each_dependency_of_the_grader_is_imported() -> None:
    assert BASE - {name for module in modules() for name in imported(module)} == set()


@pytest.mark.parametrize(
    ("lock", "declared"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        *(("requirements.lock", EXTRAS[extra]) for extra in ("notebook", "scan", "interview")),
        *(("requirements-classroom.lock", EXTRAS[extra]) for extra in ("classroom", "cluster")),
        ("requirements.lock", GROUPS["lab"]),
        ("requirements-dev.lock", GROUPS["dev"]),
    ],
)
def test_what_the_lab_needs_is_locked(lock: str, declared: list[str]) -> None:
    assert {canonicalize_name(Requirement(line).name) for line in declared} <= locked(lock)


def test_the_locks_agree() -> None:
    """They are installed into one environment, one after the other."""
    pins = [versions(lock) for lock in LOCKS]
    for one in pins:
        for other in pins:
            assert {name for name in one.keys() & other.keys() if one[name] != other[name]} == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text

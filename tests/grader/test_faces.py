"""Importing a package loads next to nothing: what takes time is in its modules, and in what is installed."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import grader
import layerwise


def packages() -> list[str]:
    ours = (grader, layerwise)
    found = (one for top in ours for one in pkgutil.walk_packages(top.__path__, f"{top.__name__}."))
    return [*(top.__name__ for top in ours), *(one.name for one in found if one.ispkg)]


@pytest.mark.parametrize("package", packages())
def test_a_face_loads_no_other_module_of_ours_and_nothing_that_was_installed(package: str) -> None:
    """pydantic alone takes longer to import than all the faces together. No time is asserted."""
    code = f"import sys; before = set(sys.modules); import {package}; print(*set(sys.modules) - before)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = {name for name in ended.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    parts = package.split(".")
    assert loaded <= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}

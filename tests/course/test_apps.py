"""The small services that lessons build have tests of their own, and pass them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

APPS = Path(__file__).resolve().parents[2] / "course" / "apps"
TESTED = sorted({path.parent for path in APPS.glob("*/test_*.py")})


@pytest.mark.parametrize("app", TESTED, ids=lambda app: app.name)
def test_an_app_of_the_course(app: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-m", "unittest", "--quiet"],
        cwd=app,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "NO TESTS RAN" not in done.stderr

"""The plugin that notes verdicts: in one process, in several, and in runs that share a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import pytest
from grader.checks import size
from grader.verdict import Verdict

@pytest.mark.parametrize("number", range(4))
def test_judged(number):
    with pytest.raises(AttributeError):
        size.judge(None, None)
    assert number != 3

def test_silent():
    pytest.skip("not here")
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_what_was_judged_is_noted(workers: int, tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(TESTS)
    file = tmp_path / "verdicts.json"
    file.write_text(json.dumps({"test_w.py::test_before": {"outcome": "passed", "said": ["user failed"]}}))
    argv = [sys.executable, "-m", "pytest", "--tb=line", "-p", "tests.verdicts", f"--verdicts={file}", f"-n{workers}"]
    subprocess.run(argv, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=100)
    found = json.loads(file.read_text())
    why = found["test_x.py::test_judged[3]"].pop("why")
    assert "3 != 3" in why
    said = ["size AttributeError"]
    assert found == {
        "test_w.py::test_before": {"outcome": "passed", "said": ["user failed"]},
        **{f"test_x.py::test_judged[{number}]": {"outcome": "passed", "said": said} for number in range(3)},
        "test_x.py::test_judged[3]": {"outcome": "failed", "said": said},
        "test_x.py::test_silent": {"outcome": "skipped", "said": []},
    }

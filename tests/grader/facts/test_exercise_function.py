"""A function of an exercise's own: loaded for a while, and whose fault it is if that fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.errors import EngineUnavailable, ExerciseInvalid, GraderError, SubmissionFault
from grader.facts.exercise_function import loaded


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> Iterator[None]:
    before = set(sys.modules)
    yield
    assert not [name for name in set(sys.modules) - before if name.startswith("exercise_")]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]  # no bytecode


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def make(code: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(code)
        return path

    return make


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("def f(): return 1", 1),
        ("f = lambda: __name__.startswith('exercise_')", True),
        ("def f(): return __file__.endswith('mine.py')", True),
        ("class f:\n    def __new__(cls): return 3", 3),
        ("from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    a: int\n"
         "f = lambda: A(4).a", 4),
        ("x: Undefined\ndef f() -> Undefined: return 5" if False else "def f(): return [] or 5", 5),
        ("# -*- coding: latin-1 -*-\ndef f(): return 6", 6),
        ("if __name__ == '__main__':\n    raise SystemExit\ndef f(): return 7", 7),
    ],
)  # fmt: skip
def test_it_is_called(write: Callable[[str], Path], code: str, result: object) -> None:
    with loaded(write(code), "f") as function:
        assert function() == result


def test_two_at_a_time_are_two(write: Callable[[str], Path]) -> None:
    path = write("seen = []\ndef f(x):\n    seen.append(x)\n    return seen")
    with loaded(path, "f") as one, loaded(path, "f") as other:
        assert (one(1), other(2)) == ([1], [2])


def test_its_own_features_are_not_ours(write: Callable[[str], Path]) -> None:
    """Our `from __future__ import annotations` does not reach into the exercise's file."""
    with loaded(write("def f(x: int): pass"), "f") as function:
        assert function.__annotations__ == {"x": int}


@pytest.mark.parametrize("code", ["", "g = 1", "f = 1", "def g(): pass"])
def test_no_such_function(write: Callable[[str], Path], code: str) -> None:
    with pytest.raises(ExerciseInvalid, match=r"mine.py: there is no function 'f'$"), loaded(write(code), "f"):
        pass


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("\nraise ValueError('bad')", "failed in mine.py, line 2 (ValueError: bad)"),
        ("def f():\n    return 1 / 0", "failed in mine.py, line 2 (ZeroDivisionError: division by zero)"),
        ("def g():\n    {}['x']\n\n\ndef f():\n    g()", "failed in mine.py, line 2 (KeyError: 'x')"),
        ("import json\ndef f():\n    json.loads('{')", "failed in mine.py, line 3 (JSONDecodeError: "),
        ("def f(:", "failed in mine.py, line 1 (SyntaxError: "),
        ("import sys\ndef f():\n    sys.exit(0)", "failed in mine.py, line 3 (SystemExit: 0)"),
        ("import nosuchmodule", "failed in mine.py, line 1 (ModuleNotFoundError: "),
        ("def f():\n    raise ExceptionGroup('g', [ValueError()])", "failed in mine.py, line 2 (ExceptionGroup: g"),
        ("def f(x): pass", "failed in mine.py (TypeError: f() missing"),
    ],
)
def test_whatever_it_raises_is_the_graders_fault(write: Callable[[str], Path], code: str, says: str) -> None:
    with pytest.raises(GraderError) as caught, loaded(write(code), "f") as function:
        function()
    assert type(caught.value) is GraderError
    assert str(caught.value).startswith(f"the exercise's own code {says}")
    assert str(caught.value).endswith(": please report it")


@pytest.mark.parametrize("fault", [SubmissionFault("x"), EngineUnavailable("x")])
def test_the_faults_of_facts_pass_through(write: Callable[[str], Path], fault: Exception) -> None:
    with pytest.raises(type(fault)) as caught, loaded(write("def f(fault): raise fault"), "f") as function:
        function(fault)
    assert caught.value is fault


def test_ctrl_c_passes_through(write: Callable[[str], Path]) -> None:
    with pytest.raises(KeyboardInterrupt), loaded(write("def f(): raise KeyboardInterrupt"), "f") as function:
        function()

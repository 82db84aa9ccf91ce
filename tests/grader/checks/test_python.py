"""`python`: what a function of an exercise's own may say, and whose fault it is where it says nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import python
from grader.errors import EngineUnavailable, ExerciseInvalid, GraderError, NotObservable
from grader.grade import grade
from grader.verdict import Status
from tests.grader.conftest import exercise, facts_of

HEAD = "from grader.verdict import Verdict\n"


class Case(NamedTuple):
    """The function's file; the status and a word of the message, or of the error."""

    name: str
    code: str
    becomes: Status | type[Exception]
    says: str = ""


CASES = [
    Case("yes", "def f(facts): return True", Status.PASSED, "check passes"),
    Case("no", "def f(facts): return False", Status.FAILED, "check does not pass"),
    Case("no, and why", "def f(facts): return False, 'too loud'", Status.FAILED, "too loud"),
    Case("a verdict", HEAD + "def f(facts): return Verdict.share(0.5, 'half')", Status.PARTIAL, "half"),
    Case("sees the facts", "def f(facts): return len(facts.plan.stages) == 1, 'x'", Status.PASSED),
    Case("sees its own file alone", "def f(facts): return facts.exercise_file('checks.py').exists()", Status.PASSED),
    Case("uses dataclasses", "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\n"
         "class A:\n    a: int\ndef f(facts): return A(1).a == 1", Status.PASSED),
    Case("a class that is called", "class f:\n    def __new__(cls, facts): return True", Status.PASSED),
    # The grader's fault, not the learner's.
    Case("nothing", "def f(facts): pass", GraderError, "returned None"),
    Case("a number", "def f(facts): return 1", GraderError, "returned 1"),
    Case("a truthy text", "def f(facts): return 'False'", GraderError, "returned 'False'"),
    Case("an error", "\n\ndef f(facts): return 1 / 0", GraderError, "line 3"),
    Case("an error in a library", "import json\ndef f(facts):\n    json.loads('{')", GraderError, "line 3"),
    Case("an error when loaded", "import nosuchmodule", GraderError, "nosuchmodule"),
    Case("a syntax error", "def f(facts:\n", GraderError, "SyntaxError"),
    Case("no parameter", "def f(): return True", GraderError, "TypeError"),
    Case("an impossible verdict", HEAD + "def f(facts): return Verdict('passed', 0.5, '')", GraderError, "ValueError"),
    Case("a share that is no number", HEAD + "def f(facts): return Verdict.share(float('nan'), 'x')", GraderError,
         "ValueError"),
    Case("it leaves", "import sys\ndef f(facts): sys.exit(0)", GraderError, "SystemExit"),
    Case("yes, and what is no text", "def f(facts): return True, 5", GraderError, "returned"),
    Case("a function that waits to be asked", "def f(facts): yield True", GraderError, "generator"),
    Case("no such function", "def g(facts): return True", ExerciseInvalid, "no function 'f'"),
    Case("no function", "f = 1", ExerciseInvalid, "no function 'f'"),
    Case("a fact that cannot be had", "from grader.errors import EngineUnavailable\n"
         "def f(facts): raise EngineUnavailable('x')", EngineUnavailable, "x"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_cases(case: Case, submit: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "exercise"
    folder.mkdir()
    (folder / "checks.py").write_text(case.code)
    modules = set(sys.modules)
    with facts_of(submit(Dockerfile="FROM scratch\n"), exercise=folder) as facts:
        params = python.Params(function="checks.py:f")
        if isinstance(case.becomes, Status):
            verdict = python.judge(facts, params)
            assert verdict.status is case.becomes
            assert case.says in verdict.message
        else:
            with pytest.raises(case.becomes, match=case.says) as caught:
                python.judge(facts, params)
            assert type(caught.value) is case.becomes
            assert "\n" not in str(caught.value)
    assert os.listdir(folder) == ["checks.py"]
    assert not [name for name in set(sys.modules) - modules if name.startswith("exercise_")]


def test_the_submission_is_never_loaded(submit: Callable[..., Path], tmp_path: Path) -> None:
    """A checks.py of the learner's own passes nobody, wherever the exercise's is missing."""
    mine = submit({"Dockerfile": "FROM scratch\n", "checks.py": "def f(facts): return True"})
    folder = tmp_path / "exercise"
    folder.mkdir()
    with facts_of(mine, exercise=folder) as facts:
        with pytest.raises(ExerciseInvalid, match="no such file"):
            python.judge(facts, python.Params(function="checks.py:f"))
        (folder / "checks.py").symlink_to(mine / "checks.py")
        with pytest.raises(ExerciseInvalid, match="leads out"):
            python.judge(facts, python.Params(function="checks.py:f"))
    with facts_of(mine) as facts, pytest.raises(NotObservable):
        python.judge(facts, python.Params(function="checks.py:f"))


def test_in_a_grading(submit: Callable[..., Path]) -> None:
    """The exercise's folder is handed on; the one made up for tests has no such file, which is nobody's points."""
    with pytest.raises(ExerciseInvalid, match="no such file"):
        grade(exercise(("python", {"function": "checks.py:f"})), submit(Dockerfile="FROM scratch\n"))


@pytest.mark.parametrize("wrong", ["", "checks.py", "checks.py:", ":f", "checks:f", "/checks.py:f", "../checks.py:f",
                                   "a/../../checks.py:f", "checks.py:f()", "checks.py:a.b", "checks.py:def",
                                   "checks.sh:f"])  # fmt: skip
def test_references_that_are_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        python.Params(function=wrong)

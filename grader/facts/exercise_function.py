"""Load a function of an exercise's own from a file in its folder."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.errors import ExerciseInvalid, GraderError, SubmissionFault


@contextmanager
def loaded(path: Path, name: str) -> Iterator[Callable[..., Any]]:
    """Load the function of that name from a Python file for the duration of the block.

    No bytecode file is written. Raises ExerciseInvalid if the file has no such function, and GraderError for whatever
    the exercise's code raises, here or in the block, except the faults that facts raise.
    """
    module = ModuleType(f"exercise_{secrets.token_hex(8)}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look up their module
    try:
        exec(compile(path.read_bytes(), path, "exec", dont_inherit=True), vars(module))
        function = getattr(module, name, None)
        if not callable(function):
            raise ExerciseInvalid(f"{path}: there is no function {name!r}")
        yield function
    except (SubmissionFault, GraderError):
        raise
    except (Exception, SystemExit) as problem:  # sys.exit(0) would end the grading as if nothing had failed
        line = _line(problem, path)
        raise GraderError(
            f"the exercise's own code failed in {path.name}{line} ({type(problem).__name__}: {problem}): "
            "please report it"
        ) from None
    finally:
        del sys.modules[module.__name__]


def _line(problem: BaseException, path: Path) -> str:
    """Return the last line of the file that the exception passed through."""
    if isinstance(problem, SyntaxError):
        return f", line {problem.lineno}"
    found = ""
    trace = problem.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            found = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return found

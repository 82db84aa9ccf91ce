"""A function of an exercise's own, loaded from a file of its folder."""

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
    """The function of that name in the Python file, for as long as the block lasts.

    Nothing is written beside the file. ExerciseInvalid where it has no such function; what its code raises on the way,
    here or in the block, becomes a GraderError, but for the faults that facts raise.
    """
    module = ModuleType(f"exercise_{secrets.token_hex(8)}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        exec(compile(path.read_bytes(), path, "exec", dont_inherit=True), vars(module))
        function = getattr(module, name, None)
        if not callable(function):
            raise ExerciseInvalid(f"{path}: there is no function {name!r}")
        yield function
    except (SubmissionFault, GraderError):
        raise
    except (Exception, SystemExit) as problem:  # sys.exit(0) would end the grading as if all were well
        line = _line(problem, path)
        raise GraderError(
            f"the exercise's own check failed in {path.name}{line} ({type(problem).__name__}: {problem}): "
            "please report it"
        ) from None
    finally:
        del sys.modules[module.__name__]


def _line(problem: BaseException, path: Path) -> str:
    """The last line of the file that the exception passed through."""
    if isinstance(problem, SyntaxError):
        return f", line {problem.lineno}"
    found = ""
    trace = problem.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            found = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return found

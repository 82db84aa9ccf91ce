"""Go's regular expressions, for files of tools that are written in Go.

Go's package `regexp` and the library RE2 are two implementations of one syntax by the same people; google-re2 is the
library itself. Its time grows with the text and not with its square. Syntax: github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2

# RE2 takes \C, one byte, which Go refuses. What \Q and \E enclose is taken as it is.
_ESCAPE = re.compile(r"\\Q.*?(?:\\E|\Z)|\\.", re.DOTALL)


def checked(expression: str) -> str:
    """Return the expression. Raises ValueError if Go cannot compile it."""
    _compiled(expression)
    return expression


def matches(expression: str, text: str) -> bool:
    """Whether the expression matches anywhere in the text. Raises ValueError if Go cannot compile it."""
    return _compiled(expression).search(text.encode("utf-8", "replace")) is not None


@lru_cache(maxsize=256)
def _compiled(expression: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        if "\\C" in _ESCAPE.findall(expression):
            raise re2.error(b"invalid escape sequence: \\C")
        return re2.compile(expression.encode("utf-8"), options)
    except UnicodeEncodeError:
        why = "not UTF-8"
    except re2.error as problem:
        why = problem.args[0].decode("utf-8", "replace") if problem.args else "not valid"
    raise ValueError(f"expected a regular expression as Go has them (RE2), found {expression!r}: {why}")

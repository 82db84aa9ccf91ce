"""Read a TOML file into a pydantic model, and say in one line what is wrong with it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class Unreadable(Exception):
    """A TOML file cannot be used. The message is one line and names the file."""


class Missing(Unreadable):
    """The file does not exist."""


def read_table(file: Path, model: type[M]) -> M:
    """The TOML file as a model. Raises Missing if there is no such file, and Unreadable if anything is wrong in it."""
    try:
        return model.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as problem:
        why = f"not valid TOML: {problem}"
    except UnicodeDecodeError:
        why = "not UTF-8 text"
    except FileNotFoundError as problem:
        raise Missing(f"{file}: cannot be read: {problem.strerror}") from None
    except OSError as problem:
        why = f"cannot be read: {problem.strerror}"
    except ValidationError as problem:
        why = explain(problem, list(model.model_fields), model)
    raise Unreadable(f"{file}: {why}")


def _keys(model: Any, path: Sequence[str | int]) -> Sequence[str]:
    """The valid keys of the table at that path inside a model. Empty for the outermost table."""
    for part in path:
        fields = getattr(model, "model_fields", {})
        model = fields[part].annotation if part in fields else next(iter(get_args(model)), None)
        if NoneType in get_args(model):
            model = next(kind for kind in get_args(model) if kind is not NoneType)
    return list(getattr(model, "model_fields", {})) if path else ()


def nearest(word: str, valid: Sequence[str]) -> str:
    """``"; did you mean 'x'?"``, or the valid words if none is near. Empty if there are no valid words."""
    if not valid:
        return ""
    near = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; valid: {', '.join(valid)}"


def explain(problem: ValidationError, valid: Sequence[str], model: type[BaseModel] | None = None) -> str:
    """One fault of a pydantic validation in one line, with the key's path. An unknown key goes before a missing one.

    `valid` are the keys of the outermost table. The keys of tables inside it come from `model`.
    """
    faults = problem.errors()
    fault = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"unknown key {where!r}{nearest(str(fault['loc'][-1]), _keys(model, fault['loc'][:-1]) or valid)}"
    if fault["type"] == "missing":
        return f"missing key {where!r}"
    if fault["type"] == "tuple_type":
        return f"{where}: expected a list" + (", written [[check]]" if where == "check" else "")
    return f"{where or 'parameters'}: {fault['msg'].removeprefix('Value error, ')}"

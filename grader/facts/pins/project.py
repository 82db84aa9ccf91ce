"""Read the dependencies of a Python project from pyproject.toml, setup.cfg, setup.py and Pipfile."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from grader.facts.pins.install_context import COMMIT
from grader.facts.pins.model import Tier
from grader.facts.pins.requirements import (
    Requirement,
    Source,
    exact_version,
    normal_name,
    parse_requirement,
    read_marker,
)


@dataclass(frozen=True)
class Wanted:
    """The requirements of a project, and the requirement files that it names. `unreadable` says what is not known."""

    requirements: tuple[Requirement, ...] = ()
    files: tuple[str, ...] = ()
    unreadable: str = ""


def dependencies(name: str, content: str, extras: tuple[str, ...]) -> Wanted | None:
    """The requirements of the project file `name`; None if it says nothing about dependencies.

    With `group` as the name, they are the dependency groups of pyproject.toml that `extras` lists.
    """
    try:
        if name in ("pyproject.toml", "group", "Pipfile"):
            table = tomllib.loads(content)
            if name == "group":
                return Wanted(tuple(_groups(table, extras)))
            return _pipfile(table) if name == "Pipfile" else _pyproject(table, extras)
        if name == "setup.cfg":
            return _setup_cfg(content, extras)
        if name == "setup.py":
            return _setup_py(content)
    except (ValueError, configparser.Error, TypeError, AttributeError, SyntaxError, RecursionError, MemoryError):
        return Wanted(unreadable=f"{name} cannot be parsed")
    return None


def locked(content: str) -> Mapping[str, tuple[Requirement, ...]]:
    """The packages in a poetry.lock, uv.lock or pdm.lock, by name: one requirement for each version."""
    found: dict[str, list[Requirement]] = {}
    try:
        for package in tomllib.loads(content)["package"]:
            name, version = normal_name(package["name"]), str(package.get("version", ""))
            pin = Requirement(package["name"], name, Source.INDEX, Tier.DIGEST, version=version)
            found.setdefault(name, []).append(pin)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return {name: tuple(pins) for name, pins in found.items()}


def poetry_requirement(text: str) -> Requirement:
    """The requirement of an argument of `poetry add`: pip's forms, and `name@constraint`."""
    name, at, constraint = text.partition("@")
    if at and "://" not in text and not re.search(r"[=<>~ ]", name):
        return _poetry(name, constraint)
    return parse_requirement(text)


def _pyproject(table: Mapping[str, Any], extras: tuple[str, ...]) -> Wanted | None:
    project = table.get("project")
    tools = table.get("tool", {})
    if project is not None:
        if "dependencies" in project.get("dynamic", []):
            files = tools.get("setuptools", {}).get("dynamic", {}).get("dependencies", {}).get("file", [])
            files = [files] if isinstance(files, str) else files
            return Wanted(files=tuple(str(file) for file in files)) if files else None
        texts = list(project.get("dependencies", []))
        for extra, optional in project.get("optional-dependencies", {}).items():
            if normal_name(extra) in extras:
                texts += optional
        return Wanted(tuple(parse_requirement(text) for text in texts))
    poetry = tools.get("poetry", {}).get("dependencies")
    if poetry is not None:
        return Wanted(tuple(_poetry_all(poetry)))
    return None


def _groups(table: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[Requirement]:
    groups = table.get("dependency-groups", {})
    todo, done = list(names), set(names)
    while todo:
        for entry in groups.get(todo.pop(), []):
            if isinstance(entry, str):
                yield parse_requirement(entry)
            elif (inner := entry.get("include-group")) and inner not in done:
                done.add(inner)
                todo.append(inner)


def _poetry_all(table: Mapping[str, Any]) -> Iterator[Requirement]:
    for name, value in table.items():
        for one in value if isinstance(value, list) else [value]:
            if normal_name(name) == "python" or (isinstance(one, dict) and (one.get("optional") or "path" in one)):
                continue
            if isinstance(one, str):
                yield _poetry(name, one)
                continue
            marker = _poetry_marker(one)
            if "git" in one or "url" in one:
                exact = bool(COMMIT.fullmatch(str(one.get("rev", ""))))
                why = "" if exact else "it names no commit" if "git" in one else "nothing says which hash it must have"
                tier = Tier.DIGEST if exact else Tier.NONE
                yield Requirement(name, normal_name(name), Source.VCS, tier, why, marker=marker)
            else:
                yield replace(_poetry(name, str(one.get("version", "*"))), marker=marker)


def _poetry_marker(table: Mapping[str, Any]) -> str:
    """The marker of a Poetry dependency. Its Python versions have Poetry's own syntax, so no sample decides them."""
    said = [f"({table['markers']})"] if "markers" in table else []
    said += [f"sys_platform == {str(table['platform'])!r}"] if "platform" in table else []
    said += [f"python_version === {str(table['python'])!r}"] if "python" in table else []
    return read_marker(" and ".join(said))


def _poetry(name: str, constraint: str) -> Requirement:
    """The requirement of a Poetry dependency. Unlike pip, Poetry reads a bare version as exactly that version."""
    version = exact_version(re.sub(r"^\s*={0,3}", "", constraint))
    tier, why = (Tier.VERSION, "") if version else (Tier.NONE, f"{constraint or name} leaves the version open")
    return Requirement(name, normal_name(name), Source.INDEX, tier, why, version=version)


def _pipfile(table: Mapping[str, Any]) -> Wanted:
    found: list[Requirement] = []
    for section in ("packages", "dev-packages"):
        for name, value in table.get(section, {}).items():
            if isinstance(value, dict) and ("git" in value or "path" in value):
                exact = "path" in value or bool(COMMIT.fullmatch(str(value.get("ref", ""))))
                tier, why = (Tier.DIGEST, "") if exact else (Tier.NONE, "it names no commit")
                found.append(Requirement(name, normal_name(name), Source.VCS, tier, why))
            else:
                said = value if isinstance(value, dict) else {"version": str(value)}
                version = said.get("version", "*")
                requirement = parse_requirement(name + (version if version != "*" else ""))
                found.append(replace(requirement, marker=_pipenv_marker(said)))
    return Wanted(tuple(found))


def _pipenv_marker(table: Mapping[str, Any]) -> str:
    """The marker of a Pipenv dependency: its `markers`, and the keys that are named like a marker's variable."""
    from packaging.markers import Environment

    said = [f"({table['markers']})"] if "markers" in table else []
    said += [f"{name} {table[name]}" for name in Environment.__annotations__ if name in table]
    return read_marker(" and ".join(said))


def _setup_cfg(content: str, extras: tuple[str, ...]) -> Wanted | None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(content)
    if not parser.has_section("options"):
        return None
    text = parser.get("options", "install_requires", fallback="")
    if text.strip().startswith("file:"):
        return Wanted(files=tuple(name.strip() for name in text.partition(":")[2].split(",")))
    lines = text.splitlines() if text else []
    for extra in extras:
        lines += parser.get("options.extras_require", extra, fallback="").splitlines()
    return Wanted(tuple(parse_requirement(line) for line in lines if line.strip())) if lines else None


def _setup_py(content: str) -> Wanted | None:
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "setup":
            for keyword in node.keywords:
                if keyword.arg == "install_requires":
                    return _literal(keyword.value)
                if keyword.arg is None:
                    return Wanted(unreadable="setup.py calls setup with keywords that cannot be read")
            return Wanted()
    return Wanted(unreadable="no call of setup can be found in setup.py")


def _literal(node: ast.expr) -> Wanted:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return Wanted(unreadable="setup.py computes its install_requires")
    texts = [value] if isinstance(value, str) else list(value)
    return Wanted(tuple(parse_requirement(str(text)) for text in texts))

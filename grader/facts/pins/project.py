"""What a Python project says it depends on: pyproject.toml, setup.cfg, setup.py, Pipfile."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grader.facts.pins.model import Tier
from grader.facts.pins.requirements import Requirement, Source, normal_name, parse_requirement
from grader.facts.pins.scene import COMMIT

_POETRY_EXACT = re.compile(r"={0,3}\s*v?\d[0-9A-Za-z.+!_-]*")


@dataclass(frozen=True)
class Wanted:
    """The requirements of a project, and the requirement files it names. `unreadable` says what cannot be told."""

    requirements: tuple[Requirement, ...] = ()
    files: tuple[str, ...] = ()
    unreadable: str = ""


def dependencies(name: str, content: str, extras: tuple[str, ...]) -> Wanted | None:
    """What the project file of that name asks for; None where it is silent about dependencies.

    `group` in place of a name reads the dependency groups of pyproject.toml that `extras` lists.
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
        return Wanted(unreadable=f"{name} cannot be understood")
    return None


def locked_names(content: str) -> set[str]:
    """The packages that a poetry.lock, uv.lock or pdm.lock holds."""
    try:
        packages = tomllib.loads(content).get("package", [])
        return {normal_name(package["name"]) for package in packages}
    except (ValueError, TypeError, KeyError, RecursionError):
        return set()


def poetry_requirement(text: str) -> Requirement:
    """What an argument of `poetry add` asks for: pip's forms, and `name@constraint`."""
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
            elif "git" in one or "url" in one:
                exact = bool(COMMIT.fullmatch(str(one.get("rev", ""))))
                why = "" if exact else "it names no commit" if "git" in one else "nothing says what it must hash to"
                tier = Tier.DIGEST if exact else Tier.NONE
                yield Requirement(name, normal_name(name), Source.VCS, tier, why)
            else:
                yield _poetry(name, str(one.get("version", "*")))


def _poetry(name: str, constraint: str) -> Requirement:
    """Poetry, unlike pip, takes a bare version for exactly that one."""
    exact = bool(_POETRY_EXACT.fullmatch(constraint.strip())) and constraint != "latest"
    why = "" if exact else f"{constraint or name} leaves the version open"
    return Requirement(name, normal_name(name), Source.INDEX, Tier.VERSION if exact else Tier.NONE, why)


def _pipfile(table: Mapping[str, Any]) -> Wanted:
    found: list[Requirement] = []
    for section in ("packages", "dev-packages"):
        for name, value in table.get(section, {}).items():
            if isinstance(value, dict) and ("git" in value or "path" in value):
                exact = "path" in value or bool(COMMIT.fullmatch(str(value.get("ref", ""))))
                tier, why = (Tier.DIGEST, "") if exact else (Tier.NONE, "it names no commit")
                found.append(Requirement(name, normal_name(name), Source.VCS, tier, why))
            else:
                version = value.get("version", "*") if isinstance(value, dict) else str(value)
                found.append(parse_requirement(name + (version if version != "*" else "")))
    return Wanted(tuple(found))


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
                    return Wanted(unreadable="setup.py passes on keywords that cannot be read")
            return Wanted()
    return Wanted(unreadable="setup.py does not call setup where it can be read")


def _literal(node: ast.expr) -> Wanted:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return Wanted(unreadable="the install_requires of setup.py is worked out by a program")
    texts = [value] if isinstance(value, str) else list(value)
    return Wanted(tuple(parse_requirement(str(text)) for text in texts))

"""Node packages: each has a package.json in its folder, most under node_modules. A scanner reads nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from grader.facts.advisories.frozen import advisories
from grader.facts.inventory.evidence import Evidence, HiddenPackage

_PACKAGE = re.compile(r"(?:.*/)?package\.json")
_INSTALLED = re.compile(r"(?:.*/)?node_modules/(?:@[^/]+/)?[^/]+")
CODE = (".js", ".cjs", ".mjs", ".node")


class Listed(NamedTuple):
    """A package by its list; `folder` is where it is installed."""

    folder: str
    name: str
    version: str
    path: str


@cache
def known() -> frozenset[str]:
    """Return the packages that the advisories know."""
    return frozenset(
        affected.package for one in advisories().advisory for affected in one.affects if affected.ecosystem == "npm"
    )


def parse(path: str, text: str) -> Listed | None:
    """Read a package.json. Returns None for another file, or if it has no name or version."""
    if not _PACKAGE.fullmatch(path):
        return None
    document = _table(text)
    name, version = document.get("name"), document.get("version")
    if not isinstance(name, str) or not isinstance(version, str) or not name or not version:
        return None
    return Listed(path.rpartition("/")[0], name, version, path)


def is_installed(folder: str) -> bool:
    """Whether a package in that folder is one that was installed: it is right under node_modules."""
    return bool(_INSTALLED.fullmatch(folder))


def listed_in(evidence: Evidence) -> Mapping[str, Listed]:
    """Return the packages whose lists a container sees, by folder."""
    return {listed.folder: listed for path, text in evidence.visible.items() if (listed := parse(path, text))}


def hidden_packages(evidence: Evidence) -> Iterator[HiddenPackage]:
    """Yield packages whose lists were removed or changed."""
    seen = listed_in(evidence)
    yield from _hidden(evidence, seen)
    yield from _changed(evidence, seen)


def _hidden(evidence: Evidence, seen: Mapping[str, Listed]) -> Iterator[HiddenPackage]:
    for item in evidence.lists:
        listed = parse(item.path, item.text)
        now = seen.get(listed.folder) if listed else None
        if not listed or (now and now[1:3] == listed[1:3]):
            continue
        if not is_installed(listed.folder) and listed.name not in known():  # an app may do with its own what it likes
            continue
        code = (
            member.path
            for member in evidence.layers[item.layer].members
            if member.path.startswith(f"{listed.folder}/")
            and member.path.endswith(CODE)
            and "/node_modules/" not in member.path[len(listed.folder) :]
        )
        if evidence.still_there(code, item.layer, rewritten=now is None):
            how = f"it says {now.name} {now.version} now" if now else "it is gone, but the code is still there"
            yield HiddenPackage(f"{listed.name} {listed.version}", item.path, None, how)


class Locked(NamedTuple):
    """A package by npm's hidden lock file. `is_published`: it came from a registry, as its digest is there."""

    folder: str
    name: str
    version: str
    is_published: bool


def locked(evidence: Evidence) -> Iterator[Locked]:
    """Yield what npm wrote into its hidden lock files when it installed packages."""
    for path, text in evidence.visible.items():
        if not path.endswith("node_modules/.package-lock.json"):
            continue
        root = path.removesuffix("node_modules/.package-lock.json")
        packages = _table(text).get("packages")
        for where, entry in (packages if isinstance(packages, dict) else {}).items():
            if isinstance(entry, dict) and isinstance(entry.get("version"), str):
                name = str(entry.get("name") or str(where).rpartition("node_modules/")[2])
                yield Locked(root + str(where), name, entry["version"], bool(entry.get("integrity")))


def _changed(evidence: Evidence, seen: Mapping[str, Listed]) -> Iterator[HiddenPackage]:
    """Yield packages that differ from what npm wrote down."""
    for there in locked(evidence):
        listed = seen.get(there.folder)
        if not listed or not {there.name, listed.name} & known():
            continue
        if (there.name, there.version) != (listed.name, listed.version):
            how = f"it says {listed.name} {listed.version}, but that is not what npm installed"
            yield HiddenPackage(f"{there.name} {there.version}", listed.path, None, how)


def _table(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}

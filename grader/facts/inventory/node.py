"""Node packages: each has a package.json in its folder under node_modules, which is all a scanner reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from grader.facts.advisories import advisories
from grader.facts.inventory.evidence import Blinding, Evidence

_PACKAGE = re.compile(r"(?P<modules>(?:.*/)?node_modules)/(?P<name>(?:@[^/]+/)?[^/.][^/]*)/package\.json")
_CODE = (".js", ".cjs", ".mjs", ".node")


class Listed(NamedTuple):
    """A package as its list names it; `folder` is where it lies."""

    folder: str
    name: str
    version: str
    path: str


@cache
def known() -> frozenset[str]:
    """The packages that the advisories know."""
    return frozenset(
        affected.package for one in advisories().advisory for affected in one.affects if affected.ecosystem == "npm"
    )


def parse(path: str, text: str) -> Listed | None:
    """What a package.json says; None for another file, or where it names nothing."""
    if not _PACKAGE.fullmatch(path):
        return None
    document = _table(text)
    name, version = document.get("name"), document.get("version")
    if not isinstance(name, str) or not isinstance(version, str) or not name or not version:
        return None
    return Listed(path.rpartition("/")[0], name, version, path)


def blindings(evidence: Evidence) -> Iterator[Blinding]:
    """Packages whose lists were taken away or changed."""
    seen = {listed.folder: listed for path, text in evidence.visible.items() if (listed := parse(path, text))}
    yield from _hidden(evidence, seen)
    yield from _without_list(evidence, seen)
    yield from _changed(evidence, seen)


def _hidden(evidence: Evidence, seen: Mapping[str, Listed]) -> Iterator[Blinding]:
    for item in evidence.lists:
        listed = parse(item.path, item.text)
        now = seen.get(listed.folder) if listed else None
        if not listed or (now and now[1:3] == listed[1:3]):
            continue
        code = (
            member.path
            for member in evidence.layers[item.layer].members
            if member.path.startswith(f"{listed.folder}/")
            and member.path.endswith(_CODE)
            and "/node_modules/" not in member.path[len(listed.folder) :]
        )
        if evidence.still_there(code, item.layer, rewritten=now is None):
            how = f"it says {now.name} {now.version} now" if now else "it is gone, and the code is still there"
            yield Blinding(f"{listed.name} {listed.version}", item.path, None, how)


def _without_list(evidence: Evidence, seen: Mapping[str, Listed]) -> Iterator[Blinding]:
    found: set[str] = set()
    for path in evidence.files:
        folder, _, file = path.rpartition("/")
        name = f"/{folder}".rpartition("/node_modules/")[2] if "node_modules/" in folder else ""
        if name not in known() or not file.endswith(_CODE) or folder in seen or folder in found:
            continue
        found.add(folder)
        yield Blinding(name, folder, None, "its code is there, and no package.json that names it")


def _changed(evidence: Evidence, seen: Mapping[str, Listed]) -> Iterator[Blinding]:
    """Packages that are other than npm wrote down when it installed them, in a hidden file beside them."""
    for path, text in evidence.visible.items():
        if not path.endswith("node_modules/.package-lock.json"):
            continue
        root = path.removesuffix("node_modules/.package-lock.json")
        packages = _table(text).get("packages")
        for where, entry in (packages if isinstance(packages, dict) else {}).items():
            listed = seen.get(root + str(where))
            if not listed or not isinstance(entry, dict) or not isinstance(entry.get("version"), str):
                continue
            name = str(entry.get("name") or str(where).rpartition("node_modules/")[2])
            if not {name, listed.name} & known():
                continue
            if (name, entry["version"]) != (listed.name, listed.version):
                how = f"it says {listed.name} {listed.version}, and that is not what npm installed"
                yield Blinding(f"{name} {entry['version']}", listed.path, None, how)


def _table(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}

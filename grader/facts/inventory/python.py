"""Python packages: each has a folder NAME-VERSION.dist-info (or .egg-info) next to its code, which a scanner reads."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from grader.facts.inventory.evidence import Evidence, HiddenPackage
from grader.facts.inventory.known_code import modules

_FOLDER = re.compile(
    r"(?:(?P<parent>.*)/)?(?:[^/]+\.dist-info/METADATA|[^/]+\.egg-info(?:/PKG-INFO)?)"
    r"|(?P<egg>(?:.*/)?[^/]+\.egg)/EGG-INFO/PKG-INFO"
)
_FIELD = re.compile(r"^(Name|Version):[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)


class Listed(NamedTuple):
    """A package by its list; `parent` is the folder that holds its code."""

    parent: str
    name: str
    version: str
    path: str


def normal(name: str) -> str:
    """Return a package's name in the form that indexes compare."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def parse(path: str, text: str) -> Listed | None:
    """Read a METADATA or PKG-INFO. Returns None for another file, or if it has no name or version."""
    match = _FOLDER.fullmatch(path)
    if not match:
        return None
    head = text.replace("\r\n", "\n").partition("\n\n")[0]
    fields: dict[str, str] = {}
    for key, value in _FIELD.findall(head):
        fields.setdefault(key.capitalize(), value)  # the first one counts, as for a scanner
    if len(fields) < 2:
        return None
    return Listed(match["egg"] or match["parent"] or "", normal(fields["Name"]), fields["Version"], path)


def hidden_packages(evidence: Evidence) -> Iterator[HiddenPackage]:
    """Yield packages whose lists were removed or changed."""
    seen = {path: listed for path, text in evidence.visible.items() if (listed := parse(path, text))}
    by_place: dict[tuple[str, str], set[str]] = {}
    for listed in seen.values():
        by_place.setdefault((listed.parent, listed.name), set()).add(listed.version)
    yield from _hidden(evidence, by_place)
    yield from _changed(evidence, seen)


def _hidden(evidence: Evidence, seen: Mapping[tuple[str, str], set[str]]) -> Iterator[HiddenPackage]:
    """Yield packages whose list a later layer deleted or changed, although the code is still the same."""
    records = {(item.layer, item.path): item.text for item in evidence.lists if item.path.endswith("/RECORD")}
    for item in evidence.lists:
        listed = parse(item.path, item.text)
        if not listed:
            continue
        versions = seen.get((listed.parent, listed.name), set())
        if listed.version in versions:
            continue
        record = records.get((item.layer, item.path.rpartition("/")[0] + "/RECORD"), "")
        if evidence.still_there(_code(evidence, listed, record, item.layer), item.layer, rewritten=not versions):
            now = (
                f"it says {', '.join(sorted(versions))} now" if versions else "it is gone, but the code is still there"
            )
            yield HiddenPackage(f"{listed.name} {listed.version}", item.path, evidence.changed_by(item.path), now)


def _code(evidence: Evidence, listed: Listed, record: str, layer: int) -> Iterator[str]:
    """Yield the paths of a package's code: those in its own record, or else those in the folder of its name."""
    prefix = f"{listed.parent}/" if listed.parent else ""
    if record:
        for path, *_ in rows(record):
            if path.endswith((".py", ".so")) and ".." not in path.split("/"):
                yield prefix + path
        return
    module = modules().get(listed.name, listed.name.replace("-", "_"))
    for member in evidence.layers[layer].members:
        if member.path.startswith(f"{prefix}{module}/") and member.path.endswith((".py", ".so")):
            yield member.path


def rows(record: str) -> Iterator[list[str]]:
    """Yield the lines of a RECORD: a path, the digest and the size."""
    try:
        yield from (row for row in csv.reader(record.splitlines()) if row)
    except csv.Error:
        return


def _changed(evidence: Evidence, seen: Mapping[str, Listed]) -> Iterator[HiddenPackage]:
    """Yield packages whose list contradicts the name of its folder, or the record of what was installed."""
    for path, listed in seen.items():
        if not path.endswith(".dist-info/METADATA"):
            continue
        folder = path.rpartition("/")[0]
        stem = folder.rpartition("/")[2].removesuffix(".dist-info")
        name, _, version = stem.partition("-")
        if not {listed.name, normal(name)} & modules().keys():
            continue
        file = evidence.files.get(path)
        layer = file.layer if file else None
        if version and (normal(name) != listed.name or not _is_same(version, listed.version)):
            how = f"its folder says {stem}, but the list in it says {listed.name} {listed.version}"
            yield HiddenPackage(f"{normal(name)} {version}", path, layer, how)
            continue
        recorded = _recorded(evidence.visible.get(f"{folder}/RECORD", ""), path.removeprefix(f"{listed.parent}/"))
        if recorded and recorded != _digest(evidence, path):
            yield HiddenPackage(f"{listed.name} {listed.version}", path, layer, "it is not the one that was installed")


def _recorded(record: str, path: str) -> str:
    for row in rows(record):
        if row[0] == path and len(row) > 1 and row[1].startswith("sha256="):
            return row[1].removeprefix("sha256=").rstrip("=")
    return ""


def _digest(evidence: Evidence, path: str) -> str:
    data = evidence.visible[path].encode()
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def _is_same(folder: str, version: str) -> bool:
    """Whether a folder has the version in its name. It may be spelled in another way, or with other dashes."""
    from packaging.utils import canonicalize_version

    try:
        return _plain(folder) == _plain(version) or canonicalize_version(folder) == canonicalize_version(version)
    except ValueError:  # a number with thousands of digits
        return False


def _plain(version: str) -> str:
    return re.sub(r"[-_+]", "-", version.lower())

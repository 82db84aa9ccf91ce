"""Python packages: each has a folder NAME-VERSION.dist-info (or .egg-info) beside its code: a scanner reads that."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from grader.facts.inventory.evidence import Blinding, Evidence

KNOWN: Mapping[str, tuple[str, str]] = {
    "aiohttp": ("aiohttp", "connector"),
    "certifi": ("certifi", "core"),
    "cryptography": ("cryptography", "fernet"),
    "django": ("django", "shortcuts"),
    "fastapi": ("fastapi", "routing"),
    "flask": ("flask", "ctx"),
    "gunicorn": ("gunicorn", "arbiter"),
    "idna": ("idna", "core"),
    "jinja2": ("jinja2", "environment"),
    "pillow": ("PIL", "Image"),
    "pip": ("pip", "__main__"),
    "pyyaml": ("yaml", "constructor"),
    "requests": ("requests", "adapters"),
    "setuptools": ("setuptools", "dist"),
    "starlette": ("starlette", "routing"),
    "urllib3": ("urllib3", "poolmanager"),
    "werkzeug": ("werkzeug", "serving"),
    "wheel": ("wheel", "wheelfile"),
}
"""The packages that the advisories know, with the module each is imported as, and a module in it that gives it away."""

_FOLDER = re.compile(r"(?:(?P<parent>.*)/)?(?P<stem>[^/]+)\.(?P<kind>dist-info|egg-info)(?:/(?:METADATA|PKG-INFO))?")
_FIELD = re.compile(r"^(Name|Version):[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE)
_VENDORED = re.compile(r"(?:^|/)(?:_vendor|vendor|_vendored|vendored)(?:/|$)")
_MODULE = re.compile(r"(?:(?P<parent>.*)/)?(?P<module>[^/]+)/(?P<inner>[^/]+)\.pyc?")


class Listed(NamedTuple):
    """A package as its list names it; `parent` is the folder that holds its code."""

    parent: str
    name: str
    version: str
    path: str


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse(path: str, text: str) -> Listed | None:
    """What a METADATA or PKG-INFO says; None for another file, or where it names nothing."""
    match = _FOLDER.fullmatch(path)
    if not match:
        return None
    head = text.replace("\r\n", "\n").partition("\n\n")[0]
    fields: dict[str, str] = {}
    for key, value in _FIELD.findall(head):
        fields.setdefault(key, value)
    if len(fields) < 2:
        return None
    return Listed(match["parent"] or "", normal(fields["Name"]), fields["Version"], path)


def blindings(evidence: Evidence) -> Iterator[Blinding]:
    """Packages whose lists were taken away or changed."""
    seen = {path: listed for path, text in evidence.visible.items() if (listed := parse(path, text))}
    by_place: dict[tuple[str, str], set[str]] = {}
    for listed in seen.values():
        by_place.setdefault((listed.parent, listed.name), set()).add(listed.version)
    yield from _hidden(evidence, by_place)
    yield from _without_list(evidence, by_place)
    yield from _changed(evidence, seen)


def _hidden(evidence: Evidence, seen: Mapping[tuple[str, str], set[str]]) -> Iterator[Blinding]:
    """Lists that a layer had and a later one deleted or changed, though the code is still what that layer put there."""
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
                f"it says {', '.join(sorted(versions))} now" if versions else "it is gone, and the code is still there"
            )
            yield Blinding(f"{listed.name} {listed.version}", item.path, _hider(evidence, item.path), now)


def _code(evidence: Evidence, listed: Listed, record: str, layer: int) -> Iterator[str]:
    """The paths of a package's code: as its own record names them, else what lies in the folder of its name."""
    prefix = f"{listed.parent}/" if listed.parent else ""
    if record:
        for path, *_ in _rows(record):
            if path.endswith((".py", ".so")) and ".." not in path.split("/"):
                yield prefix + path
        return
    module = KNOWN.get(listed.name, (listed.name.replace("-", "_"), ""))[0]
    for member in evidence.layers[layer].members:
        if member.path.startswith(f"{prefix}{module}/") and member.path.endswith((".py", ".so")):
            yield member.path


def _rows(record: str) -> Iterator[list[str]]:
    try:
        yield from (row for row in csv.reader(record.splitlines()) if row)
    except csv.Error:
        return


def _hider(evidence: Evidence, path: str) -> int | None:
    """The highest layer that touches the list, or a folder it is in, by name or by a mark that deletes it."""
    names = set()
    at = path
    while at:
        folder, _, name = at.rpartition("/")
        names |= {at if at == path else "", f"{folder}/.wh.{name}".lstrip("/"), f"{folder}/.wh..wh..opq".lstrip("/")}
        at = folder
    for layer in reversed(evidence.layers):
        if any(member.path in names for member in layer.members):
            return layer.index
    return None


def _without_list(evidence: Evidence, seen: Mapping[tuple[str, str], set[str]]) -> Iterator[Blinding]:
    """Code of a package that the advisories know, with no list beside it."""
    by_module = {places: name for name, places in KNOWN.items()}
    found: set[tuple[str, str]] = set()
    for path in evidence.files:
        match = _MODULE.fullmatch(path)
        name = by_module.get((match["module"], match["inner"])) if match else None
        if not match or not name:
            continue
        parent = match["parent"] or ""
        inside = any(f"{parent}/__init__.{ending}".lstrip("/") in evidence.files for ending in ("py", "pyc"))
        if (parent, name) in seen or (parent, name) in found or inside or _VENDORED.search(parent):
            continue
        found.add((parent, name))
        file = evidence.files.get(path)
        yield Blinding(name, path, file.layer if file else None, "its code is there, and no list beside it names it")


def _changed(evidence: Evidence, seen: Mapping[str, Listed]) -> Iterator[Blinding]:
    """Lists that do not agree with themselves: with the name of their folder, or with what was installed."""
    for path, listed in seen.items():
        if not path.endswith(".dist-info/METADATA"):
            continue
        folder = path.rpartition("/")[0]
        stem = folder.rpartition("/")[2].removesuffix(".dist-info")
        name, _, version = stem.partition("-")
        if not {listed.name, normal(name)} & KNOWN.keys():
            continue
        file = evidence.files.get(path)
        layer = file.layer if file else None
        if version and (normal(name) != listed.name or _plain(version) != _plain(listed.version)):
            how = f"its folder says {stem}, and the list in it {listed.name} {listed.version}"
            yield Blinding(f"{normal(name)} {version}", path, layer, how)
            continue
        recorded = _recorded(evidence.visible.get(f"{folder}/RECORD", ""), path.removeprefix(f"{listed.parent}/"))
        if recorded and recorded != _digest(evidence, path):
            yield Blinding(f"{listed.name} {listed.version}", path, layer, "it is not the one that was installed")


def _recorded(record: str, path: str) -> str:
    for row in _rows(record):
        if row[0] == path and len(row) > 1 and row[1].startswith("sha256="):
            return row[1].removeprefix("sha256=").rstrip("=")
    return ""


def _digest(evidence: Evidence, path: str) -> str:
    data = evidence.visible[path].encode()
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def _plain(version: str) -> str:
    return re.sub(r"[-_+]", "-", version.lower())

"""Debian's packages: dpkg's list of what is installed (in distroless images a file for each package), and a list of
files for each package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from grader.facts.inventory.evidence import Evidence, HiddenPackage

STATUS = "var/lib/dpkg/status"
_PARTS = "var/lib/dpkg/status.d/"
_INFO = "var/lib/dpkg/info/"
_FIELD = re.compile(r"^(Package|Version|Status|Source|Maintainer):(.*(?:\n[ \t].*)*)$", re.MULTILINE | re.IGNORECASE)
_WORKING = re.compile(r"(?:^|/)(?:s?bin/|lib/.*\.so(?:\.|$))")
_LIBC = re.compile(r"usr/lib/[^/]+/libc\.so\.6")


class Listed(NamedTuple):
    """A package in dpkg's list."""

    name: str
    version: str
    source: str = ""
    maintainer: str = ""
    """By these a scanner finds the advisories: the source package, with its own version, and whose package it is."""


def is_list(path: str) -> bool:
    return path == STATUS or (path.startswith(_PARTS) and not path.endswith(".md5sums"))


def parse(text: str) -> Iterator[Listed]:
    """Yield the packages that a list calls installed."""
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        for key, value in _FIELD.findall(paragraph):  # the first one counts, as for a scanner
            fields.setdefault(key.capitalize(), " ".join(value.split()))
        if fields.get("Package") and fields.get("Version"):
            status = fields.get("Status", "").split()
            if not status or status[-1] == "installed":  # distroless has no status
                source, maintainer = fields.get("Source", ""), fields.get("Maintainer", "")
                yield Listed(fields["Package"], fields["Version"], source, maintainer)


def installed(evidence: Evidence) -> set[Listed]:
    """Return the packages that the image calls installed."""
    return {listed for path, text in evidence.visible.items() if is_list(path) for listed in parse(text)}


def hidden_packages(evidence: Evidence) -> Iterator[HiddenPackage]:
    """Yield packages whose lists were removed or changed."""
    now = installed(evidence)
    yield from _hidden(evidence, now)
    yield from _without_list(evidence, now)
    if not now and (why := _is_debian(evidence)):
        yield HiddenPackage("Debian's packages", STATUS, None, f"there is no list of them, but {why}")


def _hidden(evidence: Evidence, now: set[Listed]) -> Iterator[HiddenPackage]:
    """Yield packages that a layer listed and the image no longer lists, although their files are still the same."""
    others = {listed.name: listed for listed in now}
    lists = files(evidence)
    found: set[str] = set()
    for item in evidence.lists:
        if not is_list(item.path):
            continue
        for listed in parse(item.text):
            if listed in now or listed.name in found:
                continue
            named = [paths for layer, paths in lists.get(listed.name, ()) if layer <= item.layer]
            if named and _is_there(evidence, list(_real(evidence, named[-1])), item.layer):
                found.add(listed.name)
                other = others.get(listed.name)
                how = _difference(listed, other) if other else "it is gone from the list, but its files are still there"
                yield HiddenPackage(f"{listed.name} {listed.version}", item.path, evidence.changed_by(item.path), how)


def _is_there(evidence: Evidence, paths: list[str], layer: int) -> bool:
    """Whether most of a package's files are there as `layer` left them, or most of its programs and libraries, or the
    largest of these: without its manual pages a program is still the same."""
    working = [path for path in paths if _WORKING.search(path)]
    largest = max(working, key=lambda path: evidence.size_at(path, layer), default="")
    return any(evidence.still_there(iter(some), layer, rewritten=False) for some in (paths, working, [largest]))


def _difference(listed: Listed, now: Listed) -> str:
    if now.version != listed.version:
        return f"it says {now.version} now"
    field, told = ("Source", now.source) if now.source != listed.source else ("Maintainer", now.maintainer)
    return f"it says {field}: {told} now" if told else f"it names no {field} now"


def _without_list(evidence: Evidence, now: set[Listed]) -> Iterator[HiddenPackage]:
    """Yield packages that have a list of files, and the files, but are not in the list of packages."""
    if not now:
        return
    names = {listed.name for listed in now}
    for path, text in evidence.visible.items():
        if path.startswith(_INFO) and (name := package_of(path)) not in names:
            paths = [line for line in text.splitlines() if not line.startswith("/etc/")]
            if evidence.still_there(_real(evidence, paths), len(evidence.layers), rewritten=False):
                yield HiddenPackage(name, path, None, "its files are there, but the list of packages leaves it out")


def files(evidence: Evidence) -> Mapping[str, list[tuple[int, list[str]]]]:
    """Return the lists of files of each package, with the layer of each list, from the bottom."""
    found: dict[str, list[tuple[int, list[str]]]] = {}
    for item in evidence.lists:
        if item.path.startswith(_INFO):
            found.setdefault(package_of(item.path), []).append((item.layer, item.text.splitlines()))
        elif item.path.startswith(_PARTS) and item.path.endswith(".md5sums"):
            paths = [line.partition("  ")[2] for line in item.text.splitlines()]
            name = item.path.removeprefix(_PARTS).removesuffix(".md5sums")
            found.setdefault(name, []).append((item.layer, paths))
    return found


def _real(evidence: Evidence, paths: list[str]) -> Iterator[str]:
    return (evidence.real(path) for path in paths if path.strip("/.") and not path.startswith("/usr/share/doc/"))


def package_of(path: str) -> str:
    """Return the package whose list of files this is: `info/libc6:amd64.list`."""
    return path.removeprefix(_INFO).removesuffix(".list").partition(":")[0]


def _is_debian(evidence: Evidence) -> str:
    """Return what shows that an image without any list is Debian; empty if nothing does. Ends a sentence."""
    if not any(path in evidence.files for path in ("etc/debian_version", "etc/os-release", "usr/lib/os-release")):
        return ""
    if "etc/debian_version" not in evidence.files and "etc/apt" not in evidence.files:
        return ""
    if any(_LIBC.fullmatch(path) for path in evidence.files):
        return "its C library is there"
    if evidence.files.listing("var/lib/dpkg"):
        return "the rest of dpkg's folder is there"
    return ""

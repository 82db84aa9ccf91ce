"""Debian's packages: dpkg's list of what is installed (in distroless images a file for each package), and beside it for
each package a list of its files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from grader.facts.inventory.evidence import Blinding, Evidence

STATUS = "var/lib/dpkg/status"
_PARTS = "var/lib/dpkg/status.d/"
_INFO = "var/lib/dpkg/info/"
_FIELD = re.compile(r"^(Package|Version|Status):[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_LIBC = re.compile(r"usr/lib/[^/]+/libc\.so\.6")


class Listed(NamedTuple):
    """A package as dpkg's list names it."""

    name: str
    version: str


def is_list(path: str) -> bool:
    return path == STATUS or (path.startswith(_PARTS) and not path.endswith(".md5sums"))


def parse(text: str) -> Iterator[Listed]:
    """The packages that are installed, as a list has them."""
    for paragraph in re.split(r"\n\s*\n", text):
        fields = dict(_FIELD.findall(paragraph))
        if fields.get("Package") and fields.get("Version"):
            status = fields.get("Status", "").split()
            if not status or status[-1] == "installed":  # distroless has no status
                yield Listed(fields["Package"], fields["Version"])


def installed(evidence: Evidence) -> set[Listed]:
    """What the image says is installed."""
    return {listed for path, text in evidence.visible.items() if is_list(path) for listed in parse(text)}


def blindings(evidence: Evidence) -> Iterator[Blinding]:
    """Packages whose lists were taken away or changed."""
    now = installed(evidence)
    yield from _hidden(evidence, now)
    yield from _without_list(evidence, now)
    if not now and (why := _is_debian(evidence)):
        yield Blinding("Debian's packages", STATUS, None, f"there is no list of them, and {why}")


def _hidden(evidence: Evidence, now: set[Listed]) -> Iterator[Blinding]:
    """Packages that a layer listed and the image no longer does, though their files are what that layer left."""
    versions = {listed.name: listed.version for listed in now}
    files = _files(evidence)
    told: set[str] = set()
    for item in evidence.lists:
        if not is_list(item.path):
            continue
        for listed in parse(item.text):
            if listed in now or listed.name in told:
                continue
            named = [paths for layer, paths in files.get(listed.name, ()) if layer <= item.layer]
            if named and evidence.still_there(_real(evidence, named[-1]), item.layer, rewritten=False):
                told.add(listed.name)
                version = versions.get(listed.name)
                how = f"it says {version} now" if version else "it is gone from the list, and its files are still there"
                yield Blinding(f"{listed.name} {listed.version}", item.path, _writer(evidence, item.path), how)


def _without_list(evidence: Evidence, now: set[Listed]) -> Iterator[Blinding]:
    """Packages that have their list of files, and the files, and are not in the list of packages."""
    if not now:
        return
    names = {listed.name for listed in now}
    for path, text in evidence.visible.items():
        if path.startswith(_INFO) and (name := _name(path)) not in names:
            paths = [line for line in text.splitlines() if not line.startswith("/etc/")]
            if evidence.still_there(_real(evidence, paths), len(evidence.layers), rewritten=False):
                yield Blinding(name, path, None, "its files are there, and the list of packages leaves it out")


def _files(evidence: Evidence) -> Mapping[str, list[tuple[int, list[str]]]]:
    """For each package the lists of its files, with the layer of each, from the bottom."""
    found: dict[str, list[tuple[int, list[str]]]] = {}
    for item in evidence.lists:
        if item.path.startswith(_INFO):
            found.setdefault(_name(item.path), []).append((item.layer, item.text.splitlines()))
        elif item.path.startswith(_PARTS) and item.path.endswith(".md5sums"):
            paths = [line.partition("  ")[2] for line in item.text.splitlines()]
            name = item.path.removeprefix(_PARTS).removesuffix(".md5sums")
            found.setdefault(name, []).append((item.layer, paths))
    return found


def _real(evidence: Evidence, paths: list[str]) -> Iterator[str]:
    return (evidence.real(path) for path in paths if path.strip("/.") and not path.startswith("/usr/share/doc/"))


def _name(path: str) -> str:
    """The package whose list of files that is: `info/libc6:amd64.list`."""
    return path.removeprefix(_INFO).removesuffix(".list").partition(":")[0]


def _writer(evidence: Evidence, path: str) -> int | None:
    """The highest layer that writes that list, or deletes it or a folder it is in."""
    folders = path.split("/")
    marks = {path, *("/".join([*folders[:at], f".wh.{folders[at]}"]) for at in range(len(folders)))}
    for layer in reversed(evidence.layers):
        if any(member.path in marks for member in layer.members):
            return layer.index
    return None


def _is_debian(evidence: Evidence) -> str:
    """Why an image without any list is one of Debian all the same; empty where it is none."""
    if not any(path in evidence.files for path in ("etc/debian_version", "etc/os-release", "usr/lib/os-release")):
        return ""
    if "etc/debian_version" not in evidence.files and "etc/apt" not in evidence.files:
        return ""
    if any(_LIBC.fullmatch(path) for path in evidence.files):
        return "its C library is"
    if evidence.files.listing("var/lib/dpkg"):
        return "the rest of dpkg's folder is"
    return ""

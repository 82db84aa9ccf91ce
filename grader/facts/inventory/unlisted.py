"""Code of packages that the advisories know, and that no package list of the image covers.

Code is listed if its own list is next to it, so that the scanner judges it. Packages also bring copies of others with
them (`pip/_vendor`). Scanners do not see these and say so; they are no fault of whoever installed the package. So code
that the list of files of a listed package names is not hidden: a RECORD in which it has the same digest, or dpkg's.

A list proves nothing if it is not of the code beside it: then the RECORD has other digests.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping

from grader.facts.inventory import debian, node, python
from grader.facts.inventory.evidence import Evidence, HiddenPackage
from grader.facts.inventory.known_code import CodeFile, forks, modules, source_of

_NAMES_IT = "its code is there, but no list there names it"
_DEBIAN = ("usr/lib/", "usr/share/")
"""Where Debian's packages put Python and Node code."""


def hidden_packages(evidence: Evidence) -> Iterator[HiddenPackage]:
    """Yield packages whose code has no list."""
    listed = node.listed_in(evidence)
    found = list(_by_folder(evidence, listed))
    yield from found
    yield from _by_code(evidence, listed, tuple(f"{one.path}/" for one in found))
    yield from _replaced(evidence)


def _by_folder(evidence: Evidence, listed: Collection[str]) -> Iterator[HiddenPackage]:
    """Yield packages that node_modules has a folder of, with code and without a package.json in it."""
    found: set[str] = set()
    for path in evidence.files:
        folder = path.rpartition("/")[0]
        name = _installed_as(folder)
        if name not in node.known() or not path.endswith(node.CODE) or folder in listed or folder in found:
            continue
        found.add(folder)
        yield HiddenPackage(name, folder, None, "its code is there, but no package.json that names it")


def _installed_as(folder: str) -> str:
    """Return the name of the package whose folder under node_modules this is; empty for any other folder."""
    return f"/{folder}".rpartition("/node_modules/")[2] if "node_modules/" in folder else ""


def _by_code(
    evidence: Evidence, node_lists: Mapping[str, node.Listed], told: tuple[str, ...]
) -> Iterator[HiddenPackage]:
    """Yield packages whose code is recognised, and which nothing lists; none in the folders that were `told`."""
    claims = _Claims(evidence)
    lists = [one for path, text in evidence.visible.items() if (one := python.parse(path, text))]
    python_lists = {(one.parent, one.name) for one in lists}
    published = {(one.folder, one.name, one.version) for one in node.locked(evidence) if one.is_published}
    found: set[tuple[str, str]] = set()
    for code in sorted(evidence.code, key=lambda code: (code.path, code.package)):
        if (code.package, code.folder) in found or code.path.startswith(told):
            continue
        if code.ecosystem == "pip":
            is_listed = _python_lists_it(code, python_lists)
        else:
            is_listed = _node_lists_it(code, node_lists, published)
        if is_listed or claims.has(code):
            continue
        found.add((code.package, code.folder))
        file = evidence.files.get(code.path)
        yield HiddenPackage(code.package, code.path, file.layer if file else None, _NAMES_IT)


def _python_lists_it(code: CodeFile, lists: Collection[tuple[str, str]]) -> bool:
    """Whether the package's list is next to its folder, which must have the name that the list is for."""
    parent, _, name = code.folder.rpartition("/")
    return name == modules()[code.package] and any(
        (parent, one) in lists for one in (code.package, *forks(code.package))
    )


def _node_lists_it(
    code: CodeFile, lists: Mapping[str, node.Listed], published: Collection[tuple[str, str, str]]
) -> bool:
    """Whether the nearest package.json above a file covers it.

    It does if it is that package's. It also does under node_modules: if the file is further down in a package, which
    brought it, or if npm wrote down that the package comes from a registry with this name, so that it grew out of the
    known one.
    """
    folder = code.path
    while folder:
        folder = folder.rpartition("/")[0]
        if listed := lists.get(folder):
            if listed.name == code.package or listed.name in forks(code.package):
                return True
            return node.is_installed(folder) and (folder != code.folder or listed[:3] in published)
    return False


def _replaced(evidence: Evidence) -> Iterator[HiddenPackage]:
    """Yield listed packages of which most of the files that are known are not those of their own RECORD: somebody put
    the code of another version under this list. One file that was mended by hand is none of this."""
    code = {one.path: one for one in evidence.code if one.ecosystem == "pip" and one.path.endswith(".py")}
    for path, text in evidence.visible.items():
        listed = python.parse(path, text)
        record = evidence.visible.get(f"{path.rpartition('/')[0]}/RECORD", "")
        if not listed or listed.name not in modules() or not record:
            continue
        rows = {place: digest for place, digest in _rows(listed.parent, record) if digest}
        own = [code[place] for place in rows if place in code and code[place].package == listed.name]
        others = [one for one in own if rows[one.path] != _digest(one)]
        if len(others) > 1 and len(others) * 2 > len(own):
            file = evidence.files.get(others[0].path)
            how = "its code is not what its RECORD says was installed"
            yield HiddenPackage(f"{listed.name} {listed.version}", others[0].path, file.layer if file else None, how)


class _Claims:
    """The files that other packages name as theirs."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._wanted = {source_of(code.path) for code in evidence.code}
        self._recorded = dict[str, set[tuple[str, str]]]()
        """For each path, the digests that RECORDs have of it, with the folders that these are about."""
        for parent, record in _records(evidence):
            for path, digest in _rows(parent, record):
                if path in self._wanted:
                    self._recorded.setdefault(path, set()).add((digest, parent))
        self._debian = set(_of_debian(evidence)) if self._wanted else set()

    def has(self, code: CodeFile) -> bool:
        """Whether a listed package names that file as its own."""
        if code.path.startswith(_DEBIAN) and code.path in self._debian:
            return True
        is_bytecode = code.path != source_of(code.path)
        for digest, parent in self._recorded.get(source_of(code.path), ()):
            if self._is_at_the_top(code, parent):  # there it needs a list of its own name
                continue
            if is_bytecode or digest in ("", _digest(code)):
                return True
        return False

    def _is_at_the_top(self, code: CodeFile, parent: str) -> bool:
        if code.ecosystem != "pip":
            return False
        return code.folder == f"{parent}/{modules()[code.package]}".lstrip("/")


def _records(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield the RECORDs of listed packages, each with the folder that it is about.

    Those that a later layer deleted count too, if the package is still listed.
    """
    texts = {(item.path, item.text) for item in evidence.lists if item.path.endswith("/RECORD")}
    texts |= {(path, text) for path, text in evidence.visible.items() if path.endswith("/RECORD")}
    for path, text in sorted(texts):
        metadata = path.removesuffix("RECORD") + "METADATA"
        if listed := python.parse(metadata, evidence.visible.get(metadata, "")):
            yield listed.parent, text


def _rows(parent: str, record: str) -> Iterator[tuple[str, str]]:
    """Yield the paths in a RECORD, from the root, with their digests; empty for none."""
    for path, *rest in python.rows(record):
        if ".." not in path.split("/"):
            digest = rest[0] if rest else ""
            yield f"{parent}/{path}".lstrip("/"), digest.removeprefix("sha256=").rstrip("=")


def _of_debian(evidence: Evidence) -> Iterator[str]:
    """Yield the files that dpkg's lists of installed packages name."""
    names = {listed.name for listed in debian.installed(evidence)}
    for name, lists in debian.files(evidence).items():
        if name in names:
            for _, paths in lists:
                yield from (evidence.real(path) for path in paths if path.startswith(("/usr/", "usr/")))


def _digest(code: CodeFile) -> str:
    return base64.urlsafe_b64encode(code.digest).decode().rstrip("=")

"""Find how firmly packages of a distribution are pinned: apt, apk, dnf and yum, conda.

A snapshot in place of the archive pins every apt package, with or without a version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.facts.pins.archives import asks_for_snapshot
from grader.facts.pins.context_files import Unknown
from grader.facts.pins.install_context import InstallContext
from grader.facts.pins.model import Dependency, Tier
from grader.verdict import Place

MAX_PACKAGE = 1_000
"""Characters of a package argument that is understood."""
_CONDA_EXACT = re.compile(r"[A-Za-z0-9_.-]+(?:\s*==\s*[0-9][\w.]*|=[0-9]+\.[0-9]+\.[0-9][\w.]*)(?:=\S+)?")


def system(context: InstallContext) -> Iterator[Dependency]:
    """The dependencies of one run of apt, apk, dnf or conda."""
    install = context.install
    if install.has("--no-download", "--simulate", "--dry-run", "--just-print", "--no-network", "--offline"):
        return
    snapshot = install.ecosystem == "apt" and (context.state.archives.snapshot or asks_for_snapshot(install))
    if install.action == "upgrade" or (install.ecosystem == "conda" and install.action == "update"):
        tier = Tier.VERSION if snapshot else Tier.NONE
        yield context.dependency(context.whole(), tier, "" if snapshot else "it takes the newest of everything")
    for text, known, place in _names(context):
        if isinstance(text, Unknown):
            yield context.unreadable(text)
        elif snapshot:
            yield context.dependency(text, Tier.VERSION, place=place)
        elif not known:
            yield context.dependency(text, Tier.NONE, "only the build can tell what it is", place, shown=False)
        elif exact(install.ecosystem, text):
            yield context.dependency(text, Tier.VERSION, place=place)
        else:
            yield context.dependency(text, Tier.NONE, _why(install.ecosystem, text), place)


def _names(context: InstallContext) -> Iterator[tuple[str | Unknown, bool, Place]]:
    """The packages on the command line and in the files that it reads."""
    install = context.install
    for package in install.packages:
        removed = install.ecosystem == "apt" and package.text.endswith("-")
        if not package.local and not removed and not package.text.startswith("!"):
            yield package.text if package.known else package.raw, package.known, context.here
    for use in install.files:
        if not use.known:
            yield use.path, False, context.here
            continue
        file = context.read(use.path)
        if isinstance(file, Unknown):
            yield file, True, context.here
            continue
        read = _environment if use.kind == "manifest" else _list
        for number, text in read(file.content):
            yield text, True, Place(file=file.name, line=file.line + number, text=text)


def _list(content: str) -> Iterator[tuple[int, str]]:
    if "@EXPLICIT" in content:  # from `conda list --explicit`: addresses with hashes
        return
    for number, line in enumerate(content.splitlines()):
        for word in line.partition("#")[0].split():
            yield number, word


def _environment(content: str) -> Iterator[tuple[int, str]]:
    """The dependencies in conda's environment.yml, with their lines. Those for pip look as in requirements.txt."""
    inside = pip = False
    for number, line in enumerate(content.splitlines()):
        text = re.sub(r"(^|\s)#.*", "", line).rstrip()
        if not text:
            continue
        if not text.startswith((" ", "-")):
            inside = text.startswith("dependencies:")
            pip = False
            continue
        entry = re.fullmatch(r"\s*-\s*[\"']?(.*?)[\"']?", text)
        if inside and entry:
            if entry[1] == "pip:":
                pip = True
            elif pip and not re.search(r"={2,3}\s*[0-9]", entry[1].rpartition("*")[2]):
                yield number, f"{entry[1]} (pip)"
            elif not pip:
                yield number, entry[1]


def exact(ecosystem: str, text: str) -> bool:
    """Whether a package argument asks for exactly one version."""
    if len(text) > MAX_PACKAGE:
        return False
    if ecosystem == "apt":
        satisfied = re.fullmatch(r"\S+\s*\(=\s*[^\s*]+\)", text)
        return bool(satisfied or re.fullmatch(r"[^=\s/]+=[^\s=*/]+", text))
    if ecosystem == "apk":
        return bool(re.fullmatch(r"[^=<>~\s]+={1,2}[^=~\s*]+", text.partition("@")[0]))
    if ecosystem == "dnf":
        return bool(re.fullmatch(r"\S+?-(?:[0-9]+:)?[0-9][\w+~^]*\.[\w.+~^]*[0-9][\w.+~^]*(?:-[\w.+~^]+)?", text))
    return bool(_CONDA_EXACT.fullmatch(text.rpartition("::")[2].strip()))


def _why(ecosystem: str, text: str) -> str:
    if ecosystem == "apt" and "/" in text and "=" not in text:
        return "the suite's newest version is taken"
    if "://" in text:
        return "nothing says which hash the file must have"
    if re.search(r"[=<>~]|-[0-9]", text) and not (ecosystem in ("apt", "dnf") and "=" not in text):
        return f"{text} leaves the version open"
    return "any version will do"

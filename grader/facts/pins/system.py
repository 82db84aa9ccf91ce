"""How firmly packages of a distribution are named: apt, apk, dnf and yum, conda.

A snapshot of the archive in place of the archive itself pins every apt package, named with a version or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from grader.facts.pins.archives import asks_for_snapshot
from grader.facts.pins.files import Lost
from grader.facts.pins.model import Taken, Tier
from grader.facts.pins.scene import Scene
from grader.verdict import Place

_CONDA_EXACT = re.compile(r"[A-Za-z0-9_.-]+(?:\s*==\s*[0-9][\w.]*|=[0-9]+\.[0-9]+\.[0-9][\w.]*)(?:=\S+)?")


def system(scene: Scene) -> Iterator[Taken]:
    """Everything that one run of apt, apk, dnf or conda takes."""
    install = scene.install
    if install.has("--no-download", "--simulate", "--dry-run", "--just-print", "--no-network", "--offline"):
        return
    snapshot = install.ecosystem == "apt" and (scene.memory.archives.snapshot or asks_for_snapshot(install))
    if install.action == "upgrade" or (install.ecosystem == "conda" and install.action == "update"):
        tier = Tier.VERSION if snapshot else Tier.NONE
        yield scene.take(scene.whole(), tier, "" if snapshot else "it takes the newest of everything")
    for text, known, place in _names(scene):
        if isinstance(text, Lost):
            yield scene.lost(text)
        elif snapshot:
            yield scene.take(text, Tier.VERSION, place=place)
        elif not known:
            yield scene.take(text, Tier.NONE, "only the build can tell what it is", place, shown=False)
        elif exact(install.ecosystem, text):
            yield scene.take(text, Tier.VERSION, place=place)
        else:
            yield scene.take(text, Tier.NONE, _why(install.ecosystem, text), place)


def _names(scene: Scene) -> Iterator[tuple[str | Lost, bool, Place]]:
    """The packages by name, from the command line and from the files it reads."""
    install = scene.install
    for package in install.packages:
        removed = install.ecosystem == "apt" and package.text.endswith("-")
        if not package.local and not removed and not package.text.startswith("!"):
            yield package.text if package.known else package.raw, package.known, scene.here()
    for use in install.files:
        if not use.known:
            yield use.path, False, scene.here()
            continue
        file = scene.read(use.path)
        if isinstance(file, Lost):
            yield file, True, scene.here()
            continue
        read = _environment if use.kind == "manifest" else _list
        for number, text in read(file.content):
            yield text, True, Place(file=file.name, line=file.line + number, text=text)


def _list(content: str) -> Iterator[tuple[int, str]]:
    if "@EXPLICIT" in content:  # conda list --explicit: addresses with hashes
        return
    for number, line in enumerate(content.splitlines()):
        for word in line.partition("#")[0].split():
            yield number, word


def _environment(content: str) -> Iterator[tuple[int, str]]:
    """The dependencies of conda's environment.yml; those for pip in it are written as in requirements.txt."""
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
            elif pip and not re.search(r"={2,3}\s*[0-9][^*]*$", entry[1]):
                yield number, f"{entry[1]} (pip)"
            elif not pip:
                yield number, entry[1]


def exact(ecosystem: str, text: str) -> bool:
    """Whether a package argument asks for exactly one version."""
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
        return "nothing says what the file must hash to"
    if re.search(r"[=<>~]|-[0-9]", text) and not (ecosystem in ("apt", "dnf") and "=" not in text):
        return f"{text} leaves the version open"
    return "any version will do"

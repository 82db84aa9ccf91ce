"""How firmly Python packages are named: pip, uv, pipx, poetry, pipenv, pdm."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field

from grader.facts.dockerfile.installs import Package
from grader.facts.dockerfile.shell import Command
from grader.facts.pins.files import Found, Lost
from grader.facts.pins.model import Taken, Tier
from grader.facts.pins.project import Wanted, dependencies, locked_names, poetry_requirement
from grader.facts.pins.requirements import Requirement, Source, never_on_linux, parse_requirement, read_lines
from grader.facts.pins.scene import Memory, Scene, is_version
from grader.facts.pins.writes import Act, printed
from grader.verdict import Place

MAX_FILES = 50
"""Requirement files read for one install, nested ones counted."""
_PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")


def python(scene: Scene) -> Iterator[Taken]:
    """Everything that one run of a Python package manager takes."""
    manager, action = scene.install.manager, scene.install.action
    if manager in ("pip", "uv pip", "easy_install"):
        yield from _Pip(scene).taken()
    elif manager == "pipx" or action in ("tool install", "tool run", "self add"):
        yield from _tools(scene)
    elif action == "python install":
        for package in scene.install.packages:
            exact = re.search(r"(?<![0-9.])\d+\.\d+\.\d+", package.text)
            yield _given(scene, package, Tier.VERSION if exact else Tier.NONE, "the newest release that fits is taken")
    elif action == "add":
        for package in scene.install.packages:
            requirement = poetry_requirement(package.text) if manager == "poetry" else parse_requirement(package.text)
            if not package.local and requirement.source is not Source.LOCAL:
                yield _given(scene, package, requirement.tier, requirement.why)
    elif action in ("update", "upgrade", "tool upgrade"):
        yield scene.take(scene.whole(), Tier.NONE, "it takes the newest versions that the manifest allows")
    elif action == "lock":
        if not scene.install.has("--check", "--locked", "--frozen", "--check-exists"):
            yield scene.take(scene.whole(), Tier.NONE, "it works the versions out during the build")
    else:
        yield from _locked(scene)


def forget(command: Command, memory: Memory) -> None:
    """What `pip uninstall` takes out is there no longer, in whichever environment."""
    words = [word.text for word in command.args]
    if "uninstall" in words:
        gone = {parse_requirement(word).name for word in words[words.index("uninstall") + 1 :]}
        memory.pinned = {known for known in memory.pinned if known.rpartition(":")[2] not in gone}


def _given(scene: Scene, package: Package, tier: Tier, why: str) -> Taken:
    """A package named on the command line."""
    if not package.known:
        return scene.take(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
    return scene.take(package.text, tier, "" if tier >= Tier.VERSION else why)


def _tools(scene: Scene) -> Iterator[Taken]:
    """pipx and uv tool: programs, each with an environment of its own."""
    for package in scene.install.packages:
        if package.local:
            continue
        name, at, version = package.text.partition("@")
        if at and "://" not in package.text and " " not in package.text.strip():
            exact = is_version(version)
            yield _given(scene, package, Tier.VERSION if exact else Tier.NONE, f"{version or name} is no exact version")
            continue
        requirement = parse_requirement(package.text)
        yield _given(scene, package, requirement.tier, requirement.why)
    for file in scene.install.files:
        if file.kind == "requirements":
            yield from _Pip(scene).file(file.path, file.known)


@dataclass
class _Pip:
    """One `pip install`: its requirements, with the constraints that hold for them."""

    scene: Scene
    constraints: dict[str, Tier] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    offline: bool = False

    def taken(self) -> Iterator[Taken]:
        install = self.scene.install
        if install.has("--no-index") or self.scene.is_on("PIP_NO_INDEX") or self.scene.is_on("UV_NO_INDEX"):
            places = [*install.options.get("--find-links", ()), *self.scene.env("PIP_FIND_LINKS").split()]
            if not any("://" in place and not place.startswith("file:") for place in places):
                return
        named = [file.path for file in install.files if file.kind == "constraints" and file.known]
        for variable in ("PIP_CONSTRAINT", "UV_CONSTRAINT"):
            named += self.scene.env(variable).split()
        for path in named:
            self._constrain(path)
        found: list[Taken] = []
        for package in install.packages:
            found += self._package(package)
        for file in install.files:
            if file.kind in ("requirements", "list"):
                found += self.file(file.path, file.known)
            elif file.kind == "manifest":
                found += self._group(file.path)
        for path in self.scene.env("PIP_REQUIREMENT").split():
            found += self.file(path)
        if not self.offline:
            yield from found
        if self._stays():
            self.scene.memory.pinned |= {f"{self.scene.environment}:{name}" for name in self.settled}

    def _stays(self) -> bool:
        """Whether what it installs is there for those that follow, whatever the shell decides on the way."""
        install = self.scene.install
        elsewhere = (
            install.has("--target", "--root", "--prefix", "--dry-run", "--python") or install.action != "install"
        )
        return not elsewhere and not install.command.branch and not install.command.rescued

    def _package(self, package: Package) -> Iterator[Taken]:
        if not package.known:
            yield self.scene.take(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
            return
        yield from self._requirement(parse_requirement(package.text), self.scene.here())

    def _requirement(self, requirement: Requirement, place: Place) -> Iterator[Taken]:
        if requirement.source is Source.LOCAL:
            yield from self._local(requirement, place)
            return
        tier, why = requirement.tier, requirement.why
        if tier < Tier.VERSION and requirement.source is Source.INDEX:
            tier = self.constraints.get(requirement.name, tier)
            known = f"{self.scene.environment}:{requirement.name}" in self.scene.memory.pinned
            again = (known or requirement.name in self.settled) and not self.scene.install.has("--upgrade")
            if again and not self.scene.install.has("--target", "--root", "--prefix", "--ignore-installed"):
                return
        if tier >= Tier.VERSION and not never_on_linux(requirement.text):
            self.settled.add(requirement.name)
        yield self.scene.take(requirement.text, tier, "" if tier >= Tier.VERSION else why, place)

    def _local(self, requirement: Requirement, place: Place) -> Iterator[Taken]:
        """A folder: what the project in it depends on. A wheel or an archive brings itself."""
        if re.search(r"\.(whl|zip|tar\.\w+|tgz)$", requirement.path) or self.scene.install.has("--no-deps"):
            return
        for name in _PROJECT_FILES:
            file = self.scene.read(f"{requirement.path}/{name}")
            if not isinstance(file, Found):
                continue
            wanted = dependencies(name, file.content, requirement.extras)
            if wanted is None:
                continue
            yield from self._wanted(wanted, file, requirement.path)
            return
        why = f"what the project in {requirement.path} depends on cannot be read"
        yield self.scene.take(requirement.text, Tier.NONE, why, place, shown=False)

    def _wanted(self, wanted: Wanted, file: Found, folder: str) -> Iterator[Taken]:
        for requirement in wanted.requirements:
            yield from self._requirement(requirement, _line_of(file, requirement.text))
        for path in wanted.files:
            yield from self.file(f"{folder}/{path}", True)
        if wanted.unreadable:
            yield self.scene.take(file.name, Tier.NONE, wanted.unreadable, _line_of(file, ""), shown=False)

    def _group(self, text: str) -> Iterator[Taken]:
        """pip's --group [PATH:]NAME."""
        path, _, name = text.rpartition(":")
        file = self.scene.read(path or "pyproject.toml")
        if isinstance(file, Lost):
            yield self.scene.lost(file)
            return
        wanted = dependencies("group", file.content, (name,))
        if wanted is not None:
            yield from self._wanted(wanted, file, ".")

    def file(self, path: str, known: bool = True) -> Iterator[Taken]:
        """What a requirements file asks for."""
        if not known or "://" in path:
            why = "it comes from the network" if known else "only the build can tell which file it is"
            yield self.scene.take(path, Tier.NONE, why, shown=False)
            return
        file = self._standard_input() if path in ("-", "/dev/stdin") else self.scene.read(path)
        if isinstance(file, Lost):
            yield self.scene.lost(file)
            return
        if file.exported:
            self.settled |= locked_names(file.content)
            yield self.scene.take(path, Tier.DIGEST)
            return
        if path in self.opened:
            return
        self.opened.add(path)
        if len(self.opened) > MAX_FILES:
            yield self.scene.take(path, Tier.NONE, "too many files are nested", shown=False)
            return
        if path.endswith((".toml", ".py", ".cfg")):
            wanted = dependencies(path.rpartition("/")[2], file.content, ())
            yield from self._wanted(wanted, file, path.rpartition("/")[0] or ".") if wanted else ()
            return
        yield from self._lines(file, path)

    def _lines(self, file: Found, path: str) -> Iterator[Taken]:
        folder = path.rpartition("/")[0]
        later: list[tuple[Requirement, Place]] = []
        nested: list[str] = []
        for line in read_lines(file.content):
            beside = f"{folder}/{line.value}" if folder and "://" not in line.value else line.value
            if line.option == "-c":
                self._constrain(beside)
            elif line.option == "-r":
                nested.append(beside)
            elif line.option == "--no-index":
                self.offline = True
            elif line.option == "-e" or line.requirement is not None:
                requirement = line.requirement or parse_requirement(line.value)
                later.append((requirement, Place(file=file.name, line=file.line + line.number - 1, text=line.text)))
        for requirement, place in later:
            yield from self._requirement(requirement, place)
        for inner in nested:
            yield from self.file(inner)

    def _constrain(self, path: str) -> None:
        file = self.scene.read(path)
        if isinstance(file, Lost) or path in self.opened:
            return
        self.opened.add(path)
        folder = path.rpartition("/")[0]
        for line in read_lines(file.content):
            if line.option in ("-c", "-r") and len(self.opened) < MAX_FILES:
                self._constrain(f"{folder}/{line.value}" if folder else line.value)
            elif line.requirement is not None and line.requirement.tier >= Tier.VERSION and line.requirement.name:
                self.constraints[line.requirement.name] = line.requirement.tier

    def _standard_input(self) -> Found | Lost:
        command = self.scene.install.command
        if command.stdin:
            return Found(command.stdin, self.scene.source, self.scene.install.line)
        writer = next(
            (other for other in reversed(self.scene.moment.earlier) if other.pipeline == command.pipeline), None
        )
        made = printed(writer) if writer is not None else None
        if made is not None and made.act is Act.TEXT:
            return Found(made.text, self.scene.source, self.scene.install.line)
        if made is not None and made.source:
            file = self.scene.files.read(self.scene.moment, made.source)
            if made.act is Act.EXPORT and isinstance(file, Found):
                return Found(file.content, file.name, file.line, exported=True)
            return file
        return Lost("standard input", "only the build can tell what is piped into it")


def _line_of(file: Found, text: str) -> Place:
    """Where a text stands in a file."""
    at = file.content.find(text) if text else -1
    line = file.line + file.content.count("\n", 0, at) if at >= 0 else None
    return Place(file=file.name, line=line, text=text or None)


# What makes a tool keep to its lock file: options, variables, and whether the lock alone is enough.
_STRICT: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "uv": (("--locked", "--frozen"), ("UV_LOCKED", "UV_FROZEN"), False),
    "poetry": ((), (), True),  # stops when the lock does not fit
    "pdm": (("--frozen-lockfile", "--check"), ("PDM_FROZEN_LOCKFILE",), False),
    "pipenv": (("--deploy", "--ignore-pipfile"), (), False),
}


def _locked(scene: Scene) -> Iterator[Taken]:
    """uv sync, poetry install, pipenv install, pdm install: held to a lock file, or judged by the manifest."""
    install = scene.install
    for package in install.packages:
        if not package.local:
            requirement = parse_requirement(package.text)
            yield _given(scene, package, requirement.tier, requirement.why)
    for use in install.files:
        if use.kind == "requirements":
            yield from _Pip(scene).file(use.path, use.known)
    implied = {use.kind: use.path for use in install.files if use.implied}
    if "lock" not in implied or install.has("--no-sync", "--no-project", "--offline"):
        return
    lock_path = scene.path(implied["lock"])
    lock = scene.read(implied["lock"])
    options, variables, alone = _STRICT[install.manager]
    strict = alone or (install.action == "sync" and install.manager in ("pipenv", "pdm"))
    strict = strict or install.has(*options) or any(scene.is_on(name) for name in variables)
    if isinstance(lock, Found) and not _is_lock(implied["lock"], lock.content):
        lock = Lost(lock_path, "it is no lock file")
    if isinstance(lock, Found) and (strict or lock_path in scene.memory.held):
        scene.memory.held.add(lock_path)
        scene.memory.pinned |= {f"{scene.environment}:{name}" for name in locked_names(lock.content)}
        yield scene.take(scene.whole(), Tier.DIGEST)
        return
    manifest = scene.read(implied["manifest"])
    if isinstance(manifest, Lost):
        if install.action != "run":
            yield scene.lost(manifest, scene.whole())
        return
    wanted = dependencies(implied["manifest"], manifest.content, ())
    open_ones = [one for one in wanted.requirements if one.tier < Tier.VERSION] if wanted else []
    if wanted and not open_ones:
        for requirement in wanted.requirements:
            yield scene.take(requirement.text, requirement.tier, place=_line_of(manifest, requirement.text))
        return
    if isinstance(lock, Lost):
        yield scene.take(scene.whole(), Tier.NONE, f"without {implied['lock']} the newest versions are taken")
    else:
        yield scene.take(scene.whole(), Tier.NONE, f"nothing makes it keep to {implied['lock']}")


def _is_lock(name: str, content: str) -> bool:
    """Whether a lock file is one: an empty or broken one holds nothing."""
    try:
        if name == "Pipfile.lock":
            return isinstance(json.loads(content).get("_meta"), dict)
        table = tomllib.loads(content)
    except (ValueError, AttributeError, RecursionError):
        return False
    return isinstance(table.get("package", []), list) and ("version" in table or "metadata" in table)

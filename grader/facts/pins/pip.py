"""One run of pip or `uv pip`: its requirements and their files, its constraints, and what earlier runs installed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from grader.facts.packages.installs import PackageArgument
from grader.facts.pins.context_files import Found, Unknown
from grader.facts.pins.install_context import InstallContext
from grader.facts.pins.markers import covered, may_hold
from grader.facts.pins.model import Dependency, Tier
from grader.facts.pins.project import Wanted, dependencies, locked
from grader.facts.pins.requirements import Line, Requirement, Source, parse_requirement, read_lines
from grader.facts.pins.writes import FileEffect, printed
from grader.verdict import Place

MAX_FILES = 50
"""The most requirement files read for one install, including nested ones."""
MAX_REQUIREMENTS = 5_000
"""The most requirements read of one file."""
MAX_MARKED = 200
"""The most requirements of one install that are compared with markers. Further ones are not shown to be pinned."""
MAX_PINS = 20
"""The most earlier pins of one package, each with another marker. With more, it is not shown to be pinned."""
_PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
# With these options it ignores packages that are installed already.
_INSTALLS_AGAIN = (
    "--force-reinstall",
    "--ignore-installed",
    "--prefix",
    "--reinstall",
    "--reinstall-package",
    "--root",
    "--target",
    "--upgrade",
    "--upgrade-package",
)


@dataclass(frozen=True)
class _Asked:
    """A requirement that an index, an address or a repository has to meet."""

    requirement: Requirement
    place: Place
    extras: tuple[str, ...]


@dataclass
class PipInstall:
    """One `pip install`: its requirements, which pip meets together, and the constraints on them."""

    context: InstallContext
    constraints: dict[str, list[Requirement]] = field(default_factory=dict)
    exact: dict[str, list[Requirement]] = field(default_factory=dict)
    """The requirements of exactly one version, by name."""
    opened: set[str] = field(default_factory=set)
    offline: bool = False
    marked: int = 0

    def dependencies(self) -> Iterator[Dependency]:
        install = self.context.install
        if install.has("--no-index") or self.context.is_on("PIP_NO_INDEX") or self.context.is_on("UV_NO_INDEX"):
            places = [*install.options.get("--find-links", ()), *self.context.env("PIP_FIND_LINKS").split()]
            if not any("://" in place and not place.startswith("file:") for place in places):
                return
        named = [file.path for file in install.files if file.kind == "constraints" and file.known]
        for variable in ("PIP_CONSTRAINT", "UV_CONSTRAINT"):
            named += self.context.env(variable).split()
        for path in named:
            self._constrain(path)
        asked: list[Dependency | _Asked] = []
        for package in install.packages:
            asked += self._package(package)
        for file in install.files:
            if file.kind in ("requirements", "list"):
                asked += self._file(file.path, file.known)
            elif file.kind == "manifest":
                asked += self._group(file.path)
        for path in self.context.env("PIP_REQUIREMENT").split():
            asked += self._file(path)
        if not self.offline:
            yield from self._judged(asked)
        if self._stays():
            self._remember()

    def file(self, path: str, known: bool = True) -> Iterator[Dependency]:
        """The dependencies of one requirements file."""
        yield from self._judged(list(self._file(path, known)))

    def _stays(self) -> bool:
        """Whether later installs surely find what it installs: in the usual place, whatever the shell decides."""
        install = self.context.install
        elsewhere = (
            install.has("--target", "--root", "--prefix", "--dry-run", "--python") or install.action != "install"
        )
        return not elsewhere and not install.command.branch and not install.command.rescued

    def _remember(self) -> None:
        for name, exact in self.exact.items():
            before = () if self._cover("", exact) else self.context.state.pinned(self.context.environment, name)
            self.context.state.pin(self.context.environment, name, (*before, *exact)[: MAX_PINS + 1])

    def _judged(self, asked: Sequence[Dependency | _Asked]) -> Iterator[Dependency]:
        for one in asked:
            if isinstance(one, Dependency):
                yield one
            elif one.requirement.tier >= Tier.VERSION or one.requirement.source is not Source.INDEX:
                yield self.context.dependency(
                    one.requirement.text, one.requirement.tier, one.requirement.why, one.place
                )
            else:
                yield from self._open(one)

    def _open(self, one: _Asked) -> Iterator[Dependency]:
        """Judge a requirement without an exact version, which other requirements or earlier installs may pin."""
        requirement, extras = one.requirement, one.extras
        exact = self.exact.get(requirement.name, [])
        present = self._present(requirement.name)
        unmet = [pin for pin in present if not requirement.is_met_by(pin)]
        settled = [*exact, *(present if not unmet else ())]
        if self._cover(requirement.marker, settled, extras):
            return
        constraints = self.constraints.get(requirement.name, [])
        if self._cover(requirement.marker, [*settled, *constraints], extras):
            yield self.context.dependency(requirement.text, min(pin.tier for pin in constraints), place=one.place)
            return
        why = requirement.why
        if unmet:
            why = f"{why}, and the installed version, {unmet[0].version}, does not meet it"
        elif settled or constraints:
            markers = " or ".join(dict.fromkeys(pin.marker for pin in (*settled, *constraints)))
            why = f"{why} unless {markers}"
        yield self.context.dependency(requirement.text, Tier.NONE, why, one.place)

    def _present(self, name: str) -> Sequence[Requirement]:
        """The packages of earlier installs that this one uses."""
        if self.context.install.has(*_INSTALLS_AGAIN):
            return ()
        pins = self.context.state.pinned(self.context.environment, name)
        return [pin for pin in pins if may_hold(pin.marker, self.context.python)] if len(pins) <= MAX_PINS else ()

    def _cover(self, marker: str, pins: Sequence[Requirement], extras: tuple[str, ...] = ()) -> bool:
        """Whether one of the pins surely applies in every environment in which the marker may be true."""
        if not all(pin.marker for pin in pins):
            return True
        self.marked += bool(pins)
        if self._is_foreign or self.marked > MAX_MARKED:
            return False
        return covered(marker, [pin.marker for pin in pins], self.context.python, extras)

    @property
    def _is_foreign(self) -> bool:
        """Whether markers are evaluated for a system other than the container's."""
        return self.context.install.has("--python-platform")

    def _package(self, package: PackageArgument) -> Iterator[Dependency | _Asked]:
        if not package.known:
            yield self.context.dependency(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
            return
        yield from self._requirement(parse_requirement(package.text), self.context.here)

    def _requirement(
        self, requirement: Requirement, place: Place, extras: tuple[str, ...] = ()
    ) -> Iterator[Dependency | _Asked]:
        exact = requirement.tier >= Tier.VERSION
        # An exact version stays a dependency even if its marker excludes the Python that only a name or tag suggests.
        python = "" if exact else self.context.python
        if not self._is_foreign and not may_hold(requirement.marker, python, extras):
            return
        if exact and requirement.name:
            self.exact.setdefault(requirement.name, []).append(requirement)
        if requirement.source is Source.LOCAL:
            yield from self._local(requirement, place)
        else:
            yield _Asked(requirement, place, extras)

    def _local(self, requirement: Requirement, place: Place) -> Iterator[Dependency | _Asked]:
        """The dependencies of the project in a folder. A wheel or an archive is not read."""
        if re.search(r"\.(whl|zip|tar\.\w+|tgz)$", requirement.path) or self.context.install.has("--no-deps"):
            return
        project = f"{self.context.path(requirement.path)}[{','.join(requirement.extras)}]"
        if project in self.opened:
            return
        self.opened.add(project)
        for name in _PROJECT_FILES:
            file = self.context.read(f"{requirement.path}/{name}")
            if not isinstance(file, Found):
                continue
            wanted = self.context.files.parsed(dependencies, name, file.content, requirement.extras)
            if wanted is None:
                continue
            yield from self._wanted(wanted, file, requirement.path, requirement.extras)
            return
        why = f"the dependencies of the project in {requirement.path} cannot be read"
        yield self.context.dependency(requirement.text, Tier.NONE, why, place, shown=False)

    def _wanted(
        self, wanted: Wanted, file: Found, folder: str, extras: tuple[str, ...] = ()
    ) -> Iterator[Dependency | _Asked]:
        for requirement in wanted.requirements[:MAX_REQUIREMENTS]:
            yield from self._requirement(requirement, line_of(self.context, file, requirement.text), extras)
        if len(wanted.requirements) > MAX_REQUIREMENTS:
            yield self._too_long(file)
        for path in wanted.files:
            yield from self._file(f"{folder}/{path}")
        if wanted.unreadable:
            yield self.context.dependency(
                file.name, Tier.NONE, wanted.unreadable, line_of(self.context, file, ""), shown=False
            )

    def _too_long(self, file: Found) -> Dependency:
        why = f"it has more than {MAX_REQUIREMENTS} lines"
        return self.context.dependency(file.name, Tier.NONE, why, line_of(self.context, file, ""), shown=False)

    def _group(self, text: str) -> Iterator[Dependency | _Asked]:
        """The dependencies of a group, from pip's --group [PATH:]NAME."""
        path, _, name = text.rpartition(":")
        file = self.context.read(path or "pyproject.toml")
        if isinstance(file, Unknown):
            yield self.context.unreadable(file)
            return
        wanted = self.context.files.parsed(dependencies, "group", file.content, (name,))
        if wanted is not None:
            yield from self._wanted(wanted, file, ".")

    def _file(self, path: str, known: bool = True) -> Iterator[Dependency | _Asked]:
        """The requirements of a requirements file."""
        if not known or "://" in path:
            why = "it comes from the network" if known else "only the build can tell which file it is"
            yield self.context.dependency(path, Tier.NONE, why, shown=False)
            return
        file = self._standard_input() if path in ("-", "/dev/stdin") else self.context.read(path)
        if isinstance(file, Unknown):
            yield self.context.unreadable(file)
            return
        if file.exported:
            for name, pins in self.context.files.parsed(locked, file.content).items():
                self.exact.setdefault(name, []).extend(pins)
            yield self.context.dependency(path, Tier.DIGEST)
            return
        if path in self.opened:
            return
        self.opened.add(path)
        if len(self.opened) > MAX_FILES:
            yield self.context.dependency(path, Tier.NONE, "too many files are nested", shown=False)
            return
        if path.endswith((".toml", ".py", ".cfg")):
            wanted = self.context.files.parsed(dependencies, path.rpartition("/")[2], file.content, ())
            yield from self._wanted(wanted, file, path.rpartition("/")[0] or ".") if wanted else ()
            return
        yield from self._lines(file, path)

    def _lines(self, file: Found, path: str) -> Iterator[Dependency | _Asked]:
        folder = path.rpartition("/")[0]
        later: list[tuple[Requirement, Place]] = []
        nested: list[str] = []
        lines = self.context.files.parsed(_first_lines, file.content)
        if len(lines) > MAX_REQUIREMENTS:
            yield self._too_long(file)
        for line in lines:
            named = f"{folder}/{line.value}" if folder and "://" not in line.value else line.value
            if line.option == "-c":
                self._constrain(named)
            elif line.option == "-r":
                nested.append(named)
            elif line.option == "--no-index":
                self.offline = True
            elif line.option == "-e" or line.requirement is not None:
                requirement = line.requirement or parse_requirement(line.value)
                later.append((requirement, Place(file=file.name, line=file.line + line.number - 1, text=line.text)))
        for requirement, place in later:
            yield from self._requirement(requirement, place)
        for inner in nested:
            yield from self._file(inner)

    def _constrain(self, path: str) -> None:
        file = self.context.read(path)
        if isinstance(file, Unknown) or path in self.opened:
            return
        self.opened.add(path)
        folder = path.rpartition("/")[0]
        for line in self.context.files.parsed(_first_lines, file.content)[:MAX_REQUIREMENTS]:
            if line.option in ("-c", "-r") and len(self.opened) < MAX_FILES:
                self._constrain(f"{folder}/{line.value}" if folder else line.value)
            elif line.requirement is not None and line.requirement.tier >= Tier.VERSION and line.requirement.name:
                self.constraints.setdefault(line.requirement.name, []).append(line.requirement)

    def _standard_input(self) -> Found | Unknown:
        command = self.context.install.command
        if command.stdin:
            return Found(command.stdin, self.context.source, self.context.install.line)
        writer = self.context.point.previous_in(command.pipeline)
        made = printed(writer) if writer is not None else None
        if made is not None and made.effect is FileEffect.TEXT:
            return Found(made.text, self.context.source, self.context.install.line)
        if made is not None and made.source:
            file = self.context.files.read(self.context.point, made.source)
            if made.effect is FileEffect.EXPORT and isinstance(file, Found):
                return Found(file.content, file.name, file.line, exported=True)
            return file
        return Unknown("standard input", "only the build can tell what is piped into it")


def _first_lines(content: str) -> tuple[Line, ...]:
    return tuple(islice(read_lines(content), MAX_REQUIREMENTS + 1))


def line_of(context: InstallContext, file: Found, text: str) -> Place:
    """The place of a text in a file."""
    found = context.files.find(file, text) if text else None
    return Place(file=file.name, line=found.line if found else None, text=text or None)

"""One install with its files and the state before it, as the modules for each ecosystem judge it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from grader.facts.dockerfile.evaluate import normalised_path
from grader.facts.packages.installs import Install
from grader.facts.pins.archives import Archives
from grader.facts.pins.context_files import Found, Unknown
from grader.facts.pins.files import ImageFiles
from grader.facts.pins.history import BuildPoint
from grader.facts.pins.model import Category, Dependency, Tier
from grader.facts.pins.requirements import Requirement
from grader.facts.shell.words import Word
from grader.verdict import Place


class StageState:
    """What earlier steps of the stage, and of the stages that it is built on, have settled."""

    def __init__(self, parent: StageState | None = None) -> None:
        """`parent` is the state at the end of the stage that this one is built on."""
        self._parent = parent
        self._pinned: dict[str, Mapping[str, tuple[Requirement, ...]]] = {}
        self._held: set[str] = set()
        self.archives: Archives = parent.archives.copy() if parent is not None else Archives()
        """Where apt gets its packages."""

    def _stages(self) -> Iterator[StageState]:
        state: StageState | None = self
        while state is not None:
            yield state
            state = state._parent

    def _environments(self, name: str) -> Mapping[str, tuple[Requirement, ...]]:
        return next((state._pinned[name] for state in self._stages() if name in state._pinned), {})

    def pinned(self, environment: str, name: str) -> tuple[Requirement, ...]:
        """The requirements that installed a Python package at an exact version. Installing it again takes nothing.

        There are several if each has a marker. `environment` is the one of `InstallContext`.
        """
        return self._environments(name).get(environment, ())

    def pin(self, environment: str, name: str, pins: tuple[Requirement, ...]) -> None:
        """Record that a Python package is installed at an exact version."""
        self._pinned[name] = {**self._environments(name), environment: pins}

    def unpin(self, names: Iterable[str]) -> None:
        """Record that Python packages are no longer installed, in any environment."""
        for name in names:
            self._pinned[name] = {}

    def hold(self, path: str) -> None:
        """Record that a command has proved that a lock file fits its manifest."""
        self._held.add(path)

    def is_held(self, path: str) -> bool:
        return any(path in state._held for state in self._stages())


@dataclass(frozen=True)
class InstallContext:
    """An install, the files that it sees, and the state before it."""

    install: Install
    point: BuildPoint
    files: ImageFiles
    state: StageState
    source: str
    """The file that contains the install: the Dockerfile, or a script that it runs."""
    line: int
    """The line of the Dockerfile that runs it."""

    def read(self, path: str) -> Found | Unknown:
        """A file as the install sees it. `path` is relative to its working directory."""
        return self.files.read(self.point, self.path(path))

    def path(self, path: str) -> str:
        return normalised_path(self.install.workdir, path)

    def env(self, name: str) -> str:
        """A variable of the command's environment; "" if the Dockerfile does not set it."""
        given = self._assigned.get(name)
        return given.text if given is not None else self.install.step.before.variables.get(name, "")

    @cached_property
    def _assigned(self) -> Mapping[str, Word]:
        return dict(self.install.command.assignments)

    def is_on(self, name: str) -> bool:
        """Whether a variable of the environment is set to a true value."""
        return self.env(name).lower() not in ("", "0", "false", "no", "off")

    @cached_property
    def environment(self) -> str:
        """The folder of the virtual environment that the program's path names; else ""."""
        program = self.install.command.argv[0]
        folder = (program.text if program.known else program.raw).rpartition("/")[0]
        return "" if folder in ("", "/bin", "/usr/bin", "/usr/local/bin") else folder

    @cached_property
    def python(self) -> str:
        """The version of its Python, by the name of the program or the tag of a base image `python`.

        It is like "3.13" or "3.13.1"; "" if neither gives it, or an option asks for another Python.
        """
        program = self.install.command.argv[0].text
        base = self.point.stage.root.reference
        if self.install.has("--python", "--python-version") or self.env("UV_PYTHON"):
            return ""
        if named := _PROGRAM.search(program):
            return named[1]
        if base is None or base.repository.rpartition("/")[2] != "python" or program.startswith(("/usr/bin/", "/bin/")):
            return ""
        tag = _TAG.match(base.tag)
        return tag[0] if tag else ""

    @cached_property
    def here(self) -> Place:
        """The place of the install itself."""
        return Place(file=self.source, line=self.install.line, text=str(self.install.command))

    def dependency(
        self, name: str, tier: Tier, why: str = "", place: Place | None = None, *, shown: bool = True
    ) -> Dependency:
        """Return a dependency of the install."""
        return Dependency(
            category=Category.PACKAGE,
            manager=self.install.ecosystem,
            name=name,
            tier=tier if shown else Tier.NONE,
            line=self.line,
            place=place or self.here,
            why=why,
            shown=shown,
        )

    def unreadable(self, file: Unknown, name: str = "") -> Dependency:
        """Return the dependency of an install whose packages are not known, because a file cannot be read."""
        why = f"{file.path} cannot be read: {file.why}"
        return self.dependency(name or file.path, Tier.NONE, why, shown=False)

    def whole(self) -> str:
        """The install in words: `npm install`, `uv sync`."""
        return f"{self.install.command.name or self.install.manager} {self.install.action}".strip()


def is_version(text: str) -> bool:
    """Whether a version has all three numbers: 1.2.3, v1.2.3, 1.2.3-rc.1+build."""
    return bool(re.fullmatch(r"[v=]?\d+\.\d+\.\d+(?:[-+.~][0-9A-Za-z][0-9A-Za-z.+~-]*)?", text))


_PROGRAM = re.compile(r"(?:^|/)(?:pip|python)([23]\.\d{1,3})$")
_TAG = re.compile(r"3\.\d{1,3}(?:\.\d{1,3})?(?![\d.a-z])")
COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.IGNORECASE)
"""The full id of a git commit."""

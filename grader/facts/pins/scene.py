"""One install in its surroundings: what its judges ask, and how they say what they found."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from grader.facts.dockerfile import Install, normalised_path
from grader.facts.pins.archives import Archives
from grader.facts.pins.files import Found, ImageFiles, Lost, Moment
from grader.facts.pins.model import Category, Taken, Tier
from grader.verdict import Place


@dataclass
class Memory:
    """What earlier steps of the same stage, and of the stages it is built on, settled."""

    pinned: set[str] = field(default_factory=set)
    """Python packages installed at an exact version, as `Scene.environment` and name: asking for them again takes
    nothing."""
    held: set[str] = field(default_factory=set)
    """Lock files that a command has proved to fit their manifest."""
    archives: Archives = field(default_factory=Archives)
    """Where apt takes its packages from."""

    def copy(self) -> Memory:
        return Memory(set(self.pinned), set(self.held), self.archives.copy())


@dataclass(frozen=True)
class Scene:
    """An install, the files it sees and what was settled before it."""

    install: Install
    moment: Moment
    files: ImageFiles
    memory: Memory
    source: str
    """The file that the install stands in: the Dockerfile, or a script it runs."""
    line: int
    """The line of the Dockerfile that runs it."""

    def read(self, path: str) -> Found | Lost:
        """A file as the install sees it; `path` is relative to its working directory."""
        return self.files.read(self.moment, self.path(path))

    def path(self, path: str) -> str:
        return normalised_path(self.install.workdir, path)

    def env(self, name: str) -> str:
        """A variable of the command's environment, "" where the Dockerfile does not set it."""
        given = dict(self.install.command.assignments).get(name)
        return given.text if given is not None else self.install.step.before.variables.get(name, "")

    def is_on(self, name: str) -> bool:
        """Whether a variable of the environment says yes."""
        return self.env(name).lower() not in ("", "0", "false", "no", "off")

    @property
    def environment(self) -> str:
        """Where the packages go, as far as the command tells: a virtual environment by its folder, else ""."""
        program = self.install.command.argv[0]
        folder = (program.text if program.known else program.raw).rpartition("/")[0]
        return "" if folder in ("", "/bin", "/usr/bin", "/usr/local/bin") else folder

    def here(self, text: str | None = None) -> Place:
        """The install itself."""
        shown = str(self.install.command) if text is None else text
        return Place(file=self.source, line=self.install.line, text=shown)

    def take(self, name: str, tier: Tier, why: str = "", place: Place | None = None, *, shown: bool = True) -> Taken:
        """One thing the install takes."""
        return Taken(
            category=Category.PACKAGE,
            manager=self.install.ecosystem,
            name=name,
            tier=tier if shown else Tier.NONE,
            line=self.line,
            place=place or self.here(),
            why=why,
            shown=shown,
        )

    def lost(self, lost: Lost, name: str = "") -> Taken:
        """That what an install takes cannot be told, because a file is out of sight."""
        why = f"{lost.path} cannot be read: {lost.why}"
        return self.take(name or lost.path, Tier.NONE, why, shown=False)

    def whole(self) -> str:
        """The install by its words: `npm install`, `uv sync`."""
        return f"{self.install.command.name or self.install.manager} {self.install.action}".strip()


def is_version(text: str) -> bool:
    """Whether a version has all three numbers: 1.2.3, v1.2.3, 1.2.3-rc.1+build."""
    return bool(re.fullmatch(r"[v=]?\d+\.\d+\.\d+(?:[-+.~][0-9A-Za-z][0-9A-Za-z.+~-]*)?", text))


COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.IGNORECASE)
"""The full id of a git commit."""

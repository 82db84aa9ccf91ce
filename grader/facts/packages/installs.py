"""Find what a build installs with a package manager. Whether it is pinned is judged in `grader.facts.pins`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from grader.facts.dockerfile.evaluate import normalised_path
from grader.facts.dockerfile.resolved import BuildPlan, ResolvedStage, Step
from grader.facts.packages.manager import Action, Manager
from grader.facts.packages.managers import GROUPS, MANAGERS
from grader.facts.packages.options import Parsed, parse_options
from grader.facts.packages.python import CONDA, CONDA_FILE, UV, UV_PIP
from grader.facts.shell.commands import Command
from grader.facts.shell.run import commands
from grader.facts.shell.words import Word

_VERSIONED = re.compile(r"(pip|easy_install|gem|bundle|go|uv|npm|python|pypy)[-]?[0-9][0-9.]*")
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*")
_ASKING = ("--help", "--version", "-h", "-v", "-V")
_LOCAL_ARCHIVES = (".deb", ".rpm", ".apk", ".whl", ".tar.gz", ".tgz", ".gem", ".zip")


@dataclass(frozen=True)
class PackageArgument:
    """One package argument."""

    text: str  # "flask==3.0", "./dist/x.whl", "git+https://...": variables are replaced if their value is known
    raw: str  # as written
    known: bool = True  # False: only the running shell knows all of it
    local: bool = False  # a file or folder of the build, not a package from outside


@dataclass(frozen=True)
class FileUse:
    """A file that decides what is installed. `path` is relative to the install's working directory, or absolute.

    `kind`: requirements, constraints, lock, manifest (package.json, Gemfile, environment.yml ...) or list (bare package
    names: `conda install --file`, `xargs apt-get install < FILE`).
    """

    kind: str
    path: str
    known: bool = True
    implied: bool = False  # not named on the command line: the tool looks for it by itself


@dataclass(frozen=True)
class Install:
    """One run of a package manager that takes something from outside."""

    manager: (
        str  # pip, uv, uv pip, pipx, poetry, pipenv, pdm, conda, npm, npx, yarn, pnpm, bun, corepack, apt, apk, ...
    )
    ecosystem: str  # pip, npm, apt, apk, dnf, conda, gem, go or cargo
    action: str  # install, ci, sync, add, exec, upgrade, build ...
    packages: tuple[PackageArgument, ...]
    files: tuple[FileUse, ...]
    options: Mapping[str, tuple[str, ...]] = field(repr=False)  # by long name; () for a flag without a value
    line: int
    workdir: str  # absolute and normalised
    workdir_known: bool
    stage: str  # the label of the stage
    command: Command = field(repr=False)
    step: Step = field(repr=False)

    def has(self, *names: str) -> bool:
        """Whether one of these options is given, and not with `=false`."""
        return any(name in self.options and self.options[name][-1:] != ("false",) for name in names)

    def option(self, name: str) -> str:
        """The last value of the option `name`; "" without one."""
        return (self.options.get(name) or ("",))[-1]


def installs(of: Step | ResolvedStage | BuildPlan) -> tuple[Install, ...]:
    """The installs of a step, a stage, or all stages that a build runs, in the order of the Dockerfile."""
    return tuple(install for step in steps_of(of) for install in step.once(_of_step))


def _of_step(step: Step) -> tuple[Install, ...]:
    return tuple(install for command in commands(step) for install in _installs(command, step))


def steps_of(of: Step | ResolvedStage | BuildPlan) -> Iterator[Step]:
    """The steps of a step, a stage, or all stages that a build runs."""
    if isinstance(of, Step):
        yield of
    elif isinstance(of, ResolvedStage):
        yield from of.steps
    else:
        yield from of.steps()


def _installs(command: Command, step: Step) -> Iterator[Install]:
    manager, args = _manager(command)
    if not manager:
        return
    if manager is UV and (at := _first_operand(UV, args)) < len(args) and args[at].text == "pip":
        manager, args = UV_PIP, (*args[:at], *args[at + 1 :])
    name, rest = _subcommand(manager, args)
    if manager is CONDA and name.startswith("env "):
        manager = CONDA_FILE
    action = manager.actions.get(name)
    if not action:
        return
    if action.operands in ("first", "program"):
        rest = _until_first_operand(manager, rest)
    install = _install(manager, action, parse_options(rest, manager.options), command, step)
    only_asks = install.has(*_ASKING) if not name else install.has("--help")
    if not only_asks and (action.operands != "first" or install.packages or install.files):
        yield install


def _manager(command: Command) -> tuple[Manager | None, tuple[Word, ...]]:
    name = command.name
    args = command.args
    if _PYTHON.fullmatch(name):
        return _python_module(args)
    if name not in MANAGERS and (match := _VERSIONED.fullmatch(name)):
        name = match[1]
    if name == "cargo" and args and args[0].text.startswith("+"):
        args = args[1:]
    return MANAGERS.get(name), args


def _python_module(args: tuple[Word, ...]) -> tuple[Manager | None, tuple[Word, ...]]:
    module, rest = module_of(args)
    return MANAGERS.get(module), rest


def module_of(args: tuple[Word, ...]) -> tuple[str, tuple[Word, ...]]:
    """Read `python -m pip`, `python -Im pip` and `python -mpip`. Returns the module, "" for none, and its arguments."""
    at = 0
    while at < len(args) and args[at].text.startswith("-"):
        text = args[at].text
        at += 1
        if text.startswith("--") or text == "-":
            continue
        letters = text[1:]
        position = next((n for n, letter in enumerate(letters) if letter in "mcWX"), -1)
        if position < 0:
            continue
        if letters[position] == "c":
            return "", ()
        attached = letters[position + 1 :]
        module = attached or (args[at].text if at < len(args) else "")
        at += not attached
        if letters[position] == "m":
            return module, args[at:]
    return "", ()


def _subcommand(manager: Manager, args: tuple[Word, ...]) -> tuple[str, tuple[Word, ...]]:
    """Split off the subcommand, of one word or two ("" without one). Returns it and the remaining arguments."""
    if set(manager.actions) == {""}:
        return "", args
    at = _first_operand(manager, args)
    while at < len(args) and args[at].text == "workspace":  # yarn workspace NAME add ...
        args = (*args[:at], *args[at + 2 :])
        at = _first_operand(manager, args)
    if at >= len(args):
        return "", args
    first = args[at].text
    second = args[at + 1].text if at + 1 < len(args) else ""
    if first in GROUPS and f"{first} {second}" in manager.actions:
        return f"{first} {second}", (*args[:at], *args[at + 2 :])
    return first or "?", (*args[:at], *args[at + 1 :])


def _first_operand(manager: Manager, args: tuple[Word, ...]) -> int:
    at = 0
    while at < len(args) and args[at].text.startswith("-") and args[at].text != "--":
        at += 2 if args[at].text in manager.options.valued else 1
    return at


def _until_first_operand(manager: Manager, args: tuple[Word, ...]) -> tuple[Word, ...]:
    """The arguments up to the package. Those after it belong to the program that it provides."""
    at = _first_operand(manager, args)
    at += at < len(args) and args[at].text == "--"
    return args[: at + 1]


def _install(manager: Manager, action: Action, parsed: Parsed, command: Command, step: Step) -> Install:
    named = _operands(manager, action, parsed)
    workdir, workdir_known = command.workdir, command.workdir_known
    for word in parsed.values(*manager.directory):
        workdir = normalised_path(workdir, word.text)
        workdir_known = word.known and (workdir_known or word.text.startswith("/"))
    packages = tuple(_package(word, manager) for word in named if not word.file)
    files = [FileUse("list", word.file) for word in named if word.file]
    if action.operands == "files":
        files = [FileUse("requirements", package.text, package.known) for package in packages]
        packages = ()
    files += [
        FileUse(manager.files[name], word.text, word.known)
        for name, word in parsed.options
        if word is not None and name in manager.files
    ]
    if action.reads and not files and all(package.local for package in packages):
        files.append(FileUse("manifest", manager.manifest, implied=True))
        if action.reads == "lock":
            files.append(FileUse("lock", manager.lock, implied=True))
    return Install(
        manager=manager.name,
        ecosystem=manager.ecosystem,
        action=action.name,
        packages=packages,
        files=tuple(files),
        options=_options(parsed),
        line=command.line,
        workdir=workdir,
        workdir_known=workdir_known,
        stage=step.stage.label,
        command=command,
        step=step,
    )


def _operands(manager: Manager, action: Action, parsed: Parsed) -> list[Word]:
    given = parsed.values(*manager.packages)
    if action.operands in ("none", "program") or (action.operands == "first" and given):
        return list(given)
    if action.operands == "first":
        return [*parsed.operands[:1]]
    return [*parsed.operands[1 if action.operands == "skip" else 0 :], *given]


def _package(word: Word, manager: Manager) -> PackageArgument:
    text = word.text
    remote = "://" in text or text.startswith("git@")
    path = text.startswith((".", "/", "~", "file:")) or text.endswith(_LOCAL_ARCHIVES)
    if manager.ecosystem == "apk":
        path = text.startswith(("/", "./", "../")) or text.endswith(".apk")
    return PackageArgument(text, word.raw, word.known, local=text.startswith("file:") or (path and not remote))


def _options(parsed: Parsed) -> Mapping[str, tuple[str, ...]]:
    options: dict[str, list[str]] = {}
    for name, word in parsed.options:
        options.setdefault(name, []).extend([word.text] if word is not None else [])
    return {name: tuple(values) for name, values in options.items()}

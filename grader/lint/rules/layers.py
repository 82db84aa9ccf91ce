"""What the layers get: add-for-copy, copy-before-install, cache-not-cleaned."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from grader.errors import SubmissionFault
from grader.facts.context.build_context import BuildContext, Type
from grader.facts.dockerfile.external import remote_files
from grader.facts.dockerfile.resolved import ResolvedStage, Step
from grader.facts.packages.installs import Install, installs
from grader.facts.shell.commands import Command
from grader.facts.shell.run import commands
from grader.lint.model import Severity
from grader.lint.rule import Hit, rule
from grader.lint.target import LintTarget

_ARCHIVE = re.compile(r"\.(?:tar|tar\.\w+|t[gbx]z2?|tzst|gz|bz2|xz|zst)\Z", re.IGNORECASE)
_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_SOURCE = re.compile(
    r"\.(?:py|js|mjs|cjs|jsx|ts|tsx|vue|svelte|go|rs|rb|java|kt|scala|php|c|cc|cpp|h|hpp|cs|ex|exs|html|css)\Z"
)
_MANIFEST = re.compile(r"(?:setup\.py|\.config\.(?:js|mjs|cjs|ts)|build\.rs|conftest\.py)\Z")
MAX_LOOKED_AT = 500
"""Files of a copied folder that are looked at for source code."""


@rule(
    "add-for-copy",
    Severity.WARNING,
    lesson="01-layers",
    text="COPY is used where ADD would do no more.",
    order=90,
)
def add_for_copy(target: LintTarget) -> Iterator[Hit]:
    """An ADD of what it neither fetches nor unpacks."""
    remote = {(file.line, file.raw) for build in target.builds for file in remote_files(build)}
    for step in target.steps():
        if step.name != "ADD" or step.triggered:
            continue
        plain = [
            source
            for raw, source in zip(step.instruction.args[:-1], step.args[:-1], strict=True)
            if (step.line, raw) not in remote
            and not raw.startswith("<<")
            and not _ARCHIVE.search(source)
            and not (step.unset and "$" in raw)
            and not _is_archive(target.context, source)
        ]
        if plain:
            yield Hit(
                step.line,
                f"ADD only copies {', '.join(plain[:3])} here. Use COPY: it never unpacks archives or fetches URLs.",
            )


def _is_archive(context: BuildContext, source: str) -> bool:
    try:
        start = context.read(source.lstrip("/"), 512) or b""
    except SubmissionFault:
        return False
    return start.startswith(_MAGIC) or start[257:262] == b"ustar"


@rule(
    "copy-before-install",
    Severity.WARNING,
    lesson="02-caching",
    text="Dependencies are installed before the source is copied.",
    order=100,
)
def copy_before_install(target: LintTarget) -> Iterator[Hit]:
    """An install of dependencies that every edit of the source makes run again."""
    history = _History(target.context)
    for stage in target.stages():
        told: set[str] = set()
        for install, copied in history.late(stage):
            if install.ecosystem not in told:
                told.add(install.ecosystem)
                yield Hit(
                    install.line,
                    f"Line {copied.line} copies the source before {_words(install)} runs: "
                    "each edit makes the install run again.",
                )


@dataclass(frozen=True)
class _Copied:
    """What a stage has copied up to a point: the step that brought the source, and the ecosystems whose dependencies
    were installed before it."""

    source: Step | None = None
    settled: frozenset[str] = frozenset()


class _History:
    """What was copied and installed in the stages of a file; each is gone through once."""

    def __init__(self, context: BuildContext) -> None:
        self._context = context
        self._ends: dict[int, _Copied] = {}

    def late(self, stage: ResolvedStage) -> Iterator[tuple[Install, Step]]:
        """The stage's own installs that come after the source, and the step that brought it."""
        ancestors = []
        parent = stage.parent
        while parent is not None and id(parent) not in self._ends:
            ancestors.append(parent)
            parent = parent.parent
        for ancestor in reversed(ancestors):
            for _ in self._late(ancestor):
                pass
        yield from self._late(stage)

    def _late(self, stage: ResolvedStage) -> Iterator[tuple[Install, Step]]:
        start = self._ends[id(stage.parent)] if stage.parent is not None else _Copied()
        copied, settled = start.source, set(start.settled)
        for step in stage.steps:
            if copied is None and _brings_source(self._context, step):
                copied = step
            for install in installs(step):
                if not _of_dependencies(install):
                    continue
                if copied is not None:
                    if install.ecosystem not in settled:
                        yield install, copied
                elif install.files:
                    settled.add(install.ecosystem)
        self._ends[id(stage)] = _Copied(copied, frozenset(settled))


def _words(install: Install) -> str:
    return f"{install.command.name or install.manager} {install.action}".strip()


def _of_dependencies(install: Install) -> bool:
    """Whether it takes anything but the project itself (`pip install --no-deps .`)."""
    if install.has("--no-deps"):
        return False
    return bool(install.files) or any(not package.local for package in install.packages) or not install.packages


def _brings_source(context: BuildContext, step: Step) -> bool:
    if step.name not in ("COPY", "ADD") or step.flag("from") is not None or len(step.args) < 2:
        return False
    return any(_is_source(context, source) for source in step.args[:-1] if not source.startswith("<<"))


def _is_source(context: BuildContext, source: str) -> bool:
    """Whether a source of COPY is code: the whole context, a file with code's ending, or a folder that holds one."""
    path = source.strip("/").removeprefix("./").strip("/")
    if path in ("", ".", "*", "./*"):
        return True
    if "://" in source:
        return False
    name = path.rpartition("/")[2]
    if _SOURCE.search(name):
        return not _MANIFEST.search(name)
    return _holds_source(context, path)


def _holds_source(context: BuildContext, path: str) -> bool:
    found = context.find(path)
    if found is None or found.type is not Type.FOLDER:
        return False
    count = 0
    for _, folders, names in os.walk(context.root / path):
        folders.sort()
        for name in names:
            count += 1
            if _SOURCE.search(name) and not _MANIFEST.search(name):
                return True
            if count >= MAX_LOOKED_AT:
                return False
    return False


# What a manager leaves behind: where (as in paths of rm and of cache mounts), the options and variables that keep it
# from doing so, and the commands that clean up.
class _Cache:
    def __init__(self, what: str, where: str, *, options: str = "", env: str = "", cleaners: str = "") -> None:
        self.what = what
        self.plural = what.endswith(("lists", "packages"))
        self.where = re.compile(where)
        self.options = tuple(options.split())
        self.env = tuple(env.split())
        self.cleaners = tuple(tuple(words.split()) for words in cleaners.split("|") if words)

    def is_kept_out(self, install: Install) -> bool:
        if install.has(*self.options):
            return True
        assigned = {name: word.text for name, word in install.command.assignments} if self.env else {}
        return any(assigned.get(name, install.step.before.variables.get(name)) for name in self.env)


_HOME = r"(?:~|/root|/home/[^/]+|\$\{?HOME\}?)"
_CACHES = {
    "apk": _Cache("apk's index", r"/var/cache/apk|/etc/apk/cache", options="--no-cache", cleaners="apk cache clean"),
    "dnf": _Cache(
        "the package manager's cache",
        r"/var/cache/(?:dnf|yum|libdnf5)",
        cleaners="dnf clean|yum clean|microdnf clean|dnf5 clean",
    ),
    "pip": _Cache(
        "pip's cache",
        _HOME + r"/\.cache(?:/pip)?(?:/|$)",
        options="--no-cache-dir",
        env="PIP_NO_CACHE_DIR",
        cleaners="pip cache|pip3 cache",
    ),
    "uv": _Cache(
        "uv's cache",
        _HOME + r"/\.cache(?:/uv)?(?:/|$)",
        options="--no-cache -n",
        env="UV_NO_CACHE",
        cleaners="uv cache|uv clean",
    ),
    "npm": _Cache("npm's cache", _HOME + r"/\.npm(?:/|$)", cleaners="npm cache"),
    "yarn": _Cache(
        "yarn's cache", _HOME + r"/\.cache(?:/yarn)?(?:/|$)|/usr/local/share/\.cache", cleaners="yarn cache"
    ),
    "conda": _Cache("conda's packages", r"/pkgs(?:/|$)", cleaners="conda clean|mamba clean|micromamba clean"),
}
_CACHE_OF = {"uv pip": "uv", "mamba": "conda", "micromamba": "conda"}
_LISTS = _Cache("apt's package lists", r"/var/lib/apt(?:/lists)?(?:/|$)")


@rule(
    "cache-not-cleaned",
    Severity.WARNING,
    lesson="03-small-images",
    text="A package manager's cache does not stay in the image.",
    order=110,
)
def cache_not_cleaned(target: LintTarget) -> Iterator[Hit]:
    """A cache that stays in a layer which is shipped. Only the same RUN can take it out again, or a mount keep it out;
    a stage that is only copied from may keep what it likes."""
    for step in target.shipped():
        if step.name != "RUN" or step.triggered:
            continue
        layer = _Layer(step)
        for command in layer.commands:
            if command.name in ("apt-get", "apt", "aptitude") and _word(command) == "update":
                yield from layer.left(_LISTS, command)
        for install in installs(step):
            cache = _CACHES.get(_CACHE_OF.get(install.manager, install.manager))
            if cache is None and install.ecosystem in ("apk", "dnf"):
                cache = _CACHES[install.ecosystem]
            if cache is not None and not cache.is_kept_out(install):
                yield from layer.left(cache, install.command)


class _Layer:
    """What one RUN leaves in its layer. Of each cache that is told once."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.commands = commands(step)
        self._numbers = {id(command): number for number, command in enumerate(self.commands)}
        self._cleaned: dict[str, int] = {}

    def left(self, cache: _Cache, command: Command) -> Iterator[Hit]:
        """What a command leaves behind, if neither it nor one after it takes that away."""
        if cache.what not in self._cleaned:
            self._cleaned[cache.what] = self._last_cleaned(cache)
        if self._numbers[id(command)] <= self._cleaned[cache.what]:
            return
        self._cleaned[cache.what] = len(self.commands)
        yield Hit(
            command.line,
            f"{cache.what[:1].upper()}{cache.what[1:]} stay{'' if cache.plural else 's'} in this layer: deleting "
            f"{'them' if cache.plural else 'it'} in a later instruction does not make the image smaller.",
        )

    def _last_cleaned(self, cache: _Cache) -> int:
        """The number of the last command that takes a cache away, -1 without one; beyond all where it is mounted."""
        if any(mount.type in ("cache", "tmpfs") and cache.where.search(mount.target) for mount in self.step.mounts):
            return len(self.commands)
        cleaning = (number for number, command in enumerate(self.commands) if _cleans(cache, command))
        return max(cleaning, default=-1)


def _cleans(cache: _Cache, command: Command) -> bool:
    if command.name == "rm" or (command.name == "find" and any(word.text == "-delete" for word in command.args)):
        return any(cache.where.search(word.text) or cache.where.search(word.raw) for word in command.args)
    return any((command.name, _word(command)) == words for words in (pair[:2] for pair in cache.cleaners))


def _word(command: Command) -> str:
    """The subcommand: the first argument that is no option."""
    return next((word.text for word in command.args if not word.text.startswith("-")), "")

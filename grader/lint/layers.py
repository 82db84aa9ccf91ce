"""What the layers get: add-for-copy, copy-before-install, cache-not-cleaned."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from grader.errors import SubmissionFault
from grader.facts.context import BuildContext, Type
from grader.facts.dockerfile import Command, Install, ResolvedStage, Step, commands, installs
from grader.facts.dockerfile.external import remote_files
from grader.lint.model import ADD_FOR_COPY, CACHE_NOT_CLEANED, COPY_BEFORE_INSTALL, Finding, Severity
from grader.lint.scene import Scene

_ARCHIVE = re.compile(r"\.(?:tar|tar\.\w+|t[gbx]z2?|tzst|gz|bz2|xz|zst)\Z", re.IGNORECASE)
_MAGIC = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_SOURCE = re.compile(
    r"\.(?:py|js|mjs|cjs|jsx|ts|tsx|vue|svelte|go|rs|rb|java|kt|scala|php|c|cc|cpp|h|hpp|cs|ex|exs|html|css)\Z"
)
_MANIFEST = re.compile(r"(?:setup\.py|[^/]*\.config\.(?:js|mjs|cjs|ts)|build\.rs|conftest\.py)\Z")
MAX_LOOKED_AT = 500
"""Files of a copied folder that are looked at for source code."""


def add_for_copy(scene: Scene) -> Iterator[Finding]:
    """An ADD of what it neither fetches nor unpacks."""
    remote = {(file.line, file.raw) for build in scene.builds for file in remote_files(build)}
    for step in scene.steps():
        if step.name != "ADD" or step.triggered:
            continue
        plain = [
            source
            for raw, source in zip(step.instruction.args[:-1], step.args[:-1], strict=True)
            if (step.line, raw) not in remote
            and not raw.startswith("<<")
            and not _ARCHIVE.search(source)
            and not (step.unset and "$" in raw)
            and not _is_archive(scene.context, source)
        ]
        if plain:
            yield Finding.of(
                ADD_FOR_COPY,
                step.line,
                Severity.WARNING,
                f"ADD of {', '.join(plain[:3])} does what COPY does, but would unpack an archive and fetch a URL too.",
            )


def _is_archive(context: BuildContext, source: str) -> bool:
    try:
        start = context.read(source.lstrip("/"), 512) or b""
    except SubmissionFault:
        return False
    return start.startswith(_MAGIC) or start[257:262] == b"ustar"


def copy_before_install(scene: Scene) -> Iterator[Finding]:
    """An install of dependencies that every edit of the source makes run again."""
    for stage in scene.stages():
        yield from _in_stage(scene.context, stage)


def _in_stage(context: BuildContext, stage: ResolvedStage) -> Iterator[Finding]:
    copied: Step | None = None
    settled: set[str] = set()  # ecosystems whose dependencies were there before the source came
    told: set[str] = set()
    for step in stage.image_steps():
        if copied is None and _brings_source(context, step):
            copied = step
        if step.name != "RUN":
            continue
        for install in installs(step):
            kind = install.ecosystem
            if not _of_dependencies(install):
                continue
            if copied is None:
                if install.files:
                    settled.add(kind)
            elif kind not in settled and kind not in told and step.stage is stage.stage:
                told.add(kind)
                yield Finding.of(
                    COPY_BEFORE_INSTALL,
                    install.line,
                    Severity.WARNING,
                    f"Line {copied.line} copies the source before {_words(install)} runs: "
                    "each edit makes the install run again.",
                )


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
        assigned = {name: word.text for name, word in install.command.assignments}
        values = {**install.step.before.variables, **assigned}
        return install.has(*self.options) or any(values.get(name) for name in self.env)


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


def cache_not_cleaned(scene: Scene) -> Iterator[Finding]:
    """A cache that stays in a layer which is shipped. Only the same RUN can take it out again, or a mount keep it out;
    a stage that is only copied from may keep what it likes."""
    for step in scene.shipped():
        if step.name != "RUN" or step.triggered:
            continue
        ran = commands(step)
        told: set[str] = set()
        for number, command in enumerate(ran):
            if command.name in ("apt-get", "apt", "aptitude") and _word(command) == "update":
                yield from _left(_LISTS, step, ran[number:], told)
        for install in installs(step):
            cache = _CACHES.get(_CACHE_OF.get(install.manager, install.manager))
            if cache is None and install.ecosystem in ("apk", "dnf"):
                cache = _CACHES[install.ecosystem]
            if cache is not None and not cache.is_kept_out(install):
                yield from _left(cache, step, ran[ran.index(install.command) :], told)


def _left(cache: _Cache, step: Step, ran: Sequence[Command], told: set[str]) -> Iterator[Finding]:
    """What the first of the commands leaves behind, if none after it takes that away."""
    mounted = any(mount.type in ("cache", "tmpfs") and cache.where.search(mount.target) for mount in step.mounts)
    if mounted or cache.what in told or any(_cleans(cache, command) for command in ran):
        return
    told.add(cache.what)
    yield Finding.of(
        CACHE_NOT_CLEANED,
        ran[0].line,
        Severity.WARNING,
        f"{cache.what[:1].upper()}{cache.what[1:]} stay{'' if cache.plural else 's'} in this layer: what a later "
        "instruction deletes is shipped all the same.",
    )


def _cleans(cache: _Cache, command: Command) -> bool:
    if command.name == "rm" or (command.name == "find" and any(word.text == "-delete" for word in command.args)):
        return any(cache.where.search(word.text) or cache.where.search(word.raw) for word in command.args)
    return any((command.name, _word(command)) == words for words in (pair[:2] for pair in cache.cleaners))


def _word(command: Command) -> str:
    """The subcommand: the first argument that is no option."""
    return next((word.text for word in command.args if not word.text.startswith("-")), "")

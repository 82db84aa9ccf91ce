"""Find how firmly Python packages are pinned: pip, uv, pipx, poetry, pipenv, pdm."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator

from grader.facts.packages.installs import PackageArgument
from grader.facts.pins.context_files import Found, Unknown
from grader.facts.pins.install_context import InstallContext, StageState
from grader.facts.pins.markers import may_hold
from grader.facts.pins.model import Dependency, Tier
from grader.facts.pins.pip import PipInstall, line_of
from grader.facts.pins.project import dependencies, locked, poetry_requirement
from grader.facts.pins.requirements import Source, exact_version, parse_requirement
from grader.facts.shell.commands import Command


def python(context: InstallContext) -> Iterator[Dependency]:
    """The dependencies of one run of a Python package manager."""
    manager, action = context.install.manager, context.install.action
    if manager in ("pip", "uv pip", "easy_install"):
        yield from PipInstall(context).dependencies()
    elif manager == "pipx" or action in ("tool install", "tool run", "self add"):
        yield from _tools(context)
    elif action == "python install":
        for package in context.install.packages:
            exact = re.search(r"(?<![0-9.])\d+\.\d+\.\d+", package.text)
            yield _given(
                context, package, Tier.VERSION if exact else Tier.NONE, "the newest release that fits is taken"
            )
    elif action == "add":
        for package in context.install.packages:
            requirement = poetry_requirement(package.text) if manager == "poetry" else parse_requirement(package.text)
            if not package.local and requirement.source is not Source.LOCAL:
                yield _given(context, package, requirement.tier, requirement.why)
    elif action in ("update", "upgrade", "tool upgrade"):
        yield context.dependency(context.whole(), Tier.NONE, "it takes the newest versions that the manifest allows")
    elif action == "lock":
        if not context.install.has("--check", "--locked", "--frozen", "--check-exists"):
            yield context.dependency(context.whole(), Tier.NONE, "it works out the versions during the build")
    else:
        yield from _locked(context)


def forget(command: Command, state: StageState) -> None:
    """Forget the packages that `pip uninstall` removes, in any environment."""
    words = [word.text for word in command.args]
    if "uninstall" in words:
        state.unpin({parse_requirement(word).name for word in words[words.index("uninstall") + 1 :]})


def _given(context: InstallContext, package: PackageArgument, tier: Tier, why: str) -> Dependency:
    """The dependency of a package on the command line."""
    if not package.known:
        return context.dependency(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
    return context.dependency(package.text, tier, "" if tier >= Tier.VERSION else why)


def _tools(context: InstallContext) -> Iterator[Dependency]:
    """The dependencies of pipx and uv tool: programs, each with its own environment."""
    for package in context.install.packages:
        if package.local:
            continue
        name, at, version = package.text.partition("@")
        if at and "://" not in package.text and " " not in package.text.strip():
            tier = Tier.VERSION if exact_version(version) else Tier.NONE
            yield _given(context, package, tier, f"{version or name} is not an exact version")
            continue
        requirement = parse_requirement(package.text)
        yield _given(context, package, requirement.tier, requirement.why)
    for file in context.install.files:
        if file.kind == "requirements":
            yield from PipInstall(context).file(file.path, file.known)


# What makes a tool follow its lock file: options, variables, and whether the lock file alone is enough.
_STRICT: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "uv": (("--locked", "--frozen"), ("UV_LOCKED", "UV_FROZEN"), False),
    "poetry": ((), (), True),  # stops if the lock file does not fit
    "pdm": (("--frozen-lockfile", "--check"), ("PDM_FROZEN_LOCKFILE",), False),
    "pipenv": (("--deploy", "--ignore-pipfile"), (), False),
}


def _locked(context: InstallContext) -> Iterator[Dependency]:
    """The dependencies of uv sync, poetry install, pipenv install or pdm install, by the lock file or the manifest."""
    install = context.install
    for package in install.packages:
        if not package.local:
            requirement = parse_requirement(package.text)
            yield _given(context, package, requirement.tier, requirement.why)
    for use in install.files:
        if use.kind == "requirements":
            yield from PipInstall(context).file(use.path, use.known)
    implied = {use.kind: use.path for use in install.files if use.implied}
    if "lock" not in implied or install.has("--no-sync", "--no-project", "--offline"):
        return
    lock_path = context.path(implied["lock"])
    lock = context.read(implied["lock"])
    options, variables, alone = _STRICT[install.manager]
    strict = alone or (install.action == "sync" and install.manager in ("pipenv", "pdm"))
    strict = strict or install.has(*options) or any(context.is_on(name) for name in variables)
    if isinstance(lock, Found) and not context.files.parsed(_is_lock, implied["lock"], lock.content):
        lock = Unknown(lock_path, "it is not a lock file")
    if isinstance(lock, Found) and (strict or context.state.is_held(lock_path)):
        context.state.hold(lock_path)
        for name, pins in context.files.parsed(locked, lock.content).items():
            context.state.pin(context.environment, name, pins)
        yield context.dependency(context.whole(), Tier.DIGEST)
        return
    manifest = context.read(implied["manifest"])
    if isinstance(manifest, Unknown):
        if install.action != "run":
            yield context.unreadable(manifest, context.whole())
        return
    wanted = context.files.parsed(dependencies, implied["manifest"], manifest.content, ())
    needed = [one for one in wanted.requirements if may_hold(one.marker)] if wanted else []
    if wanted and all(one.tier >= Tier.VERSION for one in needed):
        for requirement in needed:
            yield context.dependency(
                requirement.text, requirement.tier, place=line_of(context, manifest, requirement.text)
            )
        return
    if isinstance(lock, Unknown):
        yield context.dependency(context.whole(), Tier.NONE, f"without {implied['lock']} the newest versions are taken")
    else:
        yield context.dependency(context.whole(), Tier.NONE, f"nothing makes it keep to {implied['lock']}")


def _is_lock(name: str, content: str) -> bool:
    """Whether the content is a valid lock file. An empty or broken file pins nothing."""
    try:
        if name == "Pipfile.lock":
            return isinstance(json.loads(content).get("_meta"), dict)
        table = tomllib.loads(content)
    except (ValueError, AttributeError, RecursionError):
        return False
    return isinstance(table.get("package", []), list) and ("version" in table or "metadata" in table)

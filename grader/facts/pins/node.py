"""Find how firmly JavaScript packages are pinned: npm, npx, yarn, pnpm, bun, corepack.

`npm ci` and similar commands follow the lock file or fail. A bare `npm install` may ignore it and rewrite it. So it is
judged by package.json, as if there were no lock file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from grader.facts.pins.context_files import Found, Unknown
from grader.facts.pins.install_context import COMMIT, InstallContext, is_version
from grader.facts.pins.model import Dependency, Tier
from grader.verdict import Place

_LOCKS = {
    "npm": ("npm-shrinkwrap.json", "package-lock.json"),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
    "bun": ("bun.lock", "bun.lockb"),
}
_LOCAL = ("file:", "link:", "workspace:", "portal:", "./", "../", "/", "~/")
_PRODUCTION = ("prod", "production")


def node(context: InstallContext) -> Iterator[Dependency]:
    """The dependencies of one run of a JavaScript package manager."""
    install = context.install
    for package in install.packages:
        if package.local or _is_ours(context, package.text):
            continue
        if not package.known:
            yield context.dependency(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
            continue
        tier, why = specification(package.text)
        yield context.dependency(package.text, tier, why)
    if install.packages and any(not package.local for package in install.packages):
        return
    if install.action == "update":
        yield context.dependency(context.whole(), Tier.NONE, "it takes the newest versions that package.json allows")
    elif install.action in ("install", "ci", "fetch") and not install.has("--global", "--offline"):
        yield from _project(context)


def specification(text: str) -> tuple[Tier, str]:
    """How firmly a package argument (`name@version` and other forms) is pinned, and why not more firmly."""
    if text.startswith("npm:"):
        text = text[4:]
    if _is_remote(text):
        return _remote(text)
    _, version = _split(text)
    if version.startswith("npm:"):
        return specification(version)
    if _is_remote(version):
        return _remote(version)
    if not version:
        return Tier.NONE, "the newest version is taken"
    # For corepack, a hash may follow a plus sign.
    return (Tier.VERSION, "") if is_version(version) else (Tier.NONE, f"{version} leaves the version open")


def _split(text: str) -> tuple[str, str]:
    at = text.find("@", 1)
    return (text[:at], text[at + 1 :]) if at > 0 else (text, "")


def _is_remote(text: str) -> bool:
    plain = re.fullmatch(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+(#\S*)?", text)
    return bool(plain) or "://" in text or text.startswith(("github:", "gitlab:", "bitbucket:", "gist:", "git@"))


def _remote(text: str) -> tuple[Tier, str]:
    if re.match(r"https?://", text) and not re.search(r"\.git(#|$)", text):
        return Tier.NONE, "nothing says which hash the file must have"
    if COMMIT.fullmatch(text.partition("#")[2]):
        return Tier.DIGEST, ""
    return Tier.NONE, "it names no commit"


def _is_ours(context: InstallContext, text: str) -> bool:
    """Whether `npx NAME` runs a program of the project's own dependencies."""
    install = context.install
    if install.action != "exec" or install.manager not in ("npm", "npx", "bun"):
        return False
    if install.has("--no", "--no-install", "--offline"):
        return True
    name, version = _split(text)
    if version or _is_remote(text):
        return False
    lock = _lock(context, "bun" if install.manager == "bun" else "npm")
    if not isinstance(lock, Found):
        manifest = context.read("package.json")
        return isinstance(manifest, Found) and bool(context.files.parsed(_dependencies, manifest.content, _ALL))
    return context.files.parsed(_Locked, lock.content).brings(name)


class _Locked:
    """The packages and programs of a package-lock.json. A file that cannot be parsed is assumed to bring anything."""

    def __init__(self, content: str) -> None:
        self._packages: Mapping[str, Any] = {}
        self._programs: set[Any] = set()
        self._texts: list[str] = []
        try:
            self._packages = json.loads(content).get("packages", {})
            for package in self._packages.values():
                programs = package.get("bin") or ()
                if isinstance(programs, str):
                    self._texts.append(programs)
                else:
                    self._programs.update(program for program in programs if isinstance(program, str))
            self._broken = False
        except (ValueError, AttributeError, TypeError, RecursionError):
            self._broken = True

    def brings(self, name: str) -> bool:
        return (
            self._broken
            or f"node_modules/{name}" in self._packages
            or name in self._programs
            or any(name in text for text in self._texts)
        )


def _lock(context: InstallContext, manager: str) -> Found | Unknown:
    """The lock file that applies, or the reason why there is none. An invalid file is not a lock file."""
    missing: Unknown | None = None
    for name in _LOCKS[manager]:
        file = context.read(name)
        if isinstance(file, Found):
            return (
                file
                if context.files.parsed(_is_lock, name, file.content)
                else Unknown(context.path(name), "it is not a lock file")
            )
        missing = file
    assert missing is not None
    return missing


def _is_lock(name: str, content: str) -> bool:
    if name.endswith(".json"):
        try:
            table = json.loads(content)
        except (ValueError, RecursionError):
            return False
        return isinstance(table, dict) and "lockfileVersion" in table
    if name == "yarn.lock":
        return "# yarn lockfile v1" in content or "__metadata:" in content
    if name == "pnpm-lock.yaml":
        return bool(re.search(r"^lockfileVersion:", content, re.MULTILINE))
    return bool(content.strip())


def _project(context: InstallContext) -> Iterator[Dependency]:
    """The dependencies of an install that follows package.json and the lock file."""
    install = context.install
    lock = _lock(context, install.manager)
    name = _LOCKS[install.manager][-1 if install.manager == "npm" else 0]
    strict = _keeps_to_lock(context, lock)
    path = context.path(name)
    if isinstance(lock, Found) and (strict or context.state.is_held(path)):
        context.state.hold(path)
        yield context.dependency(context.whole(), Tier.DIGEST)
        return
    if isinstance(lock, Unknown) and strict:
        unseen = not lock.why.startswith(("no step", "it is no", "it is not in"))
        why = f"{lock.path} cannot be read: {lock.why}" if unseen else f"it needs {name}, but {lock.why}"
        yield context.dependency(context.whole(), Tier.NONE, why, shown=not unseen and not lock.absent)
        return
    manifest = context.read("package.json")
    if isinstance(manifest, Unknown):
        if not install.packages:  # an install of a named folder needs no package.json here
            yield context.unreadable(manifest, context.whole())
        return
    wanted = context.files.parsed(_dependencies, manifest.content, _FOR_PRODUCTION if _production(context) else _ALL)
    if wanted is None:
        yield context.dependency(context.whole(), Tier.NONE, "package.json cannot be parsed", shown=False)
        return
    for package, version in wanted.items():
        if version.startswith(_LOCAL):
            continue
        tier, why = specification(f"{package}@{version}")
        if tier < Tier.VERSION and isinstance(lock, Found):
            why += f", and nothing makes {context.whole()} keep to {name}"
        yield context.dependency(f"{package}@{version}", tier, why, _line_of(context, manifest, package))


def _keeps_to_lock(context: InstallContext, lock: Found | Unknown) -> bool:
    install = context.install
    if install.action in ("ci", "fetch") or install.has("--frozen-lockfile", "--immutable"):
        return not install.has("--no-frozen-lockfile", "--no-immutable")
    if install.command.args and install.command.args[0].text == "workspaces":
        return True
    modern = isinstance(lock, Found) and "__metadata:" in lock.content
    if install.manager == "yarn" and modern:
        return context.is_on("YARN_ENABLE_IMMUTABLE_INSTALLS") or context.is_on("CI")
    return install.manager == "pnpm" and context.is_on("CI") and not install.has("--no-frozen-lockfile")


def _production(context: InstallContext) -> bool:
    install = context.install
    left_out = install.options.get("--omit", ())
    if "dev" in left_out or install.has("--production", "--prod", "-P"):
        return True
    if install.option("--only") in _PRODUCTION:
        return True
    return context.env("NODE_ENV") == "production" and "dev" not in install.options.get("--include", ())


_FOR_PRODUCTION = ("dependencies", "optionalDependencies")
_ALL = (*_FOR_PRODUCTION, "devDependencies")


def _dependencies(content: str, sections: tuple[str, ...]) -> Mapping[str, str] | None:
    """The dependencies in package.json; None if it cannot be parsed."""
    try:
        table: Any = json.loads(content)
        return {name: str(version) for section in sections for name, version in (table.get(section) or {}).items()}
    except (ValueError, AttributeError, RecursionError):
        return None


def _line_of(context: InstallContext, file: Found, package: str) -> Place:
    found = context.files.find(file, f'"{package}"')
    if found is None:
        return Place(file=file.name)
    return Place(file=file.name, line=found.line, text=found.rest.strip().rstrip(","))

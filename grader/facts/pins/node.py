"""How firmly JavaScript packages are named: npm, npx, yarn, pnpm, bun, corepack.

`npm ci` and its like keep to the lock file or fail. A bare `npm install` may go past it and rewrite it, so it is judged
by package.json, as a build without a lock file would be.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from grader.facts.pins.files import Found, Lost
from grader.facts.pins.model import Taken, Tier
from grader.facts.pins.scene import COMMIT, Scene, is_version
from grader.verdict import Place

_LOCKS = {
    "npm": ("npm-shrinkwrap.json", "package-lock.json"),
    "yarn": ("yarn.lock",),
    "pnpm": ("pnpm-lock.yaml",),
    "bun": ("bun.lock", "bun.lockb"),
}
_LOCAL = ("file:", "link:", "workspace:", "portal:", "./", "../", "/", "~/")
_PRODUCTION = ("prod", "production")


def node(scene: Scene) -> Iterator[Taken]:
    """Everything that one run of a JavaScript package manager takes."""
    install = scene.install
    for package in install.packages:
        if package.local or _is_ours(scene, package.text):
            continue
        if not package.known:
            yield scene.take(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
            continue
        tier, why = specification(package.text)
        yield scene.take(package.text, tier, why)
    if install.packages and any(not package.local for package in install.packages):
        return
    if install.action == "update":
        yield scene.take(scene.whole(), Tier.NONE, "it takes the newest versions that package.json allows")
    elif install.action in ("install", "ci", "fetch") and not install.has("--global", "--offline"):
        yield from _project(scene)


def specification(text: str) -> tuple[Tier, str]:
    """How firmly `name@version` and the other forms of a package argument name one package."""
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
    # A hash, as corepack takes one, may follow a plus sign.
    return (Tier.VERSION, "") if is_version(version) else (Tier.NONE, f"{version} leaves the version open")


def _split(text: str) -> tuple[str, str]:
    at = text.find("@", 1)
    return (text[:at], text[at + 1 :]) if at > 0 else (text, "")


def _is_remote(text: str) -> bool:
    plain = re.fullmatch(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+(#\S*)?", text)
    return bool(plain) or "://" in text or text.startswith(("github:", "gitlab:", "bitbucket:", "gist:", "git@"))


def _remote(text: str) -> tuple[Tier, str]:
    if re.match(r"https?://", text) and not re.search(r"\.git(#|$)", text):
        return Tier.NONE, "nothing says what the file must hash to"
    if COMMIT.fullmatch(text.partition("#")[2]):
        return Tier.DIGEST, ""
    return Tier.NONE, "it names no commit"


def _is_ours(scene: Scene, text: str) -> bool:
    """Whether `npx NAME` runs what the project's own dependencies brought."""
    install = scene.install
    if install.action != "exec" or install.manager not in ("npm", "npx", "bun"):
        return False
    if install.has("--no", "--no-install", "--offline"):
        return True
    name, version = _split(text)
    if version or _is_remote(text):
        return False
    lock = _lock(scene, "bun" if install.manager == "bun" else "npm")
    if not isinstance(lock, Found):
        manifest = scene.read("package.json")
        return isinstance(manifest, Found) and bool(_dependencies(manifest.content, production=False))
    try:
        packages = json.loads(lock.content).get("packages", {})
        return f"node_modules/{name}" in packages or any(name in (one.get("bin") or ()) for one in packages.values())
    except (ValueError, AttributeError, TypeError, RecursionError):
        return True


def _lock(scene: Scene, manager: str) -> Found | Lost:
    """The lock file in force. A file that is no lock file is none."""
    lost: Lost | None = None
    for name in _LOCKS[manager]:
        file = scene.read(name)
        if isinstance(file, Found):
            return file if _is_lock(name, file.content) else Lost(scene.path(name), "it is no lock file")
        lost = file
    assert lost is not None
    return lost


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


def _project(scene: Scene) -> Iterator[Taken]:
    """An install of what package.json and the lock file say."""
    install = scene.install
    lock = _lock(scene, install.manager)
    name = _LOCKS[install.manager][-1 if install.manager == "npm" else 0]
    strict = _keeps_to_lock(scene, lock)
    path = scene.path(name)
    if isinstance(lock, Found) and (strict or path in scene.memory.held):
        scene.memory.held.add(path)
        yield scene.take(scene.whole(), Tier.DIGEST)
        return
    if isinstance(lock, Lost) and strict:
        unseen = not lock.why.startswith(("no step", "it is no", "it is not in"))
        why = f"{lock.path} cannot be read: {lock.why}" if unseen else f"it needs {name}, and {lock.why}"
        yield scene.take(scene.whole(), Tier.NONE, why, shown=not unseen and not lock.absent)
        return
    manifest = scene.read("package.json")
    if isinstance(manifest, Lost):
        if not install.packages:  # a folder named outright needs no package.json beside it
            yield scene.lost(manifest, scene.whole())
        return
    wanted = _dependencies(manifest.content, production=_production(scene))
    if wanted is None:
        yield scene.take(scene.whole(), Tier.NONE, "package.json cannot be understood", shown=False)
        return
    for package, version in wanted.items():
        if version.startswith(_LOCAL):
            continue
        tier, why = specification(f"{package}@{version}")
        if tier < Tier.VERSION and isinstance(lock, Found):
            why += f", and nothing makes {scene.whole()} keep to {name}"
        yield scene.take(f"{package}@{version}", tier, why, _line_of(manifest, package))


def _keeps_to_lock(scene: Scene, lock: Found | Lost) -> bool:
    install = scene.install
    if install.action in ("ci", "fetch") or install.has("--frozen-lockfile", "--immutable"):
        return not install.has("--no-frozen-lockfile", "--no-immutable")
    if install.command.args and install.command.args[0].text == "workspaces":
        return True
    modern = isinstance(lock, Found) and "__metadata:" in lock.content
    if install.manager == "yarn" and modern:
        return scene.is_on("YARN_ENABLE_IMMUTABLE_INSTALLS") or scene.is_on("CI")
    return install.manager == "pnpm" and scene.is_on("CI") and not install.has("--no-frozen-lockfile")


def _production(scene: Scene) -> bool:
    install = scene.install
    left_out = install.options.get("--omit", ())
    if "dev" in left_out or install.has("--production", "--prod", "-P"):
        return True
    if install.option("--only") in _PRODUCTION:
        return True
    return scene.env("NODE_ENV") == "production" and "dev" not in install.options.get("--include", ())


def _dependencies(content: str, *, production: bool) -> Mapping[str, str] | None:
    """What package.json depends on; None where it cannot be understood."""
    try:
        table: Any = json.loads(content)
        sections = ["dependencies", "optionalDependencies"] + ([] if production else ["devDependencies"])
        return {name: str(version) for section in sections for name, version in (table.get(section) or {}).items()}
    except (ValueError, AttributeError, RecursionError):
        return None


def _line_of(file: Found, package: str) -> Place:
    at = file.content.find(f'"{package}"')
    line = file.line + file.content.count("\n", 0, at) if at >= 0 else None
    text = file.content[at:].partition("\n")[0].strip().rstrip(",") if at >= 0 else None
    return Place(file=file.name, line=line, text=text)

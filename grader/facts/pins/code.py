"""How firmly packages of Ruby, Go and Rust are named: gem and bundle, go, cargo."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from grader.facts.pins.files import Found, Lost
from grader.facts.pins.model import Taken, Tier
from grader.facts.pins.scene import COMMIT, Scene, is_version
from grader.verdict import Place

_GEM_EXACT = re.compile(r"=?\s*[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z.-]+)?")
_GEM_LINE = re.compile(r"\s*gem\s*\(?\s*[\"']([^\"']+)[\"'](.*)")
_GO_COMMIT = re.compile(r"[0-9a-f]{12,40}")
_REWRITES = "it takes the newest versions that the manifest allows"


def ruby(scene: Scene) -> Iterator[Taken]:
    """Everything that one run of gem or bundle takes."""
    install = scene.install
    if install.has("--local"):
        return
    if install.action == "update" or (install.action == "lock" and not install.has("--local")):
        yield scene.take(scene.whole(), Tier.NONE, _REWRITES)
        return
    version = install.option("--version")
    for package in install.packages:
        if package.local:
            continue
        if not package.known:
            yield scene.take(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
            continue
        name, _, own = package.text.partition(":")
        yield _ruby_gem(scene, name, own or version)
    implied = {use.kind: use.path for use in install.files}
    if "manifest" in implied:
        yield from _gemfile(scene, implied["manifest"])


def _ruby_gem(scene: Scene, name: str, version: str, place: Place | None = None) -> Taken:
    if _GEM_EXACT.fullmatch(version.strip()):
        return scene.take(f"{name} {version}", Tier.VERSION, place=place)
    why = f"{version} leaves the version open" if version else "the newest version is taken"
    return scene.take(name, Tier.NONE, why, place)


def _gemfile(scene: Scene, path: str) -> Iterator[Taken]:
    """bundle install: Bundler keeps to a Gemfile.lock as long as it fits the Gemfile."""
    lock = scene.read(f"{path}.lock")
    if isinstance(lock, Found) and re.search(r"^(GEM|PATH|GIT|DEPENDENCIES)$", lock.content, re.MULTILINE):
        yield scene.take(scene.whole(), Tier.VERSION)
        return
    file = scene.read(path)
    if isinstance(file, Lost):
        yield scene.lost(file, scene.whole())
        return
    for number, line in enumerate(file.content.splitlines()):
        match = _GEM_LINE.match(line)
        if not match or re.search(r"\bpath:|:path\s*=>", match[2]):
            continue
        place = Place(file=file.name, line=file.line + number, text=line.strip())
        if re.search(r"\b(git|github):|:git(hub)?\s*=>", match[2]):
            exact = re.search(r"ref(?::|\s*=>)\s*[\"']([0-9a-f]{40})[\"']", match[2])
            yield scene.take(
                match[1], Tier.DIGEST if exact else Tier.NONE, "" if exact else "it names no commit", place
            )
            continue
        version = re.match(r"\s*,\s*[\"']([^\"']*)[\"']", match[2])
        yield _ruby_gem(scene, match[1], version[1] if version else "", place)


def go(scene: Scene) -> Iterator[Taken]:
    """Everything that one run of go takes. go.mod names exact versions, and go.sum what they hash to."""
    install = scene.install
    if (
        "vendor" in (install.option("-mod"), scene.env("GOFLAGS").partition("-mod=")[2])
        or scene.env("GOPROXY") == "off"
    ):
        return
    action = install.action
    modules = [package for package in install.packages if not package.local and not package.text.endswith(".go")]
    for package in modules:
        if not package.known:
            yield scene.take(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
            continue
        name, at, version = package.text.partition("@")
        if is_version(version) and version.startswith("v"):
            yield scene.take(package.text, Tier.VERSION)
        elif at and _GO_COMMIT.fullmatch(version):
            yield scene.take(package.text, Tier.DIGEST)
        elif at:
            yield scene.take(package.text, Tier.NONE, f"{version or 'nothing'} is no exact version")
        elif "." in name.partition("/")[0] and not (action == "install" and isinstance(scene.read("go.mod"), Found)):
            yield scene.take(package.text, Tier.NONE, "the newest version is taken")
    if not modules:
        yield from _module(scene)


def _module(scene: Scene) -> Iterator[Taken]:
    module, sums = scene.read("go.mod"), scene.read("go.sum")
    if isinstance(module, Lost):
        # Without go.mod nothing is fetched: the build fails on the first import that is not Go's own. But one that is
        # made on the way is filled with the newest of everything.
        made = module.why.startswith("line ")
        if made or scene.install.action == "mod tidy":
            yield scene.take(scene.whole(), Tier.NONE, "it takes the newest versions there are")
        elif not module.absent and not module.why.startswith("no step"):
            yield scene.lost(module, scene.whole())
        return
    outside = re.search(r"^\s*(require\s+)?[\w.-]+\.[\w.-]+/\S+\s+v[0-9]", module.content, re.MULTILINE)
    held = isinstance(sums, Found)
    if scene.install.action in ("mod tidy", "get") and not (held and scene.install.action == "get"):
        yield scene.take(scene.whole(), Tier.NONE, "it adds and changes versions as it finds them")
    elif outside:
        yield scene.take(scene.whole(), Tier.DIGEST if held else Tier.VERSION)


def cargo(scene: Scene) -> Iterator[Taken]:
    """Everything that one run of cargo takes. Only --locked keeps it to Cargo.lock."""
    install = scene.install
    if install.has("--offline", "--frozen") or scene.is_on("CARGO_NET_OFFLINE"):
        return
    if any(word.text == "chef" for word in install.command.args[:2]):
        return  # it builds what Cargo.lock says ahead of the `cargo build` that is judged
    if install.action == "update":
        yield scene.take(scene.whole(), Tier.NONE, _REWRITES)
        return
    for package in install.packages:
        if not package.known:
            yield scene.take(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
        elif not package.local:
            yield _crate(scene, package.text)
    if not install.packages and install.action != "add":
        yield from _workspace(scene)


def _crate(scene: Scene, text: str) -> Taken:
    install = scene.install
    if "://" in text:
        exact = bool(COMMIT.fullmatch(install.option("--rev")))
        return scene.take(text, Tier.DIGEST if exact else Tier.NONE, "" if exact else "it names no commit")
    name, _, version = text.partition("@")
    version = version or install.option("--version") or install.option("--vers")
    # `cargo install` takes a bare version for that one, `cargo add` for that one or a newer compatible one.
    exact = is_version(version) and (install.action == "install" or version.startswith("="))
    why = f"{version} leaves the version open" if version else "the newest version is taken"
    return scene.take(f"{name} {version}".strip(), Tier.VERSION if exact else Tier.NONE, "" if exact else why)


def _workspace(scene: Scene) -> Iterator[Taken]:
    install = scene.install
    folder = install.option("--path") or "."
    if install.option("--manifest-path"):
        folder = install.option("--manifest-path").rpartition("/")[0] or "."
    lock = scene.read(f"{folder}/Cargo.lock")
    path = scene.path(f"{folder}/Cargo.lock")
    if isinstance(lock, Found) and (install.has("--locked") or path in scene.memory.held):
        scene.memory.held.add(path)
        yield scene.take(scene.whole(), Tier.DIGEST)
        return
    manifest = scene.read(f"{folder}/Cargo.toml")
    if isinstance(manifest, Lost):
        yield scene.lost(manifest, scene.whole())
        return
    wanted = _crates(manifest.content)
    if wanted is None or (wanted and not all(_crate_is_exact(value) for value in wanted)):
        why = "nothing makes it keep to Cargo.lock" if isinstance(lock, Found) else "there is no Cargo.lock to keep to"
        yield scene.take(scene.whole(), Tier.NONE, why)
    elif wanted:
        yield scene.take(scene.whole(), Tier.VERSION)


def _crates(content: str) -> list[Any] | None:
    """What Cargo.toml takes from outside; None for a workspace, whose members say it."""
    try:
        table = tomllib.loads(content)
    except (ValueError, RecursionError):
        return None
    if "workspace" in table:
        return None
    found: list[Any] = []
    for part in (table, *(part for part in table.get("target", {}).values() if isinstance(part, Mapping))):
        for section in ("dependencies", "build-dependencies", "dev-dependencies"):
            values = part.get(section, {})
            found += [value for value in values.values() if not (isinstance(value, Mapping) and "path" in value)]
    return found


def _crate_is_exact(value: Any) -> bool:
    if isinstance(value, Mapping):
        if "git" in value:
            return bool(COMMIT.fullmatch(str(value.get("rev", ""))))
        value = value.get("version", "")
    return str(value).strip().startswith("=") and is_version(str(value).replace(" ", ""))

"""Find how firmly packages of Ruby, Go and Rust are pinned: gem and bundle, go, cargo."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from grader.facts.pins.context_files import Found, Unknown
from grader.facts.pins.install_context import COMMIT, InstallContext, is_version
from grader.facts.pins.model import Dependency, Tier
from grader.verdict import Place

_GEM_EXACT = re.compile(r"=?\s*[0-9]+(?:\.[0-9A-Za-z]+)*(?:-[0-9A-Za-z.-]+)?")
_GEM_LINE = re.compile(r"\s*gem\s*(?:\(\s*)?[\"']([^\"']+)[\"'](.*)")
_GO_REQUIRE = re.compile(r"^[^\S\n]*(?:require\s+)?(?=[\w.-]+\.[\w.-])[\w.-]+/\S+\s+v[0-9]", re.MULTILINE)
_GO_COMMIT = re.compile(r"[0-9a-f]{12,40}")
_REWRITES = "it takes the newest versions that the manifest allows"


def ruby(context: InstallContext) -> Iterator[Dependency]:
    """The dependencies of one run of gem or bundle."""
    install = context.install
    if install.has("--local"):
        return
    if install.action == "update" or (install.action == "lock" and not install.has("--local")):
        yield context.dependency(context.whole(), Tier.NONE, _REWRITES)
        return
    version = install.option("--version")
    for package in install.packages:
        if package.local:
            continue
        if not package.known:
            yield context.dependency(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
            continue
        name, _, own = package.text.partition(":")
        yield _ruby_gem(context, name, own or version)
    implied = {use.kind: use.path for use in install.files}
    if "manifest" in implied:
        yield from _gemfile(context, implied["manifest"])


def _ruby_gem(context: InstallContext, name: str, version: str, place: Place | None = None) -> Dependency:
    if _GEM_EXACT.fullmatch(version.strip()):
        return context.dependency(f"{name} {version}", Tier.VERSION, place=place)
    why = f"{version} leaves the version open" if version else "the newest version is taken"
    return context.dependency(name, Tier.NONE, why, place)


def _gemfile(context: InstallContext, path: str) -> Iterator[Dependency]:
    """The dependencies of `bundle install`. Bundler follows Gemfile.lock as long as it fits the Gemfile."""
    lock = context.read(f"{path}.lock")
    if isinstance(lock, Found) and re.search(r"^(GEM|PATH|GIT|DEPENDENCIES)$", lock.content, re.MULTILINE):
        yield context.dependency(context.whole(), Tier.VERSION)
        return
    file = context.read(path)
    if isinstance(file, Unknown):
        yield context.unreadable(file, context.whole())
        return
    for number, line in enumerate(file.content.splitlines()):
        match = _GEM_LINE.match(line)
        if not match or re.search(r"\bpath:|:path\s*=>", match[2]):
            continue
        place = Place(file=file.name, line=file.line + number, text=line.strip())
        if re.search(r"\b(git|github):|:git(hub)?\s*=>", match[2]):
            exact = re.search(r"ref(?::|\s*=>)\s*[\"']([0-9a-f]{40})[\"']", match[2])
            yield context.dependency(
                match[1], Tier.DIGEST if exact else Tier.NONE, "" if exact else "it names no commit", place
            )
            continue
        version = re.match(r"\s*,\s*[\"']([^\"']*)[\"']", match[2])
        yield _ruby_gem(context, match[1], version[1] if version else "", place)


def go(context: InstallContext) -> Iterator[Dependency]:
    """The dependencies of one run of go. go.mod gives exact versions, and go.sum their hashes."""
    install = context.install
    if (
        "vendor" in (install.option("-mod"), context.env("GOFLAGS").partition("-mod=")[2])
        or context.env("GOPROXY") == "off"
    ):
        return
    action = install.action
    modules = [package for package in install.packages if not package.local and not package.text.endswith(".go")]
    for package in modules:
        if not package.known:
            yield context.dependency(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
            continue
        name, at, version = package.text.partition("@")
        if is_version(version) and version.startswith("v"):
            yield context.dependency(package.text, Tier.VERSION)
        elif at and _GO_COMMIT.fullmatch(version):
            yield context.dependency(package.text, Tier.DIGEST)
        elif at:
            yield context.dependency(
                package.text, Tier.NONE, f"{version} is not an exact version" if version else "it names no version"
            )
        elif "." in name.partition("/")[0] and not (action == "install" and isinstance(context.read("go.mod"), Found)):
            yield context.dependency(package.text, Tier.NONE, "the newest version is taken")
    if not modules:
        yield from _module(context)


def _module(context: InstallContext) -> Iterator[Dependency]:
    module, sums = context.read("go.mod"), context.read("go.sum")
    if isinstance(module, Unknown):
        # Without go.mod nothing is fetched: the build fails on the first import from outside the standard library. But
        # a go.mod that the build itself creates is filled with the newest version of everything.
        made = module.why.startswith("line ")
        if made or context.install.action == "mod tidy":
            yield context.dependency(context.whole(), Tier.NONE, "it takes the newest versions there are")
        elif not module.absent and not module.why.startswith("no step"):
            yield context.unreadable(module, context.whole())
        return
    outside = _GO_REQUIRE.search(module.content)
    held = isinstance(sums, Found)
    if context.install.action in ("mod tidy", "get") and not (held and context.install.action == "get"):
        yield context.dependency(context.whole(), Tier.NONE, "it adds and changes versions during the build")
    elif outside:
        yield context.dependency(context.whole(), Tier.DIGEST if held else Tier.VERSION)


def cargo(context: InstallContext) -> Iterator[Dependency]:
    """The dependencies of one run of cargo. Only with --locked does it follow Cargo.lock in every case."""
    install = context.install
    if install.has("--offline", "--frozen") or context.is_on("CARGO_NET_OFFLINE"):
        return
    if any(word.text == "chef" for word in install.command.args[:2]):
        return  # it builds what Cargo.lock lists, before the `cargo build` that is judged
    if install.action == "update":
        yield context.dependency(context.whole(), Tier.NONE, _REWRITES)
        return
    for package in install.packages:
        if not package.known:
            yield context.dependency(package.raw, Tier.NONE, "only the build can tell what it is", shown=False)
        elif not package.local:
            yield _crate(context, package.text)
    if not install.packages and install.action != "add":
        yield from _workspace(context)


def _crate(context: InstallContext, text: str) -> Dependency:
    install = context.install
    if "://" in text:
        exact = bool(COMMIT.fullmatch(install.option("--rev")))
        return context.dependency(text, Tier.DIGEST if exact else Tier.NONE, "" if exact else "it names no commit")
    name, _, version = text.partition("@")
    version = version or install.option("--version") or install.option("--vers")
    # A bare version is exact for `cargo install`; for `cargo add` it also allows newer compatible ones.
    exact = is_version(version) and (install.action == "install" or version.startswith("="))
    why = f"{version} leaves the version open" if version else "the newest version is taken"
    return context.dependency(f"{name} {version}".strip(), Tier.VERSION if exact else Tier.NONE, "" if exact else why)


def _workspace(context: InstallContext) -> Iterator[Dependency]:
    install = context.install
    folder = install.option("--path") or "."
    if install.option("--manifest-path"):
        folder = install.option("--manifest-path").rpartition("/")[0] or "."
    lock = context.read(f"{folder}/Cargo.lock")
    path = context.path(f"{folder}/Cargo.lock")
    if isinstance(lock, Found) and (install.has("--locked") or context.state.is_held(path)):
        context.state.hold(path)
        yield context.dependency(context.whole(), Tier.DIGEST)
        return
    manifest = context.read(f"{folder}/Cargo.toml")
    if isinstance(manifest, Unknown):
        yield context.unreadable(manifest, context.whole())
        return
    wanted = _crates(manifest.content)
    if wanted is None or (wanted and not all(_crate_is_exact(value) for value in wanted)):
        why = "nothing makes it keep to Cargo.lock" if isinstance(lock, Found) else "there is no Cargo.lock"
        yield context.dependency(context.whole(), Tier.NONE, why)
    elif wanted:
        yield context.dependency(context.whole(), Tier.VERSION)


def _crates(content: str) -> list[Any] | None:
    """The dependencies in Cargo.toml; None for a workspace, whose members list them."""
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

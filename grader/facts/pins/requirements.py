"""Python requirements, one by one and in files, as pip and uv read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from grader.facts.pins.model import Tier

_NAME = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*(.*)", re.DOTALL)
_EXACT = re.compile(r"={2,3}\s*([A-Za-z0-9][A-Za-z0-9.!+_-]*)")
_HASH_FRAGMENT = re.compile(r"(?:^|&)sha(?:256=[0-9a-f]{64}|384=[0-9a-f]{96}|512=[0-9a-f]{128})(?:&|$)", re.IGNORECASE)
_HASH_OPTION = re.compile(r"\s--hash[=\s]\s*sha(?:256|384|512):[0-9A-Fa-f]+")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.IGNORECASE)
_VCS = ("git+", "hg+", "svn+", "bzr+")
_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_OPTION = re.compile(r"(--[a-z-]+|-[a-zA-Z])\s*=?\s*(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")


class Source(StrEnum):
    """Where a requirement comes from."""

    INDEX = "index"
    URL = "url"
    VCS = "vcs"
    LOCAL = "local"


@dataclass(frozen=True)
class Requirement:
    """One requirement. `name` is normalised ("" where only the package itself can tell), `tier` how firmly it is named,
    `why` what keeps it from being exact."""

    text: str
    name: str
    source: Source
    tier: Tier
    why: str = ""
    extras: tuple[str, ...] = ()
    path: str = ""
    """LOCAL: the file or folder."""


@dataclass(frozen=True)
class Line:
    """One logical line of a requirements file; `number` is that of its first physical line."""

    number: int
    text: str
    option: str = ""
    """`-r`, `-c`, `-e` or another option that stands for the whole line."""
    value: str = ""
    requirement: Requirement | None = field(default=None)


def normal_name(name: str) -> str:
    """The name that all spellings of a package share: lower case, runs of -_. as one dash."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_requirement(text: str) -> Requirement:
    """What one argument of `pip install`, or one line of a file without its comment, asks for."""
    text = text.strip()
    hashed = bool(_HASH_OPTION.search(text))
    bare = re.split(r"\s--", text, maxsplit=1)[0].strip()
    bare, _, _ = bare.partition(" ;")
    name, extras, rest = _split(bare)
    url = rest[1:].strip() if rest.startswith("@") else bare if _is_url(bare) else ""
    if url:
        return _from_url(text, name if rest.startswith("@") else "", extras, url, hashed)
    if _is_local(bare):
        path, _, wanted = bare.partition("[")
        return Requirement(text, "", Source.LOCAL, Tier.VERSION, extras=_extras(wanted.rstrip("]")), path=path)
    if not name:
        return Requirement(text, "", Source.INDEX, Tier.NONE, "it is not readable as a requirement")
    specifier = rest.partition(";")[0].strip().strip("()")
    tier, why = _specifier(specifier)
    if tier is Tier.VERSION and hashed:
        tier = Tier.DIGEST
    return Requirement(text, normal_name(name), Source.INDEX, tier, why, extras)


_OTHER_SYSTEM = re.compile(
    r";\s*(?:(?:sys_platform|platform_system|os_name)\s*==\s*[\"'](?!linux|Linux|posix)[^\"']*[\"']"
    r"|(?:sys_platform|platform_system|os_name)\s*!=\s*[\"'](?:linux|Linux|posix)[\"']"
    r"|python(?:_full)?_version\s*<=?\s*[\"'](?:2|3\.[0-7](?![0-9]))[^\"']*[\"'])\s*(?:and\b.*)?$"
)


def never_on_linux(text: str) -> bool:
    """Whether a requirement's marker plainly keeps it from being installed in an image: it wants another system, or a
    Python that is long gone."""
    return bool(_OTHER_SYSTEM.search(re.split(r"\s--", text, maxsplit=1)[0].strip()))


def _split(text: str) -> tuple[str, tuple[str, ...], str]:
    match = _NAME.fullmatch(text)
    return (match[1], _extras(match[2] or ""), match[3].strip()) if match else ("", (), text)


def _extras(text: str) -> tuple[str, ...]:
    return tuple(normal_name(part.strip()) for part in text.split(",") if part.strip())


def _specifier(text: str) -> tuple[Tier, str]:
    if not text:
        return Tier.NONE, "any version will do"
    for part in text.split(","):
        if _EXACT.fullmatch(part.strip()):
            return Tier.VERSION, ""
    return Tier.NONE, f"{text} leaves the version open"


def _is_url(text: str) -> bool:
    return text.startswith(_VCS) or bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text)) or text.startswith("file:")


def _is_local(text: str) -> bool:
    path = text.partition("[")[0]
    return path in (".", "..") or "/" in path or path.lower().endswith(_ARCHIVES)


def _from_url(text: str, name: str, extras: tuple[str, ...], url: str, hashed: bool) -> Requirement:
    address, _, fragment = url.partition("#")
    name = normal_name(name or _egg(fragment))
    if address.startswith("file:"):
        path = re.sub(r"^file:(//(localhost)?)?", "", address)
        return Requirement(text, name, Source.LOCAL, Tier.VERSION, extras=extras, path=path)
    if address.startswith(_VCS):
        revision = address.rpartition("/")[2].rpartition("@")[2] if "@" in address.rpartition("/")[2] else ""
        if _COMMIT.fullmatch(revision):
            return Requirement(text, name, Source.VCS, Tier.DIGEST, extras=extras)
        why = f"{revision} is a branch or a tag, which can move" if revision else "it names no commit"
        return Requirement(text, name, Source.VCS, Tier.NONE, why, extras)
    if hashed or _HASH_FRAGMENT.search(fragment):
        return Requirement(text, name, Source.URL, Tier.DIGEST, extras=extras)
    return Requirement(text, name, Source.URL, Tier.NONE, "nothing says what the file must hash to", extras)


def _egg(fragment: str) -> str:
    match = re.search(r"(?:^|&)egg=([A-Za-z0-9._-]+)", fragment)
    return match[1] if match else ""


def read_lines(text: str) -> Iterator[Line]:
    """The lines of a requirements file, continuations joined and comments gone."""
    for number, joined in _logical(text):
        line = _COMMENT.sub("", joined).strip()
        if not line:
            continue
        match = _OPTION.fullmatch(line) if line.startswith("-") else None
        if match:
            yield Line(number, line, _LONG.get(match[1], match[1]), match[2].strip().strip("\"'"))
        else:
            yield Line(number, line, requirement=_with_variables(parse_requirement(line)))


def _with_variables(requirement: Requirement) -> Requirement:
    # pip replaces ${NAME} from the environment of the build, which the file cannot tell.
    if requirement.source is Source.INDEX and _VARIABLE.search(requirement.text.partition(";")[0]):
        return Requirement(requirement.text, requirement.name, Source.INDEX, Tier.NONE, "it hangs on a variable")
    return requirement


_LONG = {
    "--requirement": "-r",
    "--constraint": "-c",
    "--editable": "-e",
    "--no-index": "--no-index",
}


def _logical(text: str) -> Iterator[tuple[int, str]]:
    collected, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first or number
        # A comment ends at the line's end, also where a backslash stands there.
        if line.endswith("\\") and not re.match(r"\s*#", line):
            collected += line[:-1]
            continue
        yield first, collected + line
        collected, first = "", 0
    if collected:
        yield first, collected

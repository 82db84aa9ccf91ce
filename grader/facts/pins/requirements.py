"""Read Python requirements, single ones and files, as pip and uv do.

`packaging` reads names, versions, specifiers and markers. What only pip defines is read here: lines and their options,
addresses, files and folders.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from grader.facts.pins.model import Tier

if TYPE_CHECKING:
    from packaging.specifiers import Specifier

MAX_LENGTH = 20_000
"""The most characters of a requirement, without its hashes and other options."""
_HASH_FRAGMENT = re.compile(r"(?:^|&)sha(?:256=[0-9a-f]{64}|384=[0-9a-f]{96}|512=[0-9a-f]{128})(?:&|$)", re.IGNORECASE)
_HASH_OPTION = re.compile(r"\s--hash[=\s]\s*sha(?:256|384|512):[0-9A-Fa-f]+")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.IGNORECASE)
_VCS = ("git+", "hg+", "svn+", "bzr+")
_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
_COMMENT = re.compile(r"(?:^|\s)#")
_OPTION = re.compile(r"(--[a-z-]+|-[a-zA-Z])\s*=?\s*(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")


class Source(StrEnum):
    """The source of a requirement."""

    INDEX = "index"
    URL = "url"
    VCS = "vcs"
    LOCAL = "local"


@dataclass(frozen=True)
class Requirement:
    """One requirement.

    `name` is normalised; "" if only the package itself has it. `tier` is how firmly it is pinned, and `why` what keeps
    it from being exact.
    """

    text: str
    name: str
    source: Source
    tier: Tier
    why: str = ""
    extras: tuple[str, ...] = ()
    path: str = ""
    """For LOCAL: the file or folder."""
    marker: str = ""
    """The marker of the environments that it is installed in, as `packaging` writes it; "" for all."""
    specifier: str = ""
    """For INDEX: the versions that meet it; "" for any."""
    version: str = ""
    """The only version that meets it, if there is one and it is known."""

    def is_met_by(self, pin: Requirement) -> bool:
        """Whether the version that `pin` pins meets this requirement. An unknown version does."""
        from packaging.specifiers import SpecifierSet

        try:
            return not pin.version or SpecifierSet(self.specifier).contains(pin.version, prereleases=True)
        except ValueError:  # a number with thousands of digits
            return False


@dataclass(frozen=True)
class Line:
    """One logical line of a requirements file. `number` is the number of its first physical line."""

    number: int
    text: str
    option: str = ""
    """`-r`, `-c`, `-e` or another option that takes the whole line."""
    value: str = ""
    requirement: Requirement | None = field(default=None)


def normal_name(name: str) -> str:
    """The normalised name of a package, the same for all its spellings."""
    from packaging.utils import canonicalize_name

    return canonicalize_name(name)


def parse_requirement(text: str) -> Requirement:
    """Parse one argument of `pip install`, or one line of a file without its comment."""
    text = text.strip()
    # pip reads the first word that begins with a dash as an option. In an address, a semicolon belongs to the address.
    bare = re.split(r"\s-", text, maxsplit=1)[0].strip()
    asked, _, condition = bare.partition("; " if _is_url(bare) else ";")
    unreadable = Requirement(text, "", Source.INDEX, Tier.NONE, "it cannot be read as a requirement")
    if len(bare) > MAX_LENGTH:
        return unreadable
    try:
        marker = read_marker(condition)
        return replace(_unconditional(text, asked.strip(), bool(_HASH_OPTION.search(text))), marker=marker)
    except (ValueError, RecursionError):
        return unreadable


def read_marker(text: str) -> str:
    """The marker as `packaging` writes it; "" for none. Raises ValueError or RecursionError if it is not readable."""
    from packaging.markers import Marker

    return str(Marker(text)) if text.strip() else ""


def exact_version(text: str) -> str:
    """The version as indexes write it; "" if the text is not a version."""
    from packaging.version import Version

    try:
        return str(Version(text))
    except ValueError:
        return ""


def _unconditional(text: str, asked: str, hashed: bool) -> Requirement:
    """The requirement without its marker. Raises ValueError if it is not readable."""
    from packaging import requirements

    if _is_url(asked):
        return _from_url(text, "", (), asked, hashed)
    if not re.match(r"[^/]*@", asked) and _is_local(asked):
        path, _, wanted = asked.partition("[")
        name, version = _of_wheel(path)
        extras = tuple(normal_name(part.strip()) for part in wanted.rstrip("]").split(",") if part.strip())
        return Requirement(text, name, Source.LOCAL, Tier.VERSION, extras=extras, path=path, version=version)
    read = requirements.Requirement(asked)
    extras = tuple(sorted(map(normal_name, read.extras)))
    if read.url:
        return _from_url(text, read.name, extras, read.url, hashed)
    version = next((one.version for one in read.specifier if _is_exact(one)), "")
    tier, why = Tier.DIGEST if hashed else Tier.VERSION, ""
    if not version:
        tier = Tier.NONE
        why = f"{read.specifier} leaves the version open" if read.specifier else "any version will do"
    return Requirement(
        text,
        normal_name(read.name),
        Source.INDEX,
        tier,
        why,
        extras,
        specifier=str(read.specifier),
        version=version,
    )


def _is_exact(specifier: Specifier) -> bool:
    return specifier.operator == "===" or (specifier.operator == "==" and not specifier.version.endswith(".*"))


def _of_wheel(path: str) -> tuple[str, str]:
    """The name and version in the file name of a wheel; "" for any other file."""
    from packaging.utils import parse_wheel_filename

    try:
        name, version, *_ = parse_wheel_filename(path.rpartition("/")[2])
    except ValueError:
        return "", ""
    return name, str(version)


def _is_url(text: str) -> bool:
    return text.startswith(_VCS) or bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text)) or text.startswith("file:")


def _is_local(text: str) -> bool:
    path = text.partition("[")[0]
    return path in (".", "..") or "/" in path or path.lower().endswith(_ARCHIVES)


def _from_url(text: str, name: str, extras: tuple[str, ...], url: str, hashed: bool) -> Requirement:
    address, _, fragment = url.partition("#")
    wheel, version = _of_wheel(address)
    name = normal_name(name or _egg(fragment) or wheel)
    if address.startswith("file:"):
        path = re.sub(r"^file:(//(localhost)?)?", "", address)
        return Requirement(text, name, Source.LOCAL, Tier.VERSION, extras=extras, path=path, version=version)
    if address.startswith(_VCS):
        revision = address.rpartition("/")[2].rpartition("@")[2] if "@" in address.rpartition("/")[2] else ""
        if _COMMIT.fullmatch(revision):
            return Requirement(text, name, Source.VCS, Tier.DIGEST, extras=extras)
        why = f"{revision} is a branch or a tag, which can move" if revision else "it names no commit"
        return Requirement(text, name, Source.VCS, Tier.NONE, why, extras)
    if hashed or _HASH_FRAGMENT.search(fragment):
        return Requirement(text, name, Source.URL, Tier.DIGEST, extras=extras, version=version)
    return Requirement(text, name, Source.URL, Tier.NONE, "nothing says which hash the file must have", extras)


def _egg(fragment: str) -> str:
    match = re.search(r"(?:^|&)egg=([A-Za-z0-9._-]+)", fragment)
    return match[1] if match else ""


def read_lines(text: str) -> Iterator[Line]:
    """The lines of a requirements file, with continuations joined and without comments."""
    for number, joined in _logical(text):
        line = _COMMENT.split(joined, maxsplit=1)[0].strip()
        if not line:
            continue
        match = _OPTION.fullmatch(line) if line.startswith("-") else None
        if match:
            yield Line(number, line, _LONG.get(match[1], match[1]), match[2].strip().strip("\"'"))
        else:
            yield Line(number, line, requirement=_with_variables(parse_requirement(line)))


def _with_variables(requirement: Requirement) -> Requirement:
    # pip replaces ${NAME} from the environment of the build, which the file does not contain.
    before, _, marker = requirement.text.partition(";")
    if _VARIABLE.search(marker) or (requirement.source is Source.INDEX and _VARIABLE.search(before)):
        return Requirement(requirement.text, requirement.name, Source.INDEX, Tier.NONE, "it depends on a variable")
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
        # A comment ends with its line, even after a backslash. A comment may also follow a continued line.
        comment = re.match(r"\s*#", line)
        if line.endswith("\\") and not comment:
            collected += line[:-1]
            continue
        yield first, f"{collected} {line}" if comment else collected + line
        collected, first = "", 0
    if collected:
        yield first, collected

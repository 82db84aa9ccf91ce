"""Names of packages (package URLs, `pkg:pypi/flask@2.2.2`), made the same whichever tool wrote them."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

NO_PACKAGES = ("oci", "docker", "generic", "github")
"""Types that name an image, a file or a source: nothing that is installed."""
_DISTRIBUTIONS = ("deb", "rpm", "apk", "alpm")


class Package(NamedTuple):
    """A package. `type` is empty where it is not known."""

    type: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def parse(text: str) -> Package | None:
    """The package that a URL names; None where it is none, or names no version or nothing that is installed.

    A distribution's name is left out, tools differ about it; an epoch is put before the version, where dpkg has it.
    """
    scheme, _, rest = text.strip().partition(":")
    rest, _, query = rest.partition("#")[0].partition("?")
    path, at, version = rest.strip("/").rpartition("@")
    kind, _, name = path.partition("/")
    kind, name, version = kind.lower(), unquote(name).strip("/"), unquote(version)
    if scheme.lower() != "pkg" or not at or not name or not version or kind in NO_PACKAGES:
        return None
    epoch = parse_qs(query).get("epoch", [""])[0]
    if epoch not in ("", "0") and not version.startswith(f"{epoch}:"):
        version = f"{epoch}:{version}"
    return Package(kind, *_plain(kind, name, version))


def of(ecosystem: str, name: str, version: str) -> Package:
    """A package with no URL: of that type, or of none that is known."""
    return Package(ecosystem, *_plain(ecosystem, name, version))


def _plain(kind: str, name: str, version: str) -> tuple[str, str]:
    name = name.lower()
    if kind == "pypi":
        return re.sub(r"[-_.]+", "-", name), version
    if kind == "golang":
        return name, version.removeprefix("v")
    if kind in _DISTRIBUTIONS:
        return name.rpartition("/")[2], version.removeprefix("0:")
    return name, version

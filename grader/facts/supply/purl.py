"""Names of packages (package URLs, `pkg:pypi/flask@2.2.2`), in one form whichever tool wrote them."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs, unquote

NO_PACKAGES = ("oci", "docker", "generic", "github")
"""Types of images, files and sources, which are not installed."""
_DISTRIBUTIONS = ("deb", "rpm", "apk", "alpm")


class Package(NamedTuple):
    """A package. `type` is empty if it is not known."""

    type: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def parse(text: str) -> Package | None:
    """Return the package that a URL names, and None if it is no package URL, or names no version or nothing installed.

    The name of the distribution is dropped, since tools differ in it. An epoch is put before the version, as in dpkg.
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
    """Return a package of that type ("" if it is not known) for a tool that gave no URL."""
    return Package(ecosystem, *_plain(ecosystem, name, version))


def _plain(kind: str, name: str, version: str) -> tuple[str, str]:
    from packaging.utils import canonicalize_name

    name = name.lower()
    if kind == "pypi":
        return canonicalize_name(name), version
    if kind == "golang":
        return name, version.removeprefix("v")
    if kind in _DISTRIBUTIONS:
        return name.rpartition("/")[2], version.removeprefix("0:")
    return name, version

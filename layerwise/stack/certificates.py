"""The certificates that this machine trusts beyond the public ones, such as those of a corporate proxy.

If such a proxy opens and re-signs connections, a build that fetches packages fails until the image trusts it too.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import certifi

from layerwise.errors import LabError

VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
PUBLIC = Path("/usr/share/ca-certificates")
"""Where Debian and its derivatives keep the public authorities, one file each."""

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True)
class Trust:
    """What images must trust beyond the public authorities: on most machines, nothing.

    `private` holds each certificate as PEM text, in an order that does not depend on where it was found.
    """

    private: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the private certificates; empty if there are none."""
        if not self.private:
            return ""
        return hashlib.sha256("".join(self.private).encode()).hexdigest()[:16]

    def write(self, folder: Path) -> list[Path]:
        """Write each private certificate to a file NAME.crt in `folder`, as update-ca-certificates needs them."""
        files = []
        for number, text in enumerate(self.private, 1):
            file = folder / f"private-{number}.crt"
            file.write_text(text, encoding="ascii")
            file.chmod(0o644)
            files.append(file)
        return files

    def bundle(self) -> str:
        """The public authorities and the private ones as one text, for images that have no tool to join them."""
        return (
            Path(certifi.where()).read_text(encoding="ascii", errors="replace").rstrip() + "\n" + "".join(self.private)
        )


def trusted(environ: Mapping[str, str] | None = None) -> Trust:
    """What the bundles named by SSL_CERT_FILE, REQUESTS_CA_BUNDLE and PIP_CERT hold beyond the public authorities.

    Raises LabError if one of them cannot be read.
    """
    environ = os.environ if environ is None else environ
    named = {environ[name]: name for name in reversed(VARIABLES) if environ.get(name)}
    found: dict[bytes, str] = {}
    for path, name in named.items():
        file = Path(path)
        if file.is_dir():  # REQUESTS_CA_BUNDLE may name a folder of them
            texts = [_text(entry, name) for entry in sorted(file.iterdir()) if entry.suffix in {".pem", ".crt"}]
        else:
            texts = [_text(file, name)]
        for text in texts:
            found |= _certificates(text)
    if not found:
        return Trust()
    public = _public()
    return Trust(tuple(sorted(text for der, text in found.items() if der not in public)))


def _text(file: Path, variable: str) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError as problem:
        raise LabError(
            f"{variable} names {file}, which cannot be read ({problem.strerror}); correct or unset it"
        ) from None


def _certificates(text: str) -> dict[bytes, str]:
    """Each certificate in `text`: its bytes, and its PEM form in one fixed spelling."""
    found = {}
    for match in _PEM.findall(text):
        try:
            der = ssl.PEM_cert_to_DER_cert(match)
        except ValueError:
            continue
        found[der] = ssl.DER_cert_to_PEM_cert(der)
    return found


def _public() -> set[bytes]:
    files = [Path(certifi.where()), *PUBLIC.glob("*/*.crt")]
    return {der for file in files for der in _certificates(file.read_text(encoding="ascii", errors="replace"))}

"""Find secrets in bytes: planted canaries in each of their encodings, and credentials by their shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grader.canary import Canary
from grader.facts.image import credentials
from grader.lib.text import clean

LONGEST_NEEDLE = 64
HIDDEN = "[hidden]"
"""Replaces a secret wherever text is shown."""


class SecretFinder:
    """Finds the same secrets in all bytes that it is given."""

    def __init__(self, canaries: Sequence[Canary]) -> None:
        self._needles = [(needle, canary.plant.label) for canary in canaries for needle in canary.needles]
        self.values = [canary.value for canary in canaries]

    def canaries(self, data: bytes) -> Iterator[tuple[str, str, int]]:
        """Yield the canaries in the data: what was planted, its encoding, and the offset of its first piece."""
        for needle, label in self._needles:
            at = data.find(needle.data)
            if at >= 0:
                yield label, "" if needle.encoding == "as it is" else needle.encoding, at

    def hide(self, text: str) -> str:
        """Return the text with every secret in it replaced by HIDDEN, and cleaned."""
        for needle, _ in self._needles:
            if needle.data.isascii() and b"\0" not in needle.data:
                text = text.replace(needle.data.decode(), HIDDEN)
        data = text.encode("utf-8", "surrogateescape")
        for hit in sorted(credentials.find_credentials(data, settings=True), key=lambda hit: -hit.start):
            data = data[: hit.start] + HIDDEN.encode() + data[hit.end :]
        return clean(data.decode("utf-8", "replace"), 300)


class OutputScanner:
    """Looks for canaries in everything that a build prints, as it comes."""

    def __init__(self, canaries: Sequence[Canary]) -> None:
        self._finder = SecretFinder(canaries)
        self._tails: dict[str, bytes] = {}
        self.found: dict[tuple[str, str], str] = {}
        """The encoding that was found, by the digest of a step and what was planted; empty for the canary as it is."""

    def scan(self, digest: str, data: bytes) -> None:
        data = self._tails.get(digest, b"") + data
        for what, encoding, _ in self._finder.canaries(data):
            self.found.setdefault((digest, what), encoding)
        self._tails[digest] = data[-LONGEST_NEEDLE:]

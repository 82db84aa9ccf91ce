"""Numbers in words."""

from __future__ import annotations


def counted(count: int, word: str, many: str = "") -> str:
    """A count with its word: "1 file", "2,000 files"."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"

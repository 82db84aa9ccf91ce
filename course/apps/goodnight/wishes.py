"""The wish itself, by the catalogues that were compiled when the image was built."""

import gettext
from collections.abc import Iterable
from pathlib import Path

CATALOGUES = Path(__file__).parent / "catalogues"


def languages(wanted: Iterable[str]) -> list[str]:
    """What a browser asks for ("pt-PT", "de;q=0.8", ...) as names of languages, in its order."""
    tags = [item.partition(";")[0].strip() for item in wanted]
    return [tag.split("-")[0].lower() for tag in tags if tag.isascii() and tag.replace("-", "").isalpha()]


def wish(name: str, asked: Iterable[str], catalogues: Path = CATALOGUES) -> str:
    """Good night in the first language asked for that we know; in English where we know none."""
    words = gettext.translation("goodnight", catalogues, list(asked), fallback=True)
    return words.gettext("Good night, {name}.").format(name=name)

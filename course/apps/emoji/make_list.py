"""From Unicode's emoji-test.txt to a line for each emoji: python make_list.py < emoji-test.txt > emoji.txt"""

import sys
from collections.abc import Iterable, Iterator


def emoji(lines: Iterable[str]) -> Iterator[str]:
    """Each emoji once, with its name, in the file's order. Skin tones are left out."""
    for line in lines:
        _, found, rest = line.partition("; fully-qualified")
        if not found or "skin tone" in rest:
            continue
        sign, _, name = rest.partition("#")[2].split(maxsplit=2)
        yield f"{sign} {name.strip()}"


if __name__ == "__main__":
    lines = sys.stdin.buffer.read().decode().splitlines()
    sys.stdout.buffer.write("".join(f"{line}\n" for line in emoji(lines)).encode())

"""Go's filepath.Match, as far as BuildKit asks it: is a pattern malformed?"""

from __future__ import annotations


class BadPattern(ValueError):
    """A pattern that BuildKit refuses, or a regular expression that Go does."""


def check_glob(pattern: str) -> None:
    """BadPattern where BuildKit calls the pattern malformed: an unclosed class, a backslash at the end.

    BuildKit asks Go's filepath.Match whether the pattern matches `.`, only to see whether that is an error. What stands
    behind the first `*` is looked at only when what stands before it matched.
    """
    name = "."
    while pattern:
        chunk, star, pattern = _next_chunk(pattern)
        if not chunk:
            return
        rests = [_match_chunk(chunk, name)]
        if star and not _fits(rests[0], pattern):
            rests += [_match_chunk(chunk, name[skip:]) for skip in range(1, len(name) + 1)]
        found = next((rest for rest in rests if _fits(rest, pattern)), None)
        if found is None:
            return
        name = found


def _fits(rest: str | None, pattern: str) -> bool:
    return rest is not None and (not rest or bool(pattern))


def _next_chunk(pattern: str) -> tuple[str, bool, str]:
    """What stands before the next `*`, whether a `*` came first, and what is left of the pattern."""
    begin = len(pattern) - len(pattern.lstrip("*"))
    at, inside = begin, False
    while at < len(pattern) and (inside or pattern[at] != "*"):
        if pattern[at] in "[]":
            inside = pattern[at] == "["
        at += 2 if pattern[at] == "\\" else 1
    return pattern[begin:at], begin > 0, pattern[at:]


def _match_chunk(chunk: str, name: str) -> str | None:
    """What is left of `name` behind a chunk without `*`; None where it does not match. Reads all of the chunk."""
    at, failed = 0, False
    while at < len(chunk):
        char, name = name[:1], name[1:]
        match = bool(char) and char != "/"
        if chunk[at] == "[":
            at, within = _match_class(chunk, at + 1, char)
            match = bool(char) and within
        elif chunk[at] == "?":
            at += 1
        else:
            if chunk[at] == "\\":
                at += 1
                if at == len(chunk):
                    raise BadPattern("a pattern cannot end in a backslash")
            match = char == chunk[at]
            at += 1
        failed = failed or not match
    return None if failed else name


def _match_class(chunk: str, at: int, char: str) -> tuple[int, bool]:
    """Where a class ends, and whether the character is in it."""
    negated = chunk[at : at + 1] == "^"
    at += negated
    first, within = True, False
    while first or chunk[at : at + 1] != "]":
        at, low = _class_member(chunk, at)
        high = low
        if chunk[at] == "-":
            at, high = _class_member(chunk, at + 1)
        within = within or low <= char <= high
        first = False
    return at + 1, within != negated


def _class_member(chunk: str, at: int) -> tuple[int, str]:
    if chunk[at : at + 1] in ("", "-", "]"):
        raise BadPattern("a [class] of the pattern is malformed")
    if chunk[at] == "\\":
        at += 1
    if at + 1 >= len(chunk):
        raise BadPattern("a [class] of the pattern is not closed")
    return at + 1, chunk[at]

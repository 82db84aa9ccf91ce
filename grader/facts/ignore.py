r"""`.dockerignore` as BuildKit reads it: which paths of a build context are held back, and by which line.

The rules of moby/patternmatcher and of the file transfer that uses it (tonistiigi/fsutil), as seen on real builds:

- A line starting with `#` is a comment, only there; a byte order mark, blank lines and white space at both ends go.
- Patterns are cleaned as paths (`./a//b/../c` is `a/c`), a leading `/` means nothing, and they start at the context's
  root: `*.log` does not reach into folders, `**/*.log` does.
- The last line that matches a path, or a folder above it, decides; `!` lets in again, also below a folder held back.
- `*` and `?` stop at `/`, `**` does not; `[a-z]` and `[^a]` are classes. A backslash is passed on to a regular
  expression, so `app\node_modules` asks for a line break; unknown escapes and unclosed classes fail the build.

Patterns are matched in time linear in the path's length: a hostile one costs no more than another.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from grader.errors import SubmissionFault
from grader.facts.gopattern import BadPattern, Machine, check_glob, compile_pattern

MAX_BYTES = 256 * 1024
"""Bytes of an ignore file; real ones hold a few hundred."""
MAX_RULES = 2_000
"""Patterns in an ignore file: matching costs paths times patterns."""
MAX_LINE = 65_535
"""BuildKit cannot read a longer line."""

# What Go calls white space.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_WILD = set("*[]?^\\")


@dataclass(frozen=True)
class Rule:
    """One pattern of an ignore file. `keeps` is true for `!` patterns, which let in again."""

    line: int
    text: str
    """The line as written, without white space around it."""
    pattern: str
    """The cleaned pattern, without `!`."""
    keeps: bool
    file: str
    machine: Machine | BadPattern

    def matches(self, path: str) -> bool:
        """Whether the pattern matches this very path (not a folder above it).

        SubmissionFault where it is no valid pattern: BuildKit, too, finds that out only when it needs it.
        """
        if isinstance(self.machine, BadPattern):
            raise SubmissionFault(f"{self.file}, line {self.line}: {self.machine}", where=(self.file, self.line))
        return self.machine.matches(path)


@dataclass(frozen=True)
class Outcome:
    """What the rules say of a path: `held` back or not, the rule that decided (None: no rule matched), and whether
    each rule matched, which the paths below need."""

    held: bool
    rule: Rule | None
    matched: tuple[bool, ...]


class IgnoreRules:
    """The rules of one ignore file, in order."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.rules = tuple(rules)
        exceptions = [_without_tail(rule.pattern) for rule in self.rules if rule.keeps]
        # With a wildcard in an exception anything might be let in again: no folder can be passed over.
        self._prefixes = None if any(_WILD & set(text) for text in exceptions) else [text + "/" for text in exceptions]

    def judge(self, path: str, parent: Outcome | None = None) -> Outcome:
        """What becomes of a path, given what became of its folder (None at the context's root)."""
        held, decided, matched = False, None, []
        for number, rule in enumerate(self.rules):
            match = parent is not None and parent.matched[number]
            # A rule that could change nothing is not looked at, and then does not count as matched further down:
            # with `a/b` before `!a`, a/b stays out, although its folder is named by the exception.
            if not match and rule.keeps == held:
                match = rule.matches(path)
            matched.append(match)
            if match:
                if held == rule.keeps:
                    decided = rule
                held = not rule.keeps
        return Outcome(held, decided, tuple(matched))

    def passes_over(self, folder: str) -> bool:
        """Whether a folder that is held back is not even looked into, because no `!` pattern can match inside it."""
        if self._prefixes is None:
            return False
        return not any(prefix.startswith(folder + "/") for prefix in self._prefixes)

    def judge_deep(self, path: str) -> Outcome:
        """What becomes of a path, going down from the context's root as the transfer does. The path need not exist."""
        parts = path.split("/")
        outcome: Outcome | None = None
        for depth in range(1, len(parts) + 1):
            here = "/".join(parts[:depth])
            outcome = self.judge(here, outcome)
            if outcome.held and depth < len(parts) and self.passes_over(here):
                break
        assert outcome is not None
        return outcome


def parse(content: bytes, name: str = ".dockerignore") -> IgnoreRules:
    """The rules of an ignore file. SubmissionFault, with the line, where BuildKit would fail the build."""
    if len(content) > MAX_BYTES:
        raise SubmissionFault(f"{name} is larger than {MAX_BYTES // 1024} KiB", where=(name, 1))
    rules: list[Rule] = []
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if len(raw) > MAX_LINE:
            raise SubmissionFault(f"{name}, line {number}: too long for BuildKit to read", where=(name, number))
        text = raw.removesuffix(b"\r").decode("utf-8", "replace")
        if text.startswith("#") or not text.strip(_SPACE):
            continue
        try:
            rule = _rule(text.strip(_SPACE), number, name)
        except BadPattern as problem:
            raise SubmissionFault(f"{name}, line {number}: {problem}", where=(name, number)) from None
        if rule is not None:
            rules.append(rule)
        if len(rules) > MAX_RULES:
            raise SubmissionFault(f"{name} holds more than {MAX_RULES} patterns", where=(name, number))
    return IgnoreRules(rules)


def clean_path(path: str) -> str:
    """The shortest path meaning the same, as Go's filepath.Clean gives it."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _normal(text: str) -> str:
    """The pattern as the ignore file's reader hands it on: cleaned, relative, with its `!`."""
    mark = "!" if text.startswith("!") else ""
    pattern = text.removeprefix("!").strip(_SPACE)
    if pattern:
        pattern = clean_path(pattern)
    if len(pattern) > 1:
        pattern = pattern.removeprefix("/")
    return mark + pattern


def _rule(text: str, line: int, file: str) -> Rule | None:
    # The matcher reads once more what the file's reader cleaned, so that `/!x` ends as an exception.
    pattern = _normal(text).strip(_SPACE)
    if not pattern:
        return None
    pattern = clean_path(pattern)
    keeps = pattern.startswith("!")
    if keeps:
        pattern = pattern[1:]
        if not pattern:
            raise BadPattern("'!' alone is no pattern")
    if any(char < " " or char == "\x7f" for char in pattern):
        raise BadPattern("control characters cannot be sent to BuildKit")
    check_glob(pattern)
    machine: Machine | BadPattern
    try:
        machine = compile_pattern(pattern)
    except BadPattern as problem:
        machine = problem
    return Rule(line, text, pattern, keeps, file, machine)


def _without_tail(pattern: str) -> str:
    return pattern.removesuffix("/**").removesuffix("/*")

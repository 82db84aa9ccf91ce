r"""Read `.dockerignore` as BuildKit does: which paths of a build context are excluded, and by which line.

These are the rules of moby/patternmatcher and of the file transfer that uses it (tonistiigi/fsutil), as seen on real
builds:

- A line that starts with `#` is a comment. A byte order mark, blank lines, and white space at both ends are ignored.
- Patterns are cleaned as paths (`./a//b/../c` is `a/c`), and a leading `/` has no meaning. They start at the context's
  root: `*.log` does not match in folders, `**/*.log` does.
- The last line that matches a path, or a folder above it, decides. `!` includes a path again, even in an excluded
  folder.
- `*` and `?` stop at `/`, `**` does not; `[a-z]` and `[^a]` are classes. A backslash is passed on to a regular
  expression, so `app\node_modules` means a line break. Unknown escapes and unclosed classes fail the build.

The time to match a pattern is linear in the length of the path, even for a hostile pattern.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from grader.errors import SubmissionFault
from grader.facts.context.go_glob import BadPattern, check_glob
from grader.facts.context.go_pattern import Machine, compile_pattern

MAX_BYTES = 256 * 1024
"""The most bytes of an ignore file. Real ones have a few hundred."""
MAX_RULES = 2_000
"""The most patterns in an ignore file. Each path is compared with each pattern."""
MAX_LINE = 65_535
"""The most bytes of a line. BuildKit cannot read a longer one."""

# White space as Go defines it.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_WILD = set("*[]?^\\")


@dataclass(frozen=True)
class Rule:
    """One pattern of an ignore file. `keeps` is true for `!` patterns, which include paths again."""

    line: int
    text: str
    """The line as written, without white space around it."""
    pattern: str
    """The cleaned pattern, without `!`."""
    keeps: bool
    file: str
    machine: Machine | BadPattern

    def matches(self, path: str) -> bool:
        """Whether the pattern matches exactly this path (not a folder above it).

        Raises SubmissionFault if the pattern is not valid. BuildKit too notices that only when it uses the pattern.
        """
        if isinstance(self.machine, BadPattern):
            raise SubmissionFault(f"{self.file}, line {self.line}: {self.machine}", where=(self.file, self.line))
        return self.machine.matches(path)


@dataclass(frozen=True)
class IgnoreDecision:
    """What the rules decide about a path.

    `held` is whether it is excluded, `rule` the rule that decided (None if no rule matched), and `matched` tells for
    each rule whether it matched, which the paths below need.
    """

    held: bool
    rule: Rule | None
    matched: tuple[bool, ...]


class IgnoreRules:
    """The rules of one ignore file, in order."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.rules = tuple(rules)
        exceptions = [_without_tail(rule.pattern) for rule in self.rules if rule.keeps]
        # An exception with a wildcard might include anything again: then no folder can be skipped.
        self._prefixes = None if any(_WILD & set(text) for text in exceptions) else [text + "/" for text in exceptions]

    def judge(self, path: str, parent: IgnoreDecision | None = None) -> IgnoreDecision:
        """The decision about a path, given the decision about its folder (None at the context's root)."""
        held, decided, matched = False, None, []
        for number, rule in enumerate(self.rules):
            match = parent is not None and parent.matched[number]
            # A rule that would change nothing is not evaluated. So it does not count as matched further down either:
            # with `a/b` before `!a`, a/b stays excluded, although the exception names its folder.
            if not match and rule.keeps == held:
                match = rule.matches(path)
            matched.append(match)
            if match:
                if held == rule.keeps:
                    decided = rule
                held = not rule.keeps
        return IgnoreDecision(held, decided, tuple(matched))

    def passes_over(self, folder: str) -> bool:
        """Whether an excluded folder is skipped, because no `!` pattern can match inside it."""
        if self._prefixes is None:
            return False
        return not any(prefix.startswith(folder + "/") for prefix in self._prefixes)

    def judge_deep(self, path: str) -> IgnoreDecision:
        """The decision about a path, from the context's root down as the transfer goes. The path need not exist."""
        parts = path.split("/")
        outcome: IgnoreDecision | None = None
        for depth in range(1, len(parts) + 1):
            here = "/".join(parts[:depth])
            outcome = self.judge(here, outcome)
            if outcome.held and depth < len(parts) and self.passes_over(here):
                break
        assert outcome is not None
        return outcome


def parse(content: bytes, name: str = ".dockerignore") -> IgnoreRules:
    """Return the rules of an ignore file. Raises SubmissionFault, with the line, if BuildKit would fail the build."""
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
    """The shortest equivalent path, as Go's filepath.Clean gives it."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _normal(text: str) -> str:
    """The pattern as the reader of the ignore file passes it on: cleaned, relative, with its `!`."""
    mark = "!" if text.startswith("!") else ""
    pattern = text.removeprefix("!").strip(_SPACE)
    if pattern:
        pattern = clean_path(pattern)
    if len(pattern) > 1:
        pattern = pattern.removeprefix("/")
    return mark + pattern


def _rule(text: str, line: int, file: str) -> Rule | None:
    # The matcher parses the pattern again after the reader cleaned it, so that `/!x` becomes an exception.
    pattern = _normal(text).strip(_SPACE)
    if not pattern:
        return None
    pattern = clean_path(pattern)
    keeps = pattern.startswith("!")
    if keeps:
        pattern = pattern[1:]
        if not pattern:
            raise BadPattern("'!' alone is not a pattern")
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

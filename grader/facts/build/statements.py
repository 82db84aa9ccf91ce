"""Put something into a file that its reader does not mind: a statement where the language is known, else a comment.

There are several forms for each language, filled with made-up words and numbers, so no two are alike, and no pattern of
a few words finds them all. In Python and shell they also stand in different places. What a file did before, it still
does: a statement only names something that nobody uses, or does something that never happens.
"""

from __future__ import annotations

import ast
import re
import secrets

_STATEMENTS = {
    "c cc cpp cxx h hh hpp": (
        "extern int {a}_{b};",
        "extern const char *{a}_{b};",
        "extern void {a}_{b}(int {a}_{c});",
    ),
    "cs": ("internal static class {A}{B} {{ }}", "internal enum {A}{B} {{ {C} = {n} }}"),
    "css less scss": (".{a}-{b} {{ order: {n}; }}", "#{a}-{b} {{ z-index: {n}; }}"),
    "dart": ("const _{a}{B} = {n};", "const _{a}{B} = '{c}';"),
    "go": ("var _ = {n}", 'const _ = "{a} {b}"', 'var _ = "{a} {b} {n}"', "type _ struct{{ {a}{B} int }}"),
    "java": ("class {A}{B} {{ }}", "final class {A}{B} {{ }}", "interface {A}{B} {{ }}"),
    "cjs cts js jsx mjs mts ts tsx": (
        'if (Date.now() < {n}) {{\n  throw new Error("{a} {b}");\n}}',
        'if (Date.now() === {n}) {{\n  throw new TypeError("{a} {b}");\n}}',
        'if (Date.now() <= {n}) {{\n  throw new RangeError("{a}");\n}}',
    ),
    "kt": ("private val {a}{B} = {n}", 'private val {a}{B} = "{c}"', "private fun {a}{B}() = {n}"),
    "makefile mk": ("{A}_{B} = {n}", "{a}_{b} = {c}"),
    "php": ("${a}_{b} = {n};", "${a}_{b} = '{c}';", "unset(${a}_{b});"),
    "pl pm": ("my ${a}_{b} = {n};", "my @{a}_{b} = ('{c}', {n});"),
    "gemfile gemspec rake rakefile rb ru": ("_{a}_{b} = {n}", "_{a}_{b} = '{c}'", "_{a}_{b} = %w[{c} {n}]"),
    "rs": ("const _: u32 = {n};", 'const _: &str = "{a} {b}";', "const _: (u32, bool) = ({n}, true);"),
    "swift": ("private let {a}{B} = {n}", 'private let {a}{B} = "{c}"'),
}
_BY_NAME = {name: forms for names, forms in _STATEMENTS.items() for name in names.split()}
_PYTHON = (
    "_{A} = {n}",
    '_{A}_{B} = "{c}"',
    '_{A}_{B}: str = "{c} {n}"',
    '_{A} = ("{b}", {n})',
    'def _{a}_{b}() -> str:\n    return "{c} {n}"',
    "class _{A}{B}:\n    {c} = {n}",
    'if {n} < {m}:\n    raise SystemExit("{c}")',
)
_SHELL = (': "{a} {b} {n}"', ": {a} {n}", "{a}_{b}={n}", "true {a} {b} {n}", '{a}_{b}="{c} {n}"')
_SHELLS = frozenset(("ash", "bash", "dash", "ksh", "sh", "zsh"))
_COMMENTS = {
    "# {}": (
        "bash cfg conf coffee dockerfile env ex exs fish gemfile gemspec gitignore hcl in ini jl lock mk makefile nim "
        "pipfile pl pm procfile properties ps1 py pyi pyx r rake rakefile rb req requirements ru sh tcl tf toml txt "
        "yaml yml zsh ash dash ksh"
    ),
    "// {}": (
        "c cc cjs cpp cs cts cxx dart go gradle groovy h hh hpp java jenkinsfile js jsx kt kts mjs mod mts php proto "
        "rs scala scss swift ts tsx work"
    ),
    "<!-- {} -->": "csproj htm html md svg vue xhtml xml",
    "/* {} */": "css less",
    "-- {}": "hs lua sql",
    ";; {}": "clj el lisp",
    "% {}": "erl tex",
    "REM {}": "bat",
}
_COMMENT = {suffix: form for form, suffixes in _COMMENTS.items() for suffix in suffixes.split()}
"""The form of a comment, by the file's suffix, or its whole name if it has none."""
_SCRIPT = re.compile(rb"#!\s*\S*?([a-z]+)[0-9.]*(?:[ \t]+(\S*?[a-z]+)[0-9.]*)?[ \t]*\r?\n")
_END = re.compile(rb"^(?:__END__|__DATA__)\r?$", re.MULTILINE)
_BARE = ("package-info.java", "module-info.java")  # they hold no classes


def word() -> str:
    """A made-up word of four to ten letters."""
    count = 4 + secrets.randbelow(7)
    return "".join(secrets.choice("aeiou" if at % 2 else "bcdfghklmnprstvz") for at in range(count))


def number() -> int:
    """A number of three to seven digits."""
    return int(10 ** (2 + secrets.randbelow(5))) + secrets.randbelow(9 * 10**6)


def sentence() -> str:
    """Some made-up words."""
    return " ".join(word() for _ in range(3 + secrets.randbelow(4)))


def with_statement(name: str, content: bytes) -> bytes | None:
    """Return the content with one statement more; None if the file's language has none here."""
    language = _language(name, content)
    if language == "py":
        return _in_python(content)
    if language in _SHELLS:
        return _in_shell(content)
    if language not in _BY_NAME or name.endswith((".d.ts", *_BARE)):
        return None
    line = _filled(secrets.choice(_BY_NAME[language]))
    if language == "php" and (b"<?" not in content or b"?>" in content.rpartition(b"<?")[2]):
        return _appended(content, f"<?php {line} ?>")
    data = _END.search(content) if language in ("rb", "pl", "pm") else None
    if data:
        return content[: data.start()] + line.encode() + b"\n" + content[data.start() :]
    return _appended(content, line, gap=1)


def with_comment(name: str, content: bytes) -> bytes:
    """Return the content with one comment more, or with a line of words if the file's type has no comments."""
    form = _COMMENT.get(_language(name, content), "# {}" if content.startswith(b"#!") else "{}")
    return _appended(content, form.format(f"{sentence()} {number()}"))


def has_comments(name: str, content: bytes) -> bool:
    """Whether the file's type has comments, as far as is known."""
    return _language(name, content) in _COMMENT or content.startswith(b"#!")


def _language(name: str, content: bytes) -> str:
    """The file's suffix in small letters, its name if it has none, or the program of its `#!` line."""
    suffix = name.lower().rpartition(".")[2]
    script = _SCRIPT.match(content) if suffix not in _COMMENT and suffix not in _BY_NAME else None
    if script is None:
        return suffix
    program = (script[2] if script[1] == b"env" and script[2] else script[1]).decode()
    return {"python": "py", "ruby": "rb", "perl": "pl", "node": "js"}.get(program, program)


def _filled(form: str) -> str:
    a, b, c, n = word(), word(), word(), number()
    if form.startswith(("_{A}", "{A}_")):  # a constant
        return form.format(A=a.upper(), B=b.upper(), b=b, c=c, n=n)
    capitals = {letter: text.capitalize() for letter, text in (("A", a), ("B", b), ("C", c))}
    return form.format(a=a, b=b, c=c, n=n, m=n - 1 - secrets.randbelow(99), **capitals)


def _appended(content: bytes, line: str, gap: int = 0) -> bytes:
    end = b"" if not content or content.endswith(b"\n") else b"\n"
    return content + end + b"\n" * (gap if content.strip() else 0) + line.encode() + b"\n"


def _in_python(content: bytes) -> bytes | None:
    """After some statement at the top level, with as much room around it as style checkers want."""
    try:
        body = ast.parse(content).body
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    lines = content.splitlines(keepends=True)
    if b"\r" in content.replace(b"\r\n", b"") or b"\f" in content or b"\v" in content:
        return None  # Python and we count lines in different ways
    statement = _filled(secrets.choice(_PYTHON))
    first = max((at for at, node in enumerate(body) if at == 0 or _imports(node)), default=0)
    places = [
        node.end_lineno or 0
        for node, following in zip(body[first + 1 :], body[first + 2 :], strict=False)
        if (node.end_lineno or 0) < _begins(following)
    ]
    at = secrets.choice([*places, len(lines)])
    if at >= len(lines):
        text = content.rstrip()
        room = b"\n\n\n" if len(body) > 1 else b"\n\n" if text else b""
        edited = text + room + statement.encode() + b"\n"
    else:
        above, below = b"".join(lines[:at]), b"".join(lines[at:]).lstrip(b"\r\n")
        edited = above.rstrip(b"\r\n") + b"\n\n\n" + statement.encode() + b"\n\n\n" + below
    try:
        ast.parse(edited)
    except (ValueError, SyntaxError):
        return None
    return edited


def _imports(node: ast.stmt) -> bool:
    return any(isinstance(inner, ast.Import | ast.ImportFrom) for inner in ast.walk(node)) and not isinstance(
        node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    )


def _begins(node: ast.stmt) -> int:
    lines: list[int] = [one.lineno for one in getattr(node, "decorator_list", ())]
    return min([node.lineno, *lines])


def _in_shell(content: bytes) -> bytes:
    """Before the first command: nothing goes on over several lines there, and the last status stays the script's."""
    lines = content.splitlines(keepends=True)
    top = 1 if content.startswith(b"#!") else 0
    while top < len(lines) and lines[top].lstrip().startswith(b"#") and secrets.randbelow(2):
        top += 1
    above = b"".join(lines[:top])
    gap = b"" if not above or above.endswith(b"\n") else b"\n"
    return above + gap + _filled(secrets.choice(_SHELL)).encode() + b"\n" + b"".join(lines[top:])

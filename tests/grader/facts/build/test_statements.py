"""Statements that change nothing: valid in their language, never alike, and not found by their place or a few words."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.facts.build.statements import has_comments, with_comment, with_statement

PYTHON = {
    "nothing": "",
    "a docstring": '"""What it is."""\n',
    "imports": "import os\n",
    "no line end": "x = 1",
    "a future": '"""A."""\nfrom __future__ import annotations\n\nx = 1\n\n\ndef f():\n    return x\n\n\ny = f()\n',
    "decorators": "import functools\n\nx = 1\n\n\n@functools.cache\ndef f():\n    return 1\n\n\nf()\n",
    "on one line": "a = 1; b = 2\nc = 3\n",
    "several lines": "import os\n\nx = (\n    1,\n)\ny = '''\na = 1\n'''\nif x:\n    pass\nelse:\n    pass\nz = 2\n",
    "Windows": "a = 1\r\nb = 2\r\nc = 3\r\n",
}


@pytest.mark.parametrize("content", PYTHON.values(), ids=PYTHON)
def test_python(content: str) -> None:
    before = ast.parse(content)
    for _ in range(4):
        found = with_statement("app.py", content.encode())
        assert found
        after = ast.parse(found)
        assert ast.get_docstring(after) == ast.get_docstring(before)
        own = [ast.dump(node) for node in before.body]
        assert [dumped for node in after.body if (dumped := ast.dump(node)) in own] == own
        assert len(after.body) == len(before.body) + 1
        subprocess.run([sys.executable, "-"], input=found, check=True, timeout=30)


def test_it_stands_in_different_places_and_has_different_forms() -> None:
    content = b"import os\n\na = 1\nb = 2\nc = 3\n"
    found = [with_statement("app.py", content) or b"" for _ in range(60)]
    assert len(set(found)) == 60
    assert len({each.splitlines()[-1] for each in found} & {b"c = 3"}) == 1
    assert any(each.splitlines()[-1] != b"c = 3" for each in found)
    forms = {re.sub(r"[A-Za-z]+", "w", re.sub(r"\d+", "0", each.decode())) for each in found}
    assert len(forms) >= 5


def test_style_checkers_have_nothing_against_it(tmp_path: Path) -> None:
    content = (Path(__file__).parent / "test_edits.py").read_bytes()
    ruff = Path(sys.executable).with_name("ruff")
    for number in range(12):
        found = with_statement("app.py", content)
        assert found
        (tmp_path / f"m{number}.py").write_bytes(found)
    for command in (["check", "--select=E,F,W,I,B"], ["format", "--check"]):
        subprocess.run([ruff, *command, "--line-length=120", "--isolated", tmp_path], check=True, timeout=60)


@pytest.mark.parametrize("content", ["def (:\n", "print 'old'\n", "a = 1\rb = 2\n"])
def test_what_is_no_python_gets_none(content: str) -> None:
    assert with_statement("app.py", content.encode()) is None


SCRIPTS = [
    "#!/bin/sh\nset -eu\necho a\n",
    "echo a",
    "",
    "#!/bin/sh",
    "#!/bin/sh\n# why\n# what\ncat <<X\ny\nX\nfalse\n",
]


@pytest.mark.parametrize("content", SCRIPTS)
def test_shell(content: str) -> None:
    before = subprocess.run(["sh", "-s"], input=content.encode(), capture_output=True, timeout=30)
    for _ in range(4):
        found = with_statement("run.sh", content.encode())
        assert found
        after = subprocess.run(["sh", "-s"], input=found, capture_output=True, timeout=30)
        assert (after.returncode, after.stdout, after.stderr) == (before.returncode, before.stdout, before.stderr)
        assert found.startswith(b"#!") == content.startswith("#!")


@pytest.mark.parametrize(
    ("content", "begins"),
    [
        ("#!/bin/sh\necho\n", r"(:|true|[a-z]+_[a-z]+=)"),
        ("#!/usr/bin/env bash\necho\n", r"(:|true|[a-z]+_[a-z]+=)"),
        ("#!/usr/bin/env python3\n", r"(_|def|class|if)"),
    ],
)
def test_a_script_without_a_suffix_by_its_first_line(content: str, begins: str) -> None:
    found = with_statement("run", content.encode())
    assert found
    (added, *_) = [line for line in found.decode().splitlines() if line and line not in content]
    assert re.match(begins, added)


@pytest.mark.parametrize(
    "name", ["a.js", "a.ts", "a.go", "a.rs", "A.java", "a.c", "a.php", "a.rb", "a.css", "Makefile"]
)
def test_other_languages(name: str) -> None:
    found = {with_statement(name, b"first") for _ in range(20)}
    assert len(found) == 20
    for each in found:
        assert each
        assert each.startswith(b"first\n")
        assert each.endswith(b"\n")
        assert b"{{" not in each


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
@pytest.mark.parametrize("content", ["", "'use strict'\nmodule.exports = 1", "const a = b => b\n"])
def test_javascript_runs(content: str, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.js").write_bytes(with_statement("a.js", content.encode()) or b"")
        subprocess.run(["node", tmp_path / f"{number}.js"], check=True, timeout=30)


@pytest.mark.parametrize(
    ("content", "ends"),
    [
        ("<?php\necho 1;\n", rb";\n"),
        ("<?php echo 1; ?>\n<p>\n", rb"<\?php [^\n]+ \?>\n"),
        ("<p>\n", rb"<\?php [^\n]+ \?>\n"),
    ],
)
def test_php_outside_and_inside_of_its_marks(content: str, ends: bytes) -> None:
    found = with_statement("a.php", content.encode())
    assert found
    assert re.search(ends + rb"\Z", found)
    assert found.startswith(content.encode())


def test_ruby_and_perl_before_their_data() -> None:
    for name in ("a.rb", "a.pl"):
        found = with_statement(name, b"a\n__END__\ndata\n")
        assert found
        assert found.endswith(b"\n__END__\ndata\n")


@pytest.mark.parametrize("name", ["types.d.ts", "package-info.java", "a.toml", "a.yaml", "page.tpl", "a.lua", "a.txt"])
def test_where_there_is_no_statement(name: str) -> None:
    assert with_statement(name, b"first\n") is None


@pytest.mark.parametrize(
    ("name", "begins"),
    [("a.py", "# "), ("a.go", "// "), ("a.css", "/* "), ("a.html", "<!-- "), ("run", "# "), ("page.tpl", "")],
)
def test_comments(name: str, begins: str) -> None:
    content = b"#!/bin/sh\n" if name == "run" else b"first"
    found = with_comment(name, content)
    assert re.fullmatch(rf"{re.escape(begins)}[a-z]{{4,}}( \w+)+( \*/| -->)?", found.decode().splitlines()[-1])
    assert has_comments(name, content) == bool(begins)

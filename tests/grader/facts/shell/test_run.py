"""What a RUN runs: in shell form, as JSON, as a heredoc, and with another shell."""

import pytest

from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.packages.downloads import downloads
from grader.facts.packages.installs import installs
from grader.facts.shell import run as module
from grader.facts.shell.commands import Commands
from grader.facts.shell.run import commands, fully_read
from tests.grader.facts.shell.reading import FIRST, HEAD, run, shown

CASES = [
    ("RUN [[ a == b && c ]] && d", ["[[ a == b && c ]]", "d"]),
    ("RUN [ -f a ] && ! b", ["[ -f a ]", "b"]),
    ('RUN ["a", "$V", "b c"]', ["a $V b c"]),
    ('RUN ["sh", "-c", "a $V"]', ["a 2.0"]),
    ('RUN ["/bin/bash", "-o", "pipefail", "-c", "a | b"]', ["a", "b"]),
    ("RUN []", []),
    ("RUN", []),
    ('SHELL ["/bin/bash", "-ec"]\nRUN a {b,c}d', ["a bd cd"]),
    ('SHELL ["python3", "-c"]\nRUN a; b', ["python3 -c a; b"]),
    ('SHELL ["/bin/sh", "-c", "a $0"]\nRUN b', ["a ?$0"]),
    ('SHELL ["/usr/bin/env", "bash", "-c"]\nRUN a; b', ["a", "b"]),
    ("RUN <<EOF\na $V\nb \\\n  c\n\n# d\nEOF", ["a 2.0", "b c"]),
    ("RUN <<'EOF'\na $V\nEOF", ["a 2.0"]),
    ("RUN <<-EOF\n\ta\n\tif b; then\n\t\tc\n\tfi\n\tEOF", ["a", "b", "c"]),
    ("RUN <<EOF\n#!/bin/bash -e\na {b,c}\nEOF", ["a b c"]),
    ("RUN <<EOF\n#!/usr/bin/env sh\na\nEOF", ["a"]),
    ("RUN <<EOF cat > /x\na b\nEOF", ["cat"]),
    ("RUN <<EOF\nsh <<'E2'\na\nE2\ncat <<-E3\n\tb\n\tE3\nc\nEOF", ["a", "cat", "c"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_commands(text, expected):
    assert [shown(command) for command in run(text)] == expected


def test_a_shebang_of_another_language_is_not_read_as_shell():
    assert [shown(command) for command in run("RUN <<EOF\n#!/usr/bin/env python3\npip install x\nEOF")] == [
        "python3 #!/usr/bin/env python3\npip install x\n"
    ]


def test_lines():
    text = "RUN a && \\\n  # c\n  b \\\n\n  && c; sh -c 'd; \\\n e'"
    assert [(command.name, command.line - FIRST) for command in run(text)] == [
        ("a", 0),
        ("b", 2),
        ("c", 4),
        ("d", 4),
        ("e", 5),
    ]
    text = "RUN <<EOF\na\n\nb $(\nc)\nsh <<E2\nd\nE2\nEOF"
    assert {command.name: command.line - FIRST for command in run(text)} == {"a": 1, "b": 3, "c": 4, "d": 6}
    text = "RUN a && cat <<A <<B && b\n1\nA\n2\nB"
    assert [command.line - FIRST for command in run(text)] == [0, 0, 0]


def test_only_run_runs():
    build = resolve(parse(HEAD + "CMD a\nONBUILD RUN b\nRUN c\nFROM debian\n"))
    assert [len(commands(step)) for step in build.stages[0].steps[-3:]] == [0, 0, 1]
    build = resolve(parse("FROM debian AS x\nONBUILD RUN a\nFROM x\n"))
    assert [shown(command) for command in commands(build.target.steps[0])] == ["a"]


def test_a_run_is_read_once(monkeypatch):
    reads = []

    class Counted(Commands):
        def __init__(self, *args):
            super().__init__(*args)
            reads.append(args)

    monkeypatch.setattr(module, "Commands", Counted)
    (step,) = resolve(parse("FROM x\nRUN pip install a && curl -O https://x.org/a\n")).target.steps
    assert [len(found) for found in (commands(step), installs(step), downloads(step), commands(step))] == [2, 1, 1, 2]
    assert fully_read(step)
    assert len(reads) == 1


def test_an_ordinary_script_is_fully_read():
    assert fully_read(resolve(parse(HEAD + "RUN a && sh -c 'b' $(c)")).target.steps[-1])

"""What of a script runs: every branch and loop, and what substitutions hold; and in which order it is joined."""

import pytest

from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.shell.run import commands, fully_read
from tests.grader.facts.shell.reading import run, shown

CASES = [
    ("RUN a b", ["a b"]),
    ("RUN a && b || c; d & e | f", ["a", "b", "c", "d", "e", "f"]),
    ("RUN a # b && c", ["a"]),
    ("RUN a#b", ["a#b"]),
    ("RUN (a; b) && { c; d; }", ["a", "b", "c", "d"]),
    ("RUN if a; then b; elif c; then d; else e; fi", ["a", "b", "c", "d", "e"]),
    ("RUN while a; do b; done; until c; do d; done", ["a", "b", "c", "d"]),
    ("RUN for p in one two; do a $p x$p; done", ["a one two xone xtwo"]),
    ("RUN for p in $PKGS; do a $p; done", ["a a b"]),
    ("RUN for p in $(b); do a $p; done", ["b", "a ?$p"]),
    ("RUN case $V in a|b) c;; (d) e ;; *) f; esac; g", ["c", "e", "f", "g"]),
    ("RUN case x in a) b ;& c) d ;;& esac && e", ["b", "d", "e"]),
    ("RUN f() { a; }; function g { b; }; f", ["a", "b", "f"]),
    ("RUN a; 'b", ["a", "b"]),
    ("RUN a ) b", ["a", "b"]),
    ("RUN esac; done; a", ["a"]),
    ("RUN for", []),
    ("RUN case", []),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_commands(text, expected):
    assert [shown(command) for command in run(text)] == expected


def test_how_commands_are_joined():
    found = run("RUN set -e; a && b | c || d\nRUN x")
    assert [command.name for command in found] == ["x"]
    found = run("RUN set -eu; a && b | c || d & set +e; e")
    assert [(c.name, c.following, c.position, c.errexit) for c in found] == [
        ("set", ";", 0, False),
        ("a", "&&", 0, True),
        ("b", "||", 0, True),
        ("c", "||", 1, True),
        ("d", "&", 0, True),
        ("set", ";", 0, True),
        ("e", "", 0, False),
    ]
    assert found[2].pipeline == found[3].pipeline != found[4].pipeline


FLOODS = [
    ("a;" * 32000 + "\\\n") * 10,
    ("$(a);" * 12000 + "\\\n") * 10,
    "$(" * 30000,
    "(" * 60000,
    ("eval eval sh -c 'sh -c a';" * 2000 + "\\\n") * 10,
    ("$P " * 20000 + "\\\n") * 10,
    "for a in " + "x " * 30000 + "\\\n; do " + "b $a$a;" * 4000,
    ("if " * 20000 + "\\\n") * 2,
    "{ a || " * 8000,
    ('a "$P$P$P$P";' * 4000 + "\\\n") * 5,
    ('A="$P$P$P$P";' * 4000 + "\\\n") * 5,
]


@pytest.mark.parametrize("script", FLOODS, ids=range(len(FLOODS)))
def test_floods_are_cut_off_and_told(script):
    build = resolve(parse(f"FROM scratch\nENV P='{'a ' * 30000}'\nRUN {script}"))
    assert len(commands(build.target.steps[-1])) <= 5000
    assert not fully_read(build.target.steps[-1])


@pytest.mark.parametrize(
    ("text", "certain"),
    [
        ("a && b; c", "a b c"),
        ("a || b; c", "c"),
        ("a && b || c && d; e", "e"),
        ("{ a; b; } || c; d", "d"),
        ("(a && b) || c; d", "d"),
        ("a || { b; c; }; d", "d"),
        ("if a; then b; else c; fi; d", "d"),
        ("if a; then b; fi || c; d", "d"),
        ("while a; do b; done; c", "c"),
        ("for x in 1 2; do a; done; b", "b"),
        ("case x in 1) a ;; 2) b ;; esac; c", "c"),
        ("case x in 1) a; esac; b", "b"),
        ("f() { a; }; b", "b"),
        ("f() ( a ); b", "b"),
        ("function f { a; }; { b; }; (c)", "b c"),
        ("! a; b", "b"),
        ("sh -c 'a; b' || c; d", "d"),
        ("x=$(a) || b; c", "c"),
        ("a | b || c; d", "d"),
    ],
)
def test_what_certainly_runs(text: str, certain: str) -> None:
    """In no branch, and with no || behind it that takes its failure for granted."""
    found = [command.name for command in run(f"RUN {text}") if not command.branch and not command.rescued]
    assert found == certain.split()


@pytest.mark.parametrize(
    ("text", "following"),
    [
        ("{ a; } && b", "&&"),
        ("(a) && b", "&&"),
        ("((a)); b", ";"),
        ("sh -c 'a' && b", "&&"),
        ("sh -c a; b", ";"),
        ("{ { a; }; } & b", "&"),
        ("{ a; }", ""),
    ],
)
def test_what_follows_a_group_follows_its_last_command(text: str, following: str) -> None:
    assert [command.following for command in run(f"RUN {text}") if command.name == "a"] == [following]

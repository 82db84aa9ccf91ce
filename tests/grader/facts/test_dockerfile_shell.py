"""The commands of a RUN: what runs, with which words, where, and on which line."""

import pytest

from grader.facts.dockerfile import commands, fully_read, parse, resolve

HEAD = 'FROM debian\nARG V=2.0\nENV PKGS="a b" X=x.y.z\nWORKDIR /app\n'  # four lines
FIRST = 5


def run(text, head=HEAD):
    return commands(resolve(parse(f"{head}{text}\n")).target.steps[-1])


def shown(command):
    return " ".join(word.text if word.known else f"?{word.file or word.raw}" for word in command.argv)


SCRIPTS = [
    ("RUN a b", ["a b"]),
    ("RUN a && b || c; d & e | f", ["a", "b", "c", "d", "e", "f"]),
    ("RUN a 'b c' \"d $V\" e\\ f $'g'", ["a b c d 2.0 e f g"]),
    ("RUN a $PKGS \"$PKGS\" '$PKGS'", ["a a b a b $PKGS"]),
    ("RUN a ${V} ${NOPE:-d} ${V:+y} ${X%.*} ${X##*.} ${X/y/Q}", ["a 2.0 d y x.y z x.Q.z"]),
    ("RUN a $NOPE b$NOPE", ["a ?$NOPE ?b$NOPE"]),
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
    ("RUN [[ a == b && c ]] && d", ["[[ a == b && c ]]", "d"]),
    ("RUN [ -f a ] && ! b", ["[ -f a ]", "b"]),
    ("RUN A=1 B=2 a $A", ["a ?$A"]),
    ("RUN A=1; a $A; A=$(b); c $A", ["a 1", "b", "c ?$A"]),
    ("RUN A=1 && A=${A}2 && A+=3 && a $A", ["a 123"]),
    ("RUN export A=1 B=2; a $A$B; unset A; a $A$B", ["export A=1 B=2", "a 12", "unset A", "a 2"]),
    ("RUN (A=1); a $A", ["a ?$A"]),
    ("RUN A=1 | b; a $A", ["b", "a ?$A"]),
    ("RUN read A; a $A", ["read A", "a ?$A"]),
    ("RUN a $(b c) `d`", ["b c", "d", "a ?$(b c) ?`d`"]),
    ("RUN a ${NOPE:-$(b)}", ["b", "a ?${NOPE:-$(b)}"]),
    ("RUN a <(b) >(c)", ["b", "c", "a ?<(b) ?>(c)"]),
    ("RUN a $((1 + 2))", ["a ?$((1 + 2))"]),
    ("RUN a 2>&1 >b <c", ["a"]),
    ("RUN 2>b a", ["a"]),
    ("RUN sudo -u bob a b", ["a b"]),
    ("RUN env -i A=1 b $A", ["b ?$A"]),
    ("RUN nice -n 5 timeout -k 3 10 nohup a", ["a"]),
    ("RUN exec a", ["a"]),
    ("RUN env", ["env"]),
    ("RUN command -v a", ["command -v a"]),
    ("RUN time -p a", ["a"]),
    ("RUN sh -c 'a; b'", ["a", "b"]),
    ('RUN bash -lc "a $V; b \\$HOME"', ["a 2.0", "b ?$HOME"]),
    ("RUN sh -euxo pipefail -c 'a && b' name arg", ["a", "b"]),
    ("RUN sh -c \"sh -c 'sh -c a'\"", ["a"]),
    ("RUN sh -c a b c", ["a"]),
    ("RUN sh script.sh a", ["sh script.sh a"]),
    ('RUN sh -c "$NOPE"', ['sh -c ?"$NOPE"']),
    ("RUN eval 'a b' c", ["a b c"]),
    ('RUN eval "$(a)"', ["a", 'eval ?"$(a)"']),
    ("RUN su - bob -c 'a b'", ["a b"]),
    ("RUN su -c a", ["a"]),
    ("RUN runuser -u bob -- a b", ["a b"]),
    ("RUN gosu bob a", ["a"]),
    ("RUN find . -name x -exec a {} \\; -o -print", ["a ?{}"]),
    ("RUN find . -exec sh -c 'a b' \\;", ["a b"]),
    ("RUN xargs a b", ["a b ?..."]),
    ("RUN echo x y | xargs -n 1 a b", ["echo x y", "a b x y"]),
    ("RUN printf '%s\\n' x y | xargs a", ["printf %s\\n x y", "a x y"]),
    ("RUN cat f g | xargs a", ["cat f g", "a ?f ?g"]),
    ("RUN xargs -a f a; xargs a < g", ["a ?f", "a ?g"]),
    ("RUN a $(cat f) $(<g)", ["cat f", "a ?f ?g"]),
    ("RUN b | xargs -I{} a x{} y", ["b", "a ?x{} y"]),
    ("RUN echo 'a; b' | sh", ["echo a; b", "a", "b"]),
    ("RUN echo a | sudo bash -ex -", ["echo a", "bash -ex -"]),
    ("RUN b | sh", ["b", "sh"]),
    ("RUN conda run -n e a b", ["conda run -n e a b", "a b"]),
    ("RUN poetry run a", ["poetry run a", "a"]),
    ("RUN busybox wget x", ["wget x"]),
    ("RUN /usr/bin/env -S a b", ["a b"]),
    ('RUN ["a", "$V", "b c"]', ["a $V b c"]),
    ('RUN ["sh", "-c", "a $V"]', ["a 2.0"]),
    ('RUN ["/bin/bash", "-o", "pipefail", "-c", "a | b"]', ["a", "b"]),
    ("RUN []", []),
    ("RUN", []),
    ('SHELL ["/bin/bash", "-ec"]\nRUN a {b,c}d', ["a bd cd"]),
    ("RUN a {b,c}d", ["a {b,c}d"]),
    ("RUN bash -c 'a {b,c}{1,2}'", ["a b1 b2 c1 c2"]),
    ('SHELL ["python3", "-c"]\nRUN a; b', ["python3 -c a; b"]),
    ('SHELL ["/bin/sh", "-c", "a $0"]\nRUN b', ["a ?$0"]),
    ('SHELL ["/usr/bin/env", "bash", "-c"]\nRUN a; b', ["a", "b"]),
    ("RUN <<EOF\na $V\nb \\\n  c\n\n# d\nEOF", ["a 2.0", "b c"]),
    ("RUN <<'EOF'\na $V\nEOF", ["a 2.0"]),
    ("RUN <<-EOF\n\ta\n\tif b; then\n\t\tc\n\tfi\n\tEOF", ["a", "b", "c"]),
    ("RUN <<EOF\n#!/bin/bash -e\na {b,c}\nEOF", ["a b c"]),
    ("RUN <<EOF\n#!/usr/bin/env sh\na\nEOF", ["a"]),
    ("RUN python3 <<EOF\na b\nEOF", ["python3"]),
    ("RUN <<EOF cat > /x\na b\nEOF", ["cat"]),
    ("RUN cat <<EOF > /x && c\na b\nEOF", ["cat", "c"]),
    ("RUN sh <<EOF\na b\nEOF", ["a b"]),
    ("RUN bash -s x <<EOF\na b\nEOF", ["bash -s x"]),
    ("RUN cat <<EOF | sh\na b\nEOF", ["cat", "a b"]),
    ("RUN <<EOF\nsh <<'E2'\na\nE2\ncat <<-E3\n\tb\n\tE3\nc\nEOF", ["a", "cat", "c"]),
    ("RUN a <<<'b c'", ["a"]),
    ("RUN sh <<<'a b'", ["a b"]),
    ("RUN a; 'b", ["a", "b"]),
    ("RUN a $(b", ["b", "a ?$(b"]),
    ("RUN a ) b", ["a", "b"]),
    ("RUN esac; done; a", ["a"]),
    ("RUN for", []),
    ("RUN case", []),
]


@pytest.mark.parametrize(("text", "expected"), SCRIPTS, ids=[text for text, _ in SCRIPTS])
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


WORKDIRS = [
    ("RUN a", [("/app", True)]),
    ("RUN cd b && a", [("/app", True), ("/app/b", True)]),
    ("RUN cd /x/../y; a", [("/app", True), ("/y", True)]),
    ("RUN (cd b && a) && a", [("/app", True), ("/app/b", True), ("/app", True)]),
    ("RUN cd b | a", [("/app", True), ("/app", True)]),
    ("RUN cd $NOPE && a", [("/app", True), ("/app", False)]),
    ("RUN cd && a", [("/app", True), ("/app", False)]),
    ("RUN cd - && a", [("/app", True), ("/app", False)]),
    ("RUN cd $V && a", [("/app", True), ("/app/2.0", True)]),
    ("RUN pushd b && a", [("/app", True), ("/app/b", True)]),
    ("RUN cd b && sh -c 'cd c; a' && a", [("/app", True), ("/app/b", True), ("/app/b/c", True), ("/app/b", True)]),
    ("RUN sudo -D /x a; env -C y a", [("/x", True), ("/app/y", True)]),
]


@pytest.mark.parametrize(("text", "expected"), WORKDIRS, ids=[text for text, _ in WORKDIRS])
def test_working_directory(text, expected):
    assert [(command.workdir, command.workdir_known) for command in run(text)] == expected


def test_the_base_images_working_directory_is_not_known():
    (command,) = run("RUN a", head="FROM debian\n")
    assert (command.workdir, command.workdir_known) == ("/", False)


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


def test_what_led_to_a_command():
    (first, second) = run("RUN sudo -E bash -c 'env A=1 a' && sh -c \"$(b)\" ")[:2]
    assert (first.through, [(name, word.text) for name, word in first.assignments]) == (
        ("sudo", "bash", "env"),
        [("A", "1")],
    )
    assert (second.name, second.consumer) == ("b", "sh")


def test_redirections_and_input():
    (command,) = run("RUN a <<E 2>&1 >>f <g\nh $V\nE")
    assert [(operator, word.text) for operator, word in command.redirects] == [("2>&", "1"), (">>", "f"), ("<", "g")]
    assert command.stdin == "h 2.0\n"


def test_only_run_runs():
    build = resolve(parse(HEAD + "CMD a\nONBUILD RUN b\nRUN c\nFROM debian\n"))
    assert [len(commands(step)) for step in build.stages[0].steps[-3:]] == [0, 0, 1]
    build = resolve(parse("FROM debian AS x\nONBUILD RUN a\nFROM x\n"))
    assert [shown(command) for command in commands(build.target.steps[0])] == ["a"]


FLOODS = [
    ("a;" * 32000 + "\\\n") * 10,
    ("$(a);" * 12000 + "\\\n") * 10,
    "$(" * 30000,
    "(" * 60000,
    ("eval eval sh -c 'sh -c a';" * 2000 + "\\\n") * 10,
    ("$P " * 20000 + "\\\n") * 10,
    "for a in " + "x " * 30000 + "\\\n; do " + "b $a$a;" * 4000,
]


@pytest.mark.parametrize("script", FLOODS, ids=range(len(FLOODS)))
def test_floods_are_cut_off_and_told(script):
    build = resolve(parse(f"FROM scratch\nENV P='{'a ' * 30000}'\nRUN {script}"))
    assert len(commands(build.target.steps[-1])) <= 5000
    assert not fully_read(build.target.steps[-1])


def test_an_ordinary_script_is_fully_read():
    assert fully_read(resolve(parse(HEAD + "RUN a && sh -c 'b' $(c)")).target.steps[-1])


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

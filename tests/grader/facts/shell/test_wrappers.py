"""Programs that run another program, and where a shell finds its script."""

import pytest

from grader.facts.shell.words import Word
from grader.facts.shell.wrappers import program, script_of, unwrap
from tests.grader.facts.shell.reading import run, shown

CASES = [
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
    ("RUN conda run -n e a b", ["conda run -n e a b", "a b"]),
    ("RUN poetry run a", ["poetry run a", "a"]),
    ("RUN busybox wget x", ["wget x"]),
    ("RUN /usr/bin/env -S a b", ["a b"]),
    ("RUN bash -c 'a {b,c}{1,2}'", ["a b1 b2 c1 c2"]),
    ("RUN sh <<EOF\na b\nEOF", ["a b"]),
    ("RUN bash -s x <<EOF\na b\nEOF", ["bash -s x"]),
    ("RUN sh <<<'a b'", ["a b"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_commands(text, expected):
    assert [shown(command) for command in run(text)] == expected


def words(text):
    return tuple(Word(word, word) for word in text.split())


def text_of(argv):
    return " ".join(word.text for word in argv)


@pytest.mark.parametrize(
    ("text", "left", "through"),
    [
        ("sudo a", "a", ("sudo",)),
        ("sudo -u bob -E A=1 a b", "a b", ("sudo",)),
        ("sudo -- a", "a", ("sudo",)),
        ("sudo -ubob a", "a", ("sudo",)),
        ("sudo --user=bob a", "a", ("sudo",)),
        ("/usr/bin/env A=1 a", "a", ("env",)),
        ("timeout -k 5 10 nice a", "a", ("timeout", "nice")),
        ("chroot /x a", "a", ("chroot",)),
        ("xargs -0 -n 1 a b", "a b ...", ("xargs",)),
        ("tini -- a", "a", ("tini",)),
        ("env", "env", ()),
        ("env A=1", "env A=1", ()),
        ("command -v a", "command -v a", ()),
        ("command a", "a", ("command",)),
        ("a sudo b", "a sudo b", ()),
        ("find . -name x", "find . -name x", ()),
        ("find . -exec a ;", "a", ("find",)),
        ("find . -ok a b ;", "a b", ("find",)),
        ("find . -print0 -exec", "find . -print0 -exec", ()),
    ],
)
def test_what_is_left_without_wrappers(text, left, through):
    found = unwrap(words(text))
    if found.from_input:
        left = left.removesuffix(" ...")
    assert (text_of(found.argv), found.through) == (left, through)


def test_what_a_wrapper_adds():
    found = unwrap(words("sudo -D /x env A=1 B=$C xargs -a f a"))
    assert ([(name, word.text) for name, word in found.assignments], found.chdir.text) == (
        [("A", "1"), ("B", "$C")],
        "/x",
    )
    assert (found.from_input, found.input_file) == (False, "f"), "a file in place of standard input"


def test_wrappers_without_end():
    assert len(unwrap(words("sudo " * 100 + "a")).through) == 20


@pytest.mark.parametrize(
    ("text", "script", "is_file", "errexit"),
    [
        ("sh -c a b", "a", False, False),
        ("bash -ec a", "a", False, True),
        ("bash -e -o pipefail -c a", "a", False, True),
        ("bash -o errexit -c a", "a", False, True),
        ("bash +e -c a", "a", False, False),
        ("bash --login -c a", "a", False, False),
        ("bash --rcfile f -c a", "a", False, False),
        ("sh f a", "f", True, False),
        ("sh -- f", "f", True, False),
        ("sh", None, False, False),
        ("sh -e", None, False, True),
        ("eval a b", "a b", False, False),
        (". f", "f", True, False),
        ("source f x", "f", True, False),
        ("su bob -c a", "a", False, False),
        ("runuser -l bob -c a", "a", False, False),
    ],
)
def test_what_a_shell_is_told_to_run(text, script, is_file, errexit):
    found = script_of(words(text))
    assert ((found.word.text if found.word else None), found.is_file, found.errexit) == (script, is_file, errexit)


@pytest.mark.parametrize("text", ["a -c b", "eval", ".", "su bob", "python3 -c a"])
def test_no_script(text):
    assert script_of(words(text)) is None


def test_the_program_without_its_path():
    assert [program(word) for word in words("/usr/bin/a a ./b")] == ["a", "a", "b"]

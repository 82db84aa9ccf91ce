"""What a command changes for those behind it: folder, variables, options."""

import pytest

from tests.grader.facts.shell.reading import run, shown

CASES = [
    ("RUN A=1; a $A; A=$(b); c $A", ["a 1", "b", "c ?$A"]),
    ("RUN export A=1 B=2; a $A$B; unset A; a $A$B", ["export A=1 B=2", "a 12", "unset A", "a 2"]),
    ("RUN (A=1); a $A", ["a ?$A"]),
    ("RUN A=1 | b; a $A", ["b", "a ?$A"]),
    ("RUN read A; a $A", ["read A", "a ?$A"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_commands(text, expected):
    assert [shown(command) for command in run(text)] == expected


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


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("set -e; a", True),
        ("set -eux; a", True),
        ("set -o errexit; a", True),
        ("set -e; set +e; a", False),
        ("set -o pipefail; a", False),
        ("set -e; set +o errexit; a", False),
        ("(set -e); a", False),
        ("set -u; a", False),
        ("set -- -e; a", True),
        ("sh -ec 'a'", True),
        ("set -e; sh -c 'a'", False),
    ],
)
def test_whether_a_failure_ends_the_script(text, holds):
    assert next(command for command in run(f"RUN {text}") if command.name == "a").errexit is holds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("declare A=1; a $A", "a 1"),
        ("local A=$(b); a $A", "a ?$A"),
        ("readonly A; a $A", "a ?$A"),
        ("popd; a", "a"),
        ("A=1 sh -c 'a $A'", "a 1"),
        ("A=1; sh -c 'a $A'", "a 1"),
        ("sh -c 'A=1'; a $A", "a ?$A"),
        ("eval 'A=1'; a $A", "a ?$A"),
        ("sudo export A=1; a $A", "a ?$A"),
    ],
)
def test_variables(text, expected):
    assert [shown(command) for command in run(f"RUN {text}")][-1] == expected

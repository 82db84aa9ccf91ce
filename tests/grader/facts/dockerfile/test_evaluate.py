"""One stage, step by step: user, working directory, shell and environment after each, and what is let pass."""

import pytest

from grader.facts.dockerfile.evaluate import heredoc_text, normalised_path
from grader.facts.dockerfile.model import DockerfileError, Heredoc
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve


def resolved(text, **options):
    return resolve(parse(text), **options)


USERS = [
    ("FROM scratch", None),
    ("FROM scratch\nUSER bob", "bob"),
    ("FROM scratch\nUSER bob\nUSER 0", "0"),
    ("FROM scratch\nUSER $NOPE", ""),
    ("FROM scratch\nARG U=root\nUSER $U", "root"),
    ("FROM scratch\nARG U=root\nUSER ${U:-bob}:grp", "root:grp"),
    ('FROM scratch\nUSER "0"', "0"),
    ("FROM scratch AS a\nUSER bob\nFROM a", "bob"),
    ("FROM scratch AS a\nUSER bob\nFROM scratch", None),
    ("FROM scratch AS a\nUSER bob\nFROM scratch\nCOPY --from=a / /", None),
    ("FROM scratch AS a\nUSER bob\nFROM a AS b\nFROM b\nUSER root", "root"),
    ("FROM scratch\nCOPY <<EOF /x\nUSER bob\nEOF", None),
    ("FROM scratch\nRUN <<EOF\nUSER bob\nEOF", None),
    ("FROM scratch\n# USER bob", None),
    ("FROM scratch\nONBUILD USER bob", None),
    ("FROM scratch AS a\nONBUILD USER bob\nFROM a", "bob"),
    ("FROM scratch AS a\nONBUILD USER bob\nFROM a\nUSER root", "root"),
    ("FROM scratch AS a\nONBUILD USER bob\nFROM a AS b\nUSER al\nFROM b", "al"),
]


@pytest.mark.parametrize(("text", "expected"), USERS)
def test_effective_user(text, expected):
    assert resolved(text).target.state.user == expected


WORKDIRS = [
    ("FROM scratch", "/", True),
    ("FROM debian", "/", False),
    ("FROM debian\nWORKDIR app", "/app", False),
    ("FROM debian\nWORKDIR /a\nWORKDIR b", "/a/b", True),
    ("FROM scratch\nWORKDIR /a/../b//c/", "/b/c", True),
    ("FROM scratch\nWORKDIR //x", "/x", True),
    ("FROM scratch\nWORKDIR /a\nWORKDIR $NOPE", "/a", True),
    ("FROM scratch\nENV D=/d\nWORKDIR $D/e", "/d/e", True),
    ("FROM scratch AS a\nWORKDIR /a\nFROM a\nWORKDIR b", "/a/b", True),
]


@pytest.mark.parametrize(("text", "workdir", "known"), WORKDIRS)
def test_effective_working_directory(text, workdir, known):
    state = resolved(text).target.state
    assert (state.workdir, state.workdir_known) == (workdir, known)


def test_shell_and_environment_are_inherited_from_a_stage_of_the_file():
    build = resolved('FROM debian AS a\nENV A=1\nARG B=2\nSHELL ["/bin/bash", "-c"]\nFROM a\nENV C=$A$B')
    assert build.target.state.shell == ("/bin/bash", "-c")
    assert dict(build.target.state.env) == {"A": "1", "C": "12"}
    assert dict(build.stages[0].steps[0].before.variables) == {}


MAY_BE_RIGHT = [  # a variable that the base image may set
    "VOLUME $PGDATA",
    "STOPSIGNAL $SIG",
    "USER ${APP_UID:?}",
    "EXPOSE $PORT/$PROTO",
    "RUN --mount=type=cache,target=/x,uid=$APP_UID y",
    "WORKDIR ${HOME_OF_APP:?not set}/x",
]


@pytest.mark.parametrize("instruction", MAY_BE_RIGHT)
def test_what_a_base_image_may_set_is_let_pass(instruction):
    step = resolved(f"FROM debian AS a\nFROM a\n{instruction}").target.steps[0]
    assert (len(step.unset) > 0, step.error) == (True, "")
    with pytest.raises(DockerfileError):
        resolved(f"FROM scratch AS a\nFROM a\n{instruction.replace('WORKDIR', 'USER')}")


def test_what_is_wrong_in_a_stage_that_is_not_built_does_not_matter():
    build = resolved("FROM scratch\nUSER ${X:?no}\nFROM scratch\nUSER bob")
    assert build.stages[0].steps[0].error == "X: no"
    assert build.target.state.user == "bob"


STEPS = [
    ("ENV A=/a\nCOPY --chown=$A x $A/", ("x", "/a/"), ("--chown=/a",)),
    ("ENV A=a\nRUN --network=none echo $A", ("echo $A",), ("--network=none",)),
    ("ENV A=a\nCMD echo $A", ("echo $A",), ()),
    ("ENV A='80 81/udp'\nEXPOSE $A", ("80", "81/udp"), ()),
    ("ENV A=a\nLABEL $A='$A'", ("a", "$A"), ()),
]


@pytest.mark.parametrize(("text", "args", "flags"), STEPS)
def test_where_variables_are_replaced(text, args, flags):
    step = resolved(f"FROM scratch\n{text}").target.steps[-1]
    assert (step.args, step.flags) == (args, flags)


@pytest.mark.parametrize(
    ("port", "sound"),
    [("80", True), ("0", True), ("65535/TCP", True), ("80-90/sctp", True), ("[::1]:80:90", True), ("65536", False),
     ("90-80", False), ("80/icmp", False), ("-1", False), ("9999999999", False), ("http", False)],
)  # fmt: skip
def test_ports(port, sound):
    if sound:
        assert resolved(f"FROM scratch\nEXPOSE {port}").target.steps[-1].args == (port,)
    else:
        with pytest.raises(DockerfileError, match="Invalid"):
            resolved(f"FROM scratch\nEXPOSE {port}")


@pytest.mark.parametrize(
    ("parent", "path", "expected"),
    [
        ("/a", "b", "/a/b"),
        ("/a", "/b/../c//", "/c"),
        ("/a", "../../..", "/"),
        ("/", "//x", "/x"),
        ("/a", "", "/a"),
        ("", ".", "/"),
    ],
)
def test_paths(parent, path, expected):
    assert normalised_path(parent, path) == expected


@pytest.mark.parametrize(
    ("expand", "content", "text"),
    [(True, "a $A '$A' \\$A\n", "a 1 '1' $A\n"), (False, "a $A\n", "a $A\n")],
)
def test_what_a_heredoc_writes(expand, content, text):
    assert heredoc_text(Heredoc("E", expand, False, 0, content, 1, 2), {"A": "1"}) == text

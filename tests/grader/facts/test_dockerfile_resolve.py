"""Stages, variables, effective state and outside images, as BuildKit 0.13 gave them when each case was tried on it."""

import pytest

from grader.errors import SubmissionFault
from grader.facts.dockerfile import DockerfileError, Platform, images, parse, remote_files, resolve

DIGEST = "sha256:" + "a" * 64


def resolved(text, **options):
    return resolve(parse(text), **options)


def labels(build):
    args = [arg for step in build.target.image_steps() if step.name == "LABEL" for arg in step.args]
    return dict(zip(args[::2], args[1::2], strict=True))


VARIABLES = [
    ("FROM scratch\nARG X=1\nARG X=2\nLABEL l=$X", {}, "2"),
    ("FROM scratch\nENV X=a\nARG X=b\nLABEL l=$X", {}, "b"),
    ("FROM scratch\nARG X=b\nENV X=a\nLABEL l=$X", {}, "a"),
    ("FROM scratch\nARG X=b\nENV X=a\nLABEL l=$X", {"X": "c"}, "a"),
    ("FROM scratch\nENV X=a\nARG X=b\nLABEL l=$X", {"X": "c"}, "c"),
    ("FROM scratch AS p\nARG X=b\nFROM p\nLABEL l=$X", {}, "b"),
    ("ARG X=g\nFROM scratch\nLABEL l=$X", {}, ""),
    ("ARG X=g\nFROM scratch\nARG X\nLABEL l=$X", {}, "g"),
    ("ARG X=g\nFROM scratch\nARG X\nLABEL l=$X", {"X": "h"}, "h"),
    ("ARG X=g\nFROM scratch\nARG X=d\nLABEL l=$X", {}, "d"),
    ("ARG X=g\nFROM scratch\nARG X=d\nLABEL l=$X", {"X": "h"}, "h"),
    ("ARG X=g\nFROM scratch AS p\nARG X\nFROM p\nARG X\nLABEL l=$X", {}, "g"),
    ("ARG X=g\nFROM scratch AS p\nARG X=1\nFROM p\nARG X\nLABEL l=$X", {}, "g"),
    ("ARG X=g\nFROM scratch AS p\nARG X=1\nFROM p\nARG X=3\nLABEL l=$X", {}, "3"),
    ("FROM scratch\nARG X=1\nARG X\nLABEL l=$X", {}, "1"),
    ("FROM scratch\nARG X\nLABEL l=$X", {}, ""),
    ("FROM scratch\nLABEL l=$X", {"X": "not declared"}, ""),
    ("FROM scratch\nLABEL l=$TARGETPLATFORM", {}, ""),
    ("FROM scratch\nARG TARGETPLATFORM\nARG TARGETARCH\nLABEL l=$TARGETPLATFORM-$TARGETARCH", {}, "linux/amd64-amd64"),
    ("FROM scratch\nARG TARGETARCH=mine\nLABEL l=$TARGETARCH", {}, "mine"),
    ("FROM scratch\nARG TARGETARCH\nLABEL l=$TARGETARCH", {"TARGETARCH": "z80"}, "z80"),
    ("FROM scratch\nLABEL l=$HTTP_PROXY", {"HTTP_PROXY": "p"}, ""),
    ("FROM scratch\nARG HTTP_PROXY\nLABEL l=$HTTP_PROXY", {"HTTP_PROXY": "p"}, "p"),
    ("ARG X=1\nARG X=2$X\nFROM scratch\nARG X\nLABEL l=$X", {}, "21"),
    ("ARG A B=$A\nFROM scratch\nARG B\nLABEL l=$B", {"A": "z"}, "z"),
    ("FROM scratch\nENV X=abc\nENV X=d Y=$X\nLABEL l=$Y", {}, "abc"),
    ("FROM scratch\nENV a b $PATH\nLABEL l=$a", {}, "b /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
    ("FROM scratch\nARG --foo X=2\nLABEL l=$X", {}, "2"),
    ("# escape=`\nFROM scratch\nENV X=1\nLABEL l=`$X\\$X", {}, "$X\\1"),
    ("FROM scratch AS a\nONBUILD LABEL l=1\nFROM a", {}, "1"),
    ("FROM scratch AS a\nENV Q=1\nFROM scratch AS a\nENV Q=2\nFROM a\nLABEL l=$Q", {}, "2"),
]


@pytest.mark.parametrize(("text", "args", "expected"), VARIABLES)
def test_variables(text, args, expected):
    assert labels(resolved(text, args=args))["l"] == expected


def test_arguments_of_one_instruction_see_each_other_as_in_current_frontends():
    assert labels(resolved("FROM scratch\nARG A=1 B=${A}2\nLABEL l=$B"))["l"] == "12"


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


REACHABLE = [
    ("FROM scratch AS a\nFROM scratch AS b\nFROM a", "", [0, 2]),
    ("FROM scratch AS a\nFROM scratch AS b\nFROM a", "B", [1]),
    ("FROM scratch AS a\nFROM scratch AS b\nFROM scratch\nCOPY --from=A / /", "", [0, 2]),
    ("FROM scratch AS a\nFROM scratch AS b\nFROM scratch\nCOPY --from=1 / /", "", [1, 2]),
    ("FROM scratch AS a\nFROM scratch\nARG U=1\nRUN --mount=from=a,target=/x,uid=$U,type=cache y", "", [0, 1]),
    ("FROM scratch AS a\nFROM scratch\nRUN --mount=from=0,target=/x y", "", [1]),
    ("FROM scratch AS a\nFROM scratch AS b\nONBUILD COPY --from=a / /\nFROM b", "", [0, 1, 2]),
    ("FROM scratch AS a\nFROM scratch AS b\nONBUILD COPY --from=a / /\nFROM scratch\nCOPY --from=b / /", "", [1, 2]),
    ("FROM scratch AS a\nRUN x\nFROM scratch AS a\nFROM scratch\nCOPY --from=a / /", "", [1, 2]),
]


@pytest.mark.parametrize(("text", "target", "expected"), REACHABLE)
def test_reachable_stages(text, target, expected):
    assert [stage.index for stage in resolved(text, target=target).reachable] == expected


REFUSED = [
    ("FROM $X", 1, "should not be blank"),
    ("FROM $X\nFROM scratch", 1, "should not be blank"),
    ("FROM BAD\nFROM scratch", 1, "invalid reference"),
    ("FROM scratch AS Builder\nFROM Builder", 2, "invalid reference"),
    ("FROM scratch\nCOPY --from=$X / /\nFROM scratch", 2, "invalid reference"),
    ("FROM scratch\nCOPY --from=BAD / /\nFROM scratch", 2, "invalid reference"),
    ("FROM scratch\nCOPY --from=2 / /", 2, "invalid stage index"),
    ("FROM scratch\nCOPY --from=-1 / /", 2, "invalid stage index"),
    ("FROM scratch AS a\nFROM scratch\nCOPY --from=1 / /", 3, "circular"),
    ("FROM scratch AS a\nCOPY --from=b / /\nFROM a AS b", 2, "needs to be defined before"),
    ("FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nCOPY --from=a / /", 4, "circular"),
    ("FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nFROM a", 2, "needs to be defined before"),
    ("FROM scratch\nUSER ${X:?no}", 2, "X: no"),
    ("ARG X=${Y:?bad}\nFROM scratch", 1, "Y: bad"),
    ("FROM --platform=foo scratch", 1, "platform"),
    ("FROM --platform=$NOPE scratch", 1, "platform"),
    ("FROM --platform=a/b/c/d scratch", 1, "platform"),
    ("FROM scratch\nSTOPSIGNAL FOO", 2, "invalid signal"),
    ("FROM scratch\nSTOPSIGNAL 0", 2, "invalid signal"),
    ("FROM scratch\nEXPOSE foo", 2, "containerPort"),
    ("FROM scratch\nEXPOSE 70000", 2, "containerPort"),
    ("FROM scratch\nEXPOSE 80/foo", 2, "proto"),
    ("FROM scratch\nVOLUME $NOPE", 2, "empty"),
    ("FROM scratch\nRUN --mount=type=foo x", 2, "mount type"),
    ("FROM scratch\nRUN --mount=type=bind x", 2, "mount target"),
    ("FROM scratch\nRUN --mount=type=cache,id x", 2, "key=value"),
    ("FROM scratch\nRUN --mount=type=bind,target=/x,frm=y x", 2, "unexpected key"),
    ("FROM scratch AS a\nONBUILD FOO x\nFROM a", 2, "unknown instruction"),
    ("FROM scratch\nADD --checksum=foo http://x/y /z", 2, "checksum"),
    ('FROM scratch\nENV A="b', 2, "double-quote"),
    ("FROM scratch\nLABEL a=${A", 2, "unsupported modifier"),
    ("FROM scratch\nLABEL a=${A:-b", 2, "missing '}'"),
    ("FROM scratch\nLABEL a=${PATH#}", 2, "pattern in .* is empty"),
    ("FROM scratch\nRUN echo ${X%}", 2, "pattern in .* is empty"),
    ("FROM scratch\nRUN <<E\necho ${X%}\nE", 2, "pattern in .* is empty"),
    ("ARG A=${B:#}\nFROM scratch", 1, "pattern in .* is empty"),
]


@pytest.mark.parametrize(("text", "line", "message"), REFUSED)
def test_refused(text, line, message):
    with pytest.raises(DockerfileError, match=message) as caught:
        resolved(text)
    assert caught.value.line == line
    assert isinstance(caught.value, SubmissionFault)
    assert caught.value.where == ("Dockerfile", line)


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


def test_an_unknown_target_names_the_stages():
    with pytest.raises(DockerfileError, match='no stage "0" to build; the stages are: x'):
        resolved("FROM scratch AS x\nFROM scratch", target="0")


IMAGES = [
    ("FROM python", [("base", 1, "docker.io/library/python:latest")]),
    ("ARG B=python:latest\nFROM $B", [("base", 2, "docker.io/library/python:latest")]),
    ("ARG V\nFROM python:${V:-3.13}-slim", [("base", 2, "docker.io/library/python:3.13-slim")]),
    ("ARG R\nFROM ${R}python:3.13", [("base", 2, "docker.io/library/python:3.13")]),
    ("FROM localhost:5000/x", [("base", 1, "localhost:5000/x:latest")]),
    (f"FROM a:1@{DIGEST}", [("base", 1, f"docker.io/library/a:1@{DIGEST}")]),
    ("FROM scratch", []),
    ("FROM a AS b\nFROM b", [("base", 1, "docker.io/library/a:latest")]),
    ("FROM a AS b\nFROM scratch", []),
    ("FROM scratch\nCOPY --from=nginx:1 /x /y", [("copy", 2, "docker.io/library/nginx:1")]),
    ("FROM scratch AS B\nFROM scratch\nCOPY --from=b /x /y", []),
    ("FROM scratch\nRUN --mount=type=bind,from=uv:1,target=/u u", [("mount", 2, "docker.io/library/uv:1")]),
    ("FROM scratch\nRUN --mount=type=cache,target=/u u", []),
    ("FROM scratch\nONBUILD COPY --from=ubuntu / /", [("onbuild", 2, "docker.io/library/ubuntu:latest")]),
    ("FROM scratch\nONBUILD RUN --mount=from=u:1 x", [("onbuild", 2, "docker.io/library/u:1")]),
    ("# syntax=docker/dockerfile:1\nFROM scratch", [("frontend", 1, "docker.io/docker/dockerfile:1")]),
    ("#!/usr/bin/x\n# syntax=docker/dockerfile:1\nFROM scratch", [("frontend", 2, "docker.io/docker/dockerfile:1")]),
    ("# a\n# syntax=docker/dockerfile:1\nFROM scratch", []),
    (
        "FROM --platform=$BUILDPLATFORM golang:1 AS a\nFROM scratch\nCOPY --from=0 / /",
        [("base", 1, "docker.io/library/golang:1")],
    ),
]


@pytest.mark.parametrize(("text", "expected"), IMAGES)
def test_images_from_outside(text, expected):
    assert [(use.kind, use.line, str(use.reference)) for use in images(resolved(text))] == expected


def test_images_with_build_arguments_and_target():
    text = "ARG V=1\nFROM a:$V AS x\nFROM b:$V"
    assert [use.resolved for use in images(resolved(text, args={"V": "2"}))] == ["b:2"]
    assert [(use.raw, use.resolved) for use in images(resolved(text, target="x"))] == [("a:$V", "a:1")]


def test_the_platform_can_be_another():
    build = resolved("FROM a:$TARGETARCH", platform=Platform("linux", "arm64", "v8"))
    assert build.target.base == "a:arm64"


REMOTE = [
    ("ADD https://x/y.tgz /", [("http", "", "", False)]),
    (f"ADD --checksum={DIGEST} https://x/y.tgz /", [("http", DIGEST, "", False)]),
    ("ADD https://github.com/a/b.git /", [("git", "", "", False)]),
    ("ADD https://github.com/a/b.git#v1:sub /", [("git", "", "v1", False)]),
    ("ADD git@github.com:a/b.git#" + "c" * 40 + " /", [("git", "", "c" * 40, True)]),
    ("ADD https://github.com/a/b.git?ref=v2 /", [("git", "", "v2", False)]),
    ("ADD a.tgz b.tgz /", []),
    ("COPY a.tgz /", []),
]


@pytest.mark.parametrize(("instruction", "expected"), REMOTE)
def test_remote_files(instruction, expected):
    found = remote_files(resolved(f"FROM scratch\n{instruction}"))
    assert [(file.kind, file.checksum, file.ref, file.commit) for file in found] == expected


def test_a_variable_the_file_never_sets_is_said():
    build = resolved("FROM debian\nARG A\nUSER $A$B\nADD https://x/$C /")
    assert build.target.steps[1].unset == {"A", "B"}
    assert not remote_files(build)[0].known


REFUSED_FLOODS = [
    "\n".join(f"ARG A{n}=$A{n - 1}$A{n - 1}" for n in range(1, 40)).replace("$A0$A0", "x" * 100) + "\nFROM a:$A39",
    "FROM scratch\n" + "\n".join(f"ENV A{n}={n}" for n in range(3000)),
    "FROM scratch AS a0\n" + "\n".join(f"FROM a{n} AS a{n + 1}" for n in range(1000)),
    "FROM scratch\n" + "RUN a\n" * 6000,
    "FROM scratch AS a0\n" + "".join(f"FROM a{n} AS a{n + 1}\nCOPY --from=a{n} a b\n" for n in range(30)),
    "FROM scratch AS a\nONBUILD RUN " + "b;" * 20000 + "\n" + "".join(f"FROM a AS a{n}\n" for n in range(400)),
    "FROM scratch\nENV A=" + "${A:-" * 5000 + "x" + "}" * 5000,
    "FROM scratch\nENV A=" + "a" * 60000 + "\nENV B=" + "$A" * 30000,
]


@pytest.mark.parametrize("text", REFUSED_FLOODS, ids=range(len(REFUSED_FLOODS)))
def test_floods_are_refused(text):
    with pytest.raises(DockerfileError):
        resolved(text)


LONG = [
    "FROM scratch\nENV A=" + "a" * 60000 + "\n" + "LABEL x=${A##*" + "a*" * 500 + "b}\n",
    "FROM scratch\nENV A=" + "a" * 60000 + "\n" + "LABEL x=${A//a/b}\n",
    "FROM scratch\nENV A=" + "a" * 60000 + "\n" + "LABEL x=${A//*a?a*b/b}\n",
    "FROM scratch\nLABEL " + "a=${X:-${Y}} " * 5000,
    "FROM scratch\n" + "COPY --from=a a b\n" * 4000,
]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_files_are_answered(text):
    assert resolved(text).target.steps

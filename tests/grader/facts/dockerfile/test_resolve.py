"""Stages, variables, effective state and outside images, as BuildKit 0.13 gave them when each case was tried on it."""

import pytest

from grader.errors import SubmissionFault
from grader.facts.dockerfile.model import DockerfileError
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve

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


def test_an_unknown_target_names_the_stages():
    with pytest.raises(DockerfileError, match='no stage "0" to build; the stages are: x'):
        resolved("FROM scratch AS x\nFROM scratch", target="0")


SEVERAL = """
FROM debian AS base
ARG V=1
RUN a $V
FROM base AS one
RUN b
FROM scratch AS two
COPY --from=one /a /b
EXPOSE $P
FROM base
ENV X=$V
"""


def state_of(build):
    return [
        (stage.base, stage.reachable, stage.uses, step.args, step.error, dict(step.after.variables))
        for stage in build.stages
        for step in stage.steps
    ]


@pytest.mark.parametrize("target", ["", "base", "one", "two"])
@pytest.mark.parametrize("other", ["", "one"])
def test_a_build_that_shares_stages_with_another_is_the_same_build(target, other):
    file = parse(SEVERAL)
    build = resolve(file, target=target, shared=resolve(file, target=other))
    assert state_of(build) == state_of(resolve(file, target=target))


def test_which_stages_are_shared():
    file = parse(SEVERAL)
    first = resolve(file)
    second = resolve(file, target="two", shared=first)
    shared = [one.steps is other.steps for one, other in zip(first.stages, second.stages, strict=True)]
    assert shared == [True, True, True, True]
    assert second.stages[0] is first.stages[0]
    assert [stage.reachable for stage in second.stages] == [True, True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "FROM a AS x\nARG TARGETSTAGE\nRUN b\nFROM a\nRUN c\n",
        "FROM a AS x\nARG A=TARGET\nARG ${A}STAGE\nRUN b\nFROM a\nRUN c\n",
        "ARG TARGETSTAGE\nFROM a AS x\nRUN b\nFROM a\nRUN c\n",
    ],
)
def test_nothing_is_shared_where_the_target_has_a_say(text):
    file = parse(text)
    first = resolve(file)
    second = resolve(file, target="x", shared=first)
    assert not any(one.steps is other.steps for one, other in zip(first.stages, second.stages, strict=True))


def test_what_was_let_pass_in_a_stage_that_was_not_built_is_found_where_it_is():
    file = parse("FROM scratch AS x\nEXPOSE no-port\nFROM scratch\nCOPY a b\n")
    first = resolve(file)
    assert first.stages[0].steps[0].error
    with pytest.raises(DockerfileError, match="no-port"):
        resolve(file, target="x", shared=first)


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

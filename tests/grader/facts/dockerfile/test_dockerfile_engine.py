"""Our verdict on odd Dockerfiles held against BuildKit's, and the image's configuration against ours.

What BuildKit says is on record (tests/answers.py). All files start from scratch, so that nothing is pulled; each is
built for its configuration alone, nothing stays on the engine. Two things are never sent, because BuildKit 0.13 panics
on them and takes the whole engine along: a file without any FROM, and an empty pattern as in ${A#}.
"""

import io
import json
import os
import re
import subprocess
import tarfile
import tempfile

import pytest

from grader.facts.build.buildx import buildx
from grader.facts.dockerfile.evaluate import normalised_path
from grader.facts.dockerfile.model import DockerfileError
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from tests.answers import Record

SOUND = [
    "LABEL a=b \\\n\n  c=d \\\n  # x\n  e=f",
    "LABEL a=b \\  \n c=d",
    "\\\nLABEL a=b",
    "LABEL a=${X-d} b=${X:-e} c=${PATH:+f} d=$$ e='$X' f=\"$PATH\" g=\\$X h=$1 i=$@",
    "ENV X=abc.tar.gz\nLABEL a=${X#*.} b=${X##*.} c=${X%%.*} d=${X%.*} e=${X/a/Q} f=${X//./_} g=${X//} h=${X//*/q}",
    'ENV X=x/y\nLABEL a=${X//\\//-} b=${X%%/*} c=${X#?} d=${X:-${Y:-z}} e=${Y:-${X}} f=${X:+"q r"}',
    "ENV X=abc\nENV X=d Y=$X\nLABEL y=$Y",
    'ENV a b $PATH "q"  r\nLABEL k="a b" l=\'$a\' "m n"="$a"',
    'ENV ""=b',
    "ENV $X=b",
    "ENV A=\nENV B= C=d",
    "ARG X=1\nARG X=2\nLABEL l=$X",
    "ENV X=a\nARG X=b\nLABEL l=$X",
    "ARG X=b\nENV X=a\nLABEL l=$X",
    "ARG X=1\nARG X\nLABEL l=$X",
    "ARG --foo X=2\nLABEL l=$X",
    "ARG TARGETPLATFORM\nARG TARGETOS TARGETARCH TARGETVARIANT BUILDPLATFORM\nLABEL l=$TARGETPLATFORM-$TARGETVARIANT",
    "LABEL l=$TARGETPLATFORM-$HTTP_PROXY",
    "USER $NOPE",
    "USER a b",
    'USER "0"',
    "ARG U=root\nUSER ${U}:${U}",
    "WORKDIR foo\nWORKDIR bar/../baz",
    "WORKDIR /a/../b//c/",
    'WORKDIR ""\nWORKDIR //x',
    "WORKDIR /a\nWORKDIR $NOPE",
    'ARG P="80 81"\nEXPOSE $P 90-92/udp 100/TCP',
    "EXPOSE 1.2.3.4:80:90 :80",
    "EXPOSE ${X}",
    'VOLUME /a /b\nVOLUME ["/c d", "$PATH"]',
    "STOPSIGNAL 99",
    "STOPSIGNAL RTMIN+3",
    "STOPSIGNAL sigterm",
    "CMD\nENTRYPOINT",
    'CMD ["a", ]',
    "CMD ['a']",
    'CMD ["a"] trailing',
    'ENTRYPOINT ["a"] # comment\nCMD b',
    "CMD [1e999]",
    'CMD ["a\\u0000\\ud800b"]',
    "CMD <<EOF",
    'SHELL ["/bin/x", "-c"]\nCMD a',
    "MAINTAINER a b c",
    "HEALTHCHECK none",
    "HEALTHCHECK --foo NONE",
    "HEALTHCHECK --retries=0 --interval=0 CMD a",
    'HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2s --retries=+3 CMD ["a"]',
    "ONBUILD FOO bar\nONBUILD COPY --nope a",
    "COPY <<EOF /x\nhi $A\nEOF\nUSER b",
    "COPY <<A <<-'B' /x/\n1\nA\n\t$2\n\tB\nUSER b",
    "COPY --chmod=755 --chown=1:2 --link <<EOF /x\nEOF",
    "ADD <<EOF /x\nEOF",
    "ONBUILD RUN cat <<- x",
    'VOLUME ["/a\\ud800b"]',
]
FILES = [
    "ARG X=g\nFROM scratch AS p\nARG X\nFROM p\nARG X\nLABEL l=$X",
    "ARG X=g\nFROM scratch AS p\nARG X=1\nFROM p\nARG X\nLABEL l=$X",
    "ARG X=g\nFROM scratch AS p\nARG X=1\nFROM p\nARG X=3\nLABEL l=$X",
    "FROM scratch AS p\nARG X=b\nENV Y=1\nWORKDIR /w\nUSER 1\nFROM p\nLABEL l=$X y=$Y\nWORKDIR v",
    "ARG X=1\nARG X=2$X\nFROM scratch\nARG X\nLABEL l=$X",
    "ARG X\nFROM scratch\nARG X=d\nLABEL l=$X",
    "ARG X=\nFROM scratch\nARG X=d\nLABEL l=$X",
    "ARG B=scratch\nFROM ${B}\nUSER x",
    "FROM --platform=$BUILDPLATFORM scratch\nARG TARGETARCH=foo\nLABEL l=$TARGETARCH",
    "FROM --platform=linux scratch\nUSER x",
    "FROM --platform= scratch\nUSER x",
    "FROM scratch AS A.b-c_d\nFROM a.b-c_d\nUSER x",
    "FROM scratch AS a\nENV Q=1\nFROM scratch AS a\nENV Q=2\nFROM a\nLABEL x=$Q",
    "FROM scratch AS a\nONBUILD LABEL ob=1\nONBUILD USER u\nFROM a\nLABEL x=1",
    "FROM scratch AS a\nONBUILD USER bob\nFROM a AS b\nUSER al\nFROM b",
    "FROM scratch\nUSER ${X:?no}\nFROM scratch\nUSER b",
    "FROM scratch AS a\nCOPY <<EOF /x\nEOF\nFROM scratch\nCOPY --from=A /x /y\nCOPY --from=0 /x /z",
    "# escape=`\nFROM scratch\nLABEL a=b `\n  c=d\\e f=`$g",
    "\ufeff# escape=`\r\nFROM scratch\r\nLABEL a=b `\r\n c=d\r\n",
    " #  ESCAPE = ` \nFROM scratch\nLABEL a=b `\n c=d",
    "from scratch\nlabel a=b\n  LaBeL c=d",
    "# comment\n# escape=`\nFROM scratch\nLABEL a=b` \n",
]
WRONG = [
    *("ENV a", "ENV a=b c", "ENV =b", 'ENV A="b', "ENV", "LABEL", "LABEL a", "LABEL a=b # c", "LABEL a=${A"),
    *("LABEL a=${A:-b", "LABEL a=${}", "LABEL a=${A^}", "LABEL a=${A:=b}", "LABEL a=${A#\\q}", "USER ${X:?no}"),
    *(
        "USER",
        "USER --x a",
        "WORKDIR",
        "EXPOSE",
        "EXPOSE foo",
        "EXPOSE 70000",
        "EXPOSE 80/foo",
        "VOLUME",
        "VOLUME $NOPE",
    ),
    *("SHELL sh", "SHELL []", "STOPSIGNAL FOO", "STOPSIGNAL 0", "STOPSIGNAL", "MAINTAINER", "ARG", "ARG =x", "ARG 'a"),
    *('CMD ["a", 1]', "CMD [null]", 'CMD [["a"]]', "HEALTHCHECK", "HEALTHCHECK FOO", "HEALTHCHECK CMD"),
    *("HEALTHCHECK NONE a", "HEALTHCHECK --interval=5 CMD a", "HEALTHCHECK --interval=1us CMD a"),
    *("HEALTHCHECK --interval=-1s CMD a", "HEALTHCHECK --retries=-1 CMD a", "HEALTHCHECK --retries CMD a"),
    *("HEALTHCHECK --retries=x CMD a", "HEALTHCHECK --nope=1 CMD a", "HEALTHCHECK CMD []"),
    *("ONBUILD", "ONBUILD ONBUILD RUN x", "ONBUILD FROM x", "ONBUILD MAINTAINER x", 'ONBUILD RUN ["a", 1]'),
    *("ADD a", "COPY a", 'COPY ["a"]', "COPY []", "COPY x <<EOF\nhi\nEOF", "COPY <<EOF\nhi\nEOF", "COPY <<EOF /x\nhi"),
    *(
        "COPY << EOF /x\nhi\nEOF",
        "COPY --from=a --from=b c d",
        "COPY --nope a b",
        "COPY --link=maybe a b",
        "COPY --from a b",
    ),
    *("COPY --from=2 a b", "COPY --from=-1 a b", "COPY --from=0 a b", "COPY --from=$X a b", "COPY --from=BAD a b"),
    *("RUNN x", "x", "=", "\\", "RUN --mount=type=foo x", "RUN --mount=type=bind x", "RUN --mount=type=cache x"),
    *(
        "RUN --mount=type=cache,id x",
        "RUN --mount=target=/x,frm=y x",
        "RUN --mount=from=$X,target=/y x",
        "RUN --mount= x",
    ),
    *('RUN --mount=type="bind x', "RUN --network=foo x", "RUN --mount=type=tmpfs,size=z,target=/x x", "RUN --nope x"),
    *(
        "RUN --mount=type=secret,from=scratch,id=b x",
        "RUN --mount=type=bind,uid=1,target=/x x",
        "ADD --checksum=foo http://x/y /z",
    ),
    "RUN --mount=type=bind,sharing=locked,target=/x x",
]
WRONG_FILES = [
    "FROM",
    "FROM scratch AS",
    "FROM scratch AS 1a",
    "FROM scratch AS a/b",
    "FROM scratch foo bar",
    "FROM scratch a",
    "FROM $X",
    "FROM $X\nFROM scratch",
    "FROM BAD\nFROM scratch",
    "FROM scratch AS Builder\nFROM Builder",
    "FROM --foo=x scratch",
    "FROM --platform=a/b --platform=a/b scratch",
    "FROM --platform scratch",
    "FROM --platform=foo scratch",
    "FROM --platform=a/b/c/d scratch",
    "FROM --platform=$NOPE scratch",
    "LABEL a=b\nFROM scratch",
    "RUNN x\nFROM scratch",
    "# escape=x\nFROM scratch",
    "# escape=`\n# escape=`\nFROM scratch",
    "\n# escape=`\nFROM scratch\nLABEL a=b `\n c=d",
    "# foo=`\n# escape=`\nFROM scratch\nLABEL a=b `\nc=d",
    "FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nFROM a",
    "FROM scratch AS a\nFROM scratch\nCOPY --from=1 / /",
    "FROM scratch AS a\nCOPY --from=b / /\nFROM scratch AS b\nCOPY --from=a / /",
    "FROM scratch AS a\nONBUILD FOO x\nFROM a",
]
CASES = [
    *(f"FROM scratch\n{text}\n" for text in SOUND),
    *(f"{text}\n" for text in FILES),
    *(f"FROM scratch\n{text}\n" for text in WRONG),
    *(f"{text}\n" for text in WRONG_FILES),
    *(f"FROM scratch\n{text}\nFROM scratch\nUSER last\n" for text in WRONG[::4]),  # in a stage that is not built
]
BETTER_LINES = {  # where BuildKit points at a line that is not at fault
    "# escape=`\n# escape=`\nFROM scratch\n": {2},
    "FROM scratch AS a\nONBUILD FOO x\nFROM a\n": {2},
}
BUILD_ARGUMENTS = [
    ("ARG X=q\nFROM scratch\nARG X=d\nLABEL a=$X\n", {"X": "z"}),
    ("FROM scratch\nLABEL l=$TARGETPLATFORM-$HTTP_PROXY\n", {"TARGETPLATFORM": "q", "HTTP_PROXY": "p"}),
    ("FROM scratch\nARG HTTP_PROXY\nLABEL l=$HTTP_PROXY\n", {"HTTP_PROXY": "p"}),
    ("FROM scratch\nENV X=a\nARG X=b\nLABEL l=$X\n", {"X": "c"}),
    ("FROM scratch\nLABEL l=$X\n", {"X": "c"}),
    ("ARG A B=$A\nFROM scratch\nARG B\nLABEL l=$B\n", {"A": "z"}),
    ("FROM scratch\nARG TARGETARCH\nLABEL l=$TARGETARCH\n", {"TARGETARCH": "z80"}),
]


QUESTIONS = [{"dockerfile": text, "args": args} for text, args in [*((text, {}) for text in CASES), *BUILD_ARGUMENTS]]
EVERY_RUN = (3, len(SOUND) + 3, len(SOUND) + len(FILES))
"""Variables of every kind, a stage on another, and a file that is refused on its line."""
RECORD = Record(__file__, QUESTIONS, EVERY_RUN)


def ask(question, folder):
    """What the builder of this machine makes of it, and its complaint."""
    given = [part for name, value in question["args"].items() for part in ("--build-arg", f"{name}={value}")]
    command = [*buildx(), "build", "--progress=plain", "--file=-", "--output=type=oci,dest=-", *given, str(folder)]
    with tempfile.TemporaryDirectory() as scratch:  # buildx leaves a Dockerfile that it read from a pipe behind
        environment = {**os.environ, "TMPDIR": scratch}
        text = question["dockerfile"].encode()
        done = subprocess.run(
            command,
            input=text,
            capture_output=True,
            timeout=120,
            check=False,
            env=environment,
        )
    if done.returncode:
        complaint = done.stderr.decode(errors="replace")
        assert "exporter" not in complaint, complaint  # of a classic image store, which gives no OCI archive
        lines = sorted({int(number) for number in re.findall(r"^ *(\d+) \| >>>", complaint, re.MULTILINE)})
        return {"refused": True, "lines": lines}, essence(complaint)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:

        def blob(digest):
            return json.load(archive.extractfile(f"blobs/{digest.replace(':', '/')}"))

        found = json.load(archive.extractfile("index.json"))
        while "manifests" in found:
            found = blob(found["manifests"][0]["digest"])
        return {"config": in_our_words(blob(found["config"]["digest"])["config"])}, ""


def essence(complaint):
    """Its last line, without the part that differs from run to run."""
    last = complaint.strip().splitlines()[-1]
    return re.sub(r"^ERROR: failed to (solve|run Build function): ", "", last).partition(": failed to do request")[0]


def in_our_words(config):
    """Of an image's configuration what a Dockerfile tells, without what is empty."""
    told = {
        "User": config.get("User"),
        "WorkingDir": normalised_path("/", config.get("WorkingDir") or "/"),
        "Env": dict(item.split("=", 1) for item in config.get("Env") or ()),
        "Labels": config.get("Labels"),
        "Volumes": sorted(config.get("Volumes") or ()),
        "StopSignal": config.get("StopSignal"),
        "Shell": config.get("Shell"),
    }
    return {name: value for name, value in told.items() if value}


def ours(question):
    """The same from the grader's model. Raises DockerfileError if it refuses the file."""
    build = resolve(parse(question["dockerfile"]), args=question["args"])
    state = build.target.state
    steps = build.target.image_steps()
    labels = [word for step in steps if step.name == "LABEL" for word in step.args]
    told = {
        "User": state.user,
        "WorkingDir": state.workdir,
        "Env": {**state.env},
        "Labels": dict(zip(labels[::2], labels[1::2], strict=True)),
        "Volumes": sorted({volume for step in steps if step.name == "VOLUME" for volume in step.args}),
        "StopSignal": build.target.last("STOPSIGNAL").args[0] if build.target.last("STOPSIGNAL") else "",
        "Shell": list(state.shell) if build.target.last("SHELL") else [],
    }
    return {name: value for name, value in told.items() if value}


def name(question):
    return "-".join([repr(question["dockerfile"]), *question["args"]])


@pytest.mark.parametrize("question", QUESTIONS, ids=name)
def test_as_recorded(question):
    answer = RECORD.answer(question)
    if not answer.get("refused"):
        assert ours(question) == answer["config"]
        return
    with pytest.raises(DockerfileError) as refused:
        ours(question)
    lines = {*answer["lines"]}
    assert not lines or refused.value.line in lines | BETTER_LINES.get(question["dockerfile"], set())


def test_nothing_else_is_on_record():
    assert RECORD.unasked() == []


def pytest_generate_tests(metafunc):
    if "asked" in metafunc.fixturenames:
        metafunc.parametrize("asked", RECORD.for_the_builder(metafunc.config), ids=name)


@pytest.fixture(scope="module")
def comparison(engine, pytestconfig):
    with RECORD.compared(engine, pytestconfig) as comparison:
        yield comparison


@pytest.mark.engine
def test_the_builder_says_what_is_recorded(comparison, asked, tmp_path):
    comparison.take(asked, *ask(asked, tmp_path))

"""Our reading of Dockerfiles beside that of BuildKit's own parser, in the `dockerfile` wheel.

The wheel is BuildKit's parser alone, without the layer that knows instructions: unknown ones, wrong flags and missing
arguments are no errors to it. So the comparison is made before our `validate`; what that refuses is tried on a real
builder in test_dockerfile_engine.py. Known differences, each on purpose:

- flags: BuildKit reads them byte by byte, so that a letter outside ASCII comes out as two others; here it stays itself;
- `ONBUILD ONBUILD` is refused at once (there, only in the next layer);
- `# check=` counts as a directive, as in current frontends (the wheel and BuildKit 0.13 take it for a comment, so that
  an `# escape=` after it does not count).
"""

from pathlib import Path

import dockerfile
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from grader.facts.dockerfile.external import images
from grader.facts.dockerfile.instructions import FLAGS
from grader.facts.dockerfile.lines import Fault, Reader
from grader.facts.dockerfile.model import DockerfileError
from grader.facts.dockerfile.parser import parse, read_instructions
from grader.facts.dockerfile.resolve import resolve
from grader.facts.packages.downloads import downloads
from grader.facts.packages.installs import installs
from grader.facts.shell.run import commands

OTHER_NAMES = "ARG CMD ENTRYPOINT ENV EXPOSE LABEL MAINTAINER SHELL STOPSIGNAL USER VOLUME WORKDIR"
NAMES = {*FLAGS, *OTHER_NAMES.split()}
CASES = [
    tuple(case.split("\n", 1))
    for case in Path(__file__).with_name("dockerfiles.txt").read_text(encoding="utf-8").split("\n=== ")[1:]
]


def ours(text):
    try:
        instructions = read_instructions(Reader(text.encode()))
    except Fault as fault:
        return fault
    return [
        (
            instruction.name,
            instruction.trigger.name if instruction.trigger else "",
            instruction.line,
            instruction.end_line,
            tuple(flag.encode().decode("latin-1") for flag in instruction.flags),
            (instruction.trigger or instruction).args,
            (instruction.trigger or instruction).json,
            instruction.original,
            # The wheel forgets the bodies of an ONBUILD.
            [] if instruction.trigger else [(d.name, d.descriptor, d.content) for d in instruction.heredocs],
        )
        for instruction in instructions
    ]


def theirs(text):
    try:
        parsed = dockerfile.parse_string(text)
    except dockerfile.GoParseError as error:
        return [] if "no instructions" in str(error) else error
    return [
        (
            (command.cmd or "").upper(),
            (command.sub_cmd or "").upper(),
            command.start_line,
            command.end_line,
            command.flags,
            command.value if (command.sub_cmd or command.cmd or "").upper() in NAMES else (),
            command.json,
            # The wheel appends bodies to a heredoc's line.
            (command.original or "").split("\n")[0] if command.heredocs else command.original or "",
            [(document.name, document.file_descriptor, document.content) for document in command.heredocs],
        )
        for command in parsed
    ]


def agree(text):
    expected, found = theirs(text), ours(text)
    if isinstance(expected, Exception) or isinstance(found, Exception):
        assert isinstance(expected, Exception), f"only we refuse: {found}"
        assert isinstance(found, Exception), f"only BuildKit refuses: {expected}"
    else:
        assert found == expected


def with_line_ends(text):
    return [text, text.replace("\n", "\r\n"), text.rstrip("\n"), "\ufeff" + text]


@pytest.mark.parametrize(("title", "text"), CASES, ids=[title for title, _ in CASES])
def test_written_by_hand(title, text):
    for variant in with_line_ends(text):
        if "# check=" not in text:
            agree(variant)
    agree("FROM scratch\n" + text + "\nRUN after")


PIECES = [
    *(f"{name} " for name in sorted({*NAMES, "ONBUILD"})),
    *("FROM scratch\n", "--mount=type=cache", '--from="a b"', '--x=\\"q', "--", "--a", "-x", "NONE", "CMD x"),
    *("\\", "`", " ", "\t", "\n", "\n", "\n", "\r\n", "\\\n", "\\ \n", "`\n", "\v", "\f", "\u2003", "\x1c", "\ufeff"),
    *("<<EOF", "<<-EOF", '<<"E F"', "<<'EOF'", "<< EOF", "3<<EOF", "EOF", "EOF\n", "\tEOF\n", "E F\n", "<", "<<"),
    *('["a","b"]', '["a", 1]', "[1e999]", '["\\u00e9"]', "[]", "[", "]", "{}"),
    *("a=b", 'a="b c"', "x='y z'", "$X", "${X:-y}", "${X", '"', "'", "=", "==", "&&", "|"),
    *("#", "# c\n", "# escape=`\n", "# escape=\\\n", "#syntax=a\n", "a", "bé", "日"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@settings(max_examples=600, deadline=None)
@given(st.one_of(texts, texts.map(lambda text: "FROM scratch\n" + text)))
@example("FROM scratch\nRUN <<EOF \\\n# c\nEOF\nRUN x")
def test_generated(text):
    if "ONBUILD" in text and "Chaining" in str(ours(text)):
        return
    try:
        expected = theirs(text)
    except UnicodeDecodeError:
        return  # the wheel cut a character in two, as it does in flags
    if isinstance(expected, Exception) or not any("\ufffd" in part for row in expected for part in row[5]):
        agree(text)


def look_at_everything(text):
    """All that can be asked of a file; only DockerfileError may come of it."""
    try:
        build = resolve(parse(text), args={"X": "1"})
    except DockerfileError:
        return
    images(build)
    installs(build)
    downloads(build)
    for stage in build.stages:
        for step in stage.steps:
            for command in commands(step):
                assert step.instruction.line <= command.line <= step.instruction.end_line


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), texts, texts.map(lambda text: "FROM scratch\n" + text)))
def test_nothing_crashes(text):
    look_at_everything(text)


SHELL_PIECES = [
    *(
        "pip",
        "install",
        "apt-get",
        "npm",
        "i",
        "sh",
        "-c",
        "curl",
        "http://x",
        "|",
        "||",
        "&&",
        ";",
        "&",
        "\\\n",
        "sudo",
    ),
    *("(", ")", "{", "}", "$(", "`", "$((", "))", "${", "}", "$X", "${X:-", "'", '"', "\\", "#", "<<EOF", "EOF", "\n"),
    *("if", "then", "fi", "for", "in", "do", "done", "case", "esac", ";;", "[[", "]]", "function", "f()", "eval"),
    *(
        "cd",
        "/a",
        "A=1",
        "export",
        "xargs",
        "<",
        ">",
        "2>&1",
        "<(",
        "set",
        "-eux",
        "env",
        "-",
        "--",
        "=",
        "*",
        "a",
        "é",
    ),
]
scripts = st.lists(st.sampled_from(SHELL_PIECES), max_size=30).map(" ".join)


@settings(max_examples=600, deadline=None)
@given(scripts, st.booleans())
def test_no_script_crashes(script, heredoc):
    look_at_everything(f"FROM scratch\nRUN <<'END'\n{script}\nEND\n" if heredoc else f"FROM scratch\nRUN {script}\n")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100))
def test_a_quoted_text_comes_back_whole(text):
    """What is between single quotes in a RUN is one argument, whatever it holds."""
    if set(text) & set("'\n\\`\r\0") or "<<" in text or text.strip() != text or not text.isprintable():
        return
    build = resolve(parse(f"FROM scratch\nRUN echo '{text}' end"))
    (command,) = commands(build.target.steps[0])
    assert [word.text for word in command.argv] == ["echo", text, "end"]

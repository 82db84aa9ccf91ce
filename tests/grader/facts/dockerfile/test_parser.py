"""`parse`: instructions with their lines, flags, forms and heredocs; directives; and what is refused, at which line."""

import re

import pytest

from grader.errors import SubmissionFault
from grader.facts.dockerfile.model import DockerfileSyntaxError
from grader.facts.dockerfile.parser import parse, read

REFUSED = [
    ("", 0, "cannot be empty"),
    ("\n\n", 0, "no instructions"),
    ("# a\n", 0, "no instructions"),
    ("ARG X\n", 0, "no FROM"),
    ("ARG X\nRUN a\nFROM b", 2, "RUN comes before FROM"),
    ("FROM a\nRUNN b", 2, "unknown instruction: RUNN (did you mean RUN?)"),
    ("FROM a\nRUN b\n  c \\\n d\nRUN e", 3, "unknown instruction: C"),
    ("FROM a\n\n\nCOPY b", 4, "at least two arguments"),
    ("FROM a\nCOPY --form=b c d", 2, "unknown flag: --form (did you mean --from?)"),
    ("FROM a\nRUN <<EOF\nb\n", 2, "unterminated heredoc: no line is just EOF"),
    ("FROM a\nRUN <<EOF\nb\nEOF\nUSER", 5, "USER requires exactly one argument"),
    ("FROM a\nENV \\\n  b", 2, "ENV must have two arguments"),
    ("# escape=x\nFROM a", 1, "invalid escape token 'x'"),
    ("# syntax=a\n# syntax=b\nFROM a", 2, "only one syntax parser directive"),
    ("# check=a\n# CHECK=b\nFROM a", 2, "only one check parser directive"),
    ("FROM a b", 1, "either one or three arguments"),
    ("FROM a AS 1b", 1, "invalid name for build stage"),
    ("FROM a\nRUN " + "b" * 70000, 2, "longer than 65535 bytes"),
    ("FROM a\n" + "# b\n" * 300000, 0, "larger than 1048576 bytes"),
    ('FROM a\nCMD ["b", 1]', 2, "strings only"),
    ("FROM a\nCMD " + "[" * 30000, 2, "strings only"),
    ("FROM a\nONBUILD ", 2, "ONBUILD requires at least one argument"),
    ("FROM a\nONBUILD ONBUILD RUN b", 2, "isn't allowed"),
    ("FROM a\n" + "ONBUILD " * 5000, 2, "isn't allowed"),
]


@pytest.mark.parametrize(("text", "line", "message"), REFUSED, ids=[message for *_, message in REFUSED])
def test_refused(text, line, message):
    with pytest.raises(DockerfileSyntaxError, match=re.escape(message)) as caught:
        parse(text, source="sub/Dockerfile")
    assert caught.value.line == line
    assert isinstance(caught.value, SubmissionFault)
    assert caught.value.where == ("sub/Dockerfile", line)
    assert str(caught.value).startswith(f"sub/Dockerfile, line {line}: " if line else "sub/Dockerfile: ")


def only(text):
    """The instruction after FROM."""
    return parse(f"FROM a\n{text}").stages[0].instructions[0]


def test_bytes_and_files(tmp_path):
    assert parse(b"FROM a\nLABEL b=\xff").stages[0].instructions[0].args == ("b", "\ufffd")
    assert parse("FROM a\nLABEL b=\ud800").stages[0].instructions[0].args == ("b", "?")
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    assert read(tmp_path / "Dockerfile").stages[0].base == "a"
    with pytest.raises(DockerfileSyntaxError, match="there/Dockerfile: cannot be read"):
        read(tmp_path / "none", "there/Dockerfile")

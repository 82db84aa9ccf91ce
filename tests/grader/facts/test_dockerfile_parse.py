"""`parse`: instructions with their lines, flags, forms and heredocs; directives; and what is refused, at which line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import SubmissionFault
from grader.facts.dockerfile import DockerfileSyntaxError, parse, parse_reference, read
from grader.facts.dockerfile.lex import ExpansionError, expand
from grader.facts.dockerfile.pattern import PatternError, replace, trim_prefix, trim_suffix

REFUSED = [
    ("", 0, "cannot be empty"),
    ("\n\n", 0, "no instructions"),
    ("# a\n", 0, "no instructions"),
    ("ARG X\n", 0, "no FROM"),
    ("ARG X\nRUN a\nFROM b", 2, "RUN stands before FROM"),
    ("FROM a\nRUNN b", 2, "unknown instruction: RUNN (did you mean RUN?)"),
    ("FROM a\nRUN b\n  c \\\n d\nRUN e", 3, "unknown instruction: C"),
    ("FROM a\n\n\nCOPY b", 4, "at least two arguments"),
    ("FROM a\nCOPY --form=b c d", 2, "unknown flag: --form (did you mean --from?)"),
    ("FROM a\nRUN <<EOF\nb\n", 2, "unterminated heredoc: no line holds EOF alone"),
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


def test_lines_and_the_text_of_a_continued_instruction():
    run = only("RUN a && \\\n  # comment\n\n  b && \\\n  c\nUSER d")
    assert (run.line, run.end_line) == (2, 6)
    assert run.original == "RUN a &&   b &&   c"
    assert [run.line_at(run.original.index(word)) for word in ("RUN", "a", "b", "c")] == [2, 2, 5, 6]


def test_a_blank_line_in_a_continuation_is_noted():
    assert parse("FROM a\nRUN b \\\n\n  c").empty_continuations == (3,)


def test_flags_may_repeat():
    run = only("RUN --mount=type=cache,target=/a --mount=type=bind --network=none b")
    assert run.flag_values("mount") == ("type=cache,target=/a", "type=bind")
    assert (run.flag("network"), run.flag("security")) == ("none", None)
    assert only("COPY --link a b").flag("link") == ""


def test_forms():
    assert (only('CMD ["a", "b c"]').json, only('CMD ["a", "b c"]').args) == (True, ("a", "b c"))
    assert (only('CMD [a, "b c"]').json, only('CMD [a, "b c"]').args) == (False, ('[a, "b c"]',))
    assert only('HEALTHCHECK --retries=3 CMD ["a"]').args == ("CMD", "a")
    assert only('ENV a=b "c d"=e').pairs == (("a", "b"), ('"c d"', "e"))
    assert only("LABEL a b c").pairs == (("a", "b c"),)


def test_heredocs():
    copy = only("COPY <<A <<-'B C' /x/\n1\n\t2\nA\n\t3\n\tB C\nUSER d")
    first, second = copy.heredocs
    assert (first.name, first.expand, first.chomp, first.text, first.line, first.end_line) == (
        "A", True, False, "1\n\t2\n", 3, 5,
    )  # fmt: skip
    assert (second.name, second.expand, second.chomp, second.text, second.line, second.end_line) == (
        "B C", False, True, "3\n", 6, 7,
    )  # fmt: skip
    assert copy.end_line == 7
    assert not only("RUN cat << EOF").heredocs
    assert not only('RUN ["<<EOF"]').heredocs


def test_onbuild_carries_its_instruction():
    onbuild = only("ONBUILD RUN --mount=type=cache,target=/a b \\\n  && c <<EOF\nd\nEOF\n")
    trigger = onbuild.trigger
    assert (onbuild.name, trigger.name, trigger.args) == ("ONBUILD", "RUN", ("b   && c <<EOF",))
    assert trigger.flag("mount") == "type=cache,target=/a"
    assert trigger.heredocs[0].text == "d\n"
    assert (trigger.line, trigger.end_line, trigger.line_at(trigger.original.index("c <<"))) == (2, 5, 3)


DIRECTIVES = [
    ("# syntax=docker/dockerfile:1\n# escape=`\nFROM a", [("syntax", 1), ("escape", 2)], "`"),
    ("#SYNTAX = b c \n# Check=skip=all\nFROM a", [("syntax", 1), ("check", 2)], "\\"),
    ("# a\n# escape=`\nFROM a", [], "\\"),
    ("\n# escape=`\nFROM a", [], "\\"),
    ("FROM a\n# escape=`", [], "\\"),
    ("\ufeff# escape=`\r\nFROM a\r\n", [("escape", 1)], "`"),
]


@pytest.mark.parametrize(("text", "expected", "escape"), DIRECTIVES)
def test_directives(text, expected, escape):
    file = parse(text)
    assert ([(d.name, d.line) for d in file.directives], file.escape) == (expected, escape)


def test_the_frontend():
    assert parse("# syntax=docker/dockerfile:1.7 x\nFROM a").syntax.value == "docker/dockerfile:1.7 x"
    assert parse("#!/usr/bin/env x\n#syntax=b\nFROM a").syntax.line == 2
    assert parse("FROM a\n# syntax=b").syntax is None


def test_stages():
    file = parse("ARG V=1\nFROM a:$V AS One\nRUN b\nFROM --platform=$P c\nFROM one AS two\n")
    assert [(s.index, s.name, s.base, s.platform, s.line, s.label) for s in file.stages] == [
        (0, "one", "a:$V", "", 2, "one"),
        (1, "", "c", "$P", 4, "1"),
        (2, "two", "one", "", 5, "two"),
    ]
    assert [arg.args for arg in file.global_args] == [("V=1",)]
    assert file.find_stage("ONE").index == 0
    assert file.find_stage("1") is None
    assert [(stage and stage.index, i.name) for stage, i in file.walk()] == [
        (None, "ARG"),
        (0, "FROM"),
        (0, "RUN"),
        (1, "FROM"),
        (2, "FROM"),
    ]


def test_bytes_and_files(tmp_path):
    assert parse(b"FROM a\nLABEL b=\xff").stages[0].instructions[0].args == ("b", "\ufffd")
    assert parse("FROM a\nLABEL b=\ud800").stages[0].instructions[0].args == ("b", "?")
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    assert read(tmp_path / "Dockerfile").stages[0].base == "a"
    with pytest.raises(DockerfileSyntaxError, match="there/Dockerfile: cannot be read"):
        read(tmp_path / "none", "there/Dockerfile")


ENV = {"A": "abc", "B": "a b", "E": "", "N": "x.y.z", "P": "/usr/bin:/bin"}
EXPANSIONS = [
    ("$A-${A}-$NOPE-${NOPE}.", "abc-abc--."),
    ("'$A' \"$A\" \\$A $$ $", "$A abc $A  $"),
    ("${E:-d} ${E-d} ${N0:-d} ${N0-d}", "d  d d"),
    ("${A:+y} ${E:+y} ${E+y} ${N0+y}", "y  y "),
    ("${NOPE:-${NOPE2:-$A}}", "abc"),
    ("${N#*.} ${N##*.} ${N%.*} ${N%%.*}", "y.z z x.y x"),
    ("${N/./_} ${N//./_} ${N//?/q} ${N//*/q}", "x_y.z x_y_z qqqqq q"),
    ("${P//\\//-} ${P%%:*}", "-usr-bin:-bin /usr/bin"),
    ('a\\ b \'c d\' "e\\"f"', 'a b c d e"f'),
    ("$1x ${1} $@", "x  "),
]


@pytest.mark.parametrize(("word", "expected"), EXPANSIONS)
def test_expansion(word, expected):
    assert expand(word, ENV).text == expected


def test_expansion_says_what_was_not_set_and_splits_words():
    expansion = expand('$B "$B" $NOPE ${X:-c}', ENV)
    assert expansion.unset == {"NOPE", "X"}
    assert expansion.words == ["a", "b", "a b", "c"]
    assert expand("`$A", {"A": "1"}, escape="`").text == "$A"


@pytest.mark.parametrize(
    "word", ["'a", '"a', "${A", "${A:", "${}", "${{", "${A:?}x${NOPE:?}", "${A^}", "${A/b}", "${A#\\q}"]
)
def test_expansion_refused(word):
    with pytest.raises(ExpansionError):
        expand(word, ENV)


def as_expression(pattern, *, longest):
    star = ".*" if longest else ".*?"
    return re.compile("".join(star if c == "*" else "." if c == "?" else re.escape(c) for c in pattern))


@given(st.text("ab*?", max_size=6), st.text("ab\n", max_size=10), st.booleans())
def test_patterns_are_what_regular_expressions_would_find(pattern, value, longest):
    expression = as_expression(pattern, longest=longest)
    found = expression.match(value)
    assert trim_prefix(pattern, value, longest) == (value[found.end() :] if found else value)
    backwards = as_expression(pattern[::-1], longest=longest).match(value[::-1])
    assert trim_suffix(pattern, value, longest) == (value[: len(value) - backwards.end()] if backwards else value)
    greedy = as_expression(pattern, longest=True)
    assert replace(pattern, value, "X", every=False) == greedy.sub("X", value, count=1)


def test_patterns_escape():
    assert trim_prefix("\\*", "*a", False) == "a"
    assert replace("\\/", "a/b", "-", every=True) == "a-b"
    with pytest.raises(PatternError):
        trim_prefix("\\a", "a", False)


DIGEST = "sha256:" + "a" * 64
REFERENCES = [
    ("python", "docker.io", "library/python", "", "", "docker.io/library/python:latest", "python"),
    (
        "python:3.13-slim",
        "docker.io",
        "library/python",
        "3.13-slim",
        "",
        "docker.io/library/python:3.13-slim",
        "python",
    ),
    ("grafana/grafana", "docker.io", "grafana/grafana", "", "", "docker.io/grafana/grafana:latest", "grafana/grafana"),
    ("localhost:5000/x", "localhost:5000", "x", "", "", "localhost:5000/x:latest", "localhost:5000/x"),
    ("localhost:5000/x:1", "localhost:5000", "x", "1", "", "localhost:5000/x:1", "localhost:5000/x"),
    ("localhost/x", "localhost", "x", "", "", "localhost/x:latest", "localhost/x"),
    ("gcr.io/a/b/c:t", "gcr.io", "a/b/c", "t", "", "gcr.io/a/b/c:t", "gcr.io/a/b/c"),
    (f"a@{DIGEST}", "docker.io", "library/a", "", DIGEST, f"docker.io/library/a@{DIGEST}", "a"),
    (f"a:1@{DIGEST}", "docker.io", "library/a", "1", DIGEST, f"docker.io/library/a:1@{DIGEST}", "a"),
    ("index.docker.io/a", "docker.io", "library/a", "", "", "docker.io/library/a:latest", "a"),
    ("docker.io/library/a", "docker.io", "library/a", "", "", "docker.io/library/a:latest", "a"),
    ("[::1]:5000/a", "[::1]:5000", "a", "", "", "[::1]:5000/a:latest", "[::1]:5000/a"),
    ("Registry/a", "Registry", "a", "", "", "Registry/a:latest", "Registry/a"),
    ("a__b/c--d", "docker.io", "a__b/c--d", "", "", "docker.io/a__b/c--d:latest", "a__b/c--d"),
]


@pytest.mark.parametrize(("text", "registry", "repository", "tag", "digest", "full", "familiar"), REFERENCES)
def test_references(text, registry, repository, tag, digest, full, familiar):
    reference = parse_reference(text)
    assert (reference.registry, reference.repository, reference.tag, reference.digest) == (
        registry,
        repository,
        tag,
        digest,
    )
    assert (str(reference), reference.familiar_name) == (full, familiar)
    assert reference.namespace == repository.rpartition("/")[0]
    assert parse_reference(full) == parse_reference(str(parse_reference(full)))


INVALID = [
    *(
        "",
        "A",
        "a/B",
        "a:",
        "a:-b",
        "a@sha256:abc",
        f"a@sha256:{'A' * 64}",
        f"a@md5:{'a' * 32}",
        "a b",
        "-a",
        "a_",
        "a//b",
    ),
    *("a:b:c", "/a", "a/", "0123456789abcdef" * 4, "$a", "a___b", "a..b", "x" * 300, "é", "a:" + "b" * 129),
]


@pytest.mark.parametrize("text", INVALID)
def test_invalid_references(text):
    assert parse_reference(text) is None

"""What a Dockerfile says before any variable is replaced: stages, flags, and where a text stands."""

import pytest

from grader.facts.dockerfile.model import DockerfileError, Heredoc, Instruction
from grader.facts.dockerfile.parser import parse


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


def instruction(name="RUN", **more):
    return Instruction(name, 1, 1, "", **({"flags": (), "args": ()} | more))


def test_flags():
    found = instruction(flags=("--a=1", "--b", "--a=2=3", "--ab=4"))
    assert (found.flag_values("a"), found.flag("a"), found.flag("b"), found.flag("c")) == (
        ("1", "2=3"),
        "2=3",
        "",
        None,
    )


@pytest.mark.parametrize(("offset", "line"), [(0, 3), (4, 3), (5, 5), (9, 6), (99, 6), (-1, 3)])
def test_the_line_of_a_character(offset, line):
    assert instruction(pieces=((0, 3), (5, 5), (9, 6))).line_at(offset) == line


def test_names_and_values():
    assert instruction("ENV", args=("a", "1", "b", "2")).pairs == (("a", "1"), ("b", "2"))
    assert instruction("RUN", args=("a", "b")).pairs == ()


@pytest.mark.parametrize(
    ("chomp", "content", "text"),
    [(False, "\ta\n", "\ta\n"), (True, "\t\ta\n \tb\n\n", "a\n \tb\n\n"), (True, "", "")],
)
def test_leading_tabs(chomp, content, text):
    assert Heredoc("E", True, chomp, 0, content, 1, 2).text == text


def test_where_a_fault_is():
    assert (str(DockerfileError("no", 3, "a/Dockerfile")), str(DockerfileError("no", 0))) == (
        "a/Dockerfile, line 3: no",
        "Dockerfile: no",
    )


def test_a_target_is_the_last_stage_of_that_name_in_any_case():
    file = parse("FROM a AS x\nFROM b AS x\nFROM c\n")
    assert file.find_stage("X").base == "b"
    assert file.find_stage("") is None

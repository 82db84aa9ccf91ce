"""A build gone through step by step, with the scripts that it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.pins import dependencies as module
from grader.facts.pins.dependencies import Collector
from tests.grader.facts.pins.reading import context, dependencies, packages, shown

ALL = "COPY . .\nRUN "


def test_in_the_order_of_the_lines_and_only_what_is_built(tmp_path: Path) -> None:
    text = (
        "FROM a:1 AS unused\nRUN pip install never\nFROM b:1 AS tools\nRUN pip install one\n"
        "FROM c:1\nADD https://x.org/two /\nCOPY --from=tools / /\nRUN pip install three\n"
    )
    found = dependencies(tmp_path, text)
    assert [thing.name for thing in found] == ["b:1", "one", "c:1", "https://x.org/two", "three"]
    assert [thing.line for thing in found] == [3, 4, 5, 6, 8]


@pytest.mark.parametrize(
    ("step", "files", "expected"),
    [
        (ALL + "./s.sh", {"s.sh": "#!/bin/sh\npip install a\n"}, ["a none"]),
        (ALL + "sh s.sh", {"s.sh": "pip install a\n"}, ["a none"]),
        (ALL + "bash -e ./s.sh x", {"s.sh": "pip install a\n"}, ["a none"]),
        (ALL + ". ./s.sh", {"s.sh": "pip install a\n"}, ["a none"]),
        (ALL + "sh < s.sh", {"s.sh": "pip install a\n"}, ["a none"]),
        (ALL + "cat s.sh | sh", {"s.sh": "pip install a\n"}, ["a none"]),
        ("COPY s.sh /usr/local/bin/s\nRUN s", {"s.sh": "#!/bin/sh\npip install a\n"}, ["a none"]),
        (ALL + "./s.py", {"s.py": "#!/usr/bin/python3\npip install a\n"}, []),
        (ALL + "./s", {"s": "\x7fELF\npip install a\n"}, []),
        (ALL + "./s.sh", {"s.sh": "./t.sh\n", "t.sh": "pip install a\n"}, ["a none"]),
        (ALL + "./s.sh && pip install -r r.txt", {"s.sh": "echo b==1 > r.txt\n", "r.txt": "a\n"}, ["a none"]),
        (ALL + "./s.sh", {"s.sh": "cd sub\npip install -r r.txt\n", "sub/r.txt": "a==1\n"}, ["a==1 version"]),
        (ALL + "$SCRIPT", {"s.sh": "pip install a\n"}, []),
    ],
)
def test_scripts_of_the_context(tmp_path: Path, step: str, files: dict[str, str], expected: list[str]) -> None:
    assert packages(tmp_path, step, files) == expected


def test_where_a_thing_in_a_script_is_named(tmp_path: Path) -> None:
    (_, thing) = dependencies(
        tmp_path, "FROM x:1\nCOPY s.sh /\nRUN true && \\\n  sh /s.sh\n", {"s.sh": "\npip install a\n"}
    )
    assert (thing.line, thing.place.file, thing.place.line) == (4, "s.sh", 2)


def test_scripts_by_the_run_that_starts_them(tmp_path: Path) -> None:
    build = resolve(parse("FROM x\nCOPY . /\nRUN sh /s.sh\nRUN true\n"))
    found = Collector(context(tmp_path, {"s.sh": "sh /t.sh\n", "t.sh": "make\n"}), "Dockerfile").scripts(build)
    run, other = build.target.steps[1:]
    assert [step.instruction.original for step in found[id(run)]] == ["sh /t.sh", "make"]
    assert found[id(other)] == []


def test_a_script_that_starts_itself(tmp_path: Path) -> None:
    assert packages(tmp_path, ALL + "./s.sh", {"s.sh": "pip install a\n./s.sh\n"}).count("a none") == module.MAX_SCRIPTS


@pytest.mark.parametrize(
    ("limit", "value", "step"),
    [
        ("MAX_DEPENDENCIES", 2, "RUN pip install a b c d"),
        ("MAX_SCRIPTS_TEXT", 10, "COPY s.sh .\nRUN sh s.sh"),
    ],
)
def test_what_is_not_read_to_its_end_cannot_be_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, step: str
) -> None:
    monkeypatch.setattr(module, limit, value)
    assert "?RUN none" in packages(tmp_path, step, {"s.sh": "pip install a\n"})


def test_builds_of_one_file_share_what_they_share(tmp_path: Path) -> None:
    file = parse("FROM x:1 AS a\nRUN pip install one\nFROM a AS b\nRUN pip install two\n")
    collector = Collector(context(tmp_path), "Dockerfile")
    both = resolve(file)
    assert shown(list(collector.dependencies(both))) == ["x:1 tag", "one none", "two none"]
    assert shown(list(collector.dependencies(both))) == ["x:1 tag", "one none", "two none"]
    assert shown(list(collector.dependencies(resolve(file, target="a")))) == ["x:1 tag", "one none"]

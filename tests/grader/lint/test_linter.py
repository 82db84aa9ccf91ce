"""One Dockerfile, looked at by every rule: clean, with findings, or with an error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.facts.shell import run
from grader.facts.shell.commands import Commands
from grader.lint import linter
from grader.lint.dockerfiles import find_dockerfiles
from grader.lint.linter import lint
from grader.lint.model import Severity
from grader.lint.rule import Hit, Rule, all_rules
from grader.lint.target import LintTarget
from tests.grader.lint.reading import linted

GOOD = """# syntax=docker/dockerfile:1.7.1@sha256:{d}
FROM python:3.13.1-slim@sha256:{d} AS build
WORKDIR /app
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip pip install --prefix=/out -r requirements.txt
FROM python:3.13.1-slim@sha256:{d}
COPY --from=build /out /usr/local
COPY . /app
USER 1000
EXPOSE 80
HEALTHCHECK CMD ["python", "-c", "pass"]
ENTRYPOINT ["python", "/app/main.py"]
""".format(d="0123456789abcdef" * 4)


def test_a_good_file_is_clean(tmp_path):
    result = linted(tmp_path, GOOD, {"requirements.txt": "flask==3.0.0\n", "main.py": "", ".env.example": "A=1\n"})
    assert (list(result.findings), result.error) == ([], None)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_change_nothing(tmp_path, start, end):
    text = "FROM scratch\nCOPY x /\nUSER root\n".replace("\n", end).encode()
    result = linted(tmp_path, start + text)
    assert [(found.rule, found.line) for found in result.findings] == [("root-user", 3)]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02", "is not text"),
        (b"FROM", "FROM"),
        (b"ARG X=1\n", "no FROM"),
        (b"FROM a\nCOPPY x /\n", "COPPY"),
        (b"FROM a\nRUN <<EOF\nnever ends\n", "EOF"),
        (b"# only a comment\n", "no instructions"),
        (b"FROM $NOTHING\n", "blank"),
        (b"FROM a AS x\nCOPY --from=y / /\nFROM a AS y\nCOPY --from=x / /\n", "circular"),
        (b"\xff\xfe" + "FROM scratch\n".encode("utf-16-le"), "is not text"),
        (b"FROM a\n" + b"RUN x\n" * 300_000, "larger"),
    ],
)
def test_what_cannot_be_parsed_never_looks_clean(tmp_path, content, error):
    result = linted(tmp_path, content)
    assert result.error is not None
    assert error in result.error


def test_a_target_that_cannot_be_built_does_not_silence_the_rest(tmp_path):
    result = linted(
        tmp_path,
        "FROM alpine AS test\nCOPY --from=late / /\nFROM scratch AS late\nCOPY x /\nUSER 0\n",
        {"x": "content"},
    )
    rules = {found.rule for found in result.findings}
    assert {"root-user", "unknown-stage"} <= rules


def test_an_ignore_file_that_builders_refuse_is_said(tmp_path):
    result = linted(
        tmp_path,
        "FROM alpine:3.22\nCOPY requirements.txt /\nRUN pip install -r /requirements.txt\n",
        {".dockerignore": "[\n", "requirements.txt": "flask\n"},
    )
    assert result.error is not None
    assert "syntax" in {found.rule for found in result.findings}


def test_text_of_a_file_reaches_no_terminal_as_it_is(tmp_path):
    result = linted(tmp_path, "FROM alpine:3.22\nRUN pip install 'a\x1b]0;title\x07\u202eb'\nUSER \x1b[31mroot\n")
    assert result.findings
    for found in result.findings:
        assert not set(found.message) & {"\x1b", "\x07", "\u202e", "\n"}
        assert len(found.message) <= 600


def test_every_stage_that_can_be_built_is_looked_at(tmp_path):
    """`--target test` is a build as well; the image's own rules are for the last stage alone."""
    result = linted(
        tmp_path,
        "FROM alpine:3.22 AS base\nFROM base AS test\nRUN apk add --no-cache curl\nUSER root\n"
        "FROM base\nUSER 1000\nRUN apk add --no-cache git\n",
    )
    assert [(f.rule, f.line) for f in result.findings if f.severity is not Severity.INFO] == [
        ("package-unpinned", 3),
        ("package-unpinned", 7),
    ]


def test_stages_that_were_not_looked_at_are_an_error(tmp_path):
    text = "".join(f"FROM alpine:3.22 AS s{number}\nRUN sudo true\n" for number in range(103))
    result = linted(tmp_path, text + "FROM scratch\n")
    assert result.error == (
        "has more than 100 stages that no other stage needs, and 4 of them were not looked at (s0, s1, s2, …): "
        "lint it in parts"
    )
    assert len([finding for finding in result.findings if finding.rule == "base-tag-only"]) == 99
    assert (
        linted(
            tmp_path,
            text.replace("s102", "last")
            + "FROM last\n"
            + "".join(f"COPY --from=s{number} / /\n" for number in range(102)),
        ).error
        is None
    )


def test_each_run_is_read_once_whatever_asks_for_it(tmp_path, monkeypatch):
    reads = []

    class Counted(Commands):
        def __init__(self, *args):
            super().__init__(*args)
            reads.append(args)

    monkeypatch.setattr(run, "Commands", Counted)
    stages = "".join(f"FROM base AS s{number}\nCOPY r.txt /\nRUN pip install -r /r.txt\n" for number in range(5))
    script = "#!/bin/sh\npip install b\n"
    files = {"r.txt": "flask\n", "s.sh": script}
    result = linted(tmp_path, f"FROM debian AS base\nCOPY . /\nRUN sh /s.sh\nRUN sh /s.sh\n{stages}", files)
    assert result.findings
    # Seven RUNs, five of them in stages that are targets of their own, and the script.
    assert len(reads) == 8


LONG = [
    "#syntax=a" + " " * 60_000 + "b\nFROM x\n",
    "FROM x\nHEALTHCHECK --interval=" + "9" * 60_000 + "! CMD a\n",
    "FROM x\nRUN curl -O https://x.org/a && sha256sum -" + "c" * 60_000 + "1\n",
    "FROM x\nRUN curl https://x.org/a | " + "1" * 60_000 + "a\n",
    "FROM x\nRUN apt-get install '" + "(=a" * 20_000 + "'\n",
    "FROM x\nRUN dnf install '" + "a-1.1" * 12_000 + "!'\n",
    "FROM x\nCOPY " + "a" * 60_000 + ".js /\nRUN npm ci\n",
    'FROM x\nSHELL ["bash", "-c"]\nRUN a {' + "a," * 30_000 + "\n",
    "FROM x\nRUN yarn " + "workspace a " * 5_000 + "add b\n",
    "FROM x AS " + "a" * 30_000 + "\nFROM x\nCOPY --from=" + "b" * 30_000 + " a b\n",
    "".join(f"FROM a AS name{number}\nCOPY --from=nome{number} a b\n" for number in range(20_000)),
]


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_long_words_and_many_names_are_answered(tmp_path, text):
    assert "itself failed" not in (linted(tmp_path, text).error or "")


FILES = [
    ("requirements.txt", "pip install -r", "a" + " " * 100_000 + "b\n"),
    ("Gemfile", "bundle install #", "gem" + " " * 100_000 + "x\n"),
    ("go.mod", "go build #", "a." * 50_000 + "\n" + "\n" * 100_000),
    ("e.yml", "conda env create -f", "dependencies:\n- pip:\n  - " + "a==1" * 25_000 + "*\n"),
    ("sources.list", "apt-get install a #", "deb " + "[a" * 50_000 + "\n" * 100_000),
    ("package.json", "npm install #", '{"dependencies": {' + ",".join(f'"p{n}": "1"' for n in range(5_000)) + "}}"),
]


@pytest.mark.parametrize(("name", "command", "content"), FILES, ids=[name for name, *_ in FILES])
def test_long_files_are_answered(tmp_path, name, command, content):
    text = f"FROM x\nCOPY {name} ./\nCOPY {name} /etc/apt/\nRUN {command} {name}\n"
    assert linted(tmp_path, text, {name: content}).error is None


def test_a_pipe_or_a_broken_link_by_that_name_is_an_error(tmp_path):
    os.mkfifo(tmp_path / "Dockerfile")
    (tmp_path / "x.Dockerfile").symlink_to("nowhere")
    for path in find_dockerfiles([tmp_path]):
        assert lint(path).error is not None


def test_the_order_and_each_thing_once(tmp_path: Path) -> None:
    result = linted(tmp_path, "FROM alpine\nADD x /\nADD y /\nUSER root\nCMD sleep 1\n", {"x": "", "y": ""})
    order = [rule.id for rule in all_rules()]
    places = [(found.line, order.index(found.rule)) for found in result.findings]
    assert places == sorted(places)
    assert len(set(result.findings)) == len(result.findings)


def test_of_a_misspelt_stage_nothing_is_said_about_its_version(tmp_path: Path) -> None:
    result = linted(tmp_path, "FROM alpine:3.22 AS builder\nFROM scratch\nCOPY --from=biulder /x /\nUSER 1\n")
    assert {found.rule for found in result.findings if found.line == 3} == {"unknown-stage"}


def test_so_many_findings_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "FROM alpine:3.22\n" + "RUN pip install a\n" * 30
    whole = linted(tmp_path, text).findings
    monkeypatch.setattr(linter, "MAX_FINDINGS", 7)
    assert list(linted(tmp_path, text).findings) == list(whole)[:7]


@pytest.mark.parametrize(("shown", "name"), [(None, "{path}"), ("", ""), ("sub/x", "sub/x")])
def test_how_the_file_is_named(tmp_path: Path, shown: str | None, name: str) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    path = tmp_path / "Dockerfile"
    assert lint(path, shown=shown).path == name.format(path=path)


def test_the_context_may_be_another_folder(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    path = tmp_path / "docker" / "Dockerfile"
    path.write_text("FROM alpine:3.22\nCOPY r.txt /\nRUN pip install -r /r.txt\n")
    (tmp_path / "r.txt").write_text("flask==3.0.0\n")
    assert [found.rule for found in lint(path).findings if found.line == 3].count("package-unpinned") == 1
    assert not [found for found in lint(path, tmp_path).findings if found.rule == "package-unpinned"]


def test_a_rule_that_fails_is_no_clean_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_target: LintTarget) -> Iterator[Hit]:
        raise ZeroDivisionError

    rules = [*all_rules(), Rule("broken", Severity.INFO, "00-x", "Never.", broken)]
    monkeypatch.setattr(linter, "all_rules", lambda: rules)
    result = linted(tmp_path, "FROM alpine\nCOPY --from=nothing x /\n")
    assert result.error == "lint itself failed here (ZeroDivisionError): please report it"


def test_it_stands_whatever_a_dockerfile_holds(tmp_path):
    """Each odd file on which the model is compared with BuildKit: findings or an error, never a failure of lint."""
    corpus = (Path(__file__).parents[1] / "facts" / "dockerfile" / "dockerfiles.txt").read_text(encoding="utf-8")
    texts = [part.partition("\n")[2] for part in corpus.split("\n=== ")[1:]]
    assert len(texts) > 50
    for text in texts:
        result = linted(tmp_path, text)
        assert "itself failed" not in (result.error or ""), (text, result.error)

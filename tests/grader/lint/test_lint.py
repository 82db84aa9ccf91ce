"""The rules of lint, each by its table: what it catches, and what it must not (cases/RULE.toml)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from grader.lint import RULES, NothingToLint, Severity, find, lint

CASES = Path(__file__).with_name("cases")


def cases() -> list[Any]:
    """Each case: `rule`, `name`, `dockerfile`, `files` of its context, and `lines` where the rule finds something."""
    found = []
    for path in sorted(CASES.glob("*.toml")):
        for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            found.append(pytest.param(path.stem, case, id=f"{path.stem}: {case['name']}"))
    return found


def linted(folder: Path, dockerfile: str | bytes, files: dict[str, str] | None = None):
    data = dockerfile if isinstance(dockerfile, bytes) else dockerfile.encode()
    (folder / "Dockerfile").write_bytes(data)
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return lint(folder / "Dockerfile")


@pytest.mark.parametrize(("rule", "case"), cases())
def test_a_rule_catches_what_it_should_and_no_more(rule, case, tmp_path):
    result = linted(tmp_path, case["dockerfile"], case.get("files"))
    found = [finding for finding in result.findings if finding.rule == rule]
    assert [finding.line for finding in found] == case["lines"], result
    assert (result.error is not None) == case.get("error", False), result
    if "severity" in case:
        assert {str(finding.severity) for finding in found} == {case["severity"]}
    for said in case.get("says", []):
        assert any(said in finding.message for finding in found), found


def test_every_rule_has_its_table_with_cases_of_both_kinds():
    for rule in RULES:
        table = tomllib.loads((CASES / f"{rule.id}.toml").read_text(encoding="utf-8"))["case"]
        assert any(case["lines"] for case in table), rule.id
        assert any(not case["lines"] for case in table), rule.id
    assert {path.stem for path in CASES.glob("*.toml")} == {rule.id for rule in RULES}


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
        (b"\x00\x01\x02", "is no text"),
        (b"FROM", "FROM"),
        (b"ARG X=1\n", "no FROM"),
        (b"FROM a\nCOPPY x /\n", "COPPY"),
        (b"FROM a\nRUN <<EOF\nnever ends\n", "EOF"),
        (b"# only a comment\n", "no instructions"),
        (b"FROM $NOTHING\n", "blank"),
        (b"FROM a AS x\nCOPY --from=y / /\nFROM a AS y\nCOPY --from=x / /\n", "circular"),
        (b"\xff\xfe" + "FROM scratch\n".encode("utf-16-le"), "is no text"),
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


# Which files


def test_dockerfiles_are_found_by_their_names(tmp_path):
    names = [
        "Dockerfile",
        "a/api.Dockerfile",
        "a/Dockerfile.dev",
        "b/Containerfile",
        "b/dockerfile",
        "b/c/d/DOCKERFILE",
    ]
    others = [
        "Dockerfile.dockerignore",
        "dockerfile_notes.md",
        "node_modules/x/Dockerfile",
        ".git/Dockerfile",
        ".venv/lib/Dockerfile",
        "MyDockerfile",
    ]
    for name in (*names, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("FROM scratch\n")
    (tmp_path / "b" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert sorted(str(path.relative_to(tmp_path)) for path in find([tmp_path])) == sorted(names)
    assert find([tmp_path / "a", tmp_path / "a"]) == find([tmp_path / "a"])
    assert find([tmp_path / "MyDockerfile"]) == [tmp_path / "MyDockerfile"]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_nothing_to_lint_is_no_clean_result(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToLint, match=name):
        find([tmp_path / name])


def test_a_pipe_or_a_broken_link_by_that_name_is_an_error(tmp_path):
    import os

    os.mkfifo(tmp_path / "Dockerfile")
    (tmp_path / "x.Dockerfile").symlink_to("nowhere")
    for path in find([tmp_path]):
        assert lint(path).error is not None


def test_it_stands_whatever_a_dockerfile_holds(tmp_path):
    """Each odd file on which the model is compared with BuildKit: findings or an error, never a failure of lint."""
    corpus = (Path(__file__).parents[1] / "facts" / "dockerfiles.txt").read_text(encoding="utf-8")
    texts = [part.partition("\n")[2] for part in corpus.split("\n=== ")[1:]]
    assert len(texts) > 50
    for text in texts:
        result = linted(tmp_path, text)
        assert "itself failed" not in (result.error or ""), (text, result.error)

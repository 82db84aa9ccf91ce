"""The terminal report, as a person at 80 columns, in a pipe, without colour or without UTF-8 gets it."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from grader.reports import terminal
from grader.verdict import CheckResult, Place, Report, Verdict
from tests.grader.reports import samples

SGR = re.compile(r"\x1b\[[0-9;]*m")
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(?:3[0-7]|38|9[0-7])\b[0-9;]*m")


def printed(report: Report, *, width: int = 80, encoding: str = "utf-8", **console: object) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, newline="")
    terminal.render(report, console=Console(file=file, width=width, **console))
    file.flush()
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 250])
@pytest.mark.parametrize("name", samples.ALL)
def test_every_line_fits_and_ends_clean(name: str, width: int) -> None:
    for line in printed(samples.ALL[name], width=width).splitlines():
        assert cell_len(line) <= min(width, terminal.WIDEST)
        assert line == line.rstrip()


@pytest.mark.parametrize("name", samples.ALL)
def test_a_pipe_gets_no_escapes(name: str) -> None:
    assert "\x1b" not in printed(samples.ALL[name])


@pytest.mark.parametrize("name", samples.ALL)
def test_colour_changes_nothing_but_colour(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = printed(samples.ALL[name], force_terminal=True, color_system="truecolor")
    assert coloured != printed(samples.ALL[name])
    assert SGR.sub("", coloured) == printed(samples.ALL[name])


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(printed(samples.PARTIAL, force_terminal=True, color_system="truecolor"))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
@pytest.mark.parametrize("name", samples.ALL)
def test_a_console_that_is_not_utf8(name: str, encoding: str) -> None:
    shown = printed(samples.ALL[name], encoding=encoding)
    assert "?" not in shown.replace("dependencies?", "").replace("list of", "")
    if encoding == "ascii":
        assert shown.isascii()


def test_the_order_is_that_of_a_review() -> None:
    lines = printed(samples.NOT_BUILT).splitlines()
    assert lines[0] == "2 of 14 points"
    assert lines[3].startswith("Start with “The Dockerfile builds” (Dockerfile:5)")
    starts = [line for line in lines if re.match(r"[✗◐○✓!] ", line)]
    assert [line.split()[1] for line in starts] == ["failed", "partial", "skipped", "skipped"]


def test_a_failed_check_says_expected_found_where_and_what_to_read() -> None:
    shown = printed(samples.PARTIAL)
    for piece in (
        "expected  the step matching 'pip install' is reused",
        "found     it ran again and took 38 s",
        "where     Dockerfile:4  COPY . .",
        "Dockerfile:5, step 3/4  RUN pip install -r requirements.txt",
        "layer 3, /var/lib/apt/lists, 44 MB",
        "hint      What has to be in the image",
        "read      lesson 02-caching, section “order of instructions”",
        "● ran",
    ):
        assert piece in shown


def test_what_passed_is_one_line() -> None:
    [line] = [line for line in printed(samples.FULL).splitlines() if "✓" in line]
    assert line.startswith("✓ passed   4 checks: The Dockerfile builds; ")
    assert line.endswith("…  13 points")


def test_an_error_gives_no_points() -> None:
    shown = printed(samples.ERROR)
    assert shown.startswith("No score: the grader could not judge every check\n")
    assert not re.search(r"\bpoints?\b|\d of \d", shown)
    assert "! error    The Dockerfile builds" in shown


@pytest.mark.parametrize(
    "text",
    [
        "[bold red]not markup[/bold red]",
        "[link=http://evil.example]click[/link]",
        ":warning: no emoji",
        "[/] [] [[ \\[",
        "100%|█████| 12.3 MB",
    ],
)
def test_text_is_never_markup(text: str) -> None:
    check = CheckResult.of(
        Verdict.failed(text, expected=text, found=text, where=[Place(file=text, text=text)]),
        id="x",
        kind="build",
        title=text,
        max_points=1.0,
        hint=text,
        lesson=text,
    )
    shown = printed(Report(exercise=text, title=text, checks=[check]), force_terminal=True)
    assert SGR.sub("", shown).count(text) >= 6
    assert "\x1b]8" not in shown


@pytest.mark.parametrize(
    ("line", "width", "pieces"),
    [
        ("", 10, [""]),
        ("   ", 10, [""]),
        ("one two three", 20, ["one two three"]),
        ("one two three", 8, ["one two", "three"]),
        ("one  two", 10, ["one  two"]),
        ("  indented text here", 12, ["  indented", "  text here"]),
        ("abcdefghijkl", 5, ["abcde", "fghij", "kl"]),
        ("a abcdefgh b", 5, ["a", "abcde", "fgh b"]),
        ("字字字字", 5, ["字字", "字字"]),
    ],
)
def test_wrapping(line: str, width: int, pieces: list[str]) -> None:
    assert list(terminal._wrap(line, width)) == pieces


def test_wide_characters_and_endless_words_stay_within_the_line() -> None:
    check = CheckResult.of(
        Verdict.failed("字" * 300, found="x" * 500, details={"rows": [{"字" * 30: "字" * 90, "b": "y" * 200}] * 3}),
        id="x",
        kind="build",
        title="字" * 90,
        max_points=1.0,
    )
    for line in printed(Report(exercise="x", title="y", checks=[check])).splitlines():
        assert cell_len(line) <= 80

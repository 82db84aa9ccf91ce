"""What was found, as text, as JSON and as SARIF."""

from __future__ import annotations

import json

import pytest

from grader.lint.model import Finding, Linted, Severity
from grader.lint.output import as_json, as_sarif, as_text
from grader.lint.rule import all_rules
from tests.grader.reports.validators import sarif_run

ROOT = Finding("root-user", 3, Severity.ERROR, "It runs as root.", "05-runtime")
NOWHERE = Finding("no-healthcheck", 0, Severity.INFO, "No health check.", "08-health")
CLEAN = Linted("a/Dockerfile", ())
FOUND = Linted("b/Dockerfile", (NOWHERE, ROOT))
BROKEN = Linted("c/Dockerfile", (), "cannot be read: Permission denied")
HALF = Linted("d/Dockerfile", (ROOT,), "its ignore file is wrong")
ODD = "e\n\x1b[31m/\u202eDockerfile"

LINES = {
    "": "",
    "found": (
        "b/Dockerfile:1: info: No health check. [no-healthcheck]\nb/Dockerfile:3: error: It runs as root. [root-user]\n"
    ),
    "broken": "c/Dockerfile: error: not linted: cannot be read: Permission denied\n",
    "half": "d/Dockerfile:3: error: It runs as root. [root-user]\n",
}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], "nothing found in 0 files\n"),
        ([CLEAN], "nothing found in 1 file\n"),
        ([CLEAN, CLEAN], "nothing found in 2 files\n"),
        ([FOUND, CLEAN], LINES["found"] + "2 findings in 2 files\n"),
        ([BROKEN], LINES["broken"] + "nothing found in 1 file, 1 could not be read as a Dockerfile\n"),
        (
            [HALF, BROKEN, CLEAN],
            LINES["half"] + LINES["broken"] + "1 finding in 3 files, 2 could not be read as Dockerfiles\n",
        ),
    ],
)
def test_text(files: list[Linted], expected: str) -> None:
    assert as_text(files) == expected


def test_json() -> None:
    shown = json.loads(as_json([FOUND, BROKEN]))
    assert shown == {"schema": 1, "files": [FOUND.to_dict(), BROKEN.to_dict()]}


def test_sarif() -> None:
    run = sarif_run(as_sarif([CLEAN, FOUND, HALF]))
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == [rule.id for rule in all_rules()]
    assert [(rules[result["ruleIndex"]], result["level"]) for result in run["results"]] == [
        ("no-healthcheck", "note"),
        ("root-user", "error"),
        ("root-user", "error"),
    ]
    whole, line, _ = (result["locations"][0]["physicalLocation"] for result in run["results"])
    assert "region" not in whole
    assert (line["artifactLocation"]["uri"], line["region"]["startLine"]) == ("b/Dockerfile", 3)


@pytest.mark.parametrize(("file", "succeeded"), [(CLEAN, True), (FOUND, True), (BROKEN, False), (HALF, False)])
def test_a_file_that_was_not_looked_at_is_no_success(file: Linted, succeeded: bool) -> None:
    [invocation] = sarif_run(as_sarif([file]))["invocations"]
    assert invocation["executionSuccessful"] == succeeded
    said = [note["message"]["text"] for note in invocation.get("toolExecutionNotifications", ())]
    assert said == ([] if succeeded else [file.error])


@pytest.mark.parametrize("file", [Linted(ODD, (ROOT,)), Linted(ODD, (), ODD)])
def test_no_name_of_a_file_reaches_a_terminal_as_it_is(file: Linted) -> None:
    for text in (as_text([file]), as_json([file]), as_sarif([file])):
        assert not set(text) & {"\x1b", "\u202e"}
        assert text.isascii() or "\u202e" not in text
    assert as_text([file]).count("\n") == 2
    assert as_json([file]).isascii()

"""SARIF, valid against the schema of the standard, and safe to show."""

from __future__ import annotations

import jsonschema
import pytest

from grader.reports import sarif
from grader.reports.sarif import Failure, SarifResult, SarifRule
from grader.verdict import CheckResult, Place, Report, Verdict
from tests.grader.reports import samples
from tests.grader.reports.validators import URIS, sarif_run


def test_the_schema_checks_uris() -> None:
    with pytest.raises(jsonschema.exceptions.FormatError):
        URIS.check("not a uri", "uri-reference")


@pytest.mark.parametrize("name", samples.ALL)
def test_samples_are_valid(name: str) -> None:
    sarif_run(sarif.render(samples.ALL[name]))


def test_only_what_lost_points_or_could_not_be_looked_at_is_a_result() -> None:
    def results(report: Report) -> list[tuple[str, str, str]]:
        return [(item["ruleId"], item["kind"], item["level"]) for item in sarif_run(sarif.render(report))["results"]]

    assert results(samples.FULL) == []
    assert results(samples.PARTIAL) == [("rebuild", "fail", "error"), ("size", "fail", "warning")]
    assert results(samples.NOT_BUILT) == [("build", "fail", "error"), ("pinning", "fail", "warning")]
    assert results(samples.ERROR) == [("build", "open", "none")]


@pytest.mark.parametrize(("name", "success"), [("full", True), ("partial", True), ("error", False), ("nothing", False)])
def test_a_report_without_a_score_is_a_run_that_did_not_succeed(name: str, success: bool) -> None:
    [invocation] = sarif_run(sarif.render(samples.ALL[name]))["invocations"]
    assert invocation["executionSuccessful"] is success
    assert ("toolExecutionNotifications" in invocation) is not success


def test_places() -> None:
    rebuild, size = sarif_run(sarif.render(samples.PARTIAL))["results"]
    assert rebuild["locations"][0] == {
        "physicalLocation": {"artifactLocation": {"uri": "Dockerfile"}, "region": {"startLine": 4}}
    }
    assert size["locations"][0] == {"logicalLocations": [{"fullyQualifiedName": "layer 3, /var/lib/apt/lists"}]}


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("Dockerfile", "Dockerfile"),
        ("./app/Dockerfile", "app/Dockerfile"),
        ("my app/ä.txt", "my%20app/%C3%A4.txt"),
        ("a:b", "a%3Ab"),
        ("javascript:alert(1)", "javascript%3Aalert(1)"),
        ("50%?#x[1]", "50%25%3F%23x%5B1%5D"),
        ("back\\slash", "back%5Cslash"),
        ("/srv/work/Dockerfile", "file:///srv/work/Dockerfile"),
        ("//evil.example/x", "file:////evil.example/x"),
        ("new\nline", "new%20line"),
    ],
)
def test_uri(path: str, uri: str) -> None:
    run = sarif_run(sarif.document([SarifResult("r", "error", "m", [Place(file=path, line=1)])], [SarifRule("r", "R")]))
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


@pytest.mark.parametrize("line", [0, -3, 2**40, None, True])
def test_a_line_that_is_none_is_left_out(line: int | None) -> None:
    run = sarif_run(
        sarif.document([SarifResult("r", "note", "m", [Place(file="f", line=line)])], [SarifRule("r", "R")])
    )
    physical = run["results"][0]["locations"][0]["physicalLocation"]
    assert physical.get("region") in (None, {"startLine": 1})
    assert ("region" in physical) is (line is True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ('CMD ["run"]', 'CMD ["run"]'),
        ("[click](http://evil.example)", "[click] (http://evil.example)"),
        ("\\[x\\](0)", "\\[x\\] (0)"),
        ("{0} and {12}", "{{0}} and {{12}}"),
        ("${HOME}", "${HOME}"),
        ("", "(no message)"),
        ("\x1b[31mred", "red"),
    ],
)
def test_messages_hold_no_links_and_no_placeholders(text: str, shown: str) -> None:
    run = sarif_run(sarif.document([SarifResult("r", "warning", text)], [SarifRule("r", "R")]))
    assert run["results"][0]["message"]["text"] == shown


def test_lint_can_say_that_a_file_could_not_be_read() -> None:
    text = sarif.document(
        [SarifResult("root-user", "warning", "The service runs as root.", [Place(file="Dockerfile", line=3)])],
        [SarifRule("root-user", "The last stage has a user other than root", "06-users#uid")],
        failures=[Failure("Not a Dockerfile.", [Place(file="broken/Dockerfile", line=2)])],
    )
    run = sarif_run(text)
    assert run["tool"]["driver"]["rules"][0]["help"] == {"text": "Read lesson 06-users, section “uid”."}
    [invocation] = run["invocations"]
    [note] = invocation["toolExecutionNotifications"]
    assert invocation["executionSuccessful"] is False
    assert note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "broken/Dockerfile"


def test_a_finding_of_no_known_rule_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        sarif.document([SarifResult("unknown", "error", "m")], [])


def test_many_places_are_bounded() -> None:
    where = [Place(file=f"f{number}") for number in range(500)]
    check = CheckResult.of(Verdict.failed("m", where=where), id="x", kind="x", title="x", max_points=1)
    run = sarif_run(sarif.render(Report(exercise="e", title="t", checks=[check])))
    assert len(run["results"][0]["locations"]) == sarif.PLACES


def test_places_and_rules_that_look_alike_are_given_once() -> None:
    place = Place(file="Dockerfile", line=3)
    run = sarif_run(
        sarif.document(
            [
                SarifResult(rule, "error", "no", [place, Place(file="./Dockerfile", line=3)])
                for rule in ("user", " user", "b")
            ],
            [SarifRule("b", "b"), SarifRule("user", "Who it is"), SarifRule(" user", "Who it is")],
            failures=[Failure("no", [place, place])],
        )
    )
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["b", "user"]
    assert [result["ruleIndex"] for result in run["results"]] == [1, 1, 0]
    assert [len(result["locations"]) for result in run["results"]] == [1, 1, 1]
    assert len(run["invocations"][0]["toolExecutionNotifications"][0]["locations"]) == 1

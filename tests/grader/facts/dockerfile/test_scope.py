"""Variables: what is set at each point of a stage, and what a build starts with."""

import pytest

from grader.facts.dockerfile import scope
from grader.facts.dockerfile.scope import BuildPlatform, TooMany, Variables, predefined_args


def test_a_view_is_what_was_set_when_it_was_taken():
    variables = Variables({"A": "0"})
    first = variables.view()
    variables.set("A", "1")
    variables.set("B", "2")
    second = variables.view()
    variables.set("A", "3")
    assert (dict(first), dict(second), dict(variables.view())) == (
        {"A": "0"},
        {"A": "1", "B": "2"},
        {"A": "3", "B": "2"},
    )
    assert (len(first), "B" in first, first.get("B"), repr(second)) == (1, False, None, "{'A': '1', 'B': '2'}")


@pytest.mark.parametrize(
    ("limit", "value", "says"), [("MAX_VARIABLES", 3, "more than 3 variables"), ("MAX_TOTAL", 10, "more than 10 char")]
)
def test_more_than_any_file_has(monkeypatch, limit, value, says):
    monkeypatch.setattr(scope, limit, value)
    variables = Variables({})
    with pytest.raises(TooMany, match=says):
        for number in range(9):
            variables.set(f"V{number}", "four")


def test_what_a_build_starts_with():
    values = predefined_args(BuildPlatform("linux", "arm64", "v8"), BuildPlatform("linux", "amd64"), "")
    assert (values["TARGETPLATFORM"], values["TARGETARCH"], values["TARGETVARIANT"]) == (
        "linux/arm64/v8",
        "arm64",
        "v8",
    )
    assert (values["BUILDPLATFORM"], values["BUILDOS"], values["BUILDVARIANT"]) == ("linux/amd64", "linux", "")
    assert values["TARGETSTAGE"] == "default"
    assert predefined_args(BuildPlatform("a", "b"), BuildPlatform("a", "b"), "web")["TARGETSTAGE"] == "web"
    assert {"http_proxy", "HTTP_PROXY", "all_proxy"} <= scope.PROXY_ARGS

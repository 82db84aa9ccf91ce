"""Names of repositories with the learner's in them: what is filled in, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from grader.errors import UnusableInput
from grader.facts import Facts
from grader.facts.dockerfile.reference import parse_reference
from grader.facts.registry.names import DEFAULT_LEARNER, RepositoryName, learner_name
from grader.grade import grade
from tests.grader.conftest import exercise

NAMES = TypeAdapter(RepositoryName)


@pytest.mark.parametrize(
    "name", ["me", "a", "ada-lovelace", "group_7", "x.y", "a__b", "7", "verify-0a1b-12-34", "a" * 64]
)
def test_learners_whose_name_fits(name):
    assert learner_name(name) == name
    repository = Facts(None, learner=name).repository("localhost:5000/{learner}/tides")
    assert repository == f"localhost:5000/{name}/tides"
    assert parse_reference(repository)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Me",
        "ada lovelace",
        "-a",
        "a-",
        "a..b",
        "a___b",
        "../base",
        "a/b",
        "a:1",
        "a@b",
        "{learner}",
        "ö",
        "a\n",
        "a" * 65,
    ],
)
def test_learners_whose_name_does_not(name, tmp_path):
    with pytest.raises(UnusableInput, match="LAYERWISE_LEARNER") as caught:
        Facts(None, learner=name)
    assert "\n" not in str(caught.value)
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(UnusableInput, match="LAYERWISE_LEARNER"):
        grade(exercise(("pinning", {"bases": "tag"})), tmp_path, learner=name)


def test_it_is_me_unless_told_otherwise():
    assert Facts(None).repository("localhost:5000/{learner}/tides") == f"localhost:5000/{DEFAULT_LEARNER}/tides"
    assert Facts(None, learner="ada").repository("localhost:5000/base/python") == "localhost:5000/base/python"


@pytest.mark.parametrize(
    "text",
    [
        "localhost:5000/{learner}/tides",
        "localhost:5000/tides",
        "localhost:5001/{learner}",
        "registry.example.com/shop/{learner}-tides",
        "127.0.0.1:5000/a/b/c",
        "docker.io/grafana/grafana",
    ],
)
def test_repositories_that_are_taken(text):
    assert NAMES.validate_python(text) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a repository"),
        ("localhost:5000/", "expected a repository"),
        ("localhost:5000/{learner}/tides:1.0", "without a tag"),
        (f"localhost:5000/tides@sha256:{'0' * 64}", "without a tag"),
        ("{learner}/tides", "with its registry in front"),
        ("tides", "with its registry in front"),
        ("library/tides", "with its registry in front"),
        ("{learner}.example.com/tides", "with its registry in front"),
        ("localhost:5000/{learner}/{learner}", "at most once"),
        ("localhost:5000/{lerner}/tides", "expected a repository"),
        ("localhost:5000/Me/tides", "expected a repository"),
        ("http://localhost:5000/me", "expected a repository"),
    ],
)
def test_repositories_that_are_refused(text, says):
    with pytest.raises(ValidationError, match=says):
        NAMES.validate_python(text)

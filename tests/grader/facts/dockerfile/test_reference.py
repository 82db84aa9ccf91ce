"""Names of images as Docker reads them."""

import pytest

from grader.facts.dockerfile.reference import parse_reference

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

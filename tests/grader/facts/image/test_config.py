"""How an image says it wants to be run, and how its history reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from grader.facts.image.config import Healthcheck, ImageConfig, instruction
from grader.facts.image.tar import BadArchive


def config(**inner: Any) -> ImageConfig:
    return ImageConfig.of({"config": inner})


def test_an_empty_config_says_nothing() -> None:
    for raw in ({}, {"config": None}, {"config": {}, "history": None}):
        found = ImageConfig.of(raw)
        assert (found.user, found.env, found.entrypoint, found.cmd, found.ports, found.healthcheck) == (
            "",
            {},
            (),
            (),
            (),
            None,
        )


@pytest.mark.parametrize(
    ("key", "raw", "attribute", "value"),
    [
        ("User", None, "user", ""),
        ("Env", ["A=1", "B=x=y", "C", "A=2"], "env", {"A": "2", "B": "x=y", "C": ""}),
        ("Entrypoint", "sh -c x", "entrypoint", ("sh -c x",)),
        ("Cmd", ["a", 1], "cmd", ("a", "1")),
        ("Labels", {"a": None}, "labels", {"a": "None"}),
        ("ExposedPorts", {"90/udp": {}, "80/tcp": {}}, "ports", ("80/tcp", "90/udp")),
        ("Volumes", {"/b": {}, "/a": {}}, "volumes", ("/a", "/b")),
        ("Healthcheck", {"Test": ["CMD", "true"], "Interval": 1_500_000_000}, "healthcheck",
         Healthcheck(("CMD", "true"), 1.5, 0, 0, 0)),
        ("Healthcheck", {"Test": ["NONE"], "Retries": 3}, "healthcheck", Healthcheck(("NONE",), 0, 0, 0, 3)),
        ("Healthcheck", {}, "healthcheck", None),
        ("OnBuild", ["RUN x"], "onbuild", ("RUN x",)),
    ],
)  # fmt: skip
def test_config(key: str, raw: Any, attribute: str, value: Any) -> None:
    assert getattr(config(**{key: raw}), attribute) == value


@pytest.mark.parametrize(
    "raw",
    [{"config": 5}, {"config": {"Env": 5}}, {"config": {"Labels": [1]}}, {"config": {"Healthcheck": {"Interval": "x"}}},
     {"config": {"Healthcheck": [1]}}, {"history": [None]}, {"history": 7}],
)  # fmt: skip
def test_a_config_of_another_shape(raw: Mapping[str, Any]) -> None:
    with pytest.raises(BadArchive, match="malformed"):
        ImageConfig.of(raw)


@pytest.mark.parametrize(
    ("created_by", "expected"),
    [
        ("RUN /bin/sh -c apt-get   update # buildkit", "RUN apt-get update"),
        ("RUN |2 A=1 B=/bin/sh -c x /bin/sh -c make # buildkit", "RUN make"),
        ("/bin/sh -c make", "RUN make"),
        ('/bin/sh -c #(nop)  CMD ["sh"]', 'CMD ["sh"]'),
        ("/bin/sh -c #(nop) COPY file:1 in / ", "COPY file:1 in /"),
        ("COPY . /app # buildkit", "COPY . /app"),
        ("RUN a\n  b # buildkit", "RUN a b"),
        ("RUN echo '# buildkit' # buildkit", "RUN echo '# buildkit'"),
        ("/bin/bash -c make", "/bin/bash -c make"),
        ("", ""),
    ],
)
def test_a_line_of_the_history(created_by: str, expected: str) -> None:
    assert instruction(created_by) == expected

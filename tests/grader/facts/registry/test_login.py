"""Logins as `docker login` leaves them: in the config, in a helper program, or nowhere."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.facts.registry.login import Login, find_login

LOGIN = Login("learner", "layerwise")
AUTH = base64.b64encode(b"learner:layerwise").decode()
Configure = Callable[[Any], None]


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """Writes Docker's config; a text as it is."""

    def write(config: Any) -> None:
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        (tmp_path / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))

    return write


def test_as_a_header_says_it() -> None:
    assert LOGIN.basic == f"Basic {AUTH}"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": AUTH}, LOGIN),
        ({"username": "learner", "password": "layerwise"}, LOGIN),
        ({"auth": AUTH, "username": "other", "password": "x"}, LOGIN),
        ({"auth": base64.b64encode(b"a:b:c\0\0").decode()}, Login("a", "b:c")),
        ({"auth": base64.b64encode(b"nobody").decode()}, None),
        ({"auth": base64.b64encode(b":x").decode()}, None),
        ({"auth": base64.b64encode(b"<token>:x").decode()}, None),
        ({"auth": "!"}, None),
        ({"auth": base64.b64encode(b"\xff:x").decode()}, None),
        ({"identitytoken": "x"}, None),
        ({}, None),
        ("text", None),
    ],
)
def test_an_entry_of_the_config(configure: Configure, entry: Any, expected: Login | None) -> None:
    configure({"auths": {"localhost:5001": entry}})
    assert find_login("localhost:5001") == expected


@pytest.mark.parametrize(
    ("key", "registry", "found"),
    [
        ("localhost:5001", "localhost:5001", True),
        ("http://localhost:5001", "localhost:5001", True),
        ("https://localhost:5001/v2/", "localhost:5001", True),
        ("localhost:500", "localhost:5001", False),
        ("localhost", "localhost:5001", False),
        ("https://evil.example.com/localhost:5001", "localhost:5001", False),
        ("https://index.docker.io/v1/", "docker.io", True),
        ("docker.io", "docker.io", True),
        ("docker.io.example.com", "docker.io", False),
    ],
)
def test_whose_login_it_is(configure: Configure, key: str, registry: str, found: bool) -> None:
    configure({"auths": {"localhost:1": {"auth": "x"}, key: {"auth": AUTH}}})
    assert find_login(registry) == (LOGIN if found else None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"auths": 7}',
        '{"auths": {"localhost:5001": 5}}',
        '{"credsStore": 5}',
        '{"credsStore": "../../bin/sh"}',
        '{"credsStore": "not-there"}',
        "[" * 100_000,
    ],
)
def test_a_config_that_makes_no_sense_holds_no_login(configure: Configure, text: str) -> None:
    configure(text)
    assert find_login("localhost:5001") is None


def test_no_config_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    assert find_login("localhost:5001") is None


HELPERS = {
    "has it": (
        'read -r key; [ "$key" = localhost:5001 ] && echo \'{"Username": "learner", "Secret": "layerwise"}\'',
        True,
    ),
    "has none": ("echo credentials not found in native keychain; exit 1", False),
    "no JSON": ("echo hello", False),
    "an identity token": ('echo \'{"Username": "<token>", "Secret": "x"}\'', False),
    "reads nothing and prints no end": ("yes", False),
}


@pytest.mark.parametrize("store", [{"credsStore": "test"}, {"credHelpers": {"localhost:5001": "test"}}])
@pytest.mark.parametrize(("script", "good"), HELPERS.values(), ids=HELPERS)
def test_a_login_from_a_helper_program(
    tmp_path: Path,
    configure: Configure,
    monkeypatch: pytest.MonkeyPatch,
    store: dict[str, Any],
    script: str,
    good: bool,
) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text(f"#!/bin/sh\n{script}\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    configure(store)
    assert find_login("localhost:5001") == (LOGIN if good else None)


def test_where_the_helper_has_none_the_config_is_asked(configure: Configure) -> None:
    configure({"credsStore": "not-there", "auths": {"localhost:5001": {"auth": AUTH}}})
    assert find_login("localhost:5001") == LOGIN

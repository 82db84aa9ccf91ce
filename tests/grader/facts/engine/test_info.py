"""What an engine says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from grader.facts.engine.info import parse_version
from tests.grader.facts.engine.played import INFO, played


@pytest.mark.parametrize(
    ("more", "attribute", "value"),
    [
        ({}, "image_store", "overlay2"),
        ({"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}, "image_store", "containerd"),
        ({}, "architecture", "amd64"),
        ({"Architecture": "aarch64"}, "architecture", "arm64"),
        ({"Architecture": "riscv64"}, "architecture", "riscv64"),
        ({}, "release", (26, 1)),
        ({"ServerVersion": "20.10.24+dfsg1"}, "release", (20, 10)),
        ({"ServerVersion": "28.0.0-rc.1"}, "release", (28, 0)),
        ({"NCPU": None, "MemTotal": None}, "cpus", 1),
    ],
)
def test_what_an_engine_says_of_itself(more: Mapping[str, Any], attribute: str, value: object) -> None:
    with played(INFO | more) as (engine, _):
        assert getattr(engine.info, attribute) == value


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("26.1.5+dfsg1", (26, 1, 5)),
        ("20.10", (20, 10)),
        ("v28.0.0-rc.1", (28, 0, 0)),
        ("27", (27,)),
        ("dev", ()),
        ("", ()),
    ],
)
def test_versions(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_a_version_without_numbers_is_taken_for_new() -> None:
    with played(INFO | {"ServerVersion": "dev"}) as (engine, _):
        assert engine.info.release > (99, 0)

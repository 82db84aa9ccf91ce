"""How firmly images are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.dockerfile.reference import ImageReference
from grader.facts.pins.images import tag_tier
from grader.facts.pins.model import Tier
from tests.grader.facts.pins.reading import dependencies, shown

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("tag", "tier"),
    [
        ("", Tier.NONE),
        ("latest", Tier.NONE),
        ("3-latest", Tier.NONE),
        ("latest-slim", Tier.NONE),
        ("3", Tier.TAG),
        ("3.13", Tier.TAG),
        ("3.13-slim", Tier.TAG),
        ("trixie", Tier.TAG),
        ("3.13.1", Tier.VERSION),
        ("v1.2.3", Tier.VERSION),
        ("1.2.3-slim-trixie", Tier.VERSION),
        ("21.0.5_11-jre", Tier.VERSION),
        ("trixie-20250113-slim", Tier.VERSION),
        ("2025-01-13", Tier.VERSION),
        ("20259913", Tier.TAG),
        ("sha-0a1b2c3", Tier.VERSION),
        ("0a1b2c3d4e5f", Tier.VERSION),
        ("0a1b2c3", Tier.TAG),
        ("greatest", Tier.TAG),
        ("1.2.30.4", Tier.VERSION),
    ],
)
def test_tags(tag: str, tier: Tier) -> None:
    assert tag_tier(ImageReference("docker.io", "library/x", tag, "")) is tier
    assert tag_tier(ImageReference("docker.io", "library/x", tag, DIGEST)) is Tier.DIGEST


def test_every_place_that_names_an_image(tmp_path: Path) -> None:
    text = f"""# syntax=docker/dockerfile:1
FROM golang:1.24.1 AS build
RUN --mount=from=tools,target=/t true
FROM debian@{DIGEST}
COPY --from=nginx:latest /a /a
COPY --from=build /b /b
"""
    assert shown(dependencies(tmp_path, text)) == [
        "docker/dockerfile:1 tag",
        "golang:1.24.1 version",
        "tools none",
        f"debian@{DIGEST} digest",
        "nginx:latest none",
    ]

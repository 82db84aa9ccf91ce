"""Base images for docker compose: what `.env` says, whose `.env` is overwritten, and when nothing is loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from layerwise.errors import InputError
from layerwise.stack import exported, paths


def test_the_settings_are_those_that_compose_reads() -> None:
    told = dict(line.split("=") for line in exported.settings().splitlines() if not line.startswith("#"))
    assert told["LAYERWISE_DEBIAN"] == "localhost:5000/base/debian:trixie-slim"
    assert told["LAYERWISE_PYTHON"] == "localhost:5000/base/python:3.13-slim"
    read = (paths.ROOT / name for name in ("docker-compose.yml", "images/registries.yml"))
    known = {name for file in read for name in re.findall(r"LAYERWISE_\w+", file.read_text(encoding="utf-8"))}
    assert set(told) <= known


def test_somebody_else_s_settings_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("LAYERWISE_PORT=8899\n", encoding="utf-8")
    monkeypatch.setattr(exported, "SETTINGS", file)
    with pytest.raises(InputError, match="written by somebody else"):
        exported.export({}, lambda name, what: None)
    assert file.read_text(encoding="utf-8") == "LAYERWISE_PORT=8899\n"


def test_without_an_archive_no_engine_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "ARCHIVE", tmp_path / "exported.tar")
    exported.load({"PATH": ""})

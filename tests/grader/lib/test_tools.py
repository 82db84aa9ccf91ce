"""The versions of the tools: what each prints, and nothing for one that is missing or fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.lib.tools import tool_versions


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_what_each_tool_prints(tools: Path) -> None:
    program(tools, "docker", 'echo "docker $*"')
    program(tools, "cosign", "echo v2.5.0")
    program(tools, "trivy", "echo half; exit 1")
    assert list(tool_versions()) == [
        "docker version --format={{.Client.Version}}\n",
        "docker buildx version\n",
        "",
        "v2.5.0\n",
    ]


def test_none_is_there(tools: Path) -> None:
    assert list(tool_versions()) == ["", "", "", ""]

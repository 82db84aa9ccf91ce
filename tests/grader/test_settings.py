"""How a submission is built: what may be written, and paths that stay inside a folder."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from grader.settings import BuildSettings, inside


@pytest.mark.parametrize("path", [".", "Dockerfile", "docker/Dockerfile", "./a", "a/b/..c", "...", "a b", "-f"])
def test_a_path_inside(path: str) -> None:
    assert inside(path) == path
    settings = BuildSettings(dockerfile=path, context=path)
    assert (settings.dockerfile, settings.context) == (path, path)


@pytest.mark.parametrize("path", ["", "/", "/etc/passwd", "//x", "..", "../x", "a/../../x", "a/..", "./../x"])
def test_a_path_that_may_lead_out(path: str) -> None:
    with pytest.raises(ValueError, match="expected a path inside the exercise's folder"):
        inside(path)
    for key in ("dockerfile", "context"):
        with pytest.raises(ValidationError, match="expected a path inside"):
            BuildSettings.model_validate({key: path})


@pytest.mark.parametrize(
    "wrong",
    [{"targets": "x"}, {"args": {"A": 1}}, {"args": ["A=1"]}, {"timeout": "soon"}, {"timeout": -1}, {"target": 3}],
)
def test_what_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BuildSettings.model_validate(wrong)


@pytest.mark.parametrize(("timeout", "seconds"), [("90 s", 90), ("2 min", 120), ("500 ms", 0.5)])
def test_a_timeout_with_its_unit(timeout: str, seconds: float) -> None:
    assert BuildSettings.model_validate({"timeout": timeout}).timeout == seconds


def test_no_two_share_their_arguments() -> None:
    assert BuildSettings().args is not BuildSettings().args

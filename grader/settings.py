"""What exercise.toml and a submission share: how a submission is built, and paths that stay inside a folder."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from grader.lib.units import Duration


def inside(text: str) -> str:
    """The text itself, for use as a pydantic validator. Raises ValueError if it is not a path inside a folder."""
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise ValueError("expected a path inside the exercise's folder")
    return text


InnerPath = Annotated[str, AfterValidator(inside)]


class BuildSettings(BaseModel):
    """How a submission is built: the `[build]` table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dockerfile: InnerPath = "Dockerfile"
    context: InnerPath = "."
    target: str = ""
    args: dict[str, str] = Field(default_factory=dict)
    timeout: Duration = 600.0
    """Seconds for one build."""

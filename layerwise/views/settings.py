"""Read the settings of a build from the arguments in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from grader.settings import BuildSettings
from layerwise.errors import InputError
from layerwise.views.listing import spelt


def build_settings(folder: str | Path, file: str, target: str, args: Mapping[str, str] | None) -> BuildSettings:
    """Return the settings of a build of that folder. Raises InputError if the folder or the arguments are not valid."""
    try:
        settings = BuildSettings(dockerfile=file, target=target, args=dict(args or {}))
    except ValidationError as problem:
        raise InputError(f"this cannot be built: {problem.errors()[0]['msg']}") from None
    if not Path(folder).is_dir():
        raise InputError(f"there is no folder {spelt(str(folder))}: name one next to this notebook")
    return settings

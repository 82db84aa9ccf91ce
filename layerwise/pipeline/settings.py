"""pipeline.toml: what a folder's pipeline builds, how it is tested, and where it is shipped.

image = "localhost:5000/{learner}/bakery"    # {learner} is you: "me", or LAYERWISE_LEARNER
tag   = "1.0"                                # moved to the new image last, when every gate has opened

[test]                                       # either or both
target = "test"                              # a stage of the Dockerfile that must build
run    = ["python", "-m", "unittest"]        # a command that must end with status 0 in a container, with no network

[scan]                                       # findings allowed, over the frozen advisories
max            = { critical = 0, high = 0 }
ignore_unfixed = true                        # default: false
exceptions     = ".trivyignore.yaml"         # optional, with `allowed`, the ids that it may name
allowed        = ["CVE-2005-2541"]

[sign]
key = "../keys/cosign.key"                   # with cosign.pub next to it; the password is in COSIGN_PASSWORD

[build]                                      # optional, these are the defaults
dockerfile = "Dockerfile"
context    = "."
args       = {}
timeout    = "10 min"

[sbom]                                       # optional, this is the default
format = "cyclonedx"                         # cyclonedx | spdx
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from grader.checks.scan import Params as ScanParams
from grader.facts.registry.names import RepositoryName, TagName
from grader.lib.toml_model import Missing, Unreadable, read_table
from grader.lib.units import Duration
from grader.settings import BuildSettings
from layerwise.errors import InputError

FILE = "pipeline.toml"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TestSettings(_Model):
    """The tests that must succeed before anything is shipped."""

    target: str = ""
    run: tuple[str, ...] = ()
    timeout: Duration = 300.0
    """Seconds for `run`."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.target and not self.run:
            raise ValueError("expected `target`, `run` or both: without a test the pipeline has no gate")
        return self


class SbomSettings(_Model):
    """The format of the SBOM that is attached."""

    format: Literal["cyclonedx", "spdx"] = "cyclonedx"


class SignSettings(_Model):
    """The private key, as a path from the pipeline's folder; the public key is next to it."""

    key: Annotated[str, Field(pattern=r"\.key$")]


class Settings(_Model):
    """Everything in pipeline.toml."""

    image: RepositoryName
    tag: TagName
    build: BuildSettings = BuildSettings()
    test: TestSettings
    scan: ScanParams
    sbom: SbomSettings = SbomSettings()
    sign: SignSettings


@dataclass(frozen=True)
class Pipeline:
    """A pipeline: its folder and its settings."""

    folder: Path
    settings: Settings

    @property
    def private_key(self) -> Path:
        return self.folder / self.settings.sign.key

    @property
    def public_key(self) -> Path:
        return self.private_key.with_suffix(".pub")


def read(folder: Path) -> Pipeline:
    """The pipeline of a folder. Raises InputError if there is none, or if it does not follow the format."""
    file = folder / FILE
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    try:
        settings = read_table(file, Settings)
    except Missing:
        raise InputError(
            f"{folder}: expected a {FILE}, which says what to build, test and ship (see docs/pipeline.md)"
        ) from None
    except Unreadable as problem:
        raise InputError(str(problem)) from None
    pipeline = Pipeline(folder, settings)
    for key, cure in ((pipeline.private_key, "cosign generate-key-pair"), (pipeline.public_key, "cosign public-key")):
        if not key.is_file():
            raise InputError(f"{file}: sign.key: {key} does not exist; make it with: {cure}")
    return pipeline

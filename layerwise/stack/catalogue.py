"""The catalogue of base images: images/catalogue.toml, read and checked."""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from layerwise.errors import InputError, LabError
from layerwise.stack import paths

HERE = paths.ROOT / "images"


class Image(BaseModel):
    """One base image.

    name      NAME:TAG, to be put after localhost:5000/base/
    upstream  the original's full reference, with its registry
    recipe    its folder under images/, or "" if it can only come from upstream
    needs     names of the base images that the recipe builds on
    first     whether `lab up` seeds it by default
    seconds   how long the recipe takes on two cores, about
    notes     what a person should know about it, in one line
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]+:[a-z0-9][a-z0-9.-]*$")
    upstream: str = Field(pattern=r"^[a-z0-9.-]+\.[a-z]+/\S+:\S+$")
    recipe: str = ""
    needs: tuple[str, ...] = ()
    first: bool = False
    seconds: int = Field(default=0, ge=0)
    notes: str = ""

    @property
    def repository(self) -> str:
        """Its repository in the lab's registry: base/NAME."""
        return "base/" + self.name.partition(":")[0]

    @property
    def tag(self) -> str:
        return self.name.partition(":")[2]

    @property
    def registry(self) -> str:
        """The registry that publishes the original: docker.io, gcr.io."""
        return self.upstream.partition("/")[0]


@functools.cache
def catalogue() -> Mapping[str, Image]:
    """Every base image by name, in the order of the file; none without a checkout. Raises LabError if the file is
    damaged."""
    return read(HERE / "catalogue.toml") if paths.is_checkout() else {}


def read(file: Path) -> dict[str, Image]:
    """Read a catalogue.

    Raises LabError, with the entry's name, if it is not valid: unknown keys, a name used twice, a need or a recipe
    folder that does not exist, needs that form a circle.
    """
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("image", [])
    except (OSError, ValueError) as problem:
        raise LabError(f"cannot read {file}: {problem}; restore it from the checkout") from None
    images: dict[str, Image] = {}
    for entry in entries:
        try:
            image = Image.model_validate(entry)
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            label = entry.get("name", "?") if isinstance(entry, dict) else "?"
            raise LabError(f"{file.name}: image {label}: {where}: {first['msg']}; correct the entry") from None
        if image.name in images:
            raise LabError(f"{file.name}: image {image.name} is listed twice; remove one")
        if image.recipe and not (file.parent / image.recipe).is_dir():
            raise LabError(
                f"{file.name}: image {image.name}: no folder {image.recipe} next to the catalogue; correct `recipe`"
            )
        images[image.name] = image
    for image in images.values():
        for need in image.needs:
            if need not in images:
                raise LabError(f"{file.name}: image {image.name} needs {need}, which is not listed; correct `needs`")
    order(images, images)
    return images


def first() -> list[str]:
    """The names of the images that `lab up` seeds by default."""
    return [image.name for image in catalogue().values() if image.first]


def find(name: str, images: Mapping[str, Image] | None = None) -> Image:
    """The image of that name. Raises InputError, with the nearest name, if there is none."""
    images = catalogue() if images is None else images
    if name in images:
        return images[name]
    near = difflib.get_close_matches(name, images, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(images)}"
    raise InputError(f"no base image {name!r}; {hint}")


def order(names: Iterable[str], images: Mapping[str, Image] | None = None) -> list[str]:
    """`names` and everything that their recipes need, each after what it needs.

    Raises LabError if they need each other in a circle, and InputError for an unknown name.
    """
    images = catalogue() if images is None else images
    graph: dict[str, tuple[str, ...]] = {}
    waiting = list(names)
    while waiting:
        image = find(waiting.pop(0), images)
        if image.name not in graph:
            graph[image.name] = image.needs
            waiting += image.needs
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as problem:
        raise LabError(f"catalogue.toml: images need each other in a circle: {' -> '.join(problem.args[1])}") from None

"""The catalogue of base images: what it must hold, what is refused, in which order images are made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from layerwise.errors import InputError, LabError
from layerwise.stack.catalogue import HERE, catalogue, find, first, order, read

BUILT_ON = re.compile(r"^FROM\s+(\S+)", re.MULTILINE)
BASE = "localhost:5000/base/"

GOOD = '[[image]]\nname = "aa:1"\nupstream = "docker.io/library/aa:1"\nrecipe = "aa"\n'
NEEDY = GOOD + '[[image]]\nname = "bb:1"\nupstream = "docker.io/library/bb:1"\nrecipe = "aa"\nneeds = ["aa:1"]\n'


def write(folder: Path, text: str) -> Path:
    (folder / "aa").mkdir(exist_ok=True)
    file = folder / "catalogue.toml"
    file.write_text(text)
    return file


def test_holds_what_the_course_builds_on():
    assert set(catalogue()) == {
        "debian:trixie-slim",
        "python:3.13-slim",
        "node:20-slim",
        "golang:1.24",
        "busybox:musl",
        "distroless-static:debian13",
        "distroless-python:3.13",
        "alpine:3.22",
    }


def test_first_images():
    assert set(first()) == {"debian:trixie-slim", "busybox:musl", "python:3.13-slim"}


def test_a_name_tells_repository_tag_and_registry():
    image = find("distroless-python:3.13")
    assert (image.repository, image.tag, image.registry) == ("base/distroless-python", "3.13", "gcr.io")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("recipe", "recipee"), "aa:1: recipee"),
        (GOOD.replace('name = "aa:1"\n', ""), "name"),
        (GOOD.replace('"aa:1"', '"aa"'), "name"),
        (GOOD.replace("docker.io/", ""), "upstream"),
        (GOOD + "seconds = -1\n", "seconds"),
        (GOOD + GOOD, "aa:1 is listed twice"),
        (GOOD.replace('recipe = "aa"', 'recipe = "zz"'), "no folder zz"),
        (GOOD + 'needs = ["zz:1"]\n', "needs zz:1"),
        (GOOD + 'needs = ["aa:1"]\n', "circle"),
        (NEEDY.replace('recipe = "aa"\n[[', 'recipe = "aa"\nneeds = ["bb:1"]\n[['), "circle"),
        ("[[image]\n", "cannot read"),
        ("image = [3]\n", "image ?"),
    ],
)
def test_refuses_a_damaged_catalogue(tmp_path: Path, text: str, said: str):
    with pytest.raises(LabError) as caught:
        read(write(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refuses_a_catalogue_that_is_not_there(tmp_path: Path):
    with pytest.raises(LabError, match="cannot read"):
        read(tmp_path / "catalogue.toml")


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("python:3.13", "python:3.13-slim"),
        ("debain:trixie-slim", "debian:trixie-slim"),
        ("golang:1.23", "golang:1.24"),
        ("alpine:latest", "alpine:3.22"),
    ],
)
def test_an_unknown_name_is_told_the_nearest(asked: str, near: str):
    with pytest.raises(InputError) as caught:
        find(asked)
    assert f"did you mean {near}?" in str(caught.value)


def test_a_name_like_no_other_is_told_all():
    with pytest.raises(InputError, match="there are: debian:trixie-slim"):
        find("?")


def test_order_brings_what_is_needed_first():
    ordered = order(["distroless-python:3.13"])
    assert ordered == ["debian:trixie-slim", "distroless-static:debian13", "distroless-python:3.13"]


@pytest.mark.parametrize("name", [image.name for image in catalogue().values() if image.recipe])
def test_each_recipe_builds_on_what_the_catalogue_says(name: str):
    """The graph of the catalogue and the FROM lines of the recipes are one and the same."""
    image = find(name)
    dockerfile = HERE / image.recipe / "Dockerfile"
    if not dockerfile.exists():
        assert (HERE / image.recipe / "rootfs.sh").exists()
        return
    used = {found.removeprefix(BASE) for found in BUILT_ON.findall(dockerfile.read_text()) if found.startswith(BASE)}
    assert used == set(image.needs)


@pytest.mark.parametrize("dockerfile", sorted(HERE.glob("*/Dockerfile")), ids=lambda path: path.parent.name)
def test_each_recipe_builds_on_an_engine_of_20_10(dockerfile: Path):
    """Its builder knows no heredocs, cache mounts or linked copies, and no syntax line may send it to Docker Hub."""
    text = dockerfile.read_text()
    assert not re.search(r"<<[-~]?\w|--mount|--link|^#\s*syntax", text, re.MULTILINE | re.IGNORECASE)

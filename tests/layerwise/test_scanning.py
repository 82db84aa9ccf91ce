"""An image has the same base image wherever one asks: in a grade, in `lw.layers`, in a scan, and as a saved file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from grader.facts import Facts
from grader.facts.build.base import base_of
from grader.facts.engine.engine import Engine
from layerwise.scanning import scan_target
from layerwise.stack import environment
from layerwise.views.anatomy import load
from tests.grader.conftest import facts_of

LAB = "localhost:5000/base/"
IMAGES = ("busybox:musl", "distroless-static:debian13", "distroless-python:3.13")
"""The base images of the exercise. In a notebook all of the catalogue count."""
OWN = "layerwise-test-own-base:scanning"


class Case(NamedTuple):
    """A Dockerfile, and what it is built on; None for an image of which nothing came with a base image."""

    name: str
    dockerfile: str
    base: str | None
    layers: int


CASES = [
    Case("a base image", f"FROM {LAB}busybox:musl\nRUN : > /x\n", f"{LAB}busybox:musl", 1),
    Case("a base image with no layer on it", f"FROM {LAB}busybox:musl\nCMD true\n", f"{LAB}busybox:musl", 1),
    Case("a base image that is built on another", f"FROM {LAB}distroless-python:3.13\nCOPY Dockerfile /x\n",
         f"{LAB}distroless-python:3.13", 2),
    Case("an image of one's own on a base image", f"FROM {OWN}\nCOPY Dockerfile /x\n", f"{LAB}busybox:musl", 1),
    Case("nothing", "FROM scratch\nCOPY Dockerfile /x\n", None, 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def own(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An image of one's own on the engine, of two layers."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "Dockerfile").write_text(f"FROM {LAB}busybox:musl\nRUN : > /own\n")
    with facts_of(folder, engine) as facts:
        engine._api.tag(facts.build.image, OWN)
    yield
    engine.remove_image(OWN)


@pytest.mark.lab
@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_one_base_image_everywhere(case: Case, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "activate", lambda: None)
    found: dict[str, tuple[str, int]] = {}
    (tmp_path / "Dockerfile").write_text(case.dockerfile)
    saved = tmp_path / "image.tar"
    with facts_of(tmp_path, engine, images=IMAGES) as facts:
        graded = base_of(facts)
        found["graded"] = (graded.reference, graded.layers)
        image = facts.build.image
        with engine.save_image(image) as chunks:
            saved.write_bytes(b"".join(chunks))
        shown = load(image)
        found["shown"] = (shown.base, shown.base_layers)
        for where, name in (("scanned", image), ("scanned from a file", str(saved))):
            scanned = scan_target(name, "now")
            found[where] = (scanned.base, scanned.base_layers)
    with Facts(None, archive=saved, images=IMAGES) as facts:
        graded = base_of(facts)
        found["graded from a file"] = (graded.reference, graded.layers)
    assert set(found.values()) == {(case.base or "", case.layers)}, found

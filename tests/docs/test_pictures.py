"""The picture of the house in docs/ is the one that its imports make."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.floors import FLOORS, ROOT


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a script of docs/pictures, with those beside it in reach."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "pictures")
    return import_module


def test_the_picture_is_up_to_date(scripts: Any) -> None:
    house = scripts("house")
    assert house.PICTURE.read_text(encoding="utf-8") == house.house(), "run .venv/bin/python docs/pictures/house.py"


def test_it_shows_every_room(scripts: Any) -> None:
    drawn = ElementTree.parse(scripts("house").PICTURE)
    shown = {text.text for text in drawn.iter() if text.get("class") == "name"}
    floors = {room.rpartition(".")[2] for floor in FLOORS for room in floor}
    houses = ("grader", "grader/facts", "layerwise")
    packages = {path.parent.name for house in houses for path in ROOT.glob(f"{house}/*/__init__.py")}
    assert floors | packages <= shown | {"layerwise", "cli"}


def test_an_arrow_that_follows_from_others_is_left_out(scripts: Any) -> None:
    pairs = scripts("house").imports({f"grader.{name}": name for name in ("grade", "exercise", "checks")})
    assert pairs == [("exercise", "checks"), ("grade", "exercise")]


def box(top: int, left: int = 0, right: int = 100) -> tuple[int, int, int, int]:
    return (left, top, right, top + 40)


@pytest.mark.parametrize(
    ("boxes", "corners"),
    [
        ({"a": box(0), "b": box(100)}, [(50, 40), (50, 100)]),
        ({"a": box(0), "b": box(100, 60, 200)}, [(73, 40), (73, 100)]),
        ({"a": box(0), "b": box(100, 140, 200)}, [(87, 40), (87, 55), (153, 55), (153, 100)]),
        (
            {"a": box(0), "x": box(100), "b": box(200)},
            [(87, 40), (87, 55), (113, 55), (113, 185), (87, 185), (87, 200)],
        ),
    ],
    ids=["straight", "where both are", "across", "around"],
)
def test_an_arrow_goes_down_and_through_no_box(
    scripts: Any, boxes: dict[str, tuple[int, int, int, int]], corners: list[tuple[int, int]]
) -> None:
    floorplan = scripts("floorplan")
    plan = floorplan.Floorplan(300)
    plan.boxes |= {name: floorplan.Box(*sides) for name, sides in boxes.items()}
    (points,) = plan.arrows([("a", "b")], 30)
    assert floorplan.corners(points) == corners


def test_an_arrow_up_is_refused(scripts: Any) -> None:
    floorplan = scripts("floorplan")
    plan = floorplan.Floorplan(300)
    plan.boxes |= {"a": floorplan.Box(*box(0)), "b": floorplan.Box(*box(100))}
    with pytest.raises(ValueError, match="from b to a"):
        plan.arrows([("b", "a")], 30)

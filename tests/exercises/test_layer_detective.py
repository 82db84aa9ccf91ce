"""The evidence of 01-layer-detective is what its script makes, and its key is what the evidence says."""

from __future__ import annotations

import re
import runpy
import tomllib

import pytest

from grader.exercise import EXERCISES
from grader.facts.image.archive import open_file
from grader.facts.image.image import Image

HERE = EXERCISES / "01-layer-detective"
EVIDENCE = HERE / "starter" / "evidence.tar"


@pytest.fixture(scope="module")
def image() -> Image:
    return Image(lambda: open_file(EVIDENCE))


@pytest.fixture(scope="module")
def key() -> dict[str, object]:
    return {name: table["answer"] for name, table in tomllib.loads((HERE / "key.toml").read_text()).items()}


def test_the_script_makes_the_evidence() -> None:
    assert runpy.run_path(str(HERE / "make_evidence.py"))["evidence"]() == EVIDENCE.read_bytes()


def test_the_key_is_what_the_evidence_says(image: Image, key: dict[str, object]) -> None:
    history = image.config.history
    removed = {member.path: layer.index for layer in image.layers for member in layer.members if ".wh." in member.path}
    recipe = "shop/recipes/glaze.txt"
    first = image.layers[0]
    assert {
        "layers": len(image.layers),
        "config_steps": sum(entry.empty for entry in history),
        "user": image.config.user,
        "still_in": first.diff_id,
        "wasted": sum(waste.size for waste in image.files.waste()),
    }.items() <= key.items()
    assert [layer.index for layer in image.layers if recipe in {member.path for member in layer.members}] == [0]
    assert recipe not in image.files
    assert f"/{recipe}" in key["recipe"]  # type: ignore[operator]
    assert removed == {"var/log/.wh.oven.log": 3, "shop/recipes/.wh.glaze.txt": 4}
    assert key["order"] == ["price", "log", "recipe", "note"]
    text = EVIDENCE.read_text(encoding="latin-1")
    assert re.findall(r"(\d+) g sugar", text) == [str(key["sugar"])]
    assert [float(price) for price in re.findall(r"rye bread +([\d.]+)", text)] in ([3.2, 4.1], [4.1, 3.2])
    assert key["price_before"] == 3.2


def test_every_question_is_asked_and_none_is_answered(key: dict[str, object]) -> None:
    asked = tomllib.loads((HERE / "starter" / "answers.toml").read_text())
    assert asked.keys() == key.keys()
    assert not any(asked.values())

"""Measures that an answer is about: how they are written, and what they give."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grader.errors import EngineFailure
from grader.facts import Facts
from grader.facts.build import build, measure
from grader.facts.build.measure import Measure, NotPushed, measured
from grader.facts.dockerfile.reference import ImageReference
from tests.grader.facts.image.archives import Maker


@pytest.mark.parametrize(
    ("text", "what", "reference", "own"),
    [
        ("layers", "layers", None, False),
        (" bytes ", "bytes", None, False),
        ("layers localhost:5000/base/python:3.13-slim", "layers", "localhost:5000/base/python:3.13-slim", False),
        ("user busybox", "user", "docker.io/library/busybox:latest", False),
        ("digest localhost:5000/{learner}/x:1", "digest", "localhost:5000/ann/x:1", True),
        ("image  localhost:5000/x:1", "image", "localhost:5000/x:1", False),
    ],
)
def test_written(text: str, what: str, reference: str | None, own: bool) -> None:
    found = Measure.parse(text, "ann")
    assert (found.what, str(found.reference) if found.reference else None, found.own) == (what, reference, own)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a measure"),
        ("size", "expected a measure"),
        ("Layers", "expected a measure"),
        ("digest", "an image in a registry"),
        ("image", "an image in a registry"),
        ("layers UPPER", "expected an image reference"),
        ("layers a b", "expected an image reference"),
    ],
)
def test_no_measure(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Measure.parse(text)


BUILT = SimpleNamespace(layers=[1, 2, 3], size=500, config=SimpleNamespace(user="app"))
OTHER = SimpleNamespace(layers=[1], size=50, config=SimpleNamespace(user=""))


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> Facts:
    """Facts of an image with three layers; in the registry are x:1 and the learner's own y:1."""
    served: Mapping[str, str] = {"localhost:5000/x:1": "sha256:1", "localhost:5000/ann/y:1": "sha256:2"}

    def once(ask: Any, reference: ImageReference) -> Any:
        assert ask is measure._image
        return OTHER

    monkeypatch.setattr(measure.lookup, "digest", lambda reference: served.get(str(reference)))
    return cast(Facts, SimpleNamespace(learner="ann", image=BUILT, once=once))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("layers", 3),
        ("bytes", 500),
        ("user", "app"),
        ("layers localhost:5000/x:1", 1),
        ("user localhost:5000/x:1", ""),
        ("bytes localhost:5000/{learner}/y:1", 50),
        ("digest localhost:5000/x:1", "sha256:1"),
        ("image localhost:5000/{learner}/y:1", "localhost:5000/ann/y@sha256:2"),
    ],
)
def test_values(facts: Facts, text: str, value: int | str) -> None:
    assert measured(facts, text) == value


@pytest.mark.parametrize("text", ["digest localhost:5000/{learner}/z:1", "layers localhost:5000/{learner}/z:1"])
def test_what_the_learner_has_not_pushed(facts: Facts, text: str) -> None:
    with pytest.raises(NotPushed, match="localhost:5000/ann/z:1 is not in its registry"):
        measured(facts, text)


def test_a_base_image_that_is_not_there_is_nobodys_loss(facts: Facts) -> None:
    with pytest.raises(EngineFailure, match="lab up"):
        measured(facts, "digest localhost:5000/z:1")


def test_an_image_is_fetched_as_a_from_fetches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[Any] = []
    engine = SimpleNamespace(
        remove_image="remove", save_image=lambda name: contextlib.nullcontext(iter([Maker().bytes()]))
    )
    facts = cast(Facts, SimpleNamespace(engine=engine, submission=None, at_end=lambda *call: ends.append(call)))
    wanted = cast(ImageReference, Measure.parse("layers busybox").reference)
    monkeypatch.setattr(build, "build_base", lambda *_: "layerwise-grade:x")
    assert len(measure._image(facts, wanted).layers) == 1
    assert ends == [("remove", "layerwise-grade:x")]

    def fails(*_: Any) -> str:
        raise build.BuildFailed("no such image", cast(Any, None))

    monkeypatch.setattr(build, "build_base", fails)
    with pytest.raises(EngineFailure, match="a question asks about"):
        measure._image(facts, wanted)

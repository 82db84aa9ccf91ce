"""Parts of `lab up`: what they do when something cannot be had on this machine."""

from __future__ import annotations

import io
import threading
from concurrent.futures import Future

import pytest

from layerwise.errors import LabError
from layerwise.stack import images, parts, registry
from layerwise.stack.progress import Reporter, Task


@pytest.fixture
def shown() -> Reporter:
    return Reporter([Task("images", "Base images", 9)], stream=io.StringIO())


def said(shown: Reporter) -> str:
    assert isinstance(shown.stream, io.StringIO)
    return shown.stream.getvalue()


def bring(shown: Reporter, monkeypatch: pytest.MonkeyPatch, problem: LabError | None) -> list[str]:
    """Bring images, which end with that problem."""

    def seed(*_: object, **__: object) -> None:
        if problem:
            raise problem

    monkeypatch.setattr(images, "seed", seed)
    monkeypatch.setattr(registry, "is_new", lambda env: False)
    ready: Future[None] = Future()
    ready.set_result(None)
    return parts.bring_images({}, ["alpine:3.22"], False, ready, shown, threading.Event())


def test_images_that_cannot_be_had_here_are_a_warning(shown: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bring(shown, monkeypatch, None) == []
    warnings = bring(shown, monkeypatch, images.NotAvailable("only docker.io has alpine:3.22"))
    assert warnings == ["only docker.io has alpine:3.22; nothing that builds on it will work"]
    assert "stopped" not in said(shown)
    assert "but only docker.io has alpine:3.22" in said(shown)
    assert "images" in shown.seconds, "how long it took is remembered"


def test_any_other_failure_stops_the_step(shown: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabError, match="disk"):
        bring(shown, monkeypatch, LabError("the disk is full"))
    assert "Base images: stopped" in said(shown)

"""Base images for a lesson: had from the registry, refused by name, and told of only where there is news."""

from __future__ import annotations

import pytest

from layerwise import prerequisites
from layerwise.stack import environment, images
from layerwise.views.bring import bring
from layerwise.views.live import NotebookError


@pytest.mark.lab
def test_what_is_there_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    bring("busybox:musl")
    assert capsys.readouterr().out == ""


def test_news_is_told_and_the_rest_is_not(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def seed(names: list[str], *, report: object, **_: object) -> None:
        for name, what in zip(names, ("already here", "building"), strict=True):
            report(name, what)  # type: ignore[operator]

    monkeypatch.setattr(environment, "activate", lambda: None)
    monkeypatch.setattr(images, "seed", seed)
    bring("busybox:musl", "golang:1.24")
    assert capsys.readouterr().out == "golang:1.24: building\n"


@pytest.mark.parametrize(("names", "said"), [((), "name the base images"), (("golang:9",), "no base image 'golang:9'")])
def test_refused_in_a_line(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], said: str) -> None:
    monkeypatch.setattr(environment, "activate", lambda: None)
    with pytest.raises(NotebookError, match=said):
        bring(*names)


def test_nothing_to_seed_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "seed", lambda *_, **__: pytest.fail("asked"))
    prerequisites.seed([], lambda *_: None)

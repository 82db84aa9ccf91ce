"""What must be there before an exercise is built, and what happens where it cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader import checks
from grader.exercise import Check, load
from layerwise import prerequisites
from layerwise.commands import _proving
from layerwise.errors import InputError, LabError
from layerwise.stack.images import NotAvailable

TINY = load(Path(__file__).with_name("minicourse") / "01-tiny")


def exercise(*kinds: str, images: tuple[str, ...] = ()):
    asked = tuple(Check(kind, kind, kind, 1.0, checks.kind(kind).params.model_construct()) for kind in kinds)
    return type(TINY)(**{**vars(TINY), "checks": asked, "images": images})


@pytest.fixture
def no_lab(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERWISE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def no_news(name, what):
    raise AssertionError(f"{name}: {what}")


@pytest.mark.usefixtures("no_lab")
@pytest.mark.parametrize("kinds", [("build",), ("context", "user"), ("pinning", "command")])
def test_what_is_built_needs_a_lab(kinds):
    with pytest.raises(LabError, match=r"\./lab up"):
        prerequisites.prepare([exercise(*kinds)], no_news)


@pytest.mark.usefixtures("no_lab")
@pytest.mark.parametrize("kinds", [("context",), ("pinning", "context"), ("answers",)])
def test_what_is_judged_by_its_files_needs_none(kinds):
    prerequisites.prepare([exercise(*kinds, images=("python:3.13-slim",))], no_news)


def test_an_image_that_is_in_no_catalogue_is_refused_before_anything_is_done(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(InputError, match=r"python:3\.13-slim"):
        prerequisites.prepare([exercise("build", images=("busybox:musl", "pyton:3.13-slim"))], no_news)


@pytest.mark.lab
def test_an_image_that_is_there_is_no_news():
    prerequisites.prepare([exercise("build", images=("busybox:musl",))], no_news)


def test_an_exercise_whose_base_cannot_be_had_here_is_skipped_and_said(monkeypatch, capsys):
    """Staged: whether an upstream registry can be reached is not ours to choose."""

    def prepare(exercises, report):
        if "alpine:3.22" in exercises[0].images:
            raise NotAvailable("only docker.io has alpine:3.22, and it cannot be reached from here")

    monkeypatch.setattr(prerequisites, "prepare", prepare)
    tally = _proving.Tally()
    other = exercise("build")
    assert tally.ready([exercise("build", images=("alpine:3.22",)), other], no_news) == [other]
    assert tally.close() == 0
    assert capsys.readouterr().out.splitlines() == [
        "- 01-tiny: skipped: only docker.io has alpine:3.22, and it cannot be reached from here",
        "0 of 0 submissions of 0 exercises proved; skipped: 01-tiny",
    ]

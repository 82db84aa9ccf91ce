"""What must be there before an exercise is built, and what happens where it cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.exercise import Check, load
from layerwise import bench
from layerwise.commands import _proving
from layerwise.errors import InputError, LabError
from layerwise.stack.images import NotAvailable

TINY = load(Path(__file__).with_name("minicourse") / "01-tiny")


def exercise(*kinds: str, images: tuple[str, ...] = ()):
    (first, *_) = TINY.checks
    checks = tuple(Check(**{**vars(first), "id": kind, "kind": kind}) for kind in kinds)
    return type(TINY)(**{**vars(TINY), "checks": checks, "images": images})


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
        bench.prepare([exercise(*kinds)], no_news)


@pytest.mark.usefixtures("no_lab")
@pytest.mark.parametrize("kinds", [("context",), ("pinning", "context"), ("answers",)])
def test_what_is_judged_by_its_files_needs_none(kinds):
    bench.prepare([exercise(*kinds, images=("python:3.13-slim",))], no_news)


def test_an_image_that_is_in_no_catalogue_is_refused_before_anything_is_done(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    with pytest.raises(InputError, match=r"python:3\.13-slim"):
        bench.prepare([exercise("build", images=("busybox:musl", "pyton:3.13-slim"))], no_news)


@pytest.mark.lab
def test_an_image_that_is_there_is_no_news():
    bench.prepare([exercise("build", images=("busybox:musl",))], no_news)


def test_an_exercise_whose_base_cannot_be_had_here_is_skipped_and_said(monkeypatch, capsys):
    """Staged: whether an upstream registry can be reached is not ours to choose."""

    def prepare(exercises, report):
        if "alpine:3.22" in exercises[0].images:
            raise NotAvailable("alpine:3.22 comes from docker.io only, which cannot be reached from here")

    monkeypatch.setattr(bench, "prepare", prepare)
    tally = _proving.Tally()
    other = exercise("build")
    assert tally.ready([exercise("build", images=("alpine:3.22",)), other], no_news) == [other]
    assert tally.close() == 0
    assert capsys.readouterr().out.splitlines() == [
        "- 01-tiny: skipped: alpine:3.22 comes from docker.io only, which cannot be reached from here",
        "0 of 0 submissions of 0 exercises proved; skipped: 01-tiny",
    ]

"""Seeding: which source is taken, in which order, what is left alone. A small catalogue, a real engine and registry."""

from __future__ import annotations

import shutil
import socket
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grader.facts.dockerfile.reference import ImageReference, parse_reference
from grader.facts.registry import lookup
from grader.facts.registry.repository import Repository
from layerwise.errors import InputError, LabError
from layerwise.stack import catalogue, certificates, images, recipe, upstream
from layerwise.stack.catalogue import Image
from layerwise.stack.certificates import Trust
from layerwise.stack.run import Stopped
from tests.grader.registries import Player, Said

Engine = Callable[..., str]
PRIVATE = Trust(("a certificate",))
PYTHON = catalogue.find("python:3.13-slim")
PUBLISHED = Repository.parse("localhost:5000/test/published")


def made(**more: str) -> dict[str, str]:
    """The labels of a python image by today's recipe."""
    return {recipe.ORIGIN: "recipe", recipe.RECIPE: images.fingerprint(PYTHON), recipe.CERTIFICATES: "", **more}


@pytest.mark.parametrize(
    ("labels", "trust", "fresh"),
    [
        (None, Trust(), False),
        (made(), Trust(), True),
        (made(**{recipe.RECIPE: "of yesterday"}), Trust(), False),
        (made(), PRIVATE, False),
        (made(**{recipe.CERTIFICATES: "others"}), PRIVATE, False),
        (made(**{recipe.CERTIFICATES: PRIVATE.fingerprint}), PRIVATE, True),
        (made(**{recipe.CERTIFICATES: PRIVATE.fingerprint}), Trust(), True),
        ({}, Trust(), True),
        ({"maintainer": "somebody upstream"}, Trust(), True),
        ({}, PRIVATE, False),
        ({recipe.ORIGIN: "upstream", recipe.CERTIFICATES: PRIVATE.fingerprint}, PRIVATE, True),
        ({recipe.ORIGIN: "upstream", recipe.CERTIFICATES: "others"}, PRIVATE, False),
    ],
)
def test_fresh(labels: Mapping[str, str] | None, trust: Trust, fresh: bool):
    assert images.is_fresh(PYTHON, labels, trust) is fresh


def test_what_only_upstream_has_is_never_fresh_by_recipe():
    assert not images.is_fresh(catalogue.find("alpine:3.22"), made(), Trust())


def test_an_unknown_name_is_refused_before_anything_is_done():
    reports: list[tuple[str, str]] = []
    with pytest.raises(InputError, match=r"did you mean python:3\.13-slim\?"):
        images.seed(
            ["debian:trixie-slim", "python:3.13"], env={}, report=lambda name, text: reports.append((name, text))
        )
    assert not reports


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[Player]:
    """In the place of the lab's registry: one whose answers are played."""
    with Player().running() as player:
        monkeypatch.setattr(images, "REGISTRY", player.address)
        yield player


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Said(200, b"<html>"), r"python:3\.13-slim in the lab's registry cannot be used: .*; run: \./lab doctor"),
        (Said(500), r"does not answer \(status 500\); run: \./lab up"),
        (Said(401), r"needs a login \(401\).*; run: \./lab up"),
    ],
)
def test_a_registry_that_makes_no_sense_is_not_taken_for_an_empty_one(played: Player, answer: Said, says: str):
    played.answers["GET /v2/base/python/manifests/3.13-slim"] = answer
    with pytest.raises(LabError, match=says):
        images.digest(PYTHON.name)
    with pytest.raises(LabError, match=says):
        images.seed([PYTHON.name], env={}, report=lambda name, text: None)


def test_what_is_no_registry_is_not_taken_for_an_empty_one(played: Player):
    played.answers |= {f"GET /v2/{path}": Said(404) for path in ("", "base/python/manifests/3.13-slim")}
    with pytest.raises(LabError, match=r"is not a registry: it has no /v2/; run: \./lab up"):
        images.digest(PYTHON.name)


def test_no_registry_at_all(monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # nobody listens
        monkeypatch.setattr(images, "REGISTRY", f"127.0.0.1:{bound.getsockname()[1]}")
        with pytest.raises(LabError, match=r"does not answer \(.*refused\); run: \./lab up"):
            images.digest(PYTHON.name)


class Shelf:
    """A catalogue of three images: `test-top` builds on `test-base`, and `test-only` has no recipe. Tags are new each
    time."""

    def __init__(self, folder: Path, env: dict[str, str], engine: Engine) -> None:
        self.tag = uuid.uuid4().hex[:8]
        self.base, self.top, self.only = (f"test-{name}:{self.tag}" for name in ("base", "top", "only"))
        self.folder, self.env, self.engine = folder, env, engine
        self.reports: list[tuple[str, str]] = []
        self._one = threading.Lock()
        published = f"localhost:5000/test/published:{self.tag}"
        self.write("base", "FROM scratch\nCOPY f /\n")
        self.write("top", f"FROM {images.reference(self.base)}\nCOPY f /top\n")
        self.write("published", "FROM scratch\nCOPY f /\nLABEL published=yes\n")
        self.images = {
            self.base: Image.model_construct(name=self.base, upstream=published, recipe="base"),
            self.top: Image.model_construct(
                name=self.top, upstream=published + "-gone", recipe="top", needs=(self.base,)
            ),
            self.only: Image.model_construct(name=self.only, upstream=published + "-gone"),
        }

    def write(self, name: str, dockerfile: str) -> None:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "f").write_text(f"{name} {self.tag}")
        (folder / "Dockerfile").write_text(dockerfile)

    def publish(self) -> str:
        """Put the original of `base` where upstream is; its digest."""
        reference = f"localhost:5000/test/published:{self.tag}"
        self.engine(
            "buildx", "build", "--quiet", "--provenance=false", "--push", "-t", reference, f"{self.folder}/published"
        )
        manifest = PUBLISHED.manifest(self.tag)
        assert manifest
        return manifest.digest

    def seed(self, *names: str, offline: bool = False) -> list[tuple[str, str]]:
        """Seed, and return what was reported by this call."""

        def report(name: str, text: str) -> None:
            with self._one:
                self.reports.append((name, text))

        self.reports.clear()
        images.seed(names, env=self.env, offline=offline, report=report)
        return list(self.reports)

    def said(self, name: str) -> str:
        """All that was reported of an image."""
        return "\n".join(text for of, text in self.reports if of == name)

    def labels(self, name: str) -> Mapping[str, str] | None:
        return lookup.labels(self._reference(name))

    def digest(self, name: str) -> str | None:
        return lookup.digest(self._reference(name))

    def off_the_registry(self, name: str) -> None:
        if digest := self.digest(name):
            assert Repository.of(self._reference(name)).delete(digest)

    def off_the_engine(self, name: str) -> None:
        self.engine("image", "rm", "--force", images.reference(name))

    def clear(self) -> None:
        for name in reversed(self.images):
            self.off_the_registry(name)
            self.off_the_engine(name)
        self.engine("image", "rm", "--force", f"localhost:5000/test/published:{self.tag}")
        if manifest := PUBLISHED.manifest(self.tag):
            assert PUBLISHED.delete(manifest.digest)

    def _reference(self, name: str) -> ImageReference:
        reference = parse_reference(images.reference(name))
        assert reference
        return reference


@pytest.fixture
def shelf(tmp_path: Path, env: dict[str, str], engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path, env, engine)
    monkeypatch.setattr(images, "HERE", tmp_path)
    monkeypatch.setattr(images, "catalogue", lambda: shelf.images)
    monkeypatch.setattr(catalogue, "catalogue", lambda: shelf.images)
    monkeypatch.setattr(certificates, "trusted", lambda environ: Trust())
    monkeypatch.setattr(upstream, "has", lambda reference, env: False)
    yield shelf
    shelf.clear()


@pytest.mark.lab
def test_an_image_that_another_process_is_bringing_is_waited_for(shelf: Shelf) -> None:
    """Two gradings that need the same image first: one brings it, and the other finds it."""
    with ThreadPoolExecutor(2) as pool:
        reports: list[list[tuple[str, str]]] = [[], []]
        jobs = [
            pool.submit(
                images.seed, [shelf.top], env=shelf.env, report=lambda name, text, said=said: said.append((name, text))
            )
            for said in reports
        ]
        for job in jobs:
            job.result()
    said = [text.partition(" (")[0] for report in reports for name, text in report if name == shelf.top]
    assert said.count("ready, by recipe") == 1, said
    assert said.count("already here") + said.count("pushed") == 1, said


@pytest.fixture
def upstream_there(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine can get the originals (they are on the lab's own registry here, to really pull from)."""
    monkeypatch.setattr(upstream, "has", lambda reference, env: True)


@pytest.mark.lab
def test_without_upstream_the_recipe_is_built_and_first_what_it_needs(shelf: Shelf):
    shelf.seed(shelf.top)
    for name in (shelf.base, shelf.top):
        labels = shelf.labels(name)
        assert labels is not None
        assert labels["layerwise"] == "base"
        assert labels[recipe.ORIGIN] == "recipe"
        assert labels[recipe.RECIPE] == images.fingerprint(shelf.images[name])


@pytest.mark.lab
def test_what_was_made_before_there_was_a_registry_is_only_pushed(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as before:
        before.setattr(images, "REGISTRY", "127.0.0.1:1")  # where nobody answers
        before.setattr(images, "reference", lambda name: f"localhost:5000/base/{name}")
        images.prepare([shelf.top, shelf.only], env=shelf.env, report=lambda name, text: None)
    assert shelf.digest(shelf.top) is None
    shelf.seed(shelf.base, shelf.top)
    assert "building" not in shelf.said(shelf.base) + shelf.said(shelf.top)
    for name in (shelf.base, shelf.top):
        labels = shelf.labels(name)
        assert labels
        assert labels[recipe.RECIPE] == images.fingerprint(shelf.images[name])


@pytest.mark.lab
def test_a_second_call_finds_all_there_and_does_nothing(shelf: Shelf):
    shelf.seed(shelf.top, shelf.base)
    before = shelf.digest(shelf.top)
    assert sorted(shelf.seed(shelf.top, shelf.base)) == [(shelf.base, "already here"), (shelf.top, "already here")]
    assert shelf.digest(shelf.top) == before


@pytest.mark.lab
def test_present_names_what_the_registry_holds(shelf: Shelf):
    shelf.seed(shelf.base)
    assert images.present() == {shelf.base: shelf.digest(shelf.base)}


@pytest.mark.lab
def test_a_changed_recipe_is_built_again_and_so_is_what_builds_on_it(shelf: Shelf):
    shelf.seed(shelf.top)
    before = shelf.digest(shelf.top)
    (shelf.folder / "base" / "f").write_text("changed")
    shelf.seed(shelf.top)
    assert shelf.digest(shelf.top) != before
    assert "ready, by recipe" in shelf.said(shelf.base)


@pytest.mark.lab
def test_other_certificates_make_it_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    shelf.seed(shelf.base)
    monkeypatch.setattr(certificates, "trusted", lambda environ: PRIVATE)
    shelf.seed(shelf.base)
    assert (shelf.labels(shelf.base) or {})[recipe.CERTIFICATES] == PRIVATE.fingerprint


@pytest.mark.lab
def test_what_the_engine_still_has_is_only_pushed(shelf: Shelf):
    shelf.seed(shelf.base)
    shelf.off_the_registry(shelf.base)
    shelf.seed(shelf.base)
    assert shelf.digest(shelf.base)
    assert "pushed" in shelf.said(shelf.base)
    assert "recipe" not in shelf.said(shelf.base)


@pytest.mark.lab
def test_a_recipe_builds_although_its_base_has_left_the_engine(shelf: Shelf):
    shelf.seed(shelf.base)
    shelf.off_the_engine(shelf.base)
    shelf.seed(shelf.top)
    assert shelf.digest(shelf.top)


@pytest.mark.lab
@pytest.mark.usefixtures("upstream_there")
def test_upstream_is_taken_where_it_can_be_reached_and_kept_byte_for_byte(shelf: Shelf):
    digest = shelf.publish()
    shelf.seed(shelf.base)
    assert shelf.digest(shelf.base) == digest
    assert shelf.labels(shelf.base) == {"published": "yes"}
    assert shelf.seed(shelf.base) == [(shelf.base, "already here")]


@pytest.mark.lab
@pytest.mark.usefixtures("upstream_there")
def test_where_upstream_fails_the_recipe_steps_in(shelf: Shelf):
    shelf.publish()
    shelf.seed(shelf.top)  # needs base, which does come from upstream
    assert (shelf.labels(shelf.top) or {})[recipe.ORIGIN] == "recipe"
    assert shelf.labels(shelf.base) == {"published": "yes"}
    assert "upstream failed, using the recipe" in shelf.said(shelf.top)


@pytest.mark.lab
def test_what_only_an_unreachable_upstream_has_is_not_available_and_the_rest_is_done(shelf: Shelf):
    with pytest.raises(images.NotAvailable, match=f"only localhost:5000 has {shelf.only}"):
        shelf.seed(shelf.only, shelf.base)
    assert shelf.digest(shelf.base)


@pytest.mark.lab
@pytest.mark.usefixtures("upstream_there")
def test_what_upstream_does_not_hand_out_is_not_available(shelf: Shelf):
    with pytest.raises(images.NotAvailable, match="could not be pulled"):
        shelf.seed(shelf.only)


@pytest.mark.lab
def test_a_recipe_that_fails_is_one_line_and_the_rest_is_done(shelf: Shelf):
    shelf.write("top", f"FROM {images.reference(shelf.base)}\nCOPY no-such-file /\n")
    with pytest.raises(LabError, match="no-such-file") as caught:
        shelf.seed(shelf.top, shelf.base, shelf.only)
    assert str(caught.value).startswith(f"{shelf.top}: building top failed: ") or "lab doctor" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, images.NotAvailable)
    assert shelf.digest(shelf.base)


@pytest.mark.lab
def test_offline_nothing_is_built_or_pulled(shelf: Shelf):
    with pytest.raises(LabError, match="is not here, and --offline forbids a download"):
        shelf.seed(shelf.base, offline=True)
    assert shelf.digest(shelf.base) is None


@pytest.mark.lab
def test_offline_the_engine_s_copy_will_do(shelf: Shelf):
    shelf.seed(shelf.base)
    shelf.off_the_registry(shelf.base)
    shelf.seed(shelf.base, offline=True)
    assert shelf.digest(shelf.base)


@pytest.mark.lab
def test_offline_what_is_out_of_date_will_do(shelf: Shelf):
    shelf.seed(shelf.base)
    shutil.rmtree(shelf.folder / "base")
    shelf.write("base", "FROM scratch\nCOPY nothing /\n")
    before = shelf.digest(shelf.base)
    shelf.seed(shelf.base, offline=True)
    assert shelf.digest(shelf.base) == before
    assert "another recipe" in shelf.said(shelf.base)


@pytest.mark.lab
def test_ctrl_c_ends_the_work_in_hand(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    """The wait of the main thread is interrupted while a build runs; the build ends with it, and later work goes on."""
    slow = "FROM localhost:5000/base/busybox:musl\nCOPY f /\nRUN sleep 300\n"
    shelf.write("base", slow)
    building = threading.Event()
    waiting = images._all_done

    def interrupted(futures: list[object]) -> None:
        assert building.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(images, "_all_done", interrupted)

    def report(name: str, text: str) -> None:
        if "RUN sleep" in text:
            building.set()

    with pytest.raises(KeyboardInterrupt):
        images.seed([shelf.base], env=shelf.env, report=report)
    assert shelf.digest(shelf.base) is None
    monkeypatch.setattr(images, "_all_done", waiting)
    shelf.write("base", slow.replace("300", "0"))
    shelf.seed(shelf.base)
    assert shelf.digest(shelf.base)


@pytest.mark.lab
def test_stopped_is_not_taken_for_upstream_s_failure(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    """Where the pull is stopped by Ctrl-C, no recipe is begun."""
    monkeypatch.setattr(upstream, "has", lambda reference, env: True)

    def stopped(*_: object, **__: object) -> None:
        raise Stopped("docker pull was stopped")

    monkeypatch.setattr(upstream, "bring", stopped)
    with pytest.raises(Stopped):
        shelf.seed(shelf.base)
    assert shelf.digest(shelf.base) is None

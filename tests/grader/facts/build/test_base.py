"""Where the base image ends: the rule, and what it is given for a submission and for an image by itself.

Layers are letters here, and no engine or registry is asked. That the real ones give the same answer in a grade and in
a notebook is shown in tests/layerwise/test_scanning.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from grader.errors import EngineFailure, RegistryUnavailable
from grader.facts import Facts
from grader.facts.build import base as module
from grader.facts.build.base import Candidate, Match, base_among, base_of, longest_match
from grader.facts.build.build import BuildFailed
from grader.facts.build.build_log import BuildLog
from grader.facts.dockerfile.reference import ImageReference
from grader.facts.registry.documents import NotAManifest
from grader.settings import BuildSettings
from grader.submission import Submission


class Rule(NamedTuple):
    """An image's layers, each candidate's layers in the places that have it, and which fits."""

    name: str
    own: str
    candidates: Mapping[str, Sequence[str]]
    fits: str
    layers: int
    missing: Sequence[str] = ()


RULES = [
    Rule("one fits", "abc", {"x": ["ab"]}, "x", 2),
    Rule("none fits", "abc", {"x": ["b"], "y": ["ac"]}, "", 0),
    Rule("the image itself", "ab", {"x": ["ab"]}, "x", 2),
    Rule("more layers than the image", "ab", {"x": ["abc"]}, "", 0),
    Rule("its layers, but not the lowest", "abc", {"x": ["bc"]}, "", 0),
    Rule("the longest, met first", "abc", {"x": ["ab"], "y": ["a"]}, "x", 2),
    Rule("the longest, met last", "abc", {"y": ["a"], "x": ["ab"]}, "x", 2),
    Rule("the same layers twice", "abc", {"x": ["ab"], "y": ["ab"]}, "x", 2),
    Rule("an older copy comes first", "abc", {"x": ["z", "ab"]}, "x", 2),
    Rule("a shorter copy comes first", "abc", {"x": ["a", "ab"]}, "x", 1),
    Rule("no place has it", "abc", {"x": [], "y": ["a"]}, "y", 1, ("x",)),
    Rule("no candidate", "abc", {}, "", 0),
    Rule("a base image without layers", "abc", {"x": [""]}, "", 0),
    Rule("an image without layers", "", {"x": ["a"]}, "", 0),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name.replace(" ", "-"))
def test_the_longest_match(rule: Rule) -> None:
    candidates = [Candidate(name, places) for name, places in rule.candidates.items()]
    assert longest_match(rule.own, candidates) == Match(rule.fits, rule.layers, rule.missing)


def test_the_next_place_is_only_asked_if_the_layers_do_not_fit() -> None:
    def places() -> Iterator[str]:
        yield "a"
        raise AssertionError("the second place was asked")

    assert longest_match("ab", [Candidate("x", places())]).layers == 1


class Places:
    """What an engine, BuildKit and the registries have, by name."""

    def __init__(self, engine: Mapping[str, str], registry: Mapping[str, str | Exception], builder: Mapping[str, str]):
        self._engine = dict(engine)
        self._registry = registry
        self._builder = builder
        self.asked: list[str] = []
        """Of which references a registry was asked."""

    def inspect_image(self, name: str) -> dict[str, object]:
        return {"RootFS": {"Layers": list(self._engine[name])}}

    def build_base(self, _engine: object, _submission: object, base: str, _platform: str) -> str:
        if base not in self._builder:
            raise BuildFailed("no such image", BuildLog(ok=False, seconds=0.0, vertexes=[]))
        self._engine[f"built {base}"] = self._builder[base]
        return f"built {base}"

    def remove_image(self, name: str) -> None:
        del self._engine[name]

    def served(self, reference: ImageReference, architecture: str) -> Sequence[str] | None:
        self.asked.append(f"{reference} {architecture}")
        found = self._registry.get(str(reference))
        if isinstance(found, Exception):
            raise found
        return None if found is None else list(found)

    @property
    def left(self) -> list[str]:
        """What was built and not removed."""
        return [name for name in self._engine if name.startswith("built ")]


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch):
    """Puts such places where the real ones are."""

    def make(engine=None, registry=None, builder=None) -> Places:
        places = Places(engine or {}, registry or {}, builder or {})
        monkeypatch.setattr(module.lookup, "layers", places.served)
        monkeypatch.setattr(module.build, "build_base", places.build_base)
        return places

    return make


LAB = "localhost:5000/base/"
DEBIAN, PYTHON = f"{LAB}debian:trixie-slim", f"{LAB}python:3.13-slim"
HUB_PYTHON = "docker.io/library/python:3.13-slim"
NAMES = ("debian:trixie-slim", "python:3.13-slim")
SILENT, DAMAGED = RegistryUnavailable("it does not answer"), NotAManifest("no manifest")


class Shown(NamedTuple):
    """An image of which nothing is known but its layers, and what there is; engine None for no engine."""

    name: str
    own: str
    engine: Mapping[str, str] | None
    registry: Mapping[str, str | Exception]
    base: str
    layers: int
    asked: int
    """How often the registry is asked."""


SHOWN = [
    Shown("on the engine", "dpx", {DEBIAN: "d", PYTHON: "dp"}, {}, PYTHON, 2, 0),
    Shown("in the registry", "dpx", None, {DEBIAN: "d", PYTHON: "dp"}, PYTHON, 2, 2),
    Shown("an older one on the engine", "dpx", {DEBIAN: "e", PYTHON: "eq"}, {DEBIAN: "d", PYTHON: "dp"}, PYTHON, 2, 2),
    Shown("a newer one in the registry", "dpx", {PYTHON: "dp"}, {DEBIAN: "e", PYTHON: "eq"}, PYTHON, 2, 1),
    Shown("a base image itself", "dp", {DEBIAN: "d", PYTHON: "dp"}, {}, PYTHON, 2, 0),
    Shown("the original on the engine", "hx", {HUB_PYTHON: "h"}, {}, HUB_PYTHON, 1, 2),
    Shown("the original is not asked for elsewhere", "hx", {}, {HUB_PYTHON: "h"}, "", 0, 2),
    Shown("an image of one's own on the engine", "xyz", {"docker.io/library/own:1": "xy"}, {}, "", 0, 2),
    Shown("built on an image of one's own", "dpxyz", {PYTHON: "dp", "docker.io/library/own:1": "dpxy"}, {},
          PYTHON, 2, 1),
    Shown("a registry that does not answer", "dpx", {PYTHON: "dp"}, {DEBIAN: SILENT, PYTHON: SILENT}, PYTHON, 2, 1),
    Shown("neither engine nor registry", "dpx", None, {DEBIAN: SILENT, PYTHON: SILENT}, "", 0, 1),
    Shown("one that is damaged", "dpx", None, {DEBIAN: DAMAGED, PYTHON: "dp"}, PYTHON, 2, 2),
]  # fmt: skip


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: case.name.replace(" ", "-"))
def test_an_image_by_itself(case: Shown, staged) -> None:
    places = staged(case.engine, case.registry)
    found = base_among(case.own, NAMES, architecture="arm64", engine=None if case.engine is None else places)
    assert (found.reference, found.layers, found.claimed) == (case.base, case.layers, "")
    assert len(places.asked) == case.asked
    assert all(text.endswith(" arm64") for text in places.asked)


class Known(Facts):
    """The facts of a folder and of an image of which the layers are known: nothing is built or read."""

    own = ""

    @property
    def image(self):
        layers = [SimpleNamespace(diff_id=letter) for letter in self.own]
        return SimpleNamespace(layers=layers, config=SimpleNamespace(architecture="amd64"))


class Graded(NamedTuple):
    """A Dockerfile's FROM, the image built from it, where base images are, and what is found or raised."""

    name: str
    line: str
    own: str
    base: str | type[Exception]
    layers: int = 0
    claimed: str = ""
    engine: Mapping[str, str] = {}
    builder: Mapping[str, str] = {}
    registry: Mapping[str, str | Exception] = {}
    images: Sequence[str] = NAMES


BOTH = {DEBIAN: "d", PYTHON: "dp"}
BUILT = [
    Graded("a base image of the exercise", f"FROM {PYTHON}", "dpx", PYTHON, 2, engine=BOTH),
    Graded("with no step", f"FROM {PYTHON}", "dp", PYTHON, 2, engine=BOTH),
    Graded("the one named counts, not a longer one", f"FROM {DEBIAN}", "dpx", DEBIAN, 1, engine=BOTH),
    Graded("the engine has none of that name", f"FROM {PYTHON}", "dpx", PYTHON, 2, builder=BOTH),
    Graded("the engine has an older one", f"FROM {PYTHON}", "dpx", PYTHON, 2, engine={PYTHON: "e"}, builder=BOTH),
    Graded("it is gone", f"FROM {PYTHON}", "dpx", EngineFailure, engine={PYTHON: "e"}),
    Graded("the original", "FROM python:3.13-slim", "hx", HUB_PYTHON, 1, builder={HUB_PYTHON: "h"}),
    Graded("by digest", f"FROM {LAB}python@sha256:{'0' * 64}", "dpx", f"{LAB}python@sha256:{'0' * 64}", 2,
           builder={f"{LAB}python@sha256:{'0' * 64}": "dp"}),
    Graded("from scratch", "FROM scratch", "dp", "", engine=BOTH),
    Graded("through a stage and a variable", f"ARG BASE={PYTHON}\nFROM $BASE AS one\nFROM one", "dpx", PYTHON, 2,
           engine=BOTH),
    Graded("a copy under another name", "FROM own:1", "dpx", PYTHON, 2, "docker.io/library/own:1", engine=BOTH),
    Graded("built on top of one", "FROM own:1", "dpxyz", PYTHON, 2, "docker.io/library/own:1", engine=BOTH),
    Graded("another image", "FROM own:1", "xyz", "", 0, "docker.io/library/own:1", engine=BOTH),
    Graded("a base image, but not of the exercise", f"FROM {PYTHON}", "dpx", DEBIAN, 1, PYTHON, engine=BOTH,
           images=NAMES[:1]),
    Graded("an exercise with no base image", f"FROM {PYTHON}", "dpx", "", 0, PYTHON, engine=BOTH, images=()),
    Graded("another image, and one cannot be looked up", "FROM own:1", "xyz", RegistryUnavailable,
           engine={DEBIAN: "d"}),
    Graded("one fits, another cannot be looked up", "FROM own:1", "dxyz", DEBIAN, 1, "docker.io/library/own:1",
           engine={DEBIAN: "d"}),
]  # fmt: skip
ARCHIVED = [
    Graded("with no folder", "", "dpx", PYTHON, 2, registry=BOTH),
    Graded("with no folder, another image", "", "xyz", "", registry=BOTH),
    Graded("with its folder", f"FROM {PYTHON}", "dpx", PYTHON, 2, registry=BOTH),
    Graded("with its folder, the longest counts", f"FROM {DEBIAN}", "dpx", PYTHON, 2, registry=BOTH),
    Graded("the original is asked for last", "FROM python:3.13-slim", "hx", HUB_PYTHON, 1,
           registry=BOTH | {HUB_PYTHON: "h"}),
    Graded("the original is far, and the lab's fits", "FROM python:3.13-slim", "dpx", PYTHON, 2,
           registry=BOTH | {HUB_PYTHON: SILENT}),
    Graded("none is in its registry", "", "dpx", RegistryUnavailable),
    Graded("the registry does not answer", "", "dpx", RegistryUnavailable, registry={DEBIAN: SILENT}),
    Graded("from scratch", "FROM scratch", "dp", "", registry=BOTH),
]  # fmt: skip


@pytest.mark.parametrize("case", BUILT, ids=lambda case: case.name.replace(" ", "-"))
def test_a_submission(case: Graded, tmp_path: Path, staged) -> None:
    places = staged(case.engine, case.registry, case.builder)
    judge(case, tmp_path, places, archive=None)
    assert (places.asked, places.left) == ([], []), "the engine says it all, and nothing is left there"


@pytest.mark.parametrize("case", ARCHIVED, ids=lambda case: case.name.replace(" ", "-"))
def test_an_archive(case: Graded, tmp_path: Path, staged) -> None:
    judge(case, tmp_path, staged(registry=case.registry), archive=tmp_path / "image.tar")


def judge(case: Graded, folder: Path, places: Places, archive: Path | None) -> None:
    (folder / "Dockerfile").write_text(f"{case.line}\n")
    with (
        Submission.open(folder, BuildSettings()) as submission,
        Known(submission if case.line else None, archive=archive, engine=places, images=case.images) as facts,
    ):
        facts.own = case.own
        if isinstance(case.base, str):
            found = base_of(facts)
            assert (found.reference, found.layers, found.claimed) == (case.base, case.layers, case.claimed)
        else:
            with pytest.raises(case.base):
                base_of(facts)

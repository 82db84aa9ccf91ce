"""When a fingerprint changes, and when it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.lib.fingerprint import fingerprint_of


def make(root: Path) -> Path:
    (root / "sub").mkdir(parents=True)
    (root / "a").write_text("1")
    (root / "sub" / "b").write_text("2")
    return root


def of(root: Path, *also: str) -> str:
    return fingerprint_of(root, root.rglob("*"), also)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make(tmp_path / "one")


def test_the_same_files_elsewhere_and_in_another_order(root: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "two")
    assert of(other) == of(root)
    assert fingerprint_of(root, [root / "sub" / "b", root / "a"]) == of(root)
    assert len(of(root)) == 64


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a").write_text("2"),
        lambda root: (root / "a").write_text(""),
        lambda root: (root / "a").rename(root / "c"),
        lambda root: (root / "a").rename(root / "sub" / "a"),
        lambda root: (root / "a").unlink(),
        lambda root: (root / "c").touch(),
        lambda root: (root / "a").chmod(0o755),
        lambda root: ((root / "a").write_text("2"), (root / "sub" / "b").write_text("1")),
    ],
)
def test_what_changes_it(root: Path, change: Callable[[Path], object]) -> None:
    before = of(root)
    change(root)
    assert of(root) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "empty").mkdir(),
        lambda root: (root / "broken").symlink_to("nowhere"),
        lambda root: (root / "a").write_text("1"),
        lambda root: (root / "a").chmod(0o600),
    ],
)
def test_what_does_not(root: Path, change: Callable[[Path], object]) -> None:
    before = of(root)
    change(root)
    assert of(root) == before


def test_texts_count_too_and_their_bounds() -> None:
    folder = Path(__file__).parent
    found = {fingerprint_of(folder, [], also) for also in ([], ["a"], ["b"], ["a", "b"], ["ab"], ["b", "a"])}
    assert len(found) == 6


def test_a_name_that_is_no_text(root: Path) -> None:
    before = of(root)
    (root / "x\udcff").touch()
    assert of(root, "\udcff") != of(root) != before

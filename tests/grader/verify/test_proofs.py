"""What a proof holds for, and when it does not count."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader.exercise import Exercise, load
from grader.verify import proofs
from grader.verify.proofs import Proofs
from grader.verify.trials import Trial

TINY = Path(__file__).resolve().parents[2] / "layerwise" / "minicourse" / "01-tiny"


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    shutil.copytree(TINY, tmp_path / "01-tiny", symlinks=True)
    (tmp_path / "01-tiny" / "starter" / "link").symlink_to("Dockerfile")
    return load(tmp_path / "01-tiny")


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine whose engine and registry say the same each time, and a small grader in that folder."""
    monkeypatch.setattr(Proofs, "_surroundings", "one engine")
    monkeypatch.setattr(proofs, "_bases", lambda _: ["busybox:musl sha256:1"])
    (tmp_path / "grader").mkdir()
    (tmp_path / "grader" / "judge.py").write_text("right = True\n")
    monkeypatch.setattr(proofs, "GRADER", tmp_path / "grader")
    return tmp_path


def trial(exercise: Exercise, submission: str = "starter", kind: str = "starter") -> Trial:
    return Trial(exercise, submission, kind, "so", exercise.starter, {"build": "failed", "user": "skipped"})


def rewrite(path: Path) -> None:
    path.write_text(path.read_text() + "\n")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file": lambda top: rewrite(top / "01-tiny/solution/Dockerfile"),
    "what is expected": lambda top: rewrite(top / "01-tiny/variants/as-root/expect.toml"),
    "the exercise": lambda top: rewrite(top / "01-tiny/exercise.toml"),
    "a new file": lambda top: (top / "01-tiny/starter/.dockerignore").touch(),
    "a file gone": lambda top: (top / "01-tiny/solution/greeting.txt").unlink(),
    "a name": lambda top: (top / "01-tiny/solution/greeting.txt").rename(top / "01-tiny/solution/greeting"),
    "a file that may be executed": lambda top: (top / "01-tiny/starter/Dockerfile").chmod(0o755),
    "a file that not everybody may read": lambda top: (top / "01-tiny/starter/Dockerfile").chmod(0o600),
    "a folder's mode": lambda top: (top / "01-tiny/starter").chmod(0o700),
    "an empty folder": lambda top: (top / "01-tiny/starter/logs").mkdir(),
    "a link's target": lambda top: (
        (top / "01-tiny/starter/link").unlink(),
        (top / "01-tiny/starter/link").symlink_to("../solution/Dockerfile"),
    ),
    "a link in a file's place": lambda top: (
        (top / "01-tiny/starter/Dockerfile").rename(top / "01-tiny/starter/other"),
        (top / "01-tiny/starter/Dockerfile").symlink_to("other"),
    ),
    "the grader": lambda top: rewrite(top / "grader/judge.py"),
    "the grader's data": lambda top: (top / "grader/advisories.toml").touch(),
}

NO_CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "a time": lambda top: os.utime(top / "01-tiny/starter/Dockerfile", (1, 1)),
    "what Python compiled": lambda top: (
        (top / "grader/__pycache__").mkdir(),
        (top / "grader/__pycache__/judge.cpython-311.pyc").touch(),
    ),
}


@pytest.mark.parametrize("name", [*CHANGES, *NO_CHANGES])
def test_what_a_proof_holds_for(name: str, exercise: Exercise, here: Path) -> None:
    kept = Proofs(here / "proofs")
    kept.keep(trial(exercise), kept.fingerprint(exercise))
    {**CHANGES, **NO_CHANGES}[name](here)
    assert kept.has(trial(exercise), kept.fingerprint(exercise)) is (name in NO_CHANGES)


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (Proofs, "_surroundings", "another engine"),
        (proofs, "_bases", lambda _: ["busybox:musl sha256:2"]),
        (proofs, "_bases", lambda _: []),
    ],
    ids=["engine or tools", "base image", "base image gone"],
)
def test_other_surroundings_make_another_fingerprint(owner, name, value, exercise, here, monkeypatch):
    before = Proofs(here / "proofs").fingerprint(exercise)
    monkeypatch.setattr(owner, name, value)
    assert Proofs(here / "proofs").fingerprint(exercise) != before


def test_a_change_while_it_was_graded_keeps_no_proof(exercise: Exercise, here: Path) -> None:
    kept = Proofs(here / "proofs")
    before = kept.fingerprint(exercise)
    rewrite(exercise.solution / "Dockerfile")
    kept.keep(trial(exercise), before)
    (exercise.solution / "Dockerfile").write_text((TINY / "solution/Dockerfile").read_text())
    assert kept.fingerprint(exercise) == before
    assert not kept.has(trial(exercise), before)


def test_a_proof_is_of_one_submission(exercise: Exercise, here: Path) -> None:
    kept = Proofs(here / "proofs")
    now = kept.fingerprint(exercise)
    kept.keep(trial(exercise), now)
    assert not kept.has(trial(exercise, "as-root", "near-miss"), now)
    # A variant may have any name.
    kept.keep(trial(exercise, "solution", "solution"), now)
    assert not kept.has(trial(exercise, "solution", "cheat"), now)


def test_a_proof_that_is_refuted_is_forgotten(exercise: Exercise, here: Path) -> None:
    kept = Proofs(here / "proofs")
    now = kept.fingerprint(exercise)
    kept.keep(trial(exercise), now)
    kept.drop(trial(exercise), "another")
    assert kept.has(trial(exercise), now)
    kept.drop(trial(exercise), now)
    kept.drop(trial(exercise), now)
    assert not kept.has(trial(exercise), now)


def test_proofs_of_several_states_are_remembered_and_not_of_all(exercise, here, monkeypatch):
    """As when two branches, or two engines, take turns."""
    kept = Proofs(here / "proofs")
    states = []
    for number in range(proofs.STATES + 2):
        monkeypatch.setattr(Proofs, "_surroundings", f"engine {number}")
        states.append(kept.fingerprint(exercise))
        kept.keep(trial(exercise), states[-1])
        kept.keep(trial(exercise), states[-1])
    assert [kept.has(trial(exercise), state) for state in states] == [False] * 2 + [True] * proofs.STATES


def test_asked_to_prove_again_what_was_kept_does_not_count(exercise: Exercise, here: Path) -> None:
    now = Proofs(here / "proofs").fingerprint(exercise)
    Proofs(here / "proofs", again=True).keep(trial(exercise), now)
    assert not Proofs(here / "proofs", again=True).has(trial(exercise), now)
    assert Proofs(here / "proofs").has(trial(exercise), now)


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:20], lambda text: text[1:], lambda _: "", lambda _: "\udcff" * 64]
)
def test_a_damaged_proof_is_none(spoil, exercise, here):
    kept = Proofs(here / "proofs")
    kept.keep(trial(exercise), kept.fingerprint(exercise))
    [file] = (path for path in kept.folder.rglob("*") if path.is_file())
    file.write_text(spoil(file.read_text()), errors="surrogateescape")
    assert not kept.has(trial(exercise), kept.fingerprint(exercise))


def test_a_folder_that_cannot_be_written_remembers_nothing(exercise: Exercise, here: Path) -> None:
    (here / "proofs").write_text("a file")
    kept = Proofs(here / "proofs")
    kept.keep(trial(exercise), kept.fingerprint(exercise))
    assert not kept.has(trial(exercise), kept.fingerprint(exercise))


def test_with_no_engine_nothing_is_remembered(exercise, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    kept = Proofs(tmp_path / "proofs")
    assert kept.fingerprint(exercise) == ""
    kept.keep(trial(exercise), "")
    assert not kept.has(trial(exercise), "")
    assert not kept.folder.exists()


@pytest.mark.lab
def test_the_lab_is_told_by_its_versions_and_the_digests_of_its_base_images(exercise, tmp_path):
    kept = Proofs(tmp_path / "proofs")
    assert len(kept.fingerprint(exercise)) == 64
    assert kept.fingerprint(exercise) == Proofs(tmp_path).fingerprint(exercise)
    assert "buildx" in kept._surroundings
    assert "Version: " in kept._surroundings  # Trivy's
    assert "GitVersion" in kept._surroundings  # Cosign's
    there, missing = proofs._bases(replace(exercise, images=("busybox:musl", "busybox:no-such-tag")))
    assert there.startswith("busybox:musl sha256:")
    assert missing == "busybox:no-such-tag "

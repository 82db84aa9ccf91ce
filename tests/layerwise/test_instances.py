"""Instances of an exercise: what a seed makes of a pattern."""

from __future__ import annotations

import multiprocessing
import os
import re
from pathlib import Path

import pytest

from grader.errors import ExerciseInvalid, GraderError
from layerwise.instances import Pick, has_instances, instance

RECIPE = """
from layerwise.instances import Instance, Pick

def instance(pick: Pick) -> Instance:
    values = {"app": pick.one("tram", "ferry"), "port": str(pick.number(1, 9))}
    return Instance(forms=(pick.one("loud", "quiet"),), values=values)
"""
MANIFEST = """
title = "Find @{app}"
lesson = "02-caching"
level = "interview"
minutes = 5
[[check]]
kind = "http"
title = "It answers on @{port}"
points = 10
port = @{port}
"""


@pytest.fixture
def pattern(tmp_path: Path) -> Path:
    folder = tmp_path / "find-it"
    files = {
        "instances.py": RECIPE,
        "exercise.toml": MANIFEST,
        "both/@{app}.txt": "@{app} and $HOME and @{port}\n",
        "starter/Dockerfile": "FROM scratch\n",
        "solution/Dockerfile": "FROM scratch\nCOPY @{app}.txt /\n",
        "forms/loud/both/voice": "LOUD @{app}",
        "forms/quiet/both/voice": "quiet @{app}",
        "forms/quiet/starter/@{app}.txt": "hush\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "both" / "raw").write_bytes(b"\xff@{app}")
    (folder / "both" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "both" / "run.sh").chmod(0o700)
    (folder / "both" / "link").symlink_to("@{app}.txt")
    return folder


def contents(folder: Path) -> dict[str, object]:
    return {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else (path.read_bytes(), path.stat().st_mode)
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_an_instance_is_an_ordinary_exercise(pattern: Path, tmp_path: Path) -> None:
    made = instance(pattern, 4, tmp_path / "made")
    app = made.title.removeprefix("Find ")
    assert (made.name, made.seed, made.level) == ("find-it", 4, "interview")
    assert made.label == "find-it, seed 4"
    assert app in {"tram", "ferry"}
    assert (made.solution / "Dockerfile").read_text() == f"FROM scratch\nCOPY {app}.txt /\n"
    assert {path.name for path in made.starter.iterdir()} == {
        "Dockerfile",
        f"{app}.txt",
        "link",
        "raw",
        "run.sh",
        "voice",
    }
    assert (made.starter / "raw").read_bytes() == b"\xff@{app}"
    assert os.readlink(made.solution / "link") == f"{app}.txt"
    assert (made.starter / "run.sh").stat().st_mode & 0o777 == 0o755
    assert "$HOME" in (made.solution / f"{app}.txt").read_text()
    assert not {"instances.py", "forms", "both"} & {path.name for path in made.folder.iterdir()}


def test_the_same_seed_makes_the_same_folder_and_others_differ(pattern: Path, tmp_path: Path) -> None:
    first = [contents(instance(pattern, seed, tmp_path / "one").folder) for seed in range(12)]
    assert first == [contents(instance(pattern, seed, tmp_path / "two").folder) for seed in range(12)]
    assert len({str(one) for one in first}) > 6


def test_the_choices_stay_what_they_are() -> None:
    """Somebody's seed must lead to the same instance next year."""
    pick = Pick("slow-build 7")
    assert [pick.number(1, 100) for _ in range(3)] == [19, 90, 19]
    assert pick.some(3, "abcdef") == ["d", "c", "e"]
    assert pick.letters(12) == "f51ab70e40a8"


def test_a_later_form_is_laid_over_what_is_there(pattern: Path, tmp_path: Path) -> None:
    for seed in range(20):
        made = instance(pattern, seed, tmp_path / "made")
        app = made.title.removeprefix("Find ")
        quiet = (made.starter / "voice").read_text().startswith("quiet")
        assert ((made.starter / f"{app}.txt").read_text() == "hush\n") == quiet
        assert (made.solution / f"{app}.txt").read_text() != "hush\n"


def test_a_changed_pattern_makes_another_instance(pattern: Path, tmp_path: Path) -> None:
    before = instance(pattern, 1, tmp_path / "made")
    (pattern / "solution" / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    after = instance(pattern, 1, tmp_path / "made")
    assert after.folder != before.folder
    assert "COPY . /" in (after.solution / "Dockerfile").read_text()


def test_many_at_the_same_moment_make_one(pattern: Path, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.starmap(instance, [(pattern, 3, tmp_path / "made")] * 8)
    assert len({str(one.folder) for one in made}) == 1
    assert [path.name for path in (tmp_path / "made").iterdir()] == [made[0].folder.parent.name]


@pytest.mark.parametrize(
    ("name", "text", "fault", "said"),
    [
        (
            "both/notes",
            "on @{prot}",
            ExerciseInvalid,
            "notes: no value for '@{prot}' in instances.py; did you mean 'port'?",
        ),
        ("instances.py", "def instance(pick): return {}", ExerciseInvalid, "returned dict, not an Instance"),
        ("instances.py", "x = 1", ExerciseInvalid, "there is no function 'instance'"),
        ("instances.py", RECIPE.replace('"loud"', '"lout"'), ExerciseInvalid, "there is no folder forms/lout"),
        ("instances.py", "def instance(pick): return 1 / 0", GraderError, "own code failed in instances.py, line 1"),
    ],
)
def test_what_is_wrong_in_a_pattern_is_named(
    pattern: Path, tmp_path: Path, name: str, text: str, fault: type[Exception], said: str
) -> None:
    (pattern / name).write_text(text)
    with pytest.raises(fault, match=re.escape(said)):
        for seed in range(8):
            instance(pattern, seed, tmp_path / "made")
    assert all(path.name[0] != "." for path in (tmp_path / "made").glob("*"))


def test_other_exercises_have_none(tmp_path: Path) -> None:
    assert not has_instances(tmp_path)

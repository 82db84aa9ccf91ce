"""The tasks of the interview: what every instance of each of them has. That they judge rightly is proved elsewhere, by
tests/exercises/test_verify_tasks.py and test_verify_seeds.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader.errors import ExerciseInvalid
from grader.verify.variants import load_all
from layerwise.interview import tasks
from layerwise.stack import catalogue

SEEDS = range(1, 21)


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("LAYERWISE_HOME", str(tmp_path_factory.getbasetemp() / "home"))


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", tasks.names())
class TestEveryTask:
    def test_every_instance_is_complete(self, name: str) -> None:
        known = set(catalogue.catalogue())
        for seed in SEEDS:
            task = tasks.load(name, seed)
            exercise = task.exercise
            assert exercise.level == "interview"
            assert 5 <= exercise.minutes <= 15
            assert (exercise.points, len(exercise.hints)) == (10, 3)
            assert "You will practise" in exercise.story.split("\n\n")[-1]
            assert set(exercise.images) <= known
            kinds = {variant.kind for variant in load_all(exercise)}
            assert {"starter", "near-miss"} <= kinds
            assert re.compile(task.about.evidence)

    def test_another_seed_is_another_task(self, name: str) -> None:
        instances = [tasks.load(name, seed) for seed in SEEDS]
        starters = {str(everything(task.exercise.starter)) for task in instances}
        assert len(starters) >= len(SEEDS) - 1
        causes = {task.about.cause for task in instances}
        assert len(causes) >= 2

    def test_nothing_is_left_to_be_filled_in(self, name: str) -> None:
        for seed in SEEDS:
            for path, content in everything(tasks.load(name, seed).exercise.folder).items():
                assert "@{" not in path
                assert b"@{" not in content, path

    def test_the_story_does_not_tell_the_cause(self, name: str) -> None:
        task = tasks.load(name, 1)
        readme = (task.exercise.folder / "README.md").read_text(encoding="utf-8")
        assert task.about.cause not in readme


def test_a_task_without_an_interviewers_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAYERWISE_EXERCISES", str(tmp_path))
    folder = tmp_path / "interview" / "tasks" / "find-it"
    folder.mkdir(parents=True)
    recipe = "from layerwise.instances import Instance\ndef instance(pick): return Instance(values={})\n"
    (folder / "instances.py").write_text(recipe)
    check = '[[check]]\nkind = "build"\ntitle = "x"\npoints = 1\n'
    (folder / "exercise.toml").write_text(f'title = "x"\nlesson = "01"\nlevel = "interview"\nminutes = 5\n{check}')
    with pytest.raises(ExerciseInvalid, match=r"task\.toml: cannot be read: No such file"):
        tasks.load("find-it", 1)
    (folder / "task.toml").write_text('skills = ["debuging"]\n')
    with pytest.raises(ExerciseInvalid, match=r"unknown skill 'debuging'; did you mean 'debugging'\?"):
        tasks.load("find-it", 1)

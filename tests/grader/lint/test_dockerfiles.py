"""Which files are Dockerfiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.lint import dockerfiles
from grader.lint.dockerfiles import NothingToLint, find_dockerfiles, is_dockerfile


def test_dockerfiles_are_found_by_their_names(tmp_path):
    names = [
        "Dockerfile",
        "a/api.Dockerfile",
        "a/Dockerfile.dev",
        "b/Containerfile",
        "b/dockerfile",
        "b/c/d/DOCKERFILE",
    ]
    others = [
        "Dockerfile.dockerignore",
        "dockerfile_notes.md",
        "node_modules/x/Dockerfile",
        ".git/Dockerfile",
        ".venv/lib/Dockerfile",
        "MyDockerfile",
    ]
    for name in (*names, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("FROM scratch\n")
    (tmp_path / "b" / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert sorted(str(path.relative_to(tmp_path)) for path in find_dockerfiles([tmp_path])) == sorted(names)
    assert find_dockerfiles([tmp_path / "a", tmp_path / "a"]) == find_dockerfiles([tmp_path / "a"])
    assert find_dockerfiles([tmp_path / "MyDockerfile"]) == [tmp_path / "MyDockerfile"]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_nothing_to_lint_is_no_clean_result(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToLint, match=name):
        find_dockerfiles([tmp_path / name])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Dockerfile", True),
        ("DOCKERFILE", True),
        ("dockerfile.prod", True),
        ("web.dockerfile", True),
        ("Containerfile", True),
        ("x.Containerfile.bak", False),
        ("Dockerfile.dockerignore", False),
        ("web.Dockerfile.DOCKERIGNORE", False),
        (".dockerignore", False),
        ("Dockerfile-old", False),
        ("Dockerfiles", False),
        ("docker-compose.yml", False),
        ("", False),
    ],
)
def test_the_name_of_a_dockerfile(name: str, expected: bool) -> None:
    assert is_dockerfile(name) == expected


def test_in_the_order_of_the_paths_and_each_once(tmp_path: Path) -> None:
    for name in ("b/Dockerfile", "b/a/Dockerfile", "a/Dockerfile", "a/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("FROM scratch\n")
    found = find_dockerfiles([tmp_path / "b", tmp_path / "a" / "x.txt", tmp_path])
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "b/Dockerfile", "b/a/Dockerfile", "a/x.txt", "a/Dockerfile",
    ]  # fmt: skip


def test_a_link_is_one_too_even_if_it_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").symlink_to("nowhere")
    assert find_dockerfiles([tmp_path]) == [tmp_path / "Dockerfile"] == find_dockerfiles([tmp_path / "Dockerfile"])


def test_a_folder_with_very_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dockerfiles, "MAX_FILES", 2)
    for number in range(3):
        (tmp_path / f"{number}.Dockerfile").touch()
    with pytest.raises(NothingToLint, match=r"more than 2 Dockerfiles in .*: name a smaller folder"):
        find_dockerfiles([tmp_path])
    (tmp_path / "2.Dockerfile").unlink()
    assert len(find_dockerfiles([tmp_path])) == 2

"""What a Python project says it depends on, in each of its files."""

from __future__ import annotations

import pytest

from grader.facts.pins.model import Tier
from grader.facts.pins.project import Wanted, dependencies, locked, poetry_requirement

COMMIT = "0123456789" * 4


def asked(wanted: Wanted | None) -> list[str]:
    assert wanted is not None
    return [f"{one.name} {one.tier.name.lower()}" for one in wanted.requirements]


@pytest.mark.parametrize(
    ("name", "content", "extras", "expected"),
    [
        ("pyproject.toml", '[project]\ndependencies = ["a==1", "B_c>2"]', (), ["a version", "b-c none"]),
        ("pyproject.toml", '[project]\n[project.optional-dependencies]\nDev = ["a"]\nx = ["b"]', ("dev",), ["a none"]),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "^3"\na = "1.2"\nb = "^1"\nc = {path = "c"}\n',
            (),
            ["a version", "b none"],
        ),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\na = {version = "1.2", optional = true}\nb = [{version = "1"}]',
            (),
            ["b version"],
        ),
        (
            "pyproject.toml",
            f'[tool.poetry.dependencies]\na = {{git = "x", rev = "{COMMIT}"}}\nb = {{git = "x"}}',
            (),
            ["a digest", "b none"],
        ),
        (
            "group",
            '[dependency-groups]\ndev = ["a", {include-group = "more"}]\nmore = ["b==1", {include-group = "dev"}]',
            ("dev",),
            ["a none", "b version"],
        ),
        ("group", '[dependency-groups]\ndev = ["a"]', ("other",), []),
        (
            "Pipfile",
            '[packages]\na = "==1.2"\nb = "*"\n[dev-packages]\nc = {version = "==3"}',
            (),
            ["a version", "b none", "c version"],
        ),
        (
            "Pipfile",
            f'[packages]\na = {{git = "x", ref = "{COMMIT}"}}\nb = {{git = "x", ref = "main"}}',
            (),
            ["a digest", "b none"],
        ),
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n  a==1\n  b\n[options.extras_require]\ndev = c",
            ("dev",),
            ["a version", "b none", "c none"],
        ),
        (
            "setup.py",
            "from setuptools import setup\nsetup(install_requires=['a==1', 'b'])",
            (),
            ["a version", "b none"],
        ),
        ("setup.py", "import setuptools\nsetuptools.setup(name='x')", (), []),
    ],
)
def test_what_it_asks_for(name: str, content: str, extras: tuple[str, ...], expected: list[str]) -> None:
    assert asked(dependencies(name, content, extras)) == expected


@pytest.mark.parametrize(
    ("name", "content", "files"),
    [
        (
            "pyproject.toml",
            '[project]\ndynamic = ["dependencies"]\n[tool.setuptools.dynamic.dependencies]\nfile = "r.txt"',
            ("r.txt",),
        ),
        ("setup.cfg", "[options]\ninstall_requires = file: a.txt, b.txt", ("a.txt", "b.txt")),
    ],
)
def test_files_that_it_names(name: str, content: str, files: tuple[str, ...]) -> None:
    wanted = dependencies(name, content, ())
    assert wanted is not None
    assert wanted.files == files


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", "[build-system]\nrequires = ['x']"),
        ("pyproject.toml", '[project]\ndynamic = ["dependencies"]'),
        ("setup.cfg", "[metadata]\nname = x"),
        ("requirements.txt", "a"),
    ],
)
def test_silent_about_dependencies(name: str, content: str) -> None:
    assert dependencies(name, content, ()) is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", "[broken"),
        ("pyproject.toml", "project = 5"),
        ("pyproject.toml", "[project]\ndependencies = 5"),
        ("Pipfile", "packages = 5"),
        ("setup.cfg", "no section"),
        ("setup.py", "def ("),
        ("setup.py", "setup(install_requires=read('r.txt'))"),
        ("setup.py", "setup(**options)"),
        ("setup.py", "print('hello')"),
        ("setup.py", "(" * 10_000),
    ],
)
def test_what_cannot_be_told_is_not_taken_for_nothing(name: str, content: str) -> None:
    wanted = dependencies(name, content, ())
    assert wanted is not None
    assert wanted.unreadable
    assert wanted.requirements == ()


def test_what_a_lock_file_holds() -> None:
    text = (
        '[[package]]\nname = "A_b"\nversion = "1"\n[[package]]\nname = "a-b"\nversion = "2"\n[[package]]\nname = "c"\n'
    )
    found = locked(text)
    assert {name: [pin.version for pin in pins] for name, pins in found.items()} == {"a-b": ["1", "2"], "c": [""]}
    assert all(pin.tier is Tier.DIGEST for pins in found.values() for pin in pins)


@pytest.mark.parametrize("text", ["", "{", "package = 5", '[[package]]\nversion = "1"', "[package]"])
def test_no_lock_file(text: str) -> None:
    assert locked(text) == {}


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("a", Tier.NONE),
        ("a@1.2", Tier.VERSION),
        ("a@^1.2", Tier.NONE),
        ("a==1.2", Tier.VERSION),
        ("a>=1@2", Tier.NONE),
        ("a @ https://x/a.whl", Tier.NONE),
        (f"git+https://x/y@{COMMIT}", Tier.DIGEST),
    ],
)
def test_arguments_of_poetry_add(text: str, tier: Tier) -> None:
    assert poetry_requirement(text).tier is tier

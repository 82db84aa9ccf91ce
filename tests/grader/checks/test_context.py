"""`context`: near misses, cheats, and odd but right answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from grader.checks.context import Params, judge
from grader.errors import SubmissionFault
from grader.facts import Facts
from grader.settings import BuildSettings
from grader.submission import Submission
from grader.verdict import Verdict

NOISY: dict[str, str | int] = {
    "Dockerfile": "FROM scratch\nCOPY . /\n",
    "app.py": "print('hello')\n",
    "src/main.py": "import app\n",
    "src/__pycache__/main.cpython-313.pyc": 40,
    "node_modules/left-pad/index.js": 3_000,
    "node_modules/.bin/tool": 1_000,
    "logs/app.log": 2_000,
    "debug.log": 500,
    ".env": "TOKEN=canary\n",
}
NOISE = ("node_modules", "**/*.log", ".env", "**/__pycache__")
NEEDED = ("app.py", "src")


def verdict(
    tmp_path: Path,
    ignore: str | None,
    files: dict[str, str | int] = NOISY,
    settings: BuildSettings | None = None,
    ignore_name: str = ".dockerignore",
    **params: Any,
) -> Verdict:
    folder = tmp_path / "handed-in"
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * content if isinstance(content, int) else content.encode())
    if ignore is not None:
        (folder / ignore_name).write_text(ignore)
    with Submission.open(folder, settings or BuildSettings()) as submission, Facts(submission) as facts:
        return judge(facts, Params(**params))


RIGHT = "node_modules\n**/*.log\n.env\n**/__pycache__\n"

CASES = {
    # name: (ignore file, fraction, what the message must say)
    "plain": (RIGHT, 1.0, "The builder gets what it should"),
    "trailing slashes": ("node_modules/\n**/*.log\n.env\n**/__pycache__/\n", 1.0, ""),
    "leading slashes and dots": ("/node_modules\n./logs\n/*.log\n.env\n**/__pycache__\n", 1.0, ""),
    "an allow list": ("*\n!app.py\n!src\n**/__pycache__\n", 1.0, ""),
    "an allow list with everything below": ("**\n!app.py\n!src/**\nsrc/__pycache__\n", 1.0, ""),
    "a remark above, blank lines, CRLF": (
        "# noise\r\n\r\nnode_modules\r\n**/*.log\r\n.env\r\n**/__pycache__\r\n",
        1.0,
        "",
    ),
    "a mark of the encoding, blanks around": ("\ufeffnode_modules\n  **/*.log  \n.env\n**/__pycache__\n", 1.0, ""),
    "other capital letters": (RIGHT.replace(".env", ".ENV"), 0.75, ".env"),
    "held back by all but itself": ("*\n!**\n", 0.0, "node_modules"),
    "contents instead of the folder": ("node_modules/**\n**/*.log\n.env\n**/__pycache__/**\n", 1.0, ""),
    "compiled files by name": ("node_modules\n**/*.log\n.env\n**/*.pyc\n", 1.0, ""),
    "everything held back": ("*\n", 0.0, "app.py"),
    "nothing held back": ("", 0.0, "node_modules"),
    "a typo in the name": (RIGHT.replace("node_modules", ".node_modules"), 0.75, "matches no file"),
    "a pattern that stays at the top": (RIGHT.replace("**/*.log", "*.log"), 0.75, "*.log"),
    "a remark behind a pattern": (RIGHT.replace("node_modules", "node_modules # big"), 0.75, "node_modules"),
    "let in again further down": (RIGHT + "!.env\n", 0.75, ".env"),
    "let in again, then held back": (RIGHT + "!.env\n.env\n", 1.0, ""),
    "an exception that comes too early": ("!src\n" + RIGHT + "src\n", 0.5, "line 6"),
    "one folder below let in again": (RIGHT + "!node_modules/.bin\n", 0.75, "node_modules"),
    "wrong case": (RIGHT.replace(".env", ".ENV"), 0.75, ".env"),
    "Windows separators": (RIGHT.replace("**/*.log", "logs\\app.log\n*.log"), 0.75, "**/*.log"),
    "half of what is needed held back": (RIGHT + "app.py\n", 0.5, "line 5"),
    "quoted": (RIGHT.replace("node_modules", '"node_modules"'), 0.75, "node_modules"),
}


@pytest.mark.parametrize(("ignore", "fraction", "says"), CASES.values(), ids=CASES)
def test_noise(tmp_path: Path, ignore: str, fraction: float, says: str) -> None:
    found = verdict(tmp_path, ignore, excluded=NOISE, included=NEEDED)
    assert found.fraction == pytest.approx(fraction), found
    assert says in found.message


def test_a_cheat_deleting_the_noise_is_not_ignoring_it(tmp_path: Path) -> None:
    clean = {name: text for name, text in NOISY.items() if name in ("Dockerfile", "app.py", "src/main.py")}
    found = verdict(tmp_path, None, clean, excluded=NOISE, included=NEEDED)
    assert found.fraction == 0.0
    assert "as soon as it exists" in found.message


ABSENT = {
    # item: (ignore file, whether it counts as excluded although nothing of the kind is there)
    "a folder by name": (".git", ".git\n", True),
    "a folder by its contents": (".git", ".git/**\n", True),
    "a folder, said so": (".git/", ".git/*\n", True),
    "a folder let in again": (".git/", ".git\n!.git\n", False),
    "a file by a glob": (".env", ".env*\n", True),
    "nested": ("**/__pycache__", "**/__pycache__\n", True),
    "nested, by what is in it": ("**/__pycache__", "**/*.pyc\n", True),
    "nested, but only at the top": ("**/__pycache__", "__pycache__\n", False),
    "nested, but not at the top": ("**/*.key", "*/*.key\n", False),
    "nested by suffix": ("**/*.key", "**.key\n", True),
    "all but what is needed": ("**/*.key", "*\n!app.py\n", True),
    "all but a folder": ("**/*.key", "*\n!folder\n", False),
}


@pytest.mark.parametrize(("item", "ignore", "counts"), ABSENT.values(), ids=ABSENT)
def test_what_is_not_there_is_judged_by_the_patterns(tmp_path: Path, item: str, ignore: str, counts: bool) -> None:
    files = {"Dockerfile": "FROM scratch\n", "app.py": "x"}
    assert verdict(tmp_path, ignore, files, excluded=(item,)).fraction == float(counts)


@pytest.mark.parametrize(("limit", "fraction"), [("100 kB", 1.0), ("6 kB", 0.0), (0, 0.0)])
def test_size(tmp_path: Path, limit: str | int, fraction: float) -> None:
    found = verdict(tmp_path, "", max=limit)
    assert found.fraction == fraction
    if fraction == 0.0:
        assert found.where[0].path == "node_modules"
        assert found.where[0].bytes == 4_000


def test_an_empty_file_and_an_empty_folder_are_no_harm(tmp_path: Path) -> None:
    found = verdict(tmp_path, "**\n!app.py\n", max=20, excluded=("node_modules",), included=("app.py",))
    assert found.fraction == 1.0


def test_the_dockerfiles_own_ignore_file_counts(tmp_path: Path) -> None:
    files = {**NOISY, ".dockerignore": RIGHT}
    found = verdict(tmp_path, "nothing\n", files, ignore_name="Dockerfile.dockerignore", excluded=NOISE)
    assert found.fraction == 0.0
    assert found.details["ignore_file"] == "Dockerfile.dockerignore"


@pytest.mark.parametrize("name", ["dockerignore", ".dockerIgnore", ".dockerignore.txt", ".docker-ignore"])
def test_an_ignore_file_by_another_name_is_pointed_out(tmp_path: Path, name: str) -> None:
    found = verdict(tmp_path, RIGHT, ignore_name=name, excluded=NOISE)
    assert found.fraction == 0.0
    assert "no .dockerignore" in found.message
    assert (name in found.message) == (name != ".docker-ignore")


def test_an_ignore_file_beside_the_context_does_not_count(tmp_path: Path) -> None:
    files = {f"web/{name}": content for name, content in NOISY.items()} | {"Dockerfile": "FROM scratch\n"}
    found = verdict(tmp_path, RIGHT, files, BuildSettings(context="web"), excluded=("node_modules",))
    assert found.fraction == 0.0


def test_a_pattern_buildkit_refuses_is_the_submissions_fault(tmp_path: Path) -> None:
    with pytest.raises(SubmissionFault, match="line 2"):
        verdict(tmp_path, "node_modules\n[a\n", excluded=NOISE)


def test_what_must_be_there_and_is_not(tmp_path: Path) -> None:
    found = verdict(tmp_path, None, included=("app.py", "config/*.toml"))
    assert found.fraction == 0.5
    assert "config/*.toml" in found.message


def test_a_file_needed_among_many_of_a_glob(tmp_path: Path) -> None:
    files = {**NOISY, "src/extra.py": "y"}
    assert verdict(tmp_path, "src/extra.py\n", files, included=("src/*.py",)).fraction == 0.0


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"excluded": ["../up"]},
        {"excluded": ["[a"]},
        {"included": ["!x"]},
        {"included": [""]},
        {"max": "lots"},
        {"min": 1},
    ],
)
def test_parameters_that_make_no_sense(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Params(**params)

"""Our reading of ignore files against the builder's: what `COPY . /` puts into an image, case by case.

What the builder copies is on record (tests/answers.py).
"""

from __future__ import annotations

import io
import os
import random
import secrets
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from grader.errors import SubmissionFault
from grader.facts.context.build_context import BuildContext
from grader.facts.engine.engine import Engine
from tests.answers import Answer, Comparison, Question, Record

FILES = [
    "README.md",
    "app.log",
    ".env",
    ".env.local",
    "a",
    "ab",
    "1digit.txt",
    ".git/HEAD",
    ".git/objects/ab/cd",
    "node_modules/x/index.js",
    "node_modules/.bin/tool",
    "src/main.py",
    "src/app.log",
    "src/.env",
    "src/node_modules/y.js",
    "src/pkg/mod.py",
    "src/pkg/mod.pyc",
    "src/pkg/deep/er/mod.pyc",
    "src/pkg/[x].txt",
    "docs/README.md",
    "docs/a/b/c.md",
    "dir with space/file name",
    "!bang",
    "#hash",
    "back\\slash",
    "srcXmain",
    "Upper/Case.TXT",
    "üni/cödé.txt",
    "app\node_modules/z",
    "*star/?",
    "{x}/$y",
]


LINKS = {"link-to-folder": "src", "link-to-file": "docs/README.md", "dangling": "nowhere"}
FOLDERS = ["empty/inner"]
TREE = [*FILES, *(f"{name} -> {target}" for name, target in LINKS.items()), *(f"{name}/" for name in FOLDERS)]

HAND_WRITTEN = [
    "",
    "# a comment\n",
    " # not a comment\n",
    "node_modules",
    ".node_modules",
    "/node_modules",
    "node_modules/",
    "./node_modules/",
    "**/node_modules",
    "**/node_modules/**",
    "*/node_modules",
    "*.log",
    "**/*.log",
    "**.log",
    "src/**/*.pyc",
    "src/**",
    "src/*",
    "src**",
    "**",
    "*",
    ".",
    "/",
    "..",
    "../src",
    "src/../docs",
    "docs//a///b",
    "*/../src",
    "*\n!src",
    "*\n!src/pkg/**",
    "*\n!**/*.py",
    "**\n!README.md",
    "src\n!src/pkg/mod.py",
    "src\n!src/pkg\nsrc/pkg/deep",
    "src/pkg\n!src",
    "!src\nsrc",
    "src\n!src",
    "src/*\n!src/pkg",
    "src\n!src/*/mod.py",
    "docs/a\n!docs\n",
    "*\n!docs/a/b/c.md\ndocs/a/b/c.md",
    "*\n!link-to-folder",
    "link-to-folder",
    "link-to-folder/main.py",
    "*\n!docs/README.md",
    "Dockerfile\n.dockerignore",
    "*.md\n!README*",
    "README.md\r\nsrc\r\n",
    "\ufeff*.log",
    "\ufeff# comment",
    "  *.log  \n\t.env\t",
    "\u00a0.env\u2003",
    "!",
    "! ",
    "!/",
    "!!bang",
    "!.",
    "\\!bang",
    "/!bang\n",
    "*\n./!bang",
    "#hash",
    "\\#hash",
    "./#hash",
    "[a-z]",
    "[^a-z]*",
    "[!a]*",
    "src[^a]main.py",
    "[a",
    "[]a]",
    "[^]a]",
    "[-a]",
    "[z-a]",
    "[a-]",
    "a]",
    "src/pkg/[x].txt",
    "src/pkg/\\[x\\].txt",
    "src/pkg/[[]x].txt",
    "[[:digit:]]digit.txt",
    "[[:foo:]]digit.txt",
    "[\\d]digit.txt",
    "\\ddigit.txt",
    "\\Digit.txt",
    "back\\slash",
    "back\\\\slash",
    "back?slash",
    "src\\main.py",
    "src\\pkg\\mod.py",
    "app\\node_modules",
    "build\\Release",
    "build\\Packages",
    "a\\Qb",
    "\\x61",
    "\\141",
    "\\1",
    "\\01digit.txt",
    "a\\bb",
    "\\ba\\b",
    "src\\b*",
    "\\Aa\\z",
    "\\pLb",
    "\\",
    "a\\",
    "foo\\qbar",
    "!foo\\qbar",
    "a\n!foo\\qbar",
    "[*]star",
    "\\*star/\\?",
    "[?]*",
    "*star/[?]",
    "a^b",
    "^a",
    "a?",
    "?",
    "???",
    "{x}",
    "{x,a}",
    "{x}/$y",
    "$HOME",
    "dir with space",
    "dir\\ with\\ space",
    '"dir with space"',
    "UPPER",
    "Upper",
    "üni",
    "?ni",
    "[ü]ni",
    "\\üni",
    "üni/c?d?.txt",
    "***/mod.pyc",
    "**/**/mod.pyc",
    "**/",
    "/**",
    "**/pkg/*/**",
    "src/**/",
    "a**b",
    "s**/mod.py",
    "**/deep/**/mod.pyc",
    "**/.git",
    ".git/**",
    ".git/*\n!.git/HEAD",
    "empty",
    "empty/*",
    "empty/**",
    "**/inner",
    "**\n!empty",
    "*\n!*/",
    "node_modules # with a remark",
    "*\n!src/\n!src/pkg/\n",
    "**/*\n!**/*.md",
    "x" * 5000,
    "x" * 66000,
    "/".join("x" * 200),
    "a\x00b",
    "a\x7f",
    "??*\\",
    "x*[",
    "??*[a-]",
    "*a*[",
    ".*[",
    "?*\\",
    "*[",
    "[^x]*[",
    "[.]*\\",
    "\\.*[",
    "[+-/]*[",
    "**[",
]


ATOMS = [
    "a",
    "src",
    "pkg",
    "mod.py",
    "*",
    "**",
    "?",
    ".",
    "..",
    "docs",
    "*.md",
    "[a-s]*",
    "[^a]*",
    "node_modules",
    "!bang",
]
ATOMS += [".env", "*.pyc", "deep", "**.log", "s*c", "README*", "\\*star", "b", "c.md", "[[]x].txt", "\\w*", "empty"]
GENERATED = 120


def generated(seed: int) -> str:
    """A made-up ignore file, the same one for a seed with every version of Python."""
    # Only `random` is promised to give the same numbers for ever.
    number = random.Random(seed).random

    def one(choices: list[str] | str) -> str:
        return choices[int(number() * len(choices))]

    def pattern() -> str:
        parts = "/".join(one(ATOMS) for _ in range(1 + int(number() * 4)))
        lead = one(["", "", "/", "./", "**/", " "])
        return one(["", "", "!"]) + lead + parts + one(["", "", "/", "/**", "/*", "*"])

    def wild() -> str:
        return "".join(one("ab*?[]^!-/\\.srcmd \u00fc") for _ in range(1 + int(number() * 9)))

    return "\n".join(pattern() if number() < 0.5 else wild() for _ in range(1 + int(number() * 5)))


def question(content: str) -> Question:
    return {"files": {".dockerignore": content}, "dockerfile": "Dockerfile"}


NAMED = {"dockerfile": "web.Dockerfile"}
PLACED = [
    {**NAMED, "files": {".dockerignore": "src\n"}},
    *(
        {**NAMED, "files": {".dockerignore": "src\n", "web.Dockerfile.dockerignore": own}}
        for own in ("docs\n", "", "# nothing is held back\n")
    ),
    *(
        {"files": {"ignored": "docs\n"}, "links": {".dockerignore": target}, "dockerfile": "Dockerfile"}
        for target in ("ignored", "/ignored", "nowhere", ".dockerignore")
    ),
    {"folders": [".dockerignore"], "dockerfile": "Dockerfile"},
]
"""The ignore file named after the Dockerfile, behind a link, or a folder."""
TEXTS = ["docs/**\n!docs/a\ndocs/a/b", *HAND_WRITTEN, *map(generated, range(GENERATED))]
QUESTIONS: list[Question] = [*map(question, TEXTS), *PLACED]
EVERY_RUN = (0, 1 + HAND_WRITTEN.index("*\n!src/pkg/**"), 1 + HAND_WRITTEN.index("foo\\qbar"))
"""Held back below what is let in again, let in again by a wildcard, and refused."""
RECORD = Record(__file__, QUESTIONS, EVERY_RUN, setting=TREE)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A base name of its own, and contents that never change: nothing can be taken for another build's file.
    root = tmp_path_factory.mktemp("tree") / f"ignore-{secrets.token_hex(8)}"
    root.mkdir()
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    return root


@contextmanager
def placed(tree: Path, question: Question, padding: str = "") -> Iterator[Path]:
    """The tree with what is asked about in it; the ignore files end in a comment that is the padding."""
    files: dict[str, str] = question.get("files", {})
    made = []
    try:
        if question["dockerfile"] != "Dockerfile":
            made.append(tree / question["dockerfile"])
            made[-1].write_bytes((tree / "Dockerfile").read_bytes())
        for name, content in files.items():
            made.append(tree / name)
            made[-1].write_text(f"{content}\n#{padding}" if content else "", encoding="utf-8", newline="")
        for name, target in question.get("links", {}).items():
            made.append(tree / name)
            made[-1].symlink_to(target)
        for name in question.get("folders", []):
            made.append(tree / name)
            made[-1].mkdir()
        yield tree
    finally:
        for path in made:
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def ask(root: Path, dockerfile: str) -> tuple[list[str] | None, str]:
    """What the builder of this machine copies, sorted; None if it refuses the ignore file, and its complaint."""
    command = ["docker", "buildx", "build", "--progress=plain", "--output", "type=tar,dest=-"]
    result = subprocess.run(
        [*command, "-f", os.fspath(root / dockerfile), os.fspath(root)], capture_output=True, timeout=60, check=False
    )
    if result.returncode != 0:
        said = result.stderr.decode(errors="replace")
        assert "dockerignore" in said or "pattern" in said or "xclude" in said, said
        return None, said.strip().splitlines()[-1]
    with tarfile.open(fileobj=io.BytesIO(result.stdout)) as archive:
        members = [member.name.removesuffix("/") for member in archive if member.name not in ("./", "/", ".")]
    return sorted(members), ""


def ours(root: Path, dockerfile: str) -> list[str] | None:
    try:
        return sorted(entry.path for entry in BuildContext(root, root / dockerfile).sent)
    except SubmissionFault:
        return None


def answer(root: Path, copied: list[str] | None) -> Answer:
    """What is copied, or, if that is shorter, what is not."""
    if copied is None:
        return {"refused": True}
    everything = {entry.path for entry in BuildContext(root).everything}
    left_out = sorted(everything.difference(copied))
    assert everything.issuperset(copied)
    return {"all_but": left_out} if len(left_out) < len(copied) else {"copied": copied}


def name(question: Question) -> str:
    ignore = question.get("files", {}).get(".dockerignore")
    return repr(ignore)[:60] if len(question) == 2 and ignore is not None else str(question)


@pytest.mark.parametrize("question", RECORD.questions, ids=name)
def test_as_recorded(tree: Path, question: Question) -> None:
    with placed(tree, question) as root:
        assert answer(root, ours(root, question["dockerfile"])) == RECORD.answer(question)


def test_nothing_else_is_on_record() -> None:
    assert RECORD.unasked() == []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "asked" in metafunc.fixturenames:
        metafunc.parametrize("asked", RECORD.for_the_builder(metafunc.config), ids=name)


@pytest.fixture(scope="module")
def comparison(engine: Engine, pytestconfig: pytest.Config) -> Iterator[Comparison]:
    with RECORD.compared(engine, pytestconfig) as comparison:
        yield comparison


@pytest.mark.engine
def test_the_builder_says_what_is_recorded(tree: Path, comparison: Comparison, asked: dict[str, Any]) -> None:
    # A size that no other case has, at every step: the transfer compares name, size and time.
    with placed(tree, asked, "#" * secrets.randbelow(2000)) as root:
        copied, complaint = ask(root, asked["dockerfile"])
        comparison.take(asked, answer(root, copied), complaint)

"""Our reading of ignore files against the real builder: what `COPY . /` puts into an image, case by case."""

from __future__ import annotations

import io
import os
import secrets
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grader.errors import SubmissionFault
from grader.facts.context import BuildContext

pytestmark = pytest.mark.engine

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


def make_tree(root: Path) -> None:
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "empty" / "inner").mkdir(parents=True)
    (root / "link-to-folder").symlink_to("src")
    (root / "link-to-file").symlink_to("docs/README.md")
    (root / "dangling").symlink_to("nowhere")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A base name of its own, and contents that never change: nothing can be taken for another build's file.
    root = tmp_path_factory.mktemp("tree") / f"ignore-{secrets.token_hex(8)}"
    root.mkdir()
    make_tree(root)
    (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    return root


def built(root: Path, dockerfile: str = "Dockerfile") -> list[str] | None:
    """What the builder copies, sorted; None where it refuses the ignore file."""
    command = ["docker", "buildx", "build", "--progress=plain", "--output", "type=tar,dest=-"]
    result = subprocess.run(
        [*command, "-f", os.fspath(root / dockerfile), os.fspath(root)], capture_output=True, timeout=60, check=False
    )
    if result.returncode != 0:
        said = result.stderr.decode(errors="replace")
        assert "dockerignore" in said or "pattern" in said or "xclude" in said, said
        return None
    with tarfile.open(fileobj=io.BytesIO(result.stdout)) as archive:
        return sorted(member.name.removesuffix("/") for member in archive if member.name not in ("./", "/", "."))


def ours(root: Path, dockerfile: str = "Dockerfile") -> list[str] | None:
    try:
        return sorted(entry.path for entry in BuildContext(root, root / dockerfile).sent)
    except SubmissionFault:
        return None


def compare(root: Path, content: bytes) -> None:
    ignore = root / ".dockerignore"
    # A size that no other case has, at every step: the transfer compares name, size and time.
    ignore.unlink(missing_ok=True)
    ignore.write_bytes(content + b"\n" + b"#" * (secrets.randbelow(2000) + 1))
    try:
        assert ours(root) == built(root), content
    finally:
        ignore.unlink()


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


@pytest.mark.parametrize("content", HAND_WRITTEN, ids=lambda text: repr(text)[:60])
def test_hand_written(tree: Path, content: str) -> None:
    compare(tree, content.encode())


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
pattern = st.builds(
    lambda mark, lead, parts, tail: mark + lead + "/".join(parts) + tail,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/", "./", "**/", " "]),
    st.lists(st.sampled_from(ATOMS), min_size=1, max_size=4),
    st.sampled_from(["", "", "/", "/**", "/*", "*"]),
)
wild = st.text(alphabet="ab*?[]^!-/\\.srcmd \u00fc", min_size=1, max_size=9)


@given(lines=st.lists(pattern | wild, min_size=1, max_size=5))
@example(lines=["docs/**", "!docs/a", "docs/a/b"])
@settings(
    max_examples=int(os.environ.get("LAYERWISE_EXAMPLES", "120")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_generated(tree: Path, lines: list[str]) -> None:
    compare(tree, "\n".join(lines).encode())


def test_ignore_file_named_after_the_dockerfile(tree: Path) -> None:
    other = tree / "web.Dockerfile"
    own = tree / "web.Dockerfile.dockerignore"
    shared = tree / ".dockerignore"
    other.write_text("FROM scratch\nCOPY . /\n")
    shared.write_text("src\n")
    try:
        for content in ("docs\n", "", "# nothing is held back\n"):
            own.write_text(content)
            assert ours(tree, other.name) == built(tree, other.name)
        own.unlink()
        assert ours(tree, other.name) == built(tree, other.name)
    finally:
        for path in (other, own, shared):
            path.unlink(missing_ok=True)


def test_ignore_file_behind_a_link_or_a_folder(tree: Path) -> None:
    ignore = tree / ".dockerignore"
    (tree / "ignored").write_text("docs\n")
    try:
        for target in ("ignored", "/ignored", "nowhere", ".dockerignore"):
            ignore.symlink_to(target)
            assert ours(tree) == built(tree), target
            ignore.unlink()
        ignore.mkdir()
        assert ours(tree) == built(tree)
        ignore.rmdir()
    finally:
        (tree / "ignored").unlink()

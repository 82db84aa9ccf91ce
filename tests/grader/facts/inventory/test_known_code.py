"""Code of known packages: what is recognised, under which names, and that every package of the advisories is known."""

from __future__ import annotations

import hashlib
import marshal
import re
from collections.abc import Iterable

import pytest

from grader.facts.advisories.frozen import advisories
from grader.facts.image.filesystem import FileSystem
from grader.facts.image.tar import Member
from grader.facts.inventory.known_code import (
    Ecosystem,
    Read,
    Reader,
    Sign,
    code_files,
    forks,
    modules,
    signs,
    source_of,
    wanted,
)
from grader.facts.inventory.python import normal
from tests.grader.facts.inventory.images import code


@pytest.mark.parametrize("ecosystem", ["pip", "npm"])
def test_every_package_of_the_advisories_is_known_by_its_code(ecosystem: Ecosystem) -> None:
    affected = [one for advisory in advisories().advisory for one in advisory.affects if one.ecosystem == ecosystem]
    assert {one.package for one in affected} == {sign.package for sign in signs(ecosystem)}


def test_names() -> None:
    assert [name for name in modules() if normal(name) != name] == []
    assert (modules()["pillow"], modules()["pyyaml"], modules()["flask"]) == ("PIL", "yaml", "flask")
    assert ("lodash-es" in forks("lodash"), list(forks("flask"))) == (True, [])


def test_the_signs_make_sense() -> None:
    """Each word is one that bytecode has too; a file that could be anybody's or a bundle is not looked at alone."""
    for sign in (*signs("pip"), *signs("npm")):
        assert len(set(sign.words)) == len(sign.words), sign
        assert all(len(word) >= 4 for word in sign.words), sign
        assert sign.named or not re.fullmatch(r"(lib/|src/|dist/)?(index|main|core)", sign.file), sign


def read(data: bytes, looked_for: Iterable[Sign], size: int = 1 << 20) -> Read:
    """What is found in a file that comes in pieces of that size."""
    reader = Reader(looked_for)
    for at in range(0, len(data), size):
        reader.write(memoryview(data)[at : at + size])
    return reader.read


SIGN = Sign(package="p", file="p/x", words=("one", "two", "three"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("one two three", True), ("def two(): one", True), ("one one one", False), ("three", False), ("", False)],
)
def test_two_thirds_of_the_words_will_do(text: str, expected: bool) -> None:
    for size in (1, 2, 100):
        found = read(text.encode(), [SIGN], size)
        assert (SIGN in found.signs) == expected
        assert found.digest == hashlib.sha256(text.encode()).digest()


def test_bytecode_has_the_words_too() -> None:
    sign = next(sign for sign in signs("pip") if sign.file == "requests/adapters")
    source = "\n".join(f"def {word}():\n    return None\n" for word in sign.words)
    assert sign in read(marshal.dumps(compile(source, "x", "exec")), [sign]).signs


def found_in(path: str, text: str, *empty: str) -> list[tuple[str, str]]:
    """The packages that are recognised in a file, beside empty ones, each with the folder of its code."""
    sizes = {path: len(text)} | dict.fromkeys(empty, 0)
    files = FileSystem([[Member(name, "file", size, 0o644, 0, 0, "") for name, size in sizes.items()]])
    contents = {
        content: read(b"" if content.number else text.encode(), looked_for)
        for content, looked_for in wanted(files).items()
    }
    return [(one.package, one.folder) for one in code_files(files, contents.get)]


@pytest.mark.parametrize(
    ("path", "file", "expected"),
    [
        ("lib/flask/ctx.py", "flask/ctx", [("flask", "lib/flask")]),
        ("lib/flask/ctx.pyc", "flask/ctx", [("flask", "lib/flask")]),
        ("flask/ctx.py", "flask/ctx", [("flask", "flask")]),
        ("ctx.py", "flask/ctx", [("flask", "")]),
        ("app/vendor/f/ctx.py", "flask/ctx", [("flask", "app/vendor/f")]),
        ("lib/fastapi/dependencies/utils.py", "fastapi/dependencies/utils", [("fastapi", "lib/fastapi")]),
        ("lib/fastapi/utils.py", "fastapi/dependencies/utils", []),  # the package cannot be used like that
        ("lib/pip/_internal/req/req_install.py", "pip/_internal/req/req_install", [("pip", "lib/pip")]),
        ("lib/flask/__pycache__/ctx.cpython-313.pyc", "flask/ctx", []),  # of no use without its source
        ("lib/flask/ctx.txt", "flask/ctx", []),
        ("lib/flask/myctx.py", "flask/ctx", []),
        ("lib/flask/ctx.js", "flask/ctx", []),
        ("app/lib/lodash/lodash.js", "lodash", [("lodash", "app/lib/lodash")]),
        ("app/lodash.cjs", "lodash", [("lodash", "app")]),
        ("app/static/lodash.min.js", "lodash.min", [("lodash", "app/static")]),
        ("srv/x/lib/core/Axios.js", "lib/core/Axios", [("axios", "srv/x")]),
        # What might be a bundle, or anybody's, counts only under the package's name.
        ("app/minimist/index.js", "index", [("braces", "")]),
        ("app/dist/index.js", "index", []),
        ("lib/certifi/core.py", "certifi/core", [("certifi", "lib/certifi")]),
        ("app/core.py", "certifi/core", []),
    ],
)
def test_where_it_is_recognised(path: str, file: str, expected: list[tuple[str, str]]) -> None:
    text = code(file)
    if file == "index":  # many packages have one
        text = "\n".join(next(sign for sign in signs("npm") if sign.package == "minimist").words)
        expected = [("minimist", "app/minimist")] if expected else []
    assert found_in(path, text) == expected


@pytest.mark.parametrize(
    "path", ["f/__pycache__/ctx.cpython-313.pyc", "f/__pycache__/ctx.cpython-313.opt-1.pyc", "f/__pycache__/ctx.x.pyc"]
)
def test_bytecode_that_python_may_run_although_its_source_is_another(path: str) -> None:
    text = code("flask/ctx")
    assert found_in(path, text, "f/ctx.py") == [("flask", "f")]
    assert found_in(path, text, "f/__init__.py") == []
    assert found_in(path, "own", "f/ctx.py") == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a/b.py", "a/b.py"),
        ("a/b.pyc", "a/b.py"),
        ("__pycache__/b.cpython-313.pyc", "b.py"),
        ("a/__pycache__/b.cpython-313.opt-2.pyc", "a/b.py"),
        ("a/__pycache__/b.js", "a/__pycache__/b.js"),
    ],
)
def test_the_source_of_bytecode(path: str, source: str) -> None:
    assert source_of(path) == source


@pytest.mark.parametrize("path", ["app/requests/adapters.py", "app/requests/sessions.py", "app/lodash/lodash.js"])
def test_a_module_of_ones_own_with_the_same_name(path: str) -> None:
    assert found_in(path, "class Leave: pass\n") == []

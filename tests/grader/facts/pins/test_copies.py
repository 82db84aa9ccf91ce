"""Which sources of a COPY or ADD may come to lie at a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.pins.context_files import ContextFiles
from grader.facts.pins.copies import Copying, below
from tests.grader.facts.pins.reading import context

FILES = {"a": "", "b": "", "src/c": "", "src/deep/d": "", "other/c": ""}


def copying(folder: Path, instruction: str) -> Copying:
    build = resolve(parse(f"FROM scratch\nWORKDIR /app\n{instruction}\n"))
    return Copying(build.target.steps[-1], ContextFiles(context(folder, FILES)))


def origins(found: Copying, path: str) -> list[str]:
    return [origin for source in found.candidates(path) for origin in found.origins(source, path)]


@pytest.mark.parametrize(
    ("instruction", "path", "expected"),
    [
        ("COPY a x", "/app/x", ["/a"]),
        ("COPY a .", "/app/a", ["/a"]),
        ("COPY a b /x/", "/x/b", ["/b"]),
        ("COPY a /x/", "/x/other", []),
        pytest.param("COPY a x", "/app/x/a", ["/a"], id="if x is a folder"),
        ("COPY src /x", "/x/c", ["/src/c"]),
        ("COPY src /x", "/x/deep/d", ["/src/deep/d"]),
        ("COPY . /x", "/x/src/c", ["/src/c"]),
        ("COPY src other /x/", "/x/c", ["/src/c", "/other/c"]),
        ("COPY *.none /x/", "/x/a", []),
        ("COPY ? /x/", "/x/a", ["/a"]),
        ("COPY s*/c /x/", "/x/c", ["/src/c"]),
        ("COPY s* /x/", "/x/c", ["/src/c"]),
        ("COPY --parents src/c /x/", "/x/src/c", ["/src/c"]),
        ("COPY --parents ./src/./deep /x/", "/x/deep/d", ["/src/deep/d"]),
        ("COPY --exclude=src/c src /x", "/x/c", []),
        ("COPY --exclude=*.py src /x", "/x/c", ["/src/c"]),
        ("COPY --from=other /a/b /x", "/x", ["/a/b"]),
        ("COPY --from=other /a/* /x/", "/x/b", ["/a/b"]),
        ("COPY --from=other /a /x", "/x/b", ["/a/b"]),
    ],
)
def test_where_a_path_comes_from(tmp_path: Path, instruction: str, path: str, expected: list[str]) -> None:
    assert origins(copying(tmp_path, instruction), path) == expected


@pytest.mark.parametrize(
    ("instruction", "paths"),
    [
        ("COPY a x", ["/app/x/a", "/app/x"]),
        ("COPY a b x/", ["/app/x/a", "/app/x/b"]),
        ("COPY src x", None),
        ("COPY --from=other a x", None),
        ("COPY * x/", None),
        ("ADD https://x.org/y /z", ["/z"]),
        ("ADD https://x.org/y /z/", ["/z", "/z/y"]),
        ("COPY <<a <<b /z/\n1\na\n2\nb", ["/z/a", "/z/b"]),
        ("COPY none x", []),
    ],
)
def test_where_something_may_land(tmp_path: Path, instruction: str, paths: list[str] | None) -> None:
    assert copying(tmp_path, instruction).paths() == paths


@pytest.mark.parametrize(("path", "lacks"), [("/app/x", False), ("/app/x/y", True)])
def test_a_source_that_is_not_there(tmp_path: Path, path: str, lacks: bool) -> None:
    assert copying(tmp_path, "COPY none a x/").lacks(path) is lacks
    assert not copying(tmp_path, "COPY a x/").lacks(path)


@pytest.mark.parametrize(
    ("folder", "path", "expected"),
    [("/a", "/a/b", "b"), ("/a", "/a", ""), ("/a", "/ab", None), ("/", "/a/b", "a/b"), ("/a/b", "/a", None)],
)
def test_below(folder: str, path: str, expected: str | None) -> None:
    assert below(folder, path) == expected

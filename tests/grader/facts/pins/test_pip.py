"""One run of pip: its requirements, their files and constraints, and what earlier runs left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.pins import pip as module
from tests.grader.facts.pins.reading import dependencies, packages

ALL = "COPY . .\nRUN "


@pytest.mark.parametrize(
    ("step", "files", "expected"),
    [
        ("RUN pip install a==1 b", {}, ["a==1 version", "b none"]),
        ("RUN pip install a==1 && pip install a", {}, ["a==1 version"]),
        ("RUN pip install a==1\nRUN pip install a", {}, ["a==1 version"]),
        ("RUN pip install a==1 && pip install -U a", {}, ["a==1 version", "a none"]),
        ("RUN pip install a==1 && pip install 'a>=2'", {}, ["a==1 version", "a>=2 none"]),
        ("RUN pip install a==1 && pip uninstall -y a && pip install a", {}, ["a==1 version", "a none"]),
        ("RUN pip install a==1 || true\nRUN pip install a", {}, ["a==1 version", "a none"]),
        ("RUN pip install -t /x a==1 && pip install a", {}, ["a==1 version", "a none"]),
        ("RUN /v/bin/pip install a==1 && pip install a", {}, ["a==1 version", "a none"]),
        ("RUN pip install $NOPE", {}, ["?$NOPE none"]),
        ("RUN pip install --no-index a", {}, []),
        ("RUN pip install --no-index --find-links https://x a", {}, ["a none"]),
        ("ENV PIP_NO_INDEX=1\nRUN pip install a", {}, []),
        (ALL + "pip install -r r.txt", {"r.txt": "a==1\nb\n# c\n"}, ["a==1 version", "b none"]),
        (ALL + "pip install -r r.txt", {"r.txt": "-r sub/s.txt\na==1", "sub/s.txt": "b\n-r t.txt", "sub/t.txt": "c==3"},
         ["a==1 version", "b none", "c==3 version"]),
        (ALL + "pip install -r r.txt", {"r.txt": "-r r.txt\na==1"}, ["a==1 version"]),
        (ALL + "pip install -r r.txt", {"r.txt": "--no-index\na"}, []),
        (ALL + "pip install -c c.txt a", {"c.txt": "a==1\n"}, ["a version"]),
        (ALL + "pip install -c c.txt 'a>=2'", {"c.txt": "a==1\n"}, ["a>=2 version"]),
        (ALL + "pip install -c c.txt a", {"c.txt": "a>=1\n"}, ["a none"]),
        ("ENV PIP_CONSTRAINT=c.txt\n" + ALL + "pip install a", {"c.txt": "a==1\n"}, ["a version"]),
        (ALL + "pip install .", {"pyproject.toml": '[project]\ndependencies = ["a==1", "b"]'},
         ["a==1 version", "b none"]),
        (ALL + "pip install --group dev", {"pyproject.toml": '[dependency-groups]\ndev = ["a"]'}, ["a none"]),
        ("RUN pip install -r r.txt", {}, ["?/app/r.txt none"]),
        ("RUN pip install -r https://x/r.txt", {}, ["?https://x/r.txt none"]),
        ("RUN echo a==1 | pip install -r /dev/stdin", {}, ["a==1 version"]),
        ("RUN curl x | pip install -r /dev/stdin", {}, ["?standard input none"]),
        ("RUN pip install -r - <<E\na==1\nE", {}, ["a==1 version"]),
        (ALL + "uv export > r.txt && pip install -r r.txt", {"uv.lock": "version = 1\n"}, ["r.txt digest"]),
        ("RUN pip install 'a==1; sys_platform == \"win32\"' && pip install a", {},
         ["a none"]),
    ],
)  # fmt: skip
def test_what_it_takes(tmp_path: Path, step: str, files: dict[str, str], expected: list[str]) -> None:
    found = packages(tmp_path, step, files)
    assert [line for line in found if not line.startswith("x ")] == expected


def test_no_more_files_than_so_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 2)
    files = {f"r{number}.txt": f"-r r{number + 1}.txt\na{number}==1" for number in range(4)}
    found = packages(tmp_path, ALL + "pip install -r r0.txt", files)
    assert found == ["a0==1 version", "a1==1 version", "?r2.txt none"]


def test_the_line_of_a_file_is_named(tmp_path: Path) -> None:
    files = {"r.txt": "# first\na\n"}
    things = dependencies(tmp_path, "FROM x:1\nWORKDIR /app\nCOPY r.txt .\nRUN pip install -r r.txt\n", files)
    assert [(thing.place.file, thing.place.line, thing.line) for thing in things[1:]] == [("r.txt", 2, 4)]

"""What a file of the image held: traced back through copies, mounts and commands, or honestly unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.pins import files as module
from grader.facts.pins.context_files import Found, Unknown
from grader.facts.pins.files import ImageFiles
from grader.facts.pins.history import BuildPoint
from tests.grader.facts.pins.reading import context, held

FILES = {"r.txt": "one", "src/r.txt": "two", "held.txt": "x", ".dockerignore": "held.txt\n"}


@pytest.mark.parametrize(
    ("steps", "path", "content"),
    [
        ("COPY r.txt /r", "/r", "one"),
        ("COPY . /app", "/app/src/r.txt", "two"),
        ("COPY src/ /app/", "/app/r.txt", "two"),
        ("COPY r.txt /r\nCOPY src/r.txt /r", "/r", "two"),
        ("COPY <<E /r\nhere $V\nE", "/r", "here \n"),
        ("RUN echo a > /r", "/r", "a\n"),
        ("COPY r.txt /r\nRUN echo a >> /r", "/r", "one\na\n"),
        ("COPY r.txt /r\nRUN cp /r /s", "/s", "one"),
        ("COPY r.txt /r\nRUN mv /r /s", "/s", "one"),
        ("COPY src /src\nRUN cp -r /src /dst", "/dst/r.txt", "two"),
        ("WORKDIR /w\nCOPY r.txt .\nRUN cat r.txt > s", "/w/s", "one"),
        pytest.param("RUN echo a > /r\nRUN true\nCOPY none /r", "/r", "a\n", id="a copy that cannot be made"),
        ("COPY r.txt /r\nRUN make", "/r", "one"),
    ],
)
def test_what_it_held(tmp_path: Path, steps: str, path: str, content: str) -> None:
    found = held(tmp_path, f"FROM x\nARG V\n{steps}\n", path, FILES)
    assert isinstance(found, Found), found
    assert found.content == content


@pytest.mark.parametrize(
    ("steps", "path", "why"),
    [
        ("RUN true", "/r", "no step"),
        ("COPY none /r", "/r", "not in the build context"),
        ("COPY held.txt /r", "/r", "excludes held.txt"),
        ("COPY r.txt /r\nRUN sed -i s/a/b/ /r", "/r", "line 3"),
        ("COPY r.txt /r\nRUN rm /r", "/r", "line 3 removes"),
        ("ADD https://x.org/r /r", "/r", "network"),
        ("COPY --from=other:1 /r /r", "/r", "other:1"),
        ("RUN make > /r", "/r", "line 2"),
        ("RUN cp /nowhere /r", "/r", "no step"),
    ],
)
def test_what_cannot_be_known_is_not_taken_for_empty(tmp_path: Path, steps: str, path: str, why: str) -> None:
    found = held(tmp_path, f"FROM x\n{steps}\n", path, FILES)
    assert isinstance(found, Unknown), found
    assert why in found.why


def test_from_other_stages(tmp_path: Path) -> None:
    text = "FROM x AS a\nCOPY r.txt /r\nFROM a AS b\nRUN echo more >> /r\nFROM y\nCOPY --from={} /r /s\n"
    for name, content in (("a", "one"), ("B", "one\nmore\n"), ("0", "one")):
        found = held(tmp_path, text.format(name), "/s", FILES)
        assert isinstance(found, Found)
        assert found.content == content
    inherited = held(tmp_path, "FROM x AS a\nCOPY r.txt /r\nFROM a\nRUN true\n", "/r", FILES)
    assert inherited == Found("one", "r.txt")


def during(folder: Path, step: str, path: str) -> Found | Unknown:
    build = resolve(parse(f"FROM x AS a\nCOPY src/r.txt /out\nFROM y\nCOPY r.txt /r\n{step}\n"))
    reader = ImageFiles(build, context(folder, FILES), "Dockerfile")
    return reader.read(BuildPoint(build.target, 1), path)


@pytest.mark.parametrize(
    ("step", "path", "content"),
    [
        ("RUN --mount=type=bind,target=/m x", "/m/src/r.txt", "two"),
        ("RUN --mount=type=bind,source=src,target=/m x", "/m/r.txt", "two"),
        ("RUN --mount=type=bind,source=src/r.txt,target=/r x", "/r", "two"),
        ("RUN --mount=from=a,source=/out,target=/m x", "/m", "two"),
        ("RUN --mount=type=cache,target=/m x", "/r", "one"),
    ],
)
def test_mounts_are_seen_by_their_own_step(tmp_path: Path, step: str, path: str, content: str) -> None:
    found = during(tmp_path, step, path)
    assert isinstance(found, Found), found
    assert found.content == content


def test_a_secret_is_nobodys_business(tmp_path: Path) -> None:
    found = during(tmp_path, "RUN --mount=type=secret,id=x,target=/m x", "/m")
    assert isinstance(found, Unknown)
    assert "secret" in found.why


def reader(folder: Path, text: str) -> tuple[ImageFiles, BuildPoint]:
    build = resolve(parse(text))
    return ImageFiles(build, context(folder, FILES), "Dockerfile"), BuildPoint(build.target, len(build.target.steps))


def test_more_than_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LOOKS", 2)
    files, end = reader(tmp_path, "FROM x\nCOPY . /a\nCOPY . /b\nCOPY . /c\n")
    found = [files.read(end, f"/{name}/none") for name in "abc"]
    assert files.exhausted
    assert isinstance(found[-1], Unknown)


@pytest.mark.parametrize("path", ["/" + "x" * 5_000, "/l30"])
def test_paths_and_copies_without_end(tmp_path: Path, path: str) -> None:
    steps = "\n".join(f"RUN cp /l{number} /l{number + 1}" for number in range(30))
    files, end = reader(tmp_path, f"FROM x\nCOPY r.txt /l0\n{steps}\n")
    assert isinstance(files.read(end, path), Unknown)


def test_where_a_text_stands(tmp_path: Path) -> None:
    files, _ = reader(tmp_path, "FROM x\n")
    file = Found("one\ntwo three\n", "f", line=5)
    spot = files.find(file, "three")
    assert spot is not None
    assert (spot.line, spot.rest) == (6, "three")
    assert files.find(file, "four") is None


def test_what_is_parsed_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, _ = reader(tmp_path, "FROM x\n")
    calls: list[str] = []

    def parse_it(text: str) -> int:
        calls.append(text)
        return len(text)

    assert [files.parsed(parse_it, "abc"), files.parsed(parse_it, "abc"), files.parsed(parse_it, "d")] == [3, 3, 1]
    assert calls == ["abc", "d"]

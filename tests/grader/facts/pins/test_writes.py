"""What a command does to files, as far as that can be told."""

from __future__ import annotations

import pytest

from grader.facts.pins.writes import FileEffect, Write, printed, writes
from grader.facts.shell.commands import Command
from grader.facts.shell.run import commands
from tests.grader.facts.packages.reading import build

TEXT, MORE, COPY, OVER = FileEffect.TEXT, FileEffect.MORE, FileEffect.COPY, FileEffect.OVER
CHANGED, GONE, EXPORT = FileEffect.CHANGED, FileEffect.GONE, FileEffect.EXPORT


def last(script: str) -> Command:
    return commands(build(f"RUN {script}").target.steps[-1])[-1]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo a b > f", {"/app/f": Write(TEXT, "a b\n")}),
        ("echo -e 'a\\nb' >| /f", {"/f": Write(TEXT, "a\nb\n")}),
        ("echo a >> f", {"/app/f": Write(MORE, "a\n")}),
        ("printf '%s\\n' a b > f", {"/app/f": Write(TEXT, "a\nb\n")}),
        ("printf 'a\\tb' > f", {"/app/f": Write(TEXT, "a\tb")}),
        ("printf '%d' 5 > f", {"/app/f": Write(CHANGED)}),
        ("echo $NOPE > f", {"/app/f": Write(CHANGED)}),
        ("echo a > $NOPE", {}),
        ("echo a 2> f", {}),
        ("cat > f <<E\na\nE", {"/app/f": Write(TEXT, "a\n")}),
        ("cat g > f", {"/app/f": Write(COPY, source="/app/g")}),
        ("cat g h > f", {"/app/f": Write(CHANGED)}),
        ("cat g >> f", {"/app/f": Write(CHANGED)}),
        ("make > f", {"/app/f": Write(CHANGED)}),
        ("make < f", {}),
        ("rm -f f /g", {"/app/f": Write(GONE), "/g": Write(GONE)}),
        ("sed -i s/a/b/ f", {"/app/s/a/b": Write(CHANGED), "/app/f": Write(CHANGED)}),
        ("sed s/a/b/ f", {}),
        ("tee f <<E\na\nE", {"/app/f": Write(TEXT, "a\n")}),
        ("tee -a f <<E\na\nE", {"/app/f": Write(MORE, "a\n")}),
        ("tee f", {"/app/f": Write(CHANGED)}),
        ("truncate -s 0 f", {"/app/0": Write(CHANGED), "/app/f": Write(CHANGED)}),
        ("dd if=/dev/zero of=f", {"/app/f": Write(CHANGED)}),
        ("poetry export > r.txt", {"/app/r.txt": Write(EXPORT, source="/app/poetry.lock")}),
        ("uv export -o r.txt", {"/app/r.txt": Write(EXPORT, source="/app/uv.lock")}),
        ("curl --output=f x", {"/app/f": Write(CHANGED)}),
        ("install a b", {"/app/b": Write(COPY, source="/app/a"), "/app/b/a": Write(COPY, source="/app/a")}),
        ("cp a", {}),
        ("chmod 755 f", {}),
    ],
)
def test_files_by_name(script: str, expected: dict[str, Write]) -> None:
    assert dict(writes(last(script)).named) == expected


def test_what_is_moved_is_there_no_longer() -> None:
    found = writes(last("mv a /b"))
    assert found.named == {
        "/b": Write(COPY, source="/app/a"),
        "/b/a": Write(COPY, source="/app/a"),
        "/app/a": Write(GONE),
    }


@pytest.mark.parametrize(
    ("script", "folder", "path", "source"),
    [
        ("cp -r a /b", "/b", "/b/x", "/app/a/x"),
        ("cp -r a /b", "/b", "/b/a/x", "/app/a/x"),
        ("cp -r a/. /b/", "/b", "/b/x/y", "/app/a/x/y"),
        ("cp -r . /", "/", "/x", "/app/x"),
    ],
)
def test_files_of_a_folder_that_is_copied(script: str, folder: str, path: str, source: str) -> None:
    found = writes(last(script))
    assert found.folder == folder
    assert found.below(path) == Write(OVER, source=source)


@pytest.mark.parametrize("script", ["ln -s a /b", "install a /b", "echo a > f"])
def test_what_copies_no_folder(script: str) -> None:
    assert writes(last(script)).folder is None


@pytest.mark.parametrize(
    ("script", "effect", "text"),
    [
        ("echo -n -e a", TEXT, "a\n"),
        ("echo", TEXT, "\n"),
        ("cat", CHANGED, ""),
        ("printf", CHANGED, ""),
        ("ls", CHANGED, ""),
    ],
)
def test_what_is_printed(script: str, effect: FileEffect, text: str) -> None:
    assert printed(last(script)) == Write(effect, text)

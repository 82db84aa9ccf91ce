"""The order in which the steps of a stage do things to files, and points in it."""

from __future__ import annotations

from pathlib import Path

from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.pins.context_files import ContextFiles
from grader.facts.pins.copies import Copying
from grader.facts.pins.history import BuildPoint, Change, Course, History
from grader.facts.pins.writes import FileEffect
from tests.grader.facts.pins.reading import context

FILE = "FROM scratch\nCOPY a /a\nRUN echo 1 > /a && echo 2 > /b; rm /a\nENV x=1\nCOPY src /\nRUN echo 3 >> /a\n"


def test_numbers_count_commands_and_copies(tmp_path: Path) -> None:
    build = resolve(parse(FILE))
    history = History(build.target, ContextFiles(context(tmp_path, {"a": "", "src/x": ""})))
    assert [history.first(index) for index in range(6)] == [0, 1, 4, 4, 5, 6]
    found = list(history.changes.of("/a"))
    assert [number for number, _ in found] == [0, 1, 3, 4, 5]
    assert [type(change) for _, change in found] == [Copying, Change, Change, Copying, Change]
    assert [number for number, _ in history.changes.of("/b")] == [2, 4]


def test_a_copy_of_what_is_not_there(tmp_path: Path) -> None:
    build = resolve(parse("FROM scratch\nCOPY none /x/\n"))
    history = History(build.target, ContextFiles(context(tmp_path)))
    assert [number for number, _ in history.lacking.of("/x/none")] == [0]
    assert list(history.changes.of("/x/none")) == []


def test_the_commands_of_a_run() -> None:
    (step,) = resolve(parse("FROM scratch\nRUN echo 1 | cat > /a; cp -r /a /b\n")).target.steps
    course = Course(step)
    walked = [(path, below, change.number) for path, below, change in course.walk(7)]
    assert walked == [("/a", False, 1), ("/b", False, 2), ("/b/a", False, 2), ("/b", True, 2)]
    assert [change.index for *_, change in course.walk(7)] == [7] * 4
    pipeline = course.commands[1].pipeline
    last = course.last(pipeline, 2)
    assert last is course.commands[1]
    assert course.last(pipeline, 0) is None
    (change,) = [change for _, change in course.changes.of("/a")]
    assert change.of("/a").effect is FileEffect.CHANGED


def test_points_in_a_run_and_in_scripts() -> None:
    build = resolve(parse("FROM scratch\nRUN one; two\nRUN inner\nRUN deeper\n"))
    first, inner, deeper = build.target.steps
    start = BuildPoint(build.target, 0)
    assert start.previous() is None
    after = start.after(1)
    assert str(after.previous()) == "one"
    script = after.inside(inner)
    assert str(script.previous()) == "one", "before its own first command that of the RUN is the last"
    assert str(script.after(1).previous()) == "inner"
    nested = script.after(1).inside(deeper)
    assert [str(nested.previous()), str(nested.after(1).previous())] == ["inner", "deeper"]
    assert after.previous_in(first.once(Course).commands[0].pipeline) is after.previous()

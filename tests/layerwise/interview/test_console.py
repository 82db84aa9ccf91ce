"""What is asked on a terminal, with keys that are typed into prompt_toolkit; and from lines, for scripts."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from layerwise.interview.terminal.console import Desk, Leave, Over

ESCAPE, ENTER, CTRL_C, CTRL_D = "\x1b", "\r", "\x03", "\x04"


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


@pytest.fixture
def desk() -> Desk:
    made = Desk(Console(file=io.StringIO(), width=80))
    made.is_live = True
    made.clock = lambda: "12:00 left"
    return made


@pytest.mark.parametrize("submit", [CTRL_D, ESCAPE + ENTER])
def test_an_answer_of_several_lines(desk: Desk, keys: PipeInput, submit: str) -> None:
    keys.send_text(f"one{ENTER}two{submit}")
    assert desk.text("Your answer") == "one\ntwo"


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
def test_who_leaves(desk: Desk, keys: PipeInput, key: str) -> None:
    for asked in (desk.line, desk.text):
        keys.send_text(key)
        with pytest.raises(Leave):
            asked("?")


def test_a_choice_ends_with_the_time_and_an_answer_does_not(desk: Desk, keys: PipeInput) -> None:
    desk.over = lambda: True
    with pytest.raises(Over):
        desk.choice("?", ("answer", "end"), until_over=True)
    keys.send_text(f"late{ESCAPE}{ENTER}")
    assert desk.text("Your answer") == "late"


def test_the_time_ends_while_a_choice_waits(desk: Desk, keys: PipeInput) -> None:
    looks = iter([False, False])
    desk.over = lambda: next(looks, True)
    with pytest.raises(Over):
        desk.choice("?", ("answer", "end"), until_over=True)


def test_a_yes_is_a_yes(desk: Desk, keys: PipeInput) -> None:
    keys.send_text(f"maybe{ENTER}Y{ENTER}{ENTER}no{ENTER}")
    assert desk.yes("Sure?")
    assert desk.yes("Sure?", default=True)
    assert not desk.yes("Sure?", default=True)


def test_what_is_said_is_not_markup_and_moves_no_cursor() -> None:
    paper = io.StringIO()
    Desk(Console(file=paper, width=80), io.StringIO()).say("[bold]a[/bold] \x1b[2Jb \x07")
    assert paper.getvalue() == "[bold]a[/bold] b \n"


def test_lines_and_the_end_of_them() -> None:
    desk = Desk(Console(file=io.StringIO(), width=80), io.StringIO(" word \nfirst\n\nsecond\n.\nhalf"))
    assert desk.line("?") == "word"
    assert desk.text("?") == "first\n\nsecond"
    with pytest.raises(Leave):
        desk.text("?")

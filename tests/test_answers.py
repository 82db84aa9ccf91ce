"""What is recorded of a builder's answers, and when a record no longer holds."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import answers
from tests.answers import Question, Record

ONE: Question = {"file": "a\n"}
OTHER: Question = {"file": "b\n" * 500}


@pytest.fixture(autouse=True)
def stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_stamp", lambda engine: {"engine": "1.0"})


@pytest.fixture
def module(tmp_path: Path) -> str:
    return str(tmp_path / "test_builder.py")


def config(mode: str | None) -> Any:
    return SimpleNamespace(getoption=lambda name, default: mode or default)


def record(module: str, *questions: Question, setting: Any = None) -> Record:
    return Record(module, questions, every_run=(0,), setting=setting)


def written(module: str, *questions: Question) -> None:
    with record(module, *questions).compared(None, config("write")) as comparison:  # type: ignore[arg-type]
        for question in questions:
            comparison.take(question, {"copied": question["file"][:1]}, "said so")


def test_recorded_once(module: str) -> None:
    written(module, ONE, OTHER)
    found = record(module, ONE, OTHER)
    assert (found.answer(ONE), found.answer(OTHER), found.unasked()) == ({"copied": "a"}, {"copied": "b"}, [])
    content = json.loads(found.file.read_text())
    assert content["recorded"] == {"engine": "1.0"}
    assert len(content["answers"][1]["question"]["file"]) < 200, "long texts are cut, for the reader"


@pytest.mark.parametrize(
    "now",
    [
        pytest.param({"file": "a\n "}, id="changed"),
        pytest.param({"file": "b\n" * 501}, id="changed where the record is cut"),
        pytest.param({"file": "a\n", "args": {}}, id="asked in another way"),
    ],
)
def test_a_question_that_is_not_on_record(module: str, now: Question) -> None:
    written(module, ONE, OTHER)
    with pytest.raises(pytest.fail.Exception, match="lab test --record"):
        record(module, now).answer(now)


def test_another_setting_is_another_question(module: str) -> None:
    written(module, ONE)
    with pytest.raises(pytest.fail.Exception, match=r"test_builder\.json has no answer"):
        record(module, ONE, setting=["a file more"]).answer(ONE)


def test_no_record_at_all(module: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="lab test --record"):
        record(module, ONE).answer(ONE)


def test_what_no_test_asks_any_more(module: str) -> None:
    written(module, ONE, OTHER)
    assert record(module, OTHER).unasked() == [ONE]


def test_a_record_is_written_whole_or_not(module: str) -> None:
    with (
        pytest.raises(RuntimeError, match="1 questions were not answered"),
        record(module, ONE, OTHER).compared(None, config("write")) as comparison,  # type: ignore[arg-type]
    ):
        comparison.take(ONE, {})
    assert not record(module, ONE).file.exists()


def test_a_builder_that_says_otherwise(module: str) -> None:
    written(module, ONE)
    with record(module, ONE).compared(None, config("check")) as comparison:  # type: ignore[arg-type]
        comparison.take(ONE, {"copied": "a"}, "in other words")
        with pytest.raises(AssertionError, match="otherwise than is on record"):
            comparison.take(ONE, {"copied": "b"})
    assert record(module, ONE).answer(ONE) == {"copied": "a"}


@pytest.mark.parametrize(("mode", "asked"), [(None, [ONE]), ("check", [ONE, OTHER]), ("write", [ONE, OTHER])])
def test_how_much_the_builder_is_asked(module: str, mode: str | None, asked: list[Question]) -> None:
    assert record(module, ONE, OTHER, ONE).for_the_builder(config(mode)) == asked

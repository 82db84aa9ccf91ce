"""A lesson's file of questions is read, or its author is told which question is not right."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerwise.errors import InputError
from layerwise.questions import lessons

ONE = '[[question]]\nid = "one"\nask = "How many?"\nkind = "number"\nanswer = 1\nwhy = "So."\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Questions of one lesson."""
    (tmp_path / "01-layers.toml").write_text(ONE + ONE.replace("one", "other"), encoding="utf-8")
    monkeypatch.setattr(lessons, "FOLDER", tmp_path)
    return tmp_path


def test_a_question_is_found_by_its_name(folder: Path) -> None:
    assert lessons.lessons() == ["01-layers"]
    assert list(lessons.read(folder / "01-layers.toml")) == ["one", "other"]
    assert lessons.find("01-layers/other").id == "other"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("one", 'a question is named "LESSON/ID", as in "00-start-here/prints"; found \'one\''),
        ("01-layers/", "a question is named"),
        ("/one", "a question is named"),
        ("01-layer/one", "no questions for a lesson '01-layer'; did you mean '01-layers'?"),
        ("zzz/one", "no questions for a lesson 'zzz'$"),
        ("01-layers/othr", "lesson 01-layers has no question 'othr'; did you mean 'other'?"),
        ("../01-layers/one", "no questions for a lesson '..'"),
    ],
)
def test_a_name_that_leads_nowhere(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        lessons.find(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"expected \[\[question\]\] and nothing else; found nothing"),
        (ONE + "[more]\n", "expected .* found question, more"),
        ("question = 1", "expected"),
        ("question = [1]", "question number 1: Input should be a valid dictionary"),
        (ONE + ONE, "two questions have the id 'one'"),
        (ONE + "[[question]]\nask = 'a'\n", "question number 2: missing key 'id'"),
        (ONE.replace("answer = 1", "answer = 'x'"), "question one: 'x' is not an answer of kind 'number'$"),
        (ONE.replace("answer", "anwser"), "question one: unknown key 'anwser'; did you mean 'answer'"),
        ("[[question]", "cannot read .*01-layers.toml: "),
    ],
)
def test_a_file_that_is_not_right(folder: Path, text: str, said: str) -> None:
    (folder / "01-layers.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        lessons.find("01-layers/one")

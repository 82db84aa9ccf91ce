"""The interview bank: every entry is whole and leads somewhere, and an author is told what is not right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.exercise import EXERCISES, names
from layerwise.errors import InputError
from layerwise.questions import bank
from layerwise.questions.skills import SKILLS

POINT = '{ dimension = "correct", evidence = "Says so." }'
ENTRY = f"""
[[question]]
id = "one"
ask = "Why?"
kind = "open"
level = "mid"
skills = ["layers"]
lesson = "01-layers#open-layer"
short = "So."
strong = "So it is."
rubric = [{", ".join([POINT] * 4)}]
wrong = [{{ answer = "No.", why = "Yes." }}, {{ answer = "Never.", why = "Now." }}]
follow_up = ["And then?"]
prove = {{ exercise = "01-layer-detective" }}
"""
CHOICE = ENTRY.replace('kind = "open"', 'options = ["a", "b", "c"]\nanswer = 2').replace('"No."', "0")
PROOF = 'prove = { exercise = "01-layer-detective" }'


def bank_of(folder: Path, text: str) -> dict[str, bank.BankQuestion]:
    (folder / "some.toml").write_text(text, encoding="utf-8")
    return bank.load(folder)


def test_every_entry_is_valid_and_its_lesson_has_that_cell() -> None:
    cells = {
        path.stem: {cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}
        for path in bank.COURSE.glob("[0-9]*.ipynb")
    }
    questions = bank.load()
    assert questions
    for question in questions.values():
        lesson, _, cell = question.lesson.partition("#")
        assert not cell or cell in cells[lesson], f"{question.id}: {lesson} has no cell {cell}"


def test_most_answers_can_be_proved() -> None:
    questions = bank.load()
    assert len(questions) >= 40
    assert sum(bool(question.prove) for question in questions.values()) >= 30


def test_no_skill_is_in_the_list_for_nothing() -> None:
    assert {skill for question in bank.load().values() for skill in question.skills} == set(SKILLS)


def test_the_bank_is_no_exercise() -> None:
    assert (EXERCISES / "interview").is_dir()
    assert "interview" not in names()


def test_an_open_question_is_judged_by_its_rubric(tmp_path: Path) -> None:
    asked = bank_of(tmp_path, ENTRY)["one"]
    assert asked.right is None
    assert asked.read(" Because. ") == "Because."
    assert asked.read("b" * 1_000_000) == "b" * 4000
    assert asked.read(" ") is None
    with pytest.raises(ValueError, match="judged by its rubric"):
        asked.judge("Because.")


def test_what_to_say_first_is_the_reason_too(tmp_path: Path) -> None:
    asked = bank_of(tmp_path, CHOICE.replace('"Never."', "1"))["one"]
    assert asked.judge(2).text == "Yes. So."
    assert asked.judge(1).text == "Not yet. Now."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ENTRY + ENTRY, "two questions have the id 'one'; give one of them another"),
        (ENTRY.replace("follow_up", "followup"), "question one: unknown key 'followup'; did you mean 'follow_up'"),
        (ENTRY.replace('short = "So."\n', ""), "question one: missing key 'short'"),
        (ENTRY.replace('short = "So."', 'short = " "'), "question one: short: String should have at least 1"),
        (ENTRY.replace('short = "So."', f'short = "{"x" * 3000}"'), "question one: short: String should have at most"),
        (ENTRY + 'why = "x"\n', "question one: why: leave it out"),
        (ENTRY + "predict = true\n", "question one: predict: leave it out"),
        (ENTRY + 'answer = "x"\n', "question one: an open question is judged by its rubric: leave out answer"),
        (ENTRY + 'options = ["a", "b"]\n', "question one: kind 'open' has no options"),
        (ENTRY.replace('"No."', "1"), "question one: wrong: expected what people say, as a text; found 1"),
        (ENTRY.replace(f"{POINT}, ", "", 1), "question one: rubric: .* at least 4 items"),
        (ENTRY.replace(POINT, ", ".join([POINT] * 5), 1), "question one: rubric: .* at most 7 items"),
        (ENTRY.replace("evidence", "says", 1), "question one: unknown key 'rubric.0.says'; .*evidence"),
        (ENTRY.replace('"correct"', '"nice"', 1), "question one: rubric.0.dimension: .*'correct', 'small'"),
        (ENTRY.replace('{ answer = "No.", why = "Yes." }, ', ""), "question one: wrong: .* at least 2 items"),
        (ENTRY.replace('["And then?"]', "[]"), "question one: follow_up: .* at least 1 item"),
        (ENTRY.replace('"mid"', '"guru"'), "question one: level: .*'junior', 'mid' or 'senior'"),
        (ENTRY.replace('["layers"]', '["layer"]'), "question one: skills.0: unknown skill 'layer'; did you mean"),
        (ENTRY.replace("01-layers#", "layers#"), "question one: lesson: String should match"),
        (ENTRY.replace("01-layers#", "01-layer#"), "question one: lesson: .* no '01-layer'; did you mean '01-layers'"),
        (ENTRY.replace('"01-layer-d', '"01-player-d'), "question one: prove.exercise: .*did you mean '01-layer-det"),
        (ENTRY.replace(PROOF, 'prove = { cel = "x" }'), "question one: unknown key 'prove.cel'; did you mean 'cell'"),
        (ENTRY.replace(PROOF, "prove = {}"), "question one: prove: expected either a cell or an exercise"),
        (ENTRY.replace(PROOF, 'prove = { cell = "true", exercise = "x", shows = "x" }'), "prove: expected either"),
        (ENTRY.replace(PROOF, 'prove = { cell = "true" }'), "question one: prove: expected `shows` with a cell"),
        (ENTRY.replace(PROOF, 'prove = { exercise = "x", shows = "x" }'), "prove: expected `shows` with a cell"),
        (ENTRY.replace(PROOF, 'prove = { cell = "true", shows = "(" }'), "prove.shows: not a regular expression"),
        (CHOICE, "question one: wrong: 'Never.' is not an answer"),
        (CHOICE.replace('"Never."', "2"), "question one: wrong: 2 is right"),
    ],
)
def test_an_author_is_told_file_question_and_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as told:
        bank_of(tmp_path, text)
    assert str(told.value).startswith(f"{tmp_path / 'some.toml'}: ")


def test_an_id_is_unique_in_the_whole_bank(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(ENTRY, encoding="utf-8")
    with pytest.raises(InputError, match=r"some\.toml: another file of the bank has a question 'one'; choose another"):
        bank_of(tmp_path, ENTRY)

"""What a live builder answered, recorded once: `pytest -p tests.answers --answers check|write`.

A test module that asks a builder many questions keeps the answers in a JSON file of its own name. The fast tests
compare the grader's model with that record and need no engine. A test marked `engine` asks the builder of this machine:
a few of the questions in every run of `lab test`, all of them with `--answers check` (`lab test --engines`). With
`--answers write` (`lab test --record`) it writes the record anew.

A question is found by its hash. One whose text has changed has no answer, and its test fails until the record is
written anew. A record with answers to questions that no test asks fails a test too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from grader.facts.build.build import buildx
from grader.facts.engine.engine import Engine
from grader.lib import process

HOW = "ask the builder and write its answers down with: ./lab test --record"
SHOWN = 160
"""Characters of each text of a question that stand in the record, for those who read it."""

Question = dict[str, Any]
Answer = dict[str, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--answers", choices=("check", "write"), help="ask the live builder everything that is on record")


class Record:
    """The answers to the questions of one test module."""

    def __init__(
        self, module: str, questions: Sequence[Question], every_run: Sequence[int], setting: Any = None
    ) -> None:
        """`module` is the test module's `__file__`, `every_run` the places of the questions that every run asks the
        builder, `setting` what all questions have in common."""
        self.file = Path(module).with_suffix(".json")
        self.setting = setting
        self.questions = [*{self.key(question): question for question in questions}.values()]
        self._every_run = [questions[place] for place in every_run]

    def key(self, question: Question) -> str:
        """Return the hash by which a question is found."""
        whole = json.dumps([self.setting, question], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:16]

    @cached_property
    def _entries(self) -> dict[str, dict[str, Any]]:
        if not self.file.is_file():
            return {}
        return {entry["sha256"]: entry for entry in json.loads(self.file.read_text(encoding="utf-8"))["answers"]}

    def answer(self, question: Question) -> Answer:
        """Return what the builder answered. Fails the test if this very question is not on record."""
        entry = self._entries.get(self.key(question))
        if entry is None:
            why = f"{self.file.name} has no answer to this question: it is new, or has changed; {HOW}"
            pytest.fail(why, pytrace=False)
        return entry["answer"]

    def unasked(self) -> list[Question]:
        """Return what is on record and no test asks any more."""
        asked = {self.key(question) for question in self.questions}
        return [entry["question"] for key, entry in self._entries.items() if key not in asked]

    def for_the_builder(self, config: pytest.Config) -> list[Question]:
        """Return the questions that this run asks the live builder."""
        return self.questions if _mode(config) else self._every_run

    @contextmanager
    def compared(self, engine: Engine, config: pytest.Config) -> Iterator[Comparison]:
        """Take the live builder's answers: they are compared with the record, or become the record."""
        comparison = Comparison(self, write=_mode(config) == "write")
        yield comparison
        if comparison.write:
            self._write(comparison.answers, _stamp(engine))

    def _write(self, answers: dict[str, tuple[Answer, str]], stamp: dict[str, str]) -> None:
        missing = [question for question in self.questions if self.key(question) not in answers]
        if missing:
            raise RuntimeError(f"{self.file.name} stays as it was: {len(missing)} questions were not answered")
        entries = []
        for question in self.questions:
            answer, remark = answers[self.key(question)]
            entry = {"question": _shown(question), "sha256": self.key(question), "answer": answer}
            entries.append(entry | ({"remark": remark} if remark else {}))
        lines = ",\n".join("  " + json.dumps(entry) for entry in entries)
        head = f' "recorded": {json.dumps(stamp)},\n "setting": {json.dumps(self.setting)}'
        self.file.write_text(f'{{\n{head},\n "answers": [\n{lines}\n ]\n}}\n', encoding="utf-8")


class Comparison:
    """The answers of a live builder, held against a record, or collected to be one."""

    def __init__(self, record: Record, write: bool) -> None:
        self.record = record
        self.write = write
        self.answers: dict[str, tuple[Answer, str]] = {}

    def take(self, question: Question, answer: Answer, remark: str = "") -> None:
        """Take the answer; a remark is recorded with it and never compared."""
        self.answers[self.record.key(question)] = answer, remark
        if not self.write:
            recorded = self.record.answer(question)
            assert answer == recorded, f"the builder answers otherwise than is on record; {remark or HOW}"


def _mode(config: pytest.Config) -> str | None:
    return config.getoption("--answers", default=None)


def _shown(value: Any) -> Any:
    """A question as the record shows it: whole, except for long texts."""
    if isinstance(value, dict):
        return {name: _shown(part) for name, part in value.items()}
    if isinstance(value, str) and len(value) > SHOWN:
        return f"{value[:SHOWN]}… ({len(value)} characters)"
    return value


def _stamp(engine: Engine) -> dict[str, str]:
    """Who answered. The Dockerfile frontend is the builder's own, since no question names another with `# syntax=`."""
    listed = process.run([*buildx(), "inspect"], timeout=60).stdout.decode()
    builder = re.search(r"^buildkit.*?:\s*(\S+)", listed, re.MULTILINE | re.IGNORECASE)
    return {
        "day": date.today().isoformat(),
        "engine": engine.info.version,
        "image store": engine.info.image_store,
        "platform": f"linux/{engine.info.architecture}",
        "buildx": process.run([*buildx(), "version"], timeout=60).stdout.decode().strip(),
        "builder": f"BuildKit {builder[1] if builder else 'unknown'}",
        "frontend": "the builder's own",
    }

"""A pytest plugin that notes what the grader said in each test: `pytest -p tests.verdicts --verdicts FILE`.

FILE is JSON: for each test, its outcome ("passed", "failed", "skipped") and, in order, each judgement that was made:
the kind and its verdict ("user failed", "size partial 0.35"), or the fault it raised ("user BuildFailed"). What FILE
holds already is kept, so that several runs can share it. `lab test --engines` compares these over engines.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--verdicts", type=Path, help="note every verdict of the grader in this file (JSON)")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.verdicts:
        config.pluginmanager.register(Recorder(config.option.verdicts), "verdict-recorder")


class Recorder:
    """Stands before every check kind's `judge`, however a test comes by it, and writes down what passes."""

    def __init__(self, file: Path) -> None:
        from grader import checks

        self.file = file
        self.tests: dict[str, dict[str, Any]] = {}
        self._said: list[str] = []
        for kind in checks.KINDS:  # before any test module has taken hold of one
            module: Any = import_module(f"grader.checks.{kind}")
            module.judge = self._recorded(kind, module.judge)

    def _recorded(self, kind: str, judge: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(judge)
        def recorded(*args: Any, **named: Any) -> Any:
            try:
                verdict = judge(*args, **named)
            except Exception as fault:
                self._said.append(f"{kind} {type(fault).__name__}")
                raise
            share = f" {verdict.fraction:.6f}" if verdict.status == "partial" else ""
            self._said.append(f"{kind} {verdict.status}{share}")
            return verdict

        return recorded

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Any:
        self._said.clear()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Any:
        report = yield
        report.said = list(self._said)  # it travels with the report from a worker to where the reports are gathered
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        noted = self.tests.setdefault(report.nodeid, {"outcome": "passed", "said": []})
        if report.outcome != "passed" and noted["outcome"] != "failed":
            noted["outcome"] = report.outcome
        if report.failed:
            noted["why"] = str(report.longrepr).strip().splitlines()[-1][:300]
        noted["said"] = getattr(report, "said", [])  # a worker that died has said nothing

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput"):
            return
        earlier = json.loads(self.file.read_text(encoding="utf-8")) if self.file.is_file() else {}
        self.file.write_text(json.dumps(earlier | self.tests, indent=1), encoding="utf-8")

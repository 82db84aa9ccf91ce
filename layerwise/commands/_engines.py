"""`lab test --engines`: run the grader's cases on several engines, one after the other, and compare the verdicts."""

from __future__ import annotations

import json
import tempfile
import time
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from grader.lib.fingerprint import fingerprint_of
from layerwise.commands import _suite
from layerwise.errors import LabError
from layerwise.stack import isolated, lock
from layerwise.stack.environment import lab_env
from layerwise.stack.isolated import PACKAGES, Design
from layerwise.stack.paths import ROOT, Home, home
from layerwise.stack.rootfs import System

BOOKWORM = System("bookworm", PACKAGES)
TRIXIE = System("trixie", PACKAGES)
# A mirror of a moving suite may lag behind its own expiry date.
TESTING = System("testing", PACKAGES, ('Acquire::Check-Valid-Until "false"',))
DESIGNS = (
    Design("26.1 containerd", TRIXIE, containerd=True),
    Design("26.1 overlay2", TRIXIE),
    Design("20.10", BOOKWORM),
    Design("28.5", TESTING),
)
"""The engines. The first is the one that the lab brings along; the others are compared with it."""

LEFT_OUT = (
    "tests/grader/checks/test_user_luck.py",  # the same cases twenty times over
    "tests/exercises/test_verify_seeds.py",  # twenty forms of the same task
    "tests/exercises/test_own_images.py",  # four minutes, and parallel checks, whose verdicts come in any order
)
"""Files of tests that are left out: other tests judge the same kinds of check."""
RESTATED = "test_verify and variants or test_verify_tasks and (seed2 or seed3)"
"""Tests that are left out, as pytest's -k names them. Each engine judges every case of every check kind, and of each
exercise the solution, the starter and a near miss. The other submissions are proved on the lab's engine."""
DECIDING = ("grader", "layerwise", "images", "exercises", "tests")
"""The files that a verdict may depend on."""

CASES = (
    *("tests/grader/checks", "tests/grader/facts", "tests/exercises"),
    *(f"--ignore={file}" for file in LEFT_OUT),
    f"-k not ({RESTATED})",
)
KNOWN = ROOT / "tests" / "engines.toml"
PAGE = ROOT / "docs" / "engines.md"
BEGIN, END = "<!-- written by: lab test --engines -->", "<!-- end -->"

Tests = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Run:
    """The results on one engine; `tests` is in the form of tests/verdicts.py."""

    design: Design
    version: str
    tests: Tests
    seconds: float


@dataclass(frozen=True)
class Difference:
    """A test with another result than on the lab's engine, or one that failed; `why` if the reason is known."""

    engine: str
    test: str
    what: str
    why: str = ""


def run(pytest_args: Sequence[str]) -> int:
    """Run the cases on every engine, and show how the results differ. Returns 1 if they differ in an unknown way.

    `pytest_args` choose some of the cases; the page in docs/ is written only after all of them. If a run of all cases
    is stopped, the next one continues with the remaining engines.
    """
    whole = not pytest_args
    files = _deciding()  # before anything is run: after an edit meanwhile, the next run starts over
    with lock.held(Home(home().path / "engines"), "test --engines"):
        runs: list[Run] = []
        for design in DESIGNS:
            earlier = _kept(design, runs, files) if whole else None
            runs.append(earlier or _on(design, pytest_args))
            if whole and not earlier:
                _keep(runs[-1], files)
    found = compare(runs)
    known = [difference for difference in found if difference.why]
    unknown = [difference for difference in found if not difference.why]
    unknown += stale(found) if whole else []
    click.echo("\n" + table(runs, known))
    for difference in unknown:
        click.echo(f"✗ {difference.engine}: {difference.test}\n    {difference.what}")
    if whole:
        _write(runs, known, unknown)
    if unknown:
        click.echo(f"{len(unknown)} differences that {KNOWN.relative_to(ROOT)} does not explain")
        return 1
    if whole:
        for design in DESIGNS:
            _keeping_place(design).unlink(missing_ok=True)
    click.echo("The same verdicts on every engine" + (f", but for {len(known)} known differences." if known else "."))
    return 0


def _keeping_place(design: Design) -> Path:
    return home().path / "engines" / f"{design.name.replace(' ', '-')}.json"


def _keep(run: Run, files: str) -> None:
    """Keep a run, with the fingerprint of the files, in case the rest is stopped."""
    kept = {"files": files, "version": run.version, "tests": run.tests, "seconds": run.seconds}
    _keeping_place(run.design).write_text(json.dumps(kept), encoding="utf-8")


def _kept(design: Design, runs: Sequence[Run], files: str) -> Run | None:
    """The earlier run on this engine, if the files are the same and all its differences are known by now."""
    with suppress(OSError, ValueError, KeyError):
        place = _keeping_place(design)
        kept = json.loads(place.read_text(encoding="utf-8"))
        run = Run(design, kept["version"], kept["tests"], kept["seconds"])
        found = compare([*runs[:1], run])
        if kept["files"] == files and all(each.why for each in found if each.engine == design.name):
            when = f"{datetime.fromtimestamp(place.stat().st_mtime):%d %B, %H:%M}"
            click.echo(f"── engine {design.name}: already done ({when}) with the same files", err=True)
            return run
    return None


def _deciding() -> str:
    """The fingerprint of the files that a verdict may depend on."""
    files = (file for folder in DECIDING for file in (ROOT / folder).rglob("*"))
    return fingerprint_of(ROOT, (file for file in files if "__pycache__" not in file.parts and file != KNOWN))


def _on(design: Design, pytest_args: Sequence[str]) -> Run:
    def say(text: str) -> None:
        click.echo(f"── engine {design.name}: {text}", err=True)

    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="layerwise-engines-") as scratch:
        file = Path(scratch) / "verdicts.json"
        with isolated.running(home(), design, say) as engine:
            say(f"Docker {engine.version}, the cases")
            phases = [replace(phase, markers=f"({phase.markers}) and not browser") for phase in _suite.PHASES]
            args = ["--long", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "tests.verdicts", f"--verdicts={file}"]
            args += ["-p", "tests.answers", "--answers=check", *(pytest_args or CASES)]
            _suite.run(phases, args, {**lab_env(), "DOCKER_HOST": engine.host}, engine.command)
        if not file.is_file():
            raise LabError(f"the cases did not run on the engine {design.name}; what pytest said is above")
        tests: Tests = json.loads(file.read_text(encoding="utf-8"))
    if not tests:
        raise LabError("no case was chosen: give pytest arguments that name some")
    return Run(design, engine.version, tests, time.monotonic() - began)


def compare(runs: Sequence[Run]) -> list[Difference]:
    """The differences between the engines, each with the reason if KNOWN has it. A test that failed is one, too."""
    known = tomllib.loads(KNOWN.read_text(encoding="utf-8")).get("difference", [])
    first = runs[0].tests
    found = []
    for each in runs:
        name = each.design.name
        for test in sorted(first.keys() | each.tests.keys()):
            here, there = each.tests.get(test), first.get(test)
            if here is None or there is None:
                what = f"run on {runs[0].design.name if here is None else name} only"
            elif here["outcome"] == "failed":
                what = here["why"]
            elif here["said"] != there["said"] and there["outcome"] != "failed":
                what = f"{_said(here)} here, and {_said(there)} on {runs[0].design.name}"
            else:
                continue
            why = next((entry["why"] for entry in known if _meant(entry, name, test)), "")
            found.append(Difference(name, test, what, why))
    return found


def _meant(entry: Mapping[str, Any], engine: str, test: str) -> bool:
    return engine in entry["engines"] and any(fnmatchcase(test, pattern) for pattern in entry["tests"])


def _said(test: Mapping[str, Any]) -> str:
    said = [str(one) for one in test["said"]]
    return ", ".join(said[:8]) + (" …" if len(said) > 8 else "") or test["outcome"]


def stale(found: Sequence[Difference]) -> list[Difference]:
    """The entries of KNOWN that a run of all cases does not show any more."""
    gone = []
    for entry in tomllib.loads(KNOWN.read_text(encoding="utf-8")).get("difference", []):
        for engine in entry["engines"]:
            for pattern in entry["tests"]:
                if not any(each.engine == engine and fnmatchcase(each.test, pattern) for each in found):
                    gone.append(Difference(engine, pattern, f"known to differ ({entry['why']}), but it no longer does"))
    return gone


def table(runs: Sequence[Run], known: Sequence[Difference]) -> str:
    """The engines and their counts, as a Markdown table."""
    lines = [
        "| engine | version | Debian | image store | cases | verdicts | known differences | minutes |",
        "|---|---|---|---|---:|---:|---:|---:|",
    ]
    for each in runs:
        cells = (
            each.design.name,
            each.version,
            each.design.system.suite,
            "containerd" if each.design.containerd else "classic (overlay2)",
            len(each.tests),
            sum(len(test["said"]) for test in each.tests.values()),
            sum(difference.engine == each.design.name for difference in known),
            f"{each.seconds / 60:.0f}",
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _write(runs: Sequence[Run], known: Sequence[Difference], unknown: Sequence[Difference]) -> None:
    """Write the result into the page, between its two marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    judged = "The same verdicts on every engine" if not unknown else f"{len(unknown)} unexplained differences"
    lines = [BEGIN, f"Last run: {date.today().isoformat()}. {judged}.", "", table(runs, known), ""]
    groups: dict[tuple[str, str], list[Difference]] = {}
    for each in known:
        groups.setdefault((each.engine, each.why), []).append(each)
    rows = [f"- {engine}, {_named(some)}: {why}." for (engine, why), some in groups.items()]
    for title, some in (("Known differences:", rows), ("Unexplained:", [_row(each) for each in unknown])):
        if some:
            lines += [title, "", *some, ""]
    PAGE.write_text(before + "\n".join([*lines, END]) + after, encoding="utf-8")


def _named(differences: Sequence[Difference]) -> str:
    """The names of the tests if they are few, else how many of which files."""
    tests = [each.test.removeprefix("tests/grader/") for each in differences]
    if len(tests) <= 5:
        return ", ".join(f"`{test}`" for test in tests)
    files = sorted({test.partition("::")[0] for test in tests})
    return f"{len(tests)} cases of {', '.join(f'`{file}`' for file in files)}"


def _row(difference: Difference) -> str:
    return f"- {difference.engine}, `{difference.test}`: {difference.what}"

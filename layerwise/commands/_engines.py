"""`lab test --engines`: the grader's cases on several engines, one after the other, and the verdicts side by side."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import click

from layerwise.errors import LabError
from layerwise.stack import isolated, lock
from layerwise.stack.environment import lab_env
from layerwise.stack.fingerprint import fingerprint_of
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
"""The engines. The first is the one the lab brings along: the others are compared with it."""

DECIDING = ("grader", "layerwise", "images", "exercises", "tests")
"""The files that a verdict may depend on."""

CASES = ("tests/grader/checks", "tests/grader/facts", "tests/exercises")
KNOWN = ROOT / "tests" / "engines.toml"
PAGE = ROOT / "docs" / "engines.md"
BEGIN, END = "<!-- written by: lab test --engines -->", "<!-- end -->"
LEAVE_SECONDS = 120

Tests = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Run:
    """What became of the cases on one engine: `tests` as tests/verdicts.py notes them."""

    design: Design
    version: str
    tests: Tests
    seconds: float


@dataclass(frozen=True)
class Difference:
    """A test that came out otherwise than on the lab's engine, or otherwise than it should; `why` where it is known."""

    engine: str
    test: str
    what: str
    why: str = ""


def run(pytest_args: Sequence[str]) -> int:
    """Run the cases on every engine, compare, and say how they differ; 1 where they do in a way that is not known.

    `pytest_args` choose a part of the cases; only after all of them the page in docs/ is written. A whole run that is
    stopped goes on, the next time, with the engines that are left.
    """
    whole = not pytest_args
    files = _deciding()  # before anything is run: after an edit meanwhile the next run begins anew
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
    """Keep a run of the files with that fingerprint, for when the whole is stopped before its end."""
    kept = {"files": files, "version": run.version, "tests": run.tests, "seconds": run.seconds}
    _keeping_place(run.design).write_text(json.dumps(kept), encoding="utf-8")


def _kept(design: Design, runs: Sequence[Run], files: str) -> Run | None:
    """The run of before on this engine, where it was of the same files and all that differs in it is known by now."""
    with suppress(OSError, ValueError, KeyError):
        place = _keeping_place(design)
        kept = json.loads(place.read_text(encoding="utf-8"))
        run = Run(design, kept["version"], kept["tests"], kept["seconds"])
        found = compare([*runs[:1], run])
        if kept["files"] == files and all(each.why for each in found if each.engine == design.name):
            when = f"{datetime.fromtimestamp(place.stat().st_mtime):%d %B, %H:%M}"
            click.echo(f"── engine {design.name}: done already ({when}), on the same files", err=True)
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
            argv = [sys.executable, "-m", "pytest", "-q", "-p", "tests.verdicts", f"--verdicts={file}"]
            argv += ["-p", "no:cacheprovider", "--tb=line", "-m", "engine or lab", *(pytest_args or CASES)]
            _pytest(engine.command(argv), {**lab_env(), "DOCKER_HOST": engine.host})
        if not file.is_file():
            raise LabError(f"the cases did not run on the engine {design.name}; what pytest said is above")
        tests: Tests = json.loads(file.read_text(encoding="utf-8"))
    if not tests:
        raise LabError("no case was chosen: give pytest arguments that name some")
    return Run(design, engine.version, tests, time.monotonic() - began)


def _pytest(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Run pytest to its end. A stop is passed on, and it is given the time to remove what its tests have made."""
    # Started in the background, this command is deaf to Ctrl-C, and so would be what it starts.
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(argv, cwd=ROOT, env=dict(env), start_new_session=True, preexec_fn=heard)
    try:
        process.wait()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(LEAVE_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def compare(runs: Sequence[Run]) -> list[Difference]:
    """How the verdicts of the engines differ, with the reason where it stands in KNOWN. A test that did not pass is a
    difference too."""
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
    """What stands in KNOWN and was not seen in a whole run."""
    gone = []
    for entry in tomllib.loads(KNOWN.read_text(encoding="utf-8")).get("difference", []):
        for engine in entry["engines"]:
            for pattern in entry["tests"]:
                if not any(each.engine == engine and fnmatchcase(each.test, pattern) for each in found):
                    gone.append(Difference(engine, pattern, f"known to differ ({entry['why']}), and does not any more"))
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
    """Put the result into the page, between its two marks."""
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
    """The tests by name where they are few, else how many of which file."""
    tests = [each.test.removeprefix("tests/grader/") for each in differences]
    if len(tests) <= 5:
        return ", ".join(f"`{test}`" for test in tests)
    files = sorted({test.partition("::")[0] for test in tests})
    return f"{len(tests)} cases of {', '.join(f'`{file}`' for file in files)}"


def _row(difference: Difference) -> str:
    return f"- {difference.engine}, `{difference.test}`: {difference.what}"

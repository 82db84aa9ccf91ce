"""How fast a class is graded: .venv/bin/python benchmarks/classroom.py [EXERCISE] [COUNT]

COUNT different submissions (default 30) of an exercise (default 05-drop-root), made from its known ones, are graded on
the lab that is up: by a loop of single `lab grade` calls, and by `lab classroom grade --jobs 2`. Each has a nonce in
its first step, another one for each side, so that no build of it is in the cache. The verdicts are compared.

    .venv/bin/python benchmarks/classroom.py unchanged [COUNT]

grades COUNT made-up submissions (default 1000) whose verdicts are all in the store: the time of a second run, and its
peak memory beside that of a class of a tenth.

    .venv/bin/python benchmarks/classroom.py nbgrader [COUNT]

times nbgrader's own `autograde` over COUNT notebooks (default 30) of a small course of its own kind: one exercise with
a function to write and two cells of tests, which it executes.
"""

from __future__ import annotations

import json
import os
import resource
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grader.exercise import Exercise, load
from grader.verdict import CheckResult, Report, Verdict
from grader.verify.trials import trials
from layerwise.classroom import gradebook, keys
from layerwise.classroom.layouts import recognise
from layerwise.classroom.store import Store
from layerwise.stack.environment import lab_env

LAB = [sys.executable, "-m", "layerwise.cli"]


def main() -> None:
    words = sys.argv[1:]
    os.environ.update(lab_env())
    if words and words[0] == "unchanged":
        return unchanged(int(words[1]) if len(words) > 1 else 1000)
    if words and words[0] == "nbgrader":
        return autograde(int(words[1]) if len(words) > 1 else 30)
    exercise = load(words[0] if words else "05-drop-root")
    count = int(words[1]) if len(words) > 1 else 30
    with tempfile.TemporaryDirectory(prefix="layerwise-bench-") as scratch:
        compare(exercise, count, Path(scratch))
    return None


def compare(exercise: Exercise, count: int, scratch: Path) -> None:
    """Grade as many submissions in both ways, and print the times and their ratio."""
    known = [trial.folder for trial in trials(exercise, scratch) if trial.script is None]
    times, scores = {}, {}
    for side in ("single", "class"):
        folder = scratch / side
        for number in range(count):
            target = folder / f"learner-{number:02}" / exercise.name
            shutil.copytree(known[number % len(known)], target, symlinks=True)
            mark(target / "Dockerfile")
        began = time.monotonic()
        scores[side] = (single if side == "single" else classroom)(exercise, folder)
        times[side] = time.monotonic() - began
        print(f"{side}: {times[side]:.1f} s for {count}", flush=True)
    same = sum(scores["single"][name] == scores["class"].get(name) for name in scores["single"])
    print(f"ratio {times['class'] / times['single']:.2f}, {same} of {count} scores are the same")
    for name, score in scores["single"].items():
        if score != scores["class"].get(name):
            print(f"  {name}: {score} alone, {scores['class'].get(name)} in the class")


def mark(dockerfile: Path) -> None:
    """Put a nonce into each stage, so that none of its steps is known to any cache."""
    if not dockerfile.exists():
        return
    lines = dockerfile.read_text().splitlines()
    marked = [
        part
        for line in lines
        for part in ([line, f"ENV NONCE={secrets.token_hex(8)}"] if line.upper().startswith("FROM ") else [line])
    ]
    dockerfile.write_text("\n".join(marked) + "\n")


def single(exercise: Exercise, folder: Path) -> dict[str, float | None]:
    scores = {}
    for path in sorted(folder.iterdir()):
        command = [*LAB, "grade", exercise.name, str(path / exercise.name), "--json"]
        ended = subprocess.run(command, capture_output=True, text=True)
        scores[path.name] = json.loads(ended.stdout)["score"] if ended.stdout else 0.0
    return scores


def classroom(exercise: Exercise, folder: Path) -> dict[str, float | None]:
    subprocess.run([*LAB, "classroom", "grade", str(folder), "--jobs", "2"])
    with Store.open(folder) as store:
        book = gradebook.read(recognise(folder, [exercise.name]), {exercise.name: exercise}, store)
        return {entry.learner: entry.score for entry in book.entries}


def unchanged(count: int) -> None:
    """Time a run over hand-ins that are all graded, and compare its memory with that of a tenth of them."""
    exercise = load("05-drop-root")
    with tempfile.TemporaryDirectory(prefix="layerwise-bench-") as scratch:
        for size in (count // 10, count):
            folder = Path(scratch) / str(size)
            for number in range(size):
                target = folder / f"learner-{number:04}" / exercise.name
                shutil.copytree(exercise.solution, target)
                mark(target / "Dockerfile")
            fill(exercise, folder)
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            began = time.monotonic()
            subprocess.run([*LAB, "classroom", "grade", str(folder)], check=True, stdout=subprocess.DEVNULL)
            took = time.monotonic() - began
            peak = max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
            print(f"{size} unchanged: {took:.1f} s, peak {peak / 1024:.0f} MiB", flush=True)


def autograde(count: int) -> None:
    """Time nbgrader over notebooks of its own kind."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    def cell(name: str, source: str, points: int = 0) -> nbformat.NotebookNode:
        about = {"schema_version": 3, "grade_id": name, "locked": bool(points), "solution": not points, "task": False}
        about |= {"grade": bool(points)} | ({"points": points} if points else {})
        return new_code_cell(source, metadata={"nbgrader": about})

    with tempfile.TemporaryDirectory(prefix="layerwise-bench-") as scratch:
        top = Path(scratch)
        (top / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'bench'\n")
        (top / "source" / "one").mkdir(parents=True)
        cells = [
            cell("square", "def square(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION"),
            cell("positive", "assert square(3) == 9", 2),
            cell("negative", "assert square(-3) == 9", 1),
        ]
        kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        nbformat.write(new_notebook(cells=cells, metadata=kernel), top / "source" / "one" / "one.ipynb")
        programs = Path(sys.executable).parent
        env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONWARNINGS": "ignore"}
        command = [sys.executable, "-m", "nbgrader"]
        subprocess.run([*command, "generate_assignment", "one"], cwd=top, env=env, check=True, capture_output=True)
        for number in range(count):
            target = top / "submitted" / f"learner-{number:02}" / "one"
            shutil.copytree(top / "release" / "one", target)
            text = (target / "one.ipynb").read_text()
            (target / "one.ipynb").write_text(
                text.replace("raise NotImplementedError()", f"return x * x + {number % 2}")
            )
        began = time.monotonic()
        subprocess.run([*command, "autograde", "one"], cwd=top, env=env, check=True, capture_output=True)
        print(f"nbgrader autograde: {time.monotonic() - began:.1f} s for {count}")


def fill(exercise: Exercise, folder: Path) -> None:
    """Give every hand-in full marks in the store, as if it had been graded on this engine."""
    checks = [
        CheckResult.of(
            Verdict.passed("Made up."), id=check.id, kind=check.kind, title=check.title, max_points=check.points
        )
        for check in exercise.checks
    ]
    report = Report(exercise=exercise.name, title=exercise.title, checks=checks)
    layout = recognise(folder, [exercise.name])
    with Store.open(folder) as store:
        book = gradebook.read(layout, {exercise.name: exercise}, store, engines=[keys.engine_line()])
        for entry in book.entries:
            assert entry.key
            store.keep(entry.learner, entry.key, report)


if __name__ == "__main__":
    main()

"""How much a grading adds to the builds it contains: .venv/bin/python benchmarks/grade.py [ROUNDS]

An exercise with all core check kinds, made on the spot on python:3.13-slim with an image of some 200 MB, is graded
ROUNDS times (default 3) on the lab that is up, each time in a fresh process with a RUN that no cache knows: in turns
with one check after the other, where the time of each `docker buildx build` is that of a bare one, and as it is done
otherwise, with checks beside each other. The ratio is the time of the latter over the bare builds of the same round.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from grader.lib.schedule import AT_ONCE
from layerwise.stack.environment import lab_env

BASE = "localhost:5000/base/python:3.13-slim"
FILES = {
    "Dockerfile": f"""\
FROM {BASE} AS build
WORKDIR /src
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -r requirements.txt
FROM {BASE}
RUN head -c 60000000 /dev/urandom > /model.bin
COPY --from=build /venv /venv
WORKDIR /app
COPY app.py .
LABEL org.opencontainers.image.title=bench
USER 1000
EXPOSE 8000
HEALTHCHECK --interval=1s CMD ["/venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000')"]
CMD ["/venv/bin/python", "app.py"]
""",
    ".dockerignore": "*\n!app.py\n!requirements.txt\n",
    "requirements.txt": "flask==3.1.1\n",
    "app.py": """\
import signal
import sys
from wsgiref.simple_server import make_server

from flask import Flask

app = Flask(__name__)
app.get("/")(lambda: "hello")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
make_server("0.0.0.0", 8000, app).serve_forever()
""",
    "notes.txt": "not for the builder\n",
}
CHECKS = """
kind = "build"

kind = "size"
of = "image"
full = "250 MB"

kind = "size"
of = "added"
full = "150 MB"

kind = "layers"
max = 8
max_waste = "1 MB"

kind = "rebuild"
edit = ["app.py"]
cached = ["pip install"]

kind = "rebuild"
edit = ["requirements.txt"]
change = "dependency"
rerun = ["pip install"]

kind = "user"

kind = "pinning"
bases = "tag"
packages = ["pip"]

kind = "stages"
min = 2
absent = ["/src"]

kind = "context"
excluded = ["notes.txt"]
included = ["app.py"]

kind = "secrets"

kind = "command"
run = ["/venv/bin/python", "-c", "import flask"]

kind = "http"
port = 8000
body = "hello"

kind = "stop"

kind = "health"

kind = "files"
files = [{ path = "/app/app.py", mode = "0644" }]

kind = "metadata"
ports = ["8000/tcp"]
workdir = "/app"
"""


def exercise(folder: Path) -> None:
    """Lay the exercise and its submission out in a folder."""
    checks = [f'[[check]]\npoints = 1\ntitle = "Check {n}"\n{c}' for n, c in enumerate(CHECKS.strip().split("\n\n"))]
    head = """\
title = "Benchmark"
lesson = "00-start-here"
level = "core"
minutes = 1
skills = []
images = ["python:3.13-slim"]
hints = []
"""
    (folder / "exercise.toml").write_text("\n".join([head, *checks]))
    (folder / "starter").mkdir()
    for name, text in FILES.items():
        (folder / "starter" / name).write_text(text)


def measure(folder: Path, at_once: int) -> dict[str, object]:
    """One grading in this process, with so many checks beside each other: seconds of all and of the builds in it, how
    many builds, peak memory in MB, and checks that lost points; and what each check took beside its builds, which has a
    meaning only where they are judged one after the other."""
    from grader.exercise import load
    from grader.grade import grade
    from grader.lib import process

    took: list[float] = []
    run = process.run

    def timed(command, **more):
        began = time.perf_counter()
        try:
            return run(command, **more)
        finally:
            if command[1:2] == ["build"]:
                took.append(time.perf_counter() - began)

    beside: dict[str, float] = {}
    marks: list[float] = []

    def event(event):
        if event.kind == "check":
            marks[:] = [time.perf_counter() - sum(took)]
        elif event.kind == "result":
            beside[event.result.id] = time.perf_counter() - sum(took) - marks[0]

    process.run = timed
    loaded = load(folder)
    began = time.perf_counter()
    report = grade(loaded, folder / "starter", on_event=event, at_once=at_once)
    total = time.perf_counter() - began
    lost = [f"{check.id}: {check.message}" for check in report.checks if check.status != "passed"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"total": total, "builds": sum(took), "number": len(took), "memory": peak, "lost": lost, "beside": beside}


def once(folder: Path, at_once: int, fresh: str) -> dict[str, Any]:
    """`measure` in a process of its own, with a requirements file that no builder has seen."""
    (folder / "starter" / "requirements.txt").write_text(f"# {fresh}\n{FILES['requirements.txt']}")
    command = [sys.executable, __file__, "--one", str(folder), str(at_once)]
    done = subprocess.run(command, env=lab_env(), stdout=subprocess.PIPE, text=True, check=True)
    one: dict[str, Any] = json.loads(done.stdout)
    for line in one["lost"]:
        print(f"  lost: {line}")
    print(
        f"  {at_once} at once: {one['total']:.1f} s, of {one['number']} builds {one['builds']:.1f} s,"
        f" peak memory {one['memory']:.0f} MB",
        flush=True,
    )
    return one


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(Path(sys.argv[2]), int(sys.argv[3]))))
        return 0
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory(prefix="layerwise-bench-") as scratch:
        folder = Path(scratch)
        exercise(folder)
        found = []
        for number in range(rounds):
            pair = [once(folder, at_once, f"{os.getpid()} {number} {at_once}") for at_once in (1, AT_ONCE)]
            found.append(pair)
            alone, beside = (one["total"] / pair[0]["builds"] for one in pair)
            print(f"  over the bare builds: {alone:.2f} one by one, {beside:.2f} beside each other", flush=True)
    for check in found[0][0]["beside"]:
        print(f"  {check:12} {statistics.median(pair[0]['beside'][check] for pair in found):5.1f} s beside builds")
    ratio = statistics.median(pair[1]["total"] / pair[0]["builds"] for pair in found)
    print(f"grade / builds: {ratio:.2f} (median of {rounds}; goal: at most 1.25)")
    ones = [one for pair in found for one in pair]
    print(f"memory of the grader: {max(one['memory'] for one in ones):.0f} MB (goal: under 200 MB)")
    return 1 if any(one["lost"] for one in ones) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Layer analysis beside `docker save | tar -t`, and its memory: .venv/bin/python benchmarks/layers.py [ROUNDS]

Two images are built on the lab that is up, of some 200 MB and 1 GB. The analysis reads the engine's archive as the
grader does: every layer uncompressed, digested and checked, every file noted, and what the final file system hides. The
two are timed in turns (default 7), and each analysis runs in a fresh process, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

BASE = "localhost:5000/base/python:3.13-slim"
IMAGES = {"200 MB": 80, "1 GB": 880}
"""Megabytes laid over the base image."""


def build(name: str, megabytes: int, env: Mapping[str, str]) -> None:
    # One tenth of it random: a registry's layers compress as well as that, or better.
    body = f"FROM {BASE}\n" + "".join(
        f"RUN head -c 2000000 /dev/urandom > /r && for i in 0 1 2 3 4 5 6 7 8 9; do cat /r; done > /data{n} && rm /r\n"
        for n in range(megabytes // 20)
    )
    with tempfile.TemporaryDirectory(prefix="layerwise-bench-") as folder:
        Path(folder, "Dockerfile").write_text(body)
        subprocess.run(
            ["docker", "buildx", "build", "--quiet", "--load", "--provenance=false", f"--tag={name}", folder],
            env=env,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def analyse(name: str) -> dict[str, float]:
    """One analysis in this process: seconds, peak memory in MB, and what was found."""
    from grader.facts.engine.engine import Engine
    from grader.facts.image.image import Image

    engine = Engine.connect()
    began = time.perf_counter()
    image = Image(lambda: engine.save_image(name))
    waste = sum(item.size for item in image.files.waste())
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"seconds": seconds, "memory": peak, "size": image.size, "files": len(image.files), "waste": waste}


def listed(name: str, env: Mapping[str, str]) -> float:
    """Seconds that `docker save | tar -t` takes."""
    began = time.perf_counter()
    subprocess.run(f"docker save {name} | tar -t", shell=True, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(analyse(sys.argv[2])))
        return 0
    from layerwise.stack.environment import lab_env

    env = lab_env()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print("| image | layers uncompressed | files | `docker save \\| tar -t` | analysis | ratio | peak memory |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for title, megabytes in IMAGES.items():
        name = f"layerwise-bench:{megabytes}"
        build(name, megabytes, env)
        try:
            pairs = []
            for _ in range(rounds):
                bare = listed(name, env)
                argv = [sys.executable, __file__, "--one", name]
                done = subprocess.run(argv, env=env, check=True, stdout=subprocess.PIPE, text=True)
                pairs.append((bare, json.loads(done.stdout)))
        finally:
            subprocess.run(["docker", "image", "rm", name], env=env, check=True, stdout=subprocess.DEVNULL)
        one = pairs[0][1]
        bare, ours = (
            statistics.median(pair[0] for pair in pairs),
            statistics.median(pair[1]["seconds"] for pair in pairs),
        )
        ratio = statistics.median(pair[1]["seconds"] / pair[0] for pair in pairs)
        memory = max(pair[1]["memory"] for pair in pairs)
        print(
            f"| {title} | {one['size'] / 1e6:.0f} MB | {one['files']} | {bare:.2f} s | {ours:.2f} s | {ratio:.2f} |"
            f" {memory:.0f} MB |",
            flush=True,
        )
    print("\nGoals: ratio at most 1.5, memory under 200 MB. Medians of", rounds, "turns.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

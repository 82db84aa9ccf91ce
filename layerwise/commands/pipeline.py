"""`lab pipeline`: turn a folder into a signed image in a registry, with a gate at each stage."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

SCHEMA = 1
MARKS = {"passed": "ok", "failed": "STOP", "not run": "-"}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result of each stage as JSON, and nothing else.")
def command(folder: Path, as_json: bool) -> int:
    """Build, test and scan what is in FOLDER, make its SBOM, push, sign and verify the image, and move the tag last.
    FOLDER has a pipeline.toml that says what to do. The pipeline ends at the first gate that stays shut.

    Make a key first, outside of FOLDER: cosign generate-key-pair. The key's password is taken from COSIGN_PASSWORD.

    Exit status: 0 released; 1 a gate stayed shut; 2 unusable input; 3 the engine, the registry or a tool failed.

    \b
    COSIGN_PASSWORD= lab pipeline course/apps/ferry
    lab pipeline . --json
    """
    from layerwise import workspace
    from layerwise.commands._watching import stoppable, watching
    from layerwise.pipeline.settings import read
    from layerwise.pipeline.stages import Run, require_password
    from layerwise.stack import environment

    pipeline = read(folder)
    environment.activate()
    require_password(os.environ)
    results = []
    with stoppable(), watching() as watch, Run(pipeline, os.environ, workspace.learner()) as run:
        for result in run.results(watch.show):
            results.append(result)
            if not as_json:
                took = f"{result.seconds:6.1f} s" if result.status != "not run" else " " * 8
                click.echo(f"{result.name:8}{MARKS[result.status]:5}{took}  {result.message}".rstrip())
        image, digest = str(run.repository), run.digest
    if as_json:
        click.echo(json.dumps(_report(image, digest, results), indent=1))
    return 0 if all(result.status == "passed" for result in results) else 1


def _report(image: str, digest: str | None, results: list[Any]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "image": image,
        "digest": digest,
        "stages": [
            {"name": each.name, "status": each.status, "message": each.message, "seconds": round(each.seconds, 2)}
            for each in results
        ],
    }

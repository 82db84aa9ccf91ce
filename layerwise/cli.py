"""The `lab` command. Each subcommand is a module under `layerwise.commands`, imported only when it is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from grader.errors import GraderError
from layerwise.errors import LabError

# name -> its line in `lab --help`. The module layerwise.commands.NAME has a click command named `command`.
COMMANDS = {
    "up": "Bring up the lab: engine, registry, base images, tools, JupyterLab.",
    "down": "Stop what `lab up` started; --purge removes all of it.",
    "status": "Show what is running, with versions and addresses.",
    "doctor": "Try everything a lesson needs, and say how to fix what fails.",
    "exercises": "List the exercises and your points; `verify` proves each one.",
    "start": "Copy an exercise's starter into your work folder.",
    "grade": "Grade your work on an exercise.",
    "hint": "Show the next hint for an exercise.",
    "watch": "Grade your work on an exercise at each save.",
    "scan": "Scan an image, a file or a folder with the course's frozen advisories.",
    "lint": "Find problems in Dockerfiles without building them.",
    "pipeline": "Build, test, scan, sign and ship a folder, with a gate at each stage.",
    "reset": "Go back to the starter of an exercise. Your work is kept.",
    "classroom": "Grade a class, and give the results out.",
    "interview": "Practise for interviews: drills, timed sessions, reports.",
    "images": "Give the base images to docker compose, where there is no Docker Hub.",
    "forget": "Delete your points, answers, hints and sessions. It asks first.",
    "test": "Run the project's tests on a live lab.",
}


class LazyGroup(click.Group):
    """A group that imports a command when it is used, so that `lab --help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"layerwise.commands.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="layerwise")
def lab() -> None:
    """Layerwise: a hands-on course on container images.

    \b
    Begin with:   ./lab up
    Then:         ./lab start 00-hello-image
                  ./lab grade 00-hello-image
    """


def main(argv: list[str] | None = None) -> int:
    """Run `lab` and return its exit status: 0 done, 1 findings, 2 unusable input, 3 the lab or the engine failed."""
    try:
        result = lab.main(args=argv, prog_name="lab", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        click.echo("lab: stopped.", err=True)
        return 130
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except KeyboardInterrupt:
        click.echo("lab: stopped.", err=True)
        return 130
    except (LabError, GraderError) as problem:
        click.echo(f"lab: {problem}", err=True)
        return problem.exit_code


if __name__ == "__main__":
    sys.exit(main())

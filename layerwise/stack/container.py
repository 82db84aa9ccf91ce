"""Process 1 of the container `jupyter` (docker-compose.yml): JupyterLab at once, then the rest of the lab, until the
container is stopped or JupyterLab ends.

The engine and the registries are services beside it. If one of them does not answer yet, or not any more, JupyterLab is
there all the same, and the rest is tried again.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from types import FrameType

from layerwise.errors import LabError
from layerwise.stack import bringup, environment, exported, jupyter, paths, state

SETTINGS = {"ServerApp": {"ip": "0.0.0.0", "allow_remote_access": False}}
"""The published port arrives at the container's address. Outside it is 127.0.0.1, and a browser has to ask for that: a
page of another name that leads there (DNS rebinding) is refused, as it is without a container."""
AGAIN_SECONDS = 5.0


def main() -> int:
    """Run until JupyterLab ends (exit status 1) or a signal to stop comes (0). Raises LabError if it cannot start."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    home = paths.home()
    port = int(os.environ["LAYERWISE_PORT"])
    env = environment.for_engine(home, state.EngineRecord("host", os.environ["DOCKER_HOST"]))
    try:
        url = jupyter.start(home=home, env=env, port=port, settings=SETTINGS, report=say)
        say(f"Open this address in a browser:\n\n    {url}\n")
        bring_up(home, port, env)
        say("The lab is up.")
        wait(home)
    finally:
        jupyter.stop(home)
    say("JupyterLab has ended.")
    return 1


def bring_up(home: paths.Home, port: int, env: Mapping[str, str]) -> None:
    """Bring up what is not up yet, and try again for as long as something fails. Returns early if JupyterLab ends."""
    said = ""
    while jupyter.status(home):
        try:
            exported.load(env)
            for warning in bringup.up(home, bringup.Options(engine="host", port=port)).warnings:
                say(f"warning: {warning}")
            return
        except LabError as problem:
            if str(problem) != said:
                said = str(problem)
                say(f"{said}\n(trying again every {AGAIN_SECONDS:.0f} s)")
        time.sleep(AGAIN_SECONDS)


def wait(home: paths.Home) -> None:
    """Wait until JupyterLab ends, and collect the processes that others leave to process 1."""
    running = jupyter.status(home)
    while running:
        ended, _ = os.wait()
        if ended == running["pid"]:
            return


def say(text: str) -> None:
    print(text, flush=True)


def _stop(number: int, _: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as problem:
        say(f"lab: {problem}")
        sys.exit(problem.exit_code)

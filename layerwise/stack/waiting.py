"""Wait for a `lab up` that is still running: JupyterLab is there before the engine is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from layerwise.stack import coming, paths
from layerwise.stack.coming import ComingUp
from layerwise.stack.paths import Home

PAUSE = 0.3


def wait(home: Home, say: Callable[[str], object], keys: Sequence[str] = ()) -> None:
    """Return when no `lab up` is running, or when it has done the steps with these `keys`. `say` gets a line if there
    is something to wait for, and another one if that did not come."""
    told = False
    while True:
        now = coming.read(home)
        if now is None or not now.is_awaited(*keys):
            if told and now and now.problem:
                say(f"The lab did not come up: {now.problem}")
            return
        if not told:
            say(f"The lab is still coming up ({doing(now)}). Waiting for it.")
            told = True
        time.sleep(PAUSE)


def doing(now: ComingUp) -> str:
    """What it is doing, in a few words."""
    running = [step.title for step in now.steps if step.state == "running" and step.key != "jupyter"]
    return ", ".join(running) or "it has just begun"


def main() -> int:
    """The scripts that `tools.stand_in` puts in place of the lab's tools run this first. Returns the exit status."""
    try:
        wait(paths.home(), lambda text: print(text, file=sys.stderr, flush=True))
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the lab is doing, for the home page: coming up, up, or in need of `./lab up`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from layerwise.errors import LabError
from layerwise.stack import coming, engine, state
from layerwise.stack.addresses import REGISTRY_PORT, is_taken
from layerwise.stack.coming import Step
from layerwise.stack.paths import Home


@dataclass(frozen=True)
class LabState:
    """The state of the lab, `said` in a sentence. `problem` is why it is not up, or not all of it, if that is known,
    and `lacks` what cannot be had on this machine.
    `steps` are those of the latest `lab up`; one that was cut off has the state "stopped"."""

    said: str
    up: bool = False
    coming_up: bool = False
    problem: str = ""
    lacks: str = ""
    steps: Sequence[Step] = field(default=())


def look(home: Home) -> LabState:
    """The present state of the lab. It takes two seconds at most, and raises nothing."""
    latest = coming.read(home)
    steps = tuple(latest.steps) if latest else ()
    if latest and latest.running and latest.left:
        done = len([step for step in steps if step.state == "done"])
        return LabState(f"The lab is coming up: {done} of {len(steps)} steps done.", coming_up=True, steps=steps)
    if latest and not latest.running and latest.problem:
        return LabState("The lab did not come up.", problem=latest.problem, steps=steps)
    if latest and not latest.running and latest.left:
        steps = tuple(replace(step, state="stopped") if step.state == "running" else step for step in steps)
        return LabState("The lab did not come up: lab up was stopped before it was done.", steps=steps)
    try:
        record = state.read(home).engine
    except LabError as problem:
        return LabState("It cannot be told whether the lab is up.", problem=str(problem), steps=steps)
    address = record.docker_host if record else os.environ.get("DOCKER_HOST", "")
    if not address:
        return LabState("The lab is not up.", steps=steps)
    if not engine.listens(address):
        return LabState("The lab's engine does not answer.", steps=steps)
    if not is_taken(REGISTRY_PORT):
        return LabState("The lab's registry does not answer.", steps=steps)
    if failed := next((step for step in steps if step.state == "failed"), None):
        return LabState("The lab is up, but not all of it.", True, problem=f"{failed.title} failed", steps=steps)
    lacks = "; ".join(step.lacks for step in steps if step.lacks)
    return LabState("The lab is up.", up=True, lacks=lacks, steps=steps)

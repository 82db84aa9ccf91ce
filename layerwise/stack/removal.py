"""`lab down --purge`: leave the machine as it was before, and say what is kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from layerwise.errors import LabError
from layerwise.stack import bringup, disposal, engine, environment, lock, state
from layerwise.stack.mounts import mounts
from layerwise.stack.paths import ROOT, Home, work_dir
from layerwise.stack.progress import Task, reporter
from layerwise.stack.run import CommandFailed

if TYPE_CHECKING:
    import docker

SECONDS = 300
DELETE_SECONDS = 30.0
"""How long it takes to delete a lab that is some days old."""
LABEL = "layerwise"
INHERITED = "base"
"""The label's value on base images. Everything built or run from one inherits it."""


def purge(home: Home) -> list[str]:
    """Stop the lab, remove what it made, and return lines that say what was removed and what is kept.

    Raises LabError if something is mounted inside the lab's folder: nothing behind a mount is ever deleted.
    """
    told = []
    apt = _added_for_python()
    if home.path.is_dir():
        with lock.held(home, "down --purge"):
            current = state.read(home)
            apt += current.apt
            used = current.engine or current.last
            if used and used.kind == "host":
                kept = remove_from(home, used, current.scanner)
                told.append(f"Removed from the engine at {used.docker_host}: everything with the label {LABEL}")
                told += [f"Kept there: {line}" for line in kept]
            bringup.stop(home, current)
            require_unmounted(home.path)
            _delete(home)
        told.append(f"Removed: {home.path}")
    else:
        told.append("Nothing to remove.")
    if apt:
        told.append(f"Kept: the apt packages {', '.join(apt)} (to remove them: apt-get purge {' '.join(apt)})")
    if work_dir().exists():
        told.append(f"Kept: {work_dir()} (your work)")
    if (ROOT / ".venv").exists():
        told.append(
            f"Kept: {ROOT / '.venv'} (the Python packages that ran this command; remove the folder if you like)"
        )
    return told


def _added_for_python() -> list[str]:
    """The apt packages that ./lab installed to have a Python."""
    try:
        return sorted(set((ROOT / ".venv" / ".apt").read_text(encoding="utf-8").split()))
    except OSError:
        return []


def remove_from(home: Home, record: state.EngineRecord, scanner: state.ScannerRecord | None) -> list[str]:
    """Remove what the lab brought to an engine that is not its own: what has its label, the tags of its base images,
    and the image of Trivy.

    Images and containers that were made from a base image inherit its label, but are not the lab's, and stay. Returns
    what stays, and why.
    """
    from docker.errors import APIError

    from layerwise.stack import images, registry, trivy_image

    env = environment.for_engine(home, record)
    kept = []
    actions: list[Callable[[], object]] = [
        partial(registry.down, env=env, home=home, purge=True),
        partial(images.forget, env),
    ]
    if scanner:
        actions.append(partial(trivy_image.forget, scanner, env))
    for action in actions:
        try:
            action()
        except CommandFailed as problem:
            kept.append(str(problem).rpartition("Error response from daemon: ")[2])
    endpoint = engine.Endpoint(record.docker_host, "the lab's engine", chosen=True, cert_path=record.cert_path)
    with engine.client(endpoint, SECONDS) as api:
        mine = {"label": LABEL}
        found = [
            (thing["Labels"], ", ".join(thing["Names"]).replace("/", ""), partial(_drop_container, api, thing["Id"]))
            for thing in api.containers(all=True, filters=mine)
        ]
        found += [
            (net["Labels"], net["Name"], partial(api.remove_network, net["Id"])) for net in api.networks(filters=mine)
        ]
        volumes = api.volumes(filters=mine)["Volumes"] or []
        found += [(each["Labels"], each["Name"], partial(api.remove_volume, each["Name"])) for each in volumes]
        for image in api.images(filters=mine):
            names = image["RepoTags"] or [image["Id"]]
            theirs = [name for name in names if not name.startswith(images.reference(""))]
            found += [(image["Labels"], name, partial(api.remove_image, name)) for name in theirs]
        for labels, name, remove in found:
            if labels[LABEL] == INHERITED:
                kept.append(f"{name} (yours, made from a base image)")
                continue
            try:
                remove()
            except APIError as problem:
                kept.append(f"{name} ({problem.explanation})")
    return kept


def _drop_container(api: docker.APIClient, container: str) -> None:
    api.remove_container(container, v=True, force=True)


def require_unmounted(folder: Path) -> None:
    """Raise LabError if something is mounted in `folder`."""
    inside = str(folder.resolve()) + os.sep
    for point, _ in mounts():
        if point.startswith(inside):
            raise LabError(
                f"{point} is a mount inside the lab's folder; unmount it (umount {point}) and run this again"
            )


def _delete(home: Home) -> None:
    """Delete the lab's folder. If that is interrupted no half of an engine is left, and the next purge or `lab up`
    finishes it."""
    if home.engine.exists():
        disposal.set_aside(home, home.engine)
    shown = reporter([Task("delete", f"Removing {home.path}", DELETE_SECONDS)])
    try:
        with shown.step("delete") as say:
            disposal.delete(home.path, say)
    finally:
        shown.close()

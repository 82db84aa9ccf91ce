"""The book, kept on one volume by several containers, one after the other."""

import secrets

from grader.facts.engine import container

FOLDER = "/data"
FOUNDER = "@{founder}"
SECONDS = 60
"""How long one command may take."""


def survives(facts):
    """Whether what one container adds is found by another with the same volume, and what nobody added is not."""
    name, other = (f"guest{secrets.token_hex(4)}" for _ in range(2))
    with _on_new_volume(facts, "add", name) as first:
        if (status := first.wait(SECONDS)) != 0:
            return False, f"`add {name}` {_ended(status)}."
        volume = _volume_of(facts, first)
        if _status(facts, volume, "has", other) == 0:
            return False, "`has` ends with status 0 for an entry that nobody has added."
        if (status := _status(facts, volume, "has", name)) != 0:
            return False, f"`add {name}` ended with status 0. In the next container, `has {name}` {_ended(status)}."
    return True, "The next container finds what this one has added."


def founders(facts):
    """Whether a volume that is new has the entries that came with the image."""
    with _on_new_volume(facts, "has", FOUNDER) as first:
        status = first.wait(SECONDS)
    return status == 0, f"On a new volume, `has {FOUNDER}` {_ended(status)}."


def _on_new_volume(facts, *command):
    return container.started(facts.engine, facts.runnable, volumes=[FOLDER], command=list(command))


def _volume_of(facts, running):
    """The name of the volume at the folder. It is removed with the container that it was made for."""
    mounts = facts.engine.inspect_container(running.id)["Mounts"]
    return next(mount["Name"] for mount in mounts if mount["Destination"] == FOLDER)


def _status(facts, volume, *command):
    """The status with which a further container with that volume ends."""
    host = {"binds": [f"{volume}:{FOLDER}"]}
    with container.started(facts.engine, facts.runnable, host, command=list(command)) as further:
        return further.wait(SECONDS)


def _ended(status):
    return f"did not end within {SECONDS} s" if status is None else f"ended with status {status}"

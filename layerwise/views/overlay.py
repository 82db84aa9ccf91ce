"""Show how a container's file system is made: the image's layers below, one folder of its own above, merged into one.

lw.overlay("my-container")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from grader.facts.engine.engine import Engine
from grader.lib.text import clean
from grader.lib.units import format_size
from layerwise.errors import InputError
from layerwise.views.anatomy import Anatomy, load, told
from layerwise.views.listing import fold, size, spelt, table, visible
from layerwise.views.live import plainly, static_html
from layerwise.views.mounts import Mount, NotVisible, UpperEntry, held, mount_of
from layerwise.views.words import counted

MAX_ROWS = 100
_SIGNS = {"added": "+", "changed": "~", "removed": "−"}


@dataclass(frozen=True)
class Entry:
    """One path that differs from the image."""

    what: str
    """added, changed or removed"""
    path: str
    above: UpperEntry | None
    """Its entry in the upper directory; None if that has none or could not be looked at."""
    below: int | None
    """The bytes of the file in the image; None if the image has no such file."""


def overlay(container: str) -> Overlay:
    """Return the file system of a container, running or not: its mount, and what changed since it was created."""
    with plainly(), closing(Engine.connect()) as engine:
        try:
            found = engine.inspect_container(container)
            changes = engine.changes(str(found["Id"]))
        except KeyError:
            shown = clean(container, 100)
            raise InputError(f"the engine has no container {shown!r}; see which there are: docker ps --all") from None
        mount, above, why = _look(engine, found)
        image = _image(found)
        return Overlay(
            container, bool(found["State"].get("Running")), image, mount, why, _entries(changes, above, image)
        )


def _look(engine: Engine, found: Mapping[str, Any]) -> tuple[Mount | None, dict[str, UpperEntry], str]:
    """The mount and the entries of its upper directory, as far as they can be seen, and what prevented more."""
    try:
        mount = mount_of(engine, found)
    except NotVisible as problem:
        return None, {}, str(problem)
    try:
        return mount, held(engine, mount), ""
    except NotVisible as problem:
        return mount, {}, str(problem)


def _image(found: Mapping[str, Any]) -> Anatomy | None:
    """The container's image; None if it has been removed."""
    try:
        anatomy = load(str(found["Image"]))
        _ = anatomy.image.layers
    except InputError:
        return None
    return anatomy


def _entries(changes: Sequence[tuple[str, str]], above: Mapping[str, UpperEntry], image: Anatomy | None) -> list[Entry]:
    entries = []
    for what, path in changes:
        path = path.lstrip("/")
        seen = image.image.files.get(path) if image else None
        below = seen.size if seen is not None and seen.kind == "file" else None
        entries.append(Entry(what, path, above.get(path), below))
    # A folder is "changed" if something in it is. That entry is enough.
    parents = {entry.path.rpartition("/")[0] for entry in entries}
    told = [entry for entry in entries if not (entry.what == "changed" and entry.path in parents)]
    return sorted(told, key=lambda entry: (-(entry.above.size if entry.above else 0), entry.path))


class Overlay:
    """The file system of a container. It shows itself in a notebook, in its state at the time of the call."""

    def __init__(
        self, name: str, running: bool, image: Anatomy | None, mount: Mount | None, why: str, entries: Sequence[Entry]
    ) -> None:
        self.name = name
        self.running = running
        self.image = image
        self.mount = mount
        """The folders on the engine's machine; None if they cannot be seen."""
        self.why = why
        """Why something could not be looked at; empty if everything could."""
        self.entries = entries
        """The differences from the image, biggest first."""

    def __repr__(self) -> str:
        lines = [f"Container {spelt(self.name)}: {counted(len(self.entries), 'path')} changed since it was created"]
        if self.mount:
            lines.append(f"upper {spelt(self.mount.upper, 300)}")
            lines += [f"lower {spelt(folder, 300)}" for folder in self.mount.lower]
        lines += [
            f"{_SIGNS[entry.what]} /{spelt(entry.path)}  {self._plain(entry)}" for entry in self.entries[:MAX_ROWS]
        ]
        return "\n".join([*lines, self.why]).strip()

    def _repr_html_(self) -> str:
        upper = f"<code>{visible(self.mount.upper, 300)}</code>" if self.mount else ""
        state = "" if self.running else ", stopped"
        return static_html(
            f'<div class="lw-box lw-image"><p class="lw-kicker">File system of the container '
            f"<code>{visible(self.name)}</code>{state}</p>"
            f'<div class="lw-band lw-merged"><p><strong>merged</strong> what the container sees as /: '
            f"the upper directory laid over the layers</p></div>"
            f'<div class="lw-band lw-upper"><p><strong>upper</strong> this container alone writes here</p>'
            f'<p class="lw-path">{upper}</p>{self._rows()}</div>'
            f'<div class="lw-band lw-lower"><p><strong>lower</strong> the layers of the image: read-only, shared '
            f"by every container of it</p>{self._lowers()}</div>"
            + (f'<p class="lw-soft">Not shown: {visible(self.why, 400)}.</p>' if self.why else "")
            + fold("Details: the same as a table", self._table())
            + "</div>"
        )

    def _rows(self) -> str:
        if not self.entries:
            return "<p>Nothing: the container has changed no file since it was created.</p>"
        rows = "".join(
            f'<tr class="lw-{entry.what}"><td><span aria-hidden="true">{_SIGNS[entry.what]}</span>'
            f'<span class="lw-heard">{entry.what}</span></td>'
            f'<td title="/{visible(entry.path, 1000)}">/{visible(entry.path)}</td>'
            f"<td>{_held_size(entry)}</td><td>{self._remark(entry)}</td></tr>"
            for entry in self.entries[:MAX_ROWS]
        )
        left = len(self.entries) - MAX_ROWS
        more = f'<p class="lw-soft">and {left:,} more</p>' if left > 0 else ""
        return f'<table class="lw-files"><tbody>{rows}</tbody></table>{more}'

    def _plain(self, entry: Entry) -> str:
        if entry.above is None:
            return ""
        return entry.above.kind if entry.above.kind != "file" else format_size(entry.above.size)

    def _remark(self, entry: Entry) -> str:
        if entry.what == "removed":
            still = f"; its {size(entry.below)} stay below" if entry.below else ""
            return ("a whiteout hides it" if entry.above else "hidden") + still
        if entry.what == "changed" and entry.below is not None and entry.above:
            return f"the whole file, copied up; {told(entry.below, entry.above.size)} below"
        return "new" if entry.what == "added" else ""

    def _lowers(self) -> str:
        steps = list(reversed(self.image.slices)) if self.image else []
        folders = list(self.mount.lower) if self.mount else []
        if folders and steps and len(folders) - len(steps) == 1:
            # The engine creates its own files (/etc/hosts, /.dockerenv) together with each container.
            first = [f"<li>the engine's own files for this container{_path(folders[0])}</li>"]
            folders = folders[1:]
        else:
            first = []
        items = []
        for place in range(max(len(steps), len(folders))):
            made = ""
            if place < len(steps) and (not folders or len(folders) == len(steps)):
                part = steps[place]
                text = visible(part.instruction, 80) or "an imported file system"
                made = f"layer {part.layer.index + 1}, {size(part.layer.size)}: {text}"
            items.append(f"<li>{made}{_path(folders[place]) if place < len(folders) else ''}</li>")
        return f'<ul class="lw-lowers">{"".join(first + items)}</ul>'

    def _table(self) -> str:
        rows = [
            [
                entry.what,
                f"<code>/{visible(entry.path)}</code>",
                entry.above.kind if entry.above else "not looked at",
                f"{entry.above.size:,}" if entry.above and entry.above.kind == "file" else "",
                f"{entry.below:,}" if entry.below is not None else "",
            ]
            for entry in self.entries[:MAX_ROWS]
        ]
        return table(("Change", "Path", "In upper", "Bytes in upper", "Bytes in the image"), rows, numbers=(3, 4))


def _held_size(entry: Entry) -> str:
    return size(entry.above.size) if entry.above and entry.above.kind == "file" else ""


def _path(folder: str) -> str:
    return f'<span class="lw-path"><code>{visible(folder, 300)}</code></span>'

"""Compare two images: the layers that they share, the files that a container sees, the config.

lw.diff("hello:v1", "hello:v2")
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from grader.facts.image.filesystem import Content, File
from grader.facts.image.image import Image
from grader.facts.image.tar import Member, Sink
from layerwise.views.anatomy import Anatomy, Change, altered, load
from layerwise.views.layers import bar, legend
from layerwise.views.listing import ListingView, fold, size, spelt, table, visible
from layerwise.views.live import plainly
from layerwise.views.words import counted

_SECTIONS = ("added", "changed", "removed")
_NOT_SETTINGS = frozenset(("Hostname", "Image", "ArgsEscaped"))


def diff(before: str, after: str) -> Diff:
    """Return the differences between two images on the engine, to show in a notebook."""
    with plainly():
        return Diff(load(before), load(after))


class Diff(ListingView):
    """A comparison of two images in a notebook."""

    def __init__(self, before: Anatomy, after: Anatomy) -> None:
        self.before, self.after = before, after
        digests = [[layer.diff_id for layer in one.image.layers] for one in (before, after)]
        self.shared = frozenset(digests[0]) & frozenset(digests[1])
        """The digests of the layers that both images have."""
        changes = differences(before.image, after.image)
        self.files = {what: [change for change in changes if change.what == what] for what in _SECTIONS}
        self.settings = settings(before.image.config.raw, after.image.config.raw)
        """The differences in the config: from a name to the two values, as text."""
        super().__init__([self.files[what] for what in _SECTIONS])

    def picture(self) -> str:
        largest = max(self.before.size, self.after.size)
        bars = "".join(self._bars(one, largest) for one in (self.before, self.after))
        parts = "".join(
            f'<details class="lw-layer"><summary class="lw-plain"><span class="lw-place"></span>'
            f"<span>{counted(len(changes), 'path')} {what}</span></summary>"
            f'<div class="lw-inside"><div data-list="{number}">{self.first_rows(number)}</div></div></details>'
            for number, (what, changes) in enumerate(self.files.items())
        )
        return (
            f'<div class="lw-box lw-image"><p class="lw-kicker">From <code>{visible(self.before.name)}</code> to '
            f"<code>{visible(self.after.name)}</code></p>{bars}"
            f"{legend(('lw-hollow', 'layers both have: stored and sent once'), ('lw-solid', 'layers of its own'))}"
            f"<p>{self._sentence()}</p>"
            f'<div class="lw-tools"></div><div class="lw-stack">{parts}</div>'
            f'<p class="lw-under">{self._config_title()}</p>{self._config()}'
            f"{fold('Details: the layers as a table', self._layers())}</div>"
        )

    def text(self) -> str:
        lines = [f"From {spelt(self.before.name)} to {spelt(self.after.name)}"]
        lines += [f"{counted(len(self.files[what]), 'path')} {what}" for what in _SECTIONS]
        lines += [f"{name}: {values[0]} -> {values[1]}" for name, values in self.settings.items()]
        return "\n".join(lines)

    def places(self, count: int) -> str:
        return counted(count, "list")

    def _shared_size(self, one: Anatomy) -> int:
        return sum(layer.size for layer in one.image.layers if layer.diff_id in self.shared)

    def _bars(self, one: Anatomy, largest: int) -> str:
        shared = self._shared_size(one)
        own = one.size - shared
        bars = bar(shared, largest, base=True) if shared else ""
        bars += bar(own, largest, base=False) if own else ""
        return (
            f'<div class="lw-pair"><code>{visible(one.name, 40)}</code>'
            f'<span class="lw-joined">{bars}</span>'
            f'<span class="lw-size">{self._size(one)}</span></div>'
        )

    def _size(self, one: Anatomy) -> str:
        """The size, with one digit more if the two would look nearly the same without it."""
        sizes = (self.before.size, self.after.size)
        if one.size < 10_000_000 or abs(sizes[0] - sizes[1]) > one.size / 50:
            return size(one.size)
        return f'<span title="{one.size:,} bytes">{one.size / 1e6:.1f} MB</span>'

    def _sentence(self) -> str:
        own = [sum(layer.diff_id not in self.shared for layer in one.image.layers) for one in (self.before, self.after)]
        shared = sum(layer.diff_id in self.shared for layer in self.after.image.layers)
        new = self.after.size - self._shared_size(self.after)
        return (
            f"{counted(shared, 'layer')} shared; {own[0]} only in the first, {own[1]} only in the second. "
            f"A machine that has the first fetches {size(new)} (uncompressed) for the second."
        )

    def _config_title(self) -> str:
        return "The config differs:" if self.settings else "Both configs say the same about how to run the image."

    def _config(self) -> str:
        if not self.settings:
            return ""
        rows = [
            [f"<code>{visible(name, 60)}</code>", *(visible(value, 300) or "—" for value in values)]
            for name, values in self.settings.items()
        ]
        return table(("Setting", visible(self.before.name, 40), visible(self.after.name, 40)), rows)

    def _layers(self) -> str:
        rows = []
        for one, other in ((self.before, self.after), (self.after, self.before)):
            for part in one.slices:
                digest = part.layer.diff_id
                rows.append(
                    [
                        visible(one.name, 40),
                        str(part.layer.index + 1),
                        f"<code>{visible(digest[:19], 19)}</code>",
                        f"{part.layer.size:,}",
                        f"also in {visible(other.name, 40)}" if digest in self.shared else "only here",
                        visible(part.instruction, 100) or "not recorded",
                    ]
                )
        return table(("Image", "Layer", "Digest", "Bytes", "Shared", "Made by"), rows, numbers=(1, 3))


def settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """The differences in how two image configs want to be run. Variables and labels are compared one by one."""
    flat = [_flat(raw) for raw in (before, after)]
    names = sorted(flat[0].keys() | flat[1].keys())
    return {
        name: (flat[0].get(name, ""), flat[1].get(name, ""))
        for name in names
        if flat[0].get(name, "") != flat[1].get(name, "")
    }


def _flat(raw: Mapping[str, Any]) -> dict[str, str]:
    found = {name: str(raw[name]) for name in ("architecture", "os", "variant") if raw.get(name)}
    for name, value in (raw.get("config") or {}).items():
        if name in _NOT_SETTINGS or value in (None, "", [], {}, False):
            continue
        if name == "Env":
            found |= {f"Env {key}": text for key, _, text in (str(item).partition("=") for item in value)}
        elif isinstance(value, dict) and name == "Labels":
            found |= {f"Label {key}": str(text) for key, text in value.items()}
        else:
            found[str(name)] = value if isinstance(value, str) else json.dumps(value)
    return {spelt(name, 80): spelt(text, 400) for name, text in found.items()}


def differences(before: Image, after: Image) -> list[Change]:
    """The paths that differ for containers of the two images, biggest first.

    Files with the same size and mode, but from different layers, are read and compared.
    """
    found: list[Change] = []
    doubtful: list[tuple[File, Content, Content]] = []
    for path in after.files:
        new = after.files.get(path)
        old = before.files.get(path)
        if new is None:
            continue
        note = f"link to {new.link}" if new.kind == "symlink" else ""
        if old is None:
            found.append(Change("added", path, new.kind, new.size, note, None))
            continue
        notes = _differences(old, new)
        if notes:
            found.append(Change("changed", path, new.kind, new.size, ", ".join(notes), None))
        elif new.kind == "file" and new.size:
            places = before.files.content(path), after.files.content(path)
            if places[0] and places[1] and _origin(before, places[0]) != _origin(after, places[1]):
                doubtful.append((new, _first(before, places[0]), _first(after, places[1])))
    for path in before.files:
        old = before.files.get(path)
        if old is not None and path not in after.files:
            found.append(Change("removed", path, old.kind, old.size, "", None))
    if doubtful:
        digests = _digests(before, (item[1] for item in doubtful)), _digests(after, (item[2] for item in doubtful))
        found += [
            Change("changed", new.path, new.kind, new.size, "same size, other content", None)
            for new, old_place, new_place in doubtful
            if digests[0].get(old_place) != digests[1].get(new_place)
        ]
    return sorted(found, key=lambda change: (-change.size, change.path))


def _differences(old: File, new: File) -> list[str]:
    if old.kind != new.kind:
        return [f"was a {old.kind}"]
    notes = altered(old, new)
    if old.link != new.link:
        notes.append(f"link to {new.link}, was {old.link}")
    return notes


def _origin(image: Image, place: Content) -> tuple[str, int]:
    return image.layers[place.layer].diff_id, place.number


def _first(image: Image, place: Content) -> Content:
    """The first place of the content in the image, if a layer occurs twice."""
    digest = image.layers[place.layer].diff_id
    first = next(layer.index for layer in image.layers if layer.diff_id == digest)
    return Content(first, place.number)


def _digests(image: Image, places: Iterable[Content]) -> dict[Content, bytes]:
    visitor = _Digests(places)
    image.visit(visitor)
    return visitor.found


class _Digests:
    """Computes the digests of the wanted contents."""

    def __init__(self, wanted: Iterable[Content]) -> None:
        self._wanted = frozenset(wanted)
        self.found: dict[Content, bytes] = {}

    def visit(self, layer: int, number: int, member: Member) -> Sink | None:
        place = Content(layer, number)
        return _Digest(self.found, place) if place in self._wanted else None


class _Digest:
    def __init__(self, found: dict[Content, bytes], place: Content) -> None:
        self._found, self._place = found, place
        self._digest = hashlib.sha256()

    def write(self, data: memoryview) -> None:
        self._digest.update(data)

    def close(self) -> None:
        self._found[self._place] = self._digest.digest()

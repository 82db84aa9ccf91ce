"""What a build did, read from the stream that `docker buildx build --progress=rawjson` prints.

Early versions print indented objects, later ones an object on each line. After a failure, plain text follows. A vertex
is sent again whenever something about it changed, so vertexes are merged by digest.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from grader.lib.text import clean

STEP_OUTPUT = 256 * 1024
"""Bytes kept of one step's output: the beginning and the end."""
ALL_OUTPUT = 4 * 1024 * 1024
"""Bytes kept of the output of all steps together."""
_MAX_OBJECT = 8 * 1024 * 1024
_MAX_VERTEXES = 5_000
_TAIL = 64 * 1024
_OWN_FIRST = "[internal] load build definition"  # reads this build's own folder, so no other build has this vertex

# "[build 2/5] RUN make", "[stage-1 3/3] COPY …", "[2/2] RUN …", with a platform in front if several are built.
_STEP = re.compile(
    r"\[(?:[a-z]+/\S+(?:->\S+)? )?(?:(?P<stage>\S+) )? *(?P<at>\d+)/(?P<of>\d+)\] (?P<text>.*)", re.DOTALL
)
# Where a stage has no step of its own, those that an ONBUILD of its base adds have no such beginning.
_UNNUMBERED = re.compile(r"(?:ONBUILD )?(?P<text>(?:RUN|COPY|ADD|WORKDIR|LINK COPY|LINK ADD) .*)", re.DOTALL)


@dataclass
class Vertex:
    """One node of the build graph. Times are seconds since the epoch."""

    digest: str
    name: str = ""
    inputs: tuple[str, ...] = ()
    started: float | None = None
    completed: float | None = None
    seconds: float = 0.0
    """How long it ran, over all its runs."""
    cached: bool = False
    """As BuildKit says. Only true if the build succeeded, and never of a FROM."""
    error: str = ""
    output: str = ""
    """What it printed, standard output and error in order, bounded (see STEP_OUTPUT)."""

    @property
    def step(self) -> StepName | None:
        """Its place in the Dockerfile; None for what BuildKit does by itself."""
        match = _STEP.fullmatch(self.name)
        if not match:
            unnumbered = _UNNUMBERED.fullmatch(self.name)
            return StepName("", 0, 0, unnumbered["text"]) if unnumbered else None
        # A step from a base image's ONBUILD has this word in front on Docker 28.5, but not on 26.1 and before.
        text = match["text"].removeprefix("ONBUILD ")
        return StepName(match["stage"] or "", int(match["at"]), int(match["of"]), text)

    @property
    def internal(self) -> bool:
        """Whether it is no step of the Dockerfile: loading, exporting, resolving."""
        return self.step is None


@dataclass(frozen=True)
class StepName:
    """The parts of a vertex's name, `[STAGE AT/OF] TEXT`. `stage` is empty if the file has only one.

    `at` and `of` are 0 if the name is the text alone.
    """

    stage: str
    at: int
    of: int
    text: str

    @property
    def is_from(self) -> bool:
        return self.text.startswith("FROM ")

    @property
    def is_link(self) -> bool:
        """Whether it is the second vertex of a `COPY --link`, which puts what was copied on top of the layers below."""
        return self.text.startswith("LINK ")


@dataclass(frozen=True)
class BuildLog:
    """A build that has ended. `trailer` is the plain text after the stream."""

    ok: bool
    seconds: float
    vertexes: Sequence[Vertex] = field(default_factory=tuple)
    trailer: str = ""

    @property
    def steps(self) -> list[Vertex]:
        """The vertexes of Dockerfile instructions except FROM, in the order in which they were announced."""
        return [v for v in self.vertexes if v.step and not v.step.is_from and not v.step.is_link]

    @property
    def own(self) -> list[Vertex]:
        """The vertexes of this build, in the order in which they were announced.

        Where another build does the same at the same time, BuildKit tells of that one's vertexes as well. All that a
        vertex of this build builds on was announced; of the other's, only what the two have in common.
        """
        foreign: set[str] = set()
        known = {vertex.digest for vertex in self.vertexes}
        more = {vertex.digest for vertex in self.vertexes if not known.issuperset(vertex.inputs)}
        while more:
            foreign |= more
            more = {
                vertex.digest
                for vertex in self.vertexes
                if vertex.digest not in foreign and not foreign.isdisjoint(vertex.inputs)
            }
        return [vertex for vertex in self.vertexes if vertex.digest not in foreign]

    @property
    def began(self) -> float | None:
        """When it began, by the clock of the vertexes' times; None if the log does not say."""
        times = [v.started for v in self.vertexes if v.name.startswith(_OWN_FIRST) and v.started is not None]
        return min(times, default=None)

    @property
    def failed(self) -> Vertex | None:
        """The step at which the build failed, not those that were cancelled because of it."""
        for vertex in self.vertexes:
            if vertex.error and not vertex.error.rstrip().endswith("context canceled"):
                return vertex
        return None

    @property
    def error(self) -> str:
        """BuildKit's own message on why it failed; empty if it did not."""
        # The step's own error first: the trailer quotes the submission, which may have lines that look like an error.
        if self.failed:
            return self.failed.error
        found = re.search(r"^ERROR: (?:failed to build: )?(?:failed to solve: )?(.*)", self.trailer, re.M | re.DOTALL)
        return found[1].strip() if found else ""

    @property
    def line(self) -> int | None:
        """The line of the Dockerfile that BuildKit marked as the failing one."""
        found = re.search(r"^\s*(\d+) \| >>> ", self.trailer, re.MULTILINE)
        return int(found[1]) if found else None


class Collector:
    """Reads the stream as it comes, and keeps what a BuildLog needs.

    `on_step` is called with a vertex when it starts and when it ends, and `on_output` with the digest of a vertex and
    everything that it printed.
    """

    def __init__(
        self,
        on_step: Callable[[Vertex], None] | None = None,
        on_output: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self.vertexes: dict[str, Vertex] = {}
        self._outputs: dict[str, _Output] = {}
        self._on_step = on_step
        self._on_output = on_output
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._bytes = b""
        self._trailer = ""
        self._kept = 0

    def feed(self, chunk: bytes) -> None:
        # Decode whole lines only, so that no character is cut in two.
        data = self._bytes + chunk
        end = data.rfind(b"\n") + 1
        self._bytes = data[end:]
        if end:
            self._text += data[:end].decode("utf-8", "replace")
            self._parse()

    def finish(self, *, ok: bool, seconds: float) -> BuildLog:
        self.feed(b"\n")
        self._trailer = (self._trailer + self._text)[-_TAIL:]
        for digest, output in self._outputs.items():
            if digest in self.vertexes:
                self.vertexes[digest].output = output.text()
        return BuildLog(ok, seconds, tuple(self.vertexes.values()), self._trailer)

    def _parse(self) -> None:
        while True:
            self._text = self._text.lstrip()
            if not self._text:
                return
            if self._text[0] != "{":
                line, newline, rest = self._text.partition("\n")
                self._trailer = f"{self._trailer}{line}{newline}"[-_TAIL:]
                self._text = rest
                continue
            # An indented object ends with a brace alone on its line, and any other at the end of its line.
            first = self._text.partition("\n")[0]
            if first.rstrip() == "{":
                end = self._text.find("\n}\n")
                if end < 0:
                    if len(self._text) > _MAX_OBJECT:
                        self._text = ""
                    return
                candidate, self._text = self._text[: end + 2], self._text[end + 3 :]
            else:
                candidate, self._text = first, self._text[len(first) :]
            try:
                value = self._decoder.decode(candidate.strip())
            except ValueError:
                self._trailer = f"{self._trailer}{candidate}\n"[-_TAIL:]
                continue
            if isinstance(value, Mapping):
                self._take(value)

    def _take(self, value: Mapping[str, Any]) -> None:
        for raw in value.get("vertexes") or ():
            self._vertex(raw)
        for raw in value.get("logs") or ():
            try:
                data = base64.b64decode(raw.get("data") or "")
            except (binascii.Error, ValueError):
                continue
            digest = str(raw.get("vertex"))
            if self._on_output:
                self._on_output(digest, data)
            output = self._outputs.setdefault(digest, _Output())
            if self._kept < ALL_OUTPUT or output.size:
                self._kept += output.add(data)

    def _vertex(self, raw: Mapping[str, Any]) -> None:
        digest = str(raw.get("digest"))
        if digest not in self.vertexes and len(self.vertexes) >= _MAX_VERTEXES:
            return
        vertex = self.vertexes.setdefault(digest, Vertex(digest))
        vertex.name = str(raw.get("name") or vertex.name)
        vertex.inputs = tuple(raw.get("inputs") or ()) or vertex.inputs
        vertex.cached = bool(raw.get("cached")) or vertex.cached
        vertex.error = str(raw.get("error") or vertex.error)
        before = (vertex.started, vertex.completed)
        started, completed = _time(raw.get("started")), _time(raw.get("completed"))
        if started is not None:
            if vertex.started is not None and started != vertex.started:
                vertex.completed = None  # it runs again
            vertex.started = started
        if completed is not None and completed != vertex.completed:
            vertex.completed = completed
            vertex.seconds += max(0.0, completed - (vertex.started or completed))
        if self._on_step and before != (vertex.started, vertex.completed):
            self._on_step(vertex)


class _Output:
    """The beginning and the end of what a step printed."""

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> int:
        """Take more output. Returns how many bytes more are kept."""
        before = len(self._head) + len(self._tail)
        self.size += len(data)
        room = STEP_OUTPUT // 2 - len(self._head)
        self._head += data[: max(0, room)]
        self._tail += data[max(0, room) :]
        if len(self._tail) > STEP_OUTPUT:
            del self._tail[: -STEP_OUTPUT // 2]
        return len(self._head) + len(self._tail) - before

    def text(self) -> str:
        tail = bytes(self._tail[-STEP_OUTPUT // 2 :])
        cut = self.size - len(self._head) - len(tail)
        middle = f"\n… {cut} bytes left out …\n" if cut > 0 else ""
        return self._head.decode("utf-8", "replace") + middle + tail.decode("utf-8", "replace")


def _time(text: object) -> float | None:
    """Return the seconds since the epoch for an RFC 3339 time with nanoseconds."""
    if not isinstance(text, str):
        return None
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if not match:
        return None
    whole = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).timestamp()
    return whole + float(match[2] or 0)


def last_lines(text: str, count: int = 12) -> str:
    """Return the last lines of a step's output, cleaned: what shows a person why it failed."""
    lines = [line.rstrip() for line in clean(text[-8_000:], 8_000).splitlines()]
    return "\n".join([line for line in lines if line][-count:])

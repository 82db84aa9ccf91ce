"""The stream of a build: in either form, in any pieces, with text behind it, and from hostile steps."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from grader.facts.build import build_log
from grader.facts.build.build_log import BuildLog, Collector, StepName, Vertex, last_lines

AT = "2026-01-01T00:00:{:02}Z"


def vertex(
    digest: str, name: str = "", start: int | None = None, end: int | None = None, **more: Any
) -> dict[str, Any]:
    times = {
        "started": AT.format(start) if start is not None else None,
        "completed": AT.format(end) if end is not None else None,
    }
    return {"digest": digest, "name": name} | {key: value for key, value in times.items() if value} | more


def said(digest: str, text: str | bytes) -> dict[str, Any]:
    data = text.encode() if isinstance(text, str) else text
    return {"vertex": digest, "data": base64.b64encode(data).decode()}


def read(
    *objects: Any, indent: int | None = None, trailer: str = "", ok: bool = True, piece: int = 1 << 20
) -> BuildLog:
    stream = "".join(json.dumps(item, indent=indent) + "\n" for item in objects) + trailer
    collector = Collector()
    data = stream.encode()
    for at in range(0, len(data), piece):
        collector.feed(data[at : at + piece])
    return collector.finish(ok=ok, seconds=1.0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("[2/5] RUN make", StepName("", 2, 5, "RUN make")),
        ("[build 2/5] COPY . .", StepName("build", 2, 5, "COPY . .")),
        ("[stage-1  2/10] RUN a", StepName("stage-1", 2, 10, "RUN a")),
        ("[linux/arm64 build 1/2] FROM x", StepName("build", 1, 2, "FROM x")),
        ("[linux/amd64->arm64 2/2] RUN a", StepName("", 2, 2, "RUN a")),
        ("[2/3] ONBUILD RUN a", StepName("", 2, 3, "RUN a")),
        ("[2/3] RUN a\n  b", StepName("", 2, 3, "RUN a\n  b")),
        ("[internal] load metadata for x", None),
        ("exporting to image", None),
        ("[auth] library/x:pull token", None),
        ("x [2/5] RUN make", None),
        ("", None),
    ],
)
def test_names(name: str, expected: StepName | None) -> None:
    found = Vertex("x", name)
    assert (found.step, found.internal) == (expected, expected is None)


def test_which_are_steps() -> None:
    names = ["[1/3] FROM x", "[2/3] RUN a", "[3/3] LINK COPY b c", "[internal] load build definition", "[3/3] COPY b c"]
    log = read({"vertexes": [vertex(letter, name) for letter, name in zip("abcde", names, strict=True)]})
    assert [step.digest for step in log.steps] == ["b", "e"]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_objects_in_either_form_and_in_any_pieces(indent: int | None, piece: int) -> None:
    log = read(
        {"vertexes": [vertex("a", "[2/2] RUN é", 1)]},
        {"logs": [said("a", "caf"), said("a", "é\n")]},
        {"vertexes": [vertex("a", "[2/2] RUN é", 1, 4, inputs=["b"])]},
        indent=indent,
        trailer="ERROR: done\n",
        piece=piece,
    )
    (found,) = log.vertexes
    assert (found.name, found.output, found.seconds, found.inputs) == ("[2/2] RUN é", "café\n", 3.0, ("b",))
    assert log.trailer == "ERROR: done\n"


def test_a_vertex_is_merged_from_all_that_is_said_of_it() -> None:
    log = read(
        {"vertexes": [vertex("a", "[2/2] RUN a", inputs=["x"])]},
        {"vertexes": [vertex("a", "", 1)]},
        {"vertexes": [vertex("a", "", 1, 3)]},
        {"vertexes": [vertex("a", "", 1, 3)]},
        {"vertexes": [vertex("a", "", 5)]},
        {"vertexes": [vertex("a", "", 5, 6, cached=True)]},
        {"vertexes": [vertex("a")]},
    )
    (found,) = log.vertexes
    assert (found.name, found.inputs, found.seconds, found.cached) == ("[2/2] RUN a", ("x",), 3.0, True), "it ran twice"
    assert found.completed is not None
    assert found.started is not None
    assert found.completed - found.started == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-01T00:00:01.5Z", 1.5),
        ("2026-01-01T02:00:01.123456789+02:00", 1.123456789),
        ("2026-01-01 00:00:01Z", None),
        ("soon", None),
        (5, None),
        (None, None),
    ],
)
def test_times(text: Any, seconds: float | None) -> None:
    (found,) = read({"vertexes": [{"digest": "a", "started": text}]}).vertexes
    if seconds is None:
        assert found.started is None
    else:
        assert found.started == pytest.approx(1767225600 + seconds, abs=1e-6)


def test_a_clock_that_runs_back_makes_no_negative_time() -> None:
    assert read({"vertexes": [vertex("a", "", 5, 3)]}).vertexes[0].seconds == 0


def test_steps_and_output_are_told_as_they_come() -> None:
    steps: list[tuple[str, bool]] = []
    output: list[tuple[str, bytes]] = []
    collector = Collector(
        lambda found: steps.append((found.digest, found.completed is not None)),
        lambda digest, data: output.append((digest, data)),
    )
    for item in (
        {"vertexes": [vertex("a", "x")]},
        {"vertexes": [vertex("a", "x", 1)], "logs": [said("a", b"\xff1")]},
        {"vertexes": [vertex("a", "x", 1)]},
        {"vertexes": [vertex("a", "x", 1, 2)]},
    ):
        collector.feed(json.dumps(item).encode() + b"\n")
    assert steps == [("a", False), ("a", True)]
    assert output == [("a", b"\xff1")]


def test_output_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_log, "STEP_OUTPUT", 20)
    monkeypatch.setattr(build_log, "ALL_OUTPUT", 25)
    lines = [f"{number:03}\n" for number in range(40)]
    vertexes = {"vertexes": [vertex("a"), vertex("b"), vertex("c")]}
    first, rest = (
        [said("b", "other"), *(said("a", line) for line in lines)],
        [said("c", "too late"), said("b", " words")],
    )
    log = read(vertexes, {"logs": first}, {"logs": rest})
    a, b, c = (found.output for found in log.vertexes)
    assert a.startswith("000\n001\n")
    assert a.endswith("038\n039\n")
    assert "bytes left out" in a
    assert len(a) < 60
    assert (b, c) == ("other words", ""), "when all is kept that may be, only what had begun goes on"


def test_what_is_no_part_of_the_stream_goes_behind_it() -> None:
    log = read({"vertexes": [vertex("a")]}, trailer="{not json}\nplain\n[1]\n5\n{\n  never closed\n", ok=False)
    assert log.trailer.splitlines() == ["{not json}", "plain", "[1]", "5", "{", "  never closed", ""]
    assert not log.ok


@pytest.mark.parametrize(
    "item", [{"vertexes": None}, {"logs": [{"vertex": "a", "data": "%%%"}]}, {"logs": [{}]}, [], {}, 5]
)
def test_objects_of_another_shape_are_passed_over(item: Any) -> None:
    assert read(item, {"vertexes": [vertex("a", "x")]}).vertexes[-1].name == "x"


def test_more_vertexes_than_any_build_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_log, "_MAX_VERTEXES", 3)
    log = read(*({"vertexes": [vertex(str(number), "x")]} for number in range(9)), {"vertexes": [vertex("0", "y")]})
    assert [(found.digest, found.name) for found in log.vertexes] == [("0", "y"), ("1", "x"), ("2", "x")]


@pytest.mark.parametrize(
    ("vertexes", "trailer", "error"),
    [
        ([], "ERROR: failed to solve: no such file", "no such file"),
        ([], "ERROR: failed to build: failed to solve: x\ny", "x\ny"),
        ([], "something else", ""),
        ([vertex("a", "[2/2] RUN a", error="exit code: 1")], "ERROR: failed to solve: other", "exit code: 1"),
        ([vertex("a", error="rpc: context canceled"), vertex("b", error="exit code: 2")], "", "exit code: 2"),
        pytest.param([vertex("a", error="exit code: 1")], "#7 ERROR: failed to solve: faked by a step", "exit code: 1",
                     id="what the trailer quotes of the submission is not believed"),
    ],
)  # fmt: skip
def test_why_it_failed(vertexes: list[dict[str, Any]], trailer: str, error: str) -> None:
    assert read({"vertexes": vertexes}, trailer=trailer, ok=False).error == error


@pytest.mark.parametrize(
    ("trailer", "line"),
    [
        ("--------------------\n   3 | >>> RUN false\n", 3),
        ("  12 |     RUN a\n  13 | >>> RUN b\n  14 | >>> c\n", 13),
        ("RUN x | >>> y", None),
    ],
)
def test_the_line_it_points_at(trailer: str, line: int | None) -> None:
    assert read(trailer=trailer).line == line


def test_when_it_began() -> None:
    own = "[internal] load build definition from Dockerfile"
    log = read(
        {"vertexes": [vertex("a", "[2/2] RUN a", 1), vertex("b", own, 7), vertex("c", own, 5), vertex("d", own)]}
    )
    assert log.began == pytest.approx(1767225605)
    assert read({"vertexes": [vertex("a", "[2/2] RUN a", 1)]}).began is None


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("a\n\nb  \nc\n", 2, "b\nc"),
        ("", 2, ""),
        ("\x1b[31mred\x1b[0m\n", 2, "red"),
        ("50%\r100%\n", 1, "100%"),
        ("x" * 9_000, 1, "x" * 8_000),
    ],
)
def test_last_lines(text: str, count: int, expected: str) -> None:
    assert last_lines(text, count) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("RUN make", "RUN make"),
        ("ONBUILD COPY a .", "COPY a ."),
        ("exporting to image", None),
        ("[internal] load build context", None),
        ("https://example.org/RUN x", None),
    ],
)
def test_a_name_without_a_number(name: str, text: str | None) -> None:
    step = Vertex("1", name).step
    assert (step.text if step else None) == text

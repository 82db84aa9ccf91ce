"""Which vertex stands for which instruction, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from grader.facts.build.build_log import BuildLog, Vertex
from grader.facts.build.steps import BuiltStep, StepStatus, match
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve

RAN, REUSED, NOTHING, UNKNOWN = StepStatus.RAN, StepStatus.REUSED, StepStatus.NOTHING, StepStatus.UNKNOWN
OWN = Vertex("own", "[internal] load build definition from Dockerfile", started=100.0, completed=100.5)


def vertex(digest: str, name: str, *inputs: str, cached: bool = False, at: float | None = 101.0) -> Vertex:
    """One that ran, or came from the cache, or (at None) was not needed."""
    return Vertex(digest, name, inputs, at, None if at is None else at + 2, 2.0, cached)


def steps(dockerfile: str, *vertexes: Vertex, target: str = "") -> list[BuiltStep]:
    return match(BuildLog(True, 1.0, (OWN, *vertexes)), resolve(parse(dockerfile), target=target))


def states(found: Sequence[BuiltStep]) -> list[tuple[str, str, StepStatus]]:
    return [(step.text, step.vertex.digest if step.vertex else "", step.state) for step in found]


ONE = "FROM alpine\nWORKDIR /app\nENV a=1\nCOPY x .\nRUN make\nUSER 7\n"
BASE = vertex("from", "[1/4] FROM docker.io/library/alpine:latest@sha256:1")
STEPS = (
    vertex("w", "[2/4] WORKDIR /app", "from", cached=True),
    vertex("c", "[3/4] COPY x .", "w", at=None),
    vertex("r", "[4/4] RUN make", "c"),
)


def test_one_stage() -> None:
    found = steps(ONE, BASE, *STEPS)
    assert states(found) == [
        ("WORKDIR /app", "w", REUSED),
        ("ENV a=1", "", NOTHING),
        ("COPY x .", "c", REUSED),
        ("RUN make", "r", RAN),
        ("USER 7", "", NOTHING),
    ]
    assert [step.seconds for step in found] == [0, 0, 0, 2.0, 0]


def test_a_build_that_failed_says_nothing() -> None:
    with pytest.raises(ValueError, match="failed"):
        match(BuildLog(False, 1.0, STEPS), resolve(parse(ONE)))


def test_what_another_build_ran_before_this_one_began_was_reused() -> None:
    earlier = vertex("r", "[4/4] RUN make", "c", at=97.0)
    still = vertex("r", "[4/4] RUN make", "c", at=99.0)
    assert steps(ONE, BASE, *STEPS[:2], earlier)[3].state is REUSED
    assert steps(ONE, BASE, *STEPS[:2], still)[3].state is RAN, "it ended after this build had begun"


@pytest.mark.parametrize(
    ("workdir", "vertexes", "expected"),
    [
        ("/", [vertex("r", "[2/2] RUN a", "f")], [("", NOTHING), ("r", RAN)]),
        ("//", [vertex("w", "[2/3] WORKDIR //", "f"), vertex("r", "[3/3] RUN a", "w")], [("w", RAN), ("r", RAN)]),
        ("/w", [vertex("w", "[2/3] WORKDIR /w", "f"), vertex("r", "[3/3] RUN a", "w")], [("w", RAN), ("r", RAN)]),
    ],
)
def test_a_workdir_that_is_the_root(
    workdir: str, vertexes: list[Vertex], expected: list[tuple[str, StepStatus]]
) -> None:
    found = steps(
        f"FROM alpine\nWORKDIR {workdir}\nRUN a\n", vertex("f", "[1/2] FROM docker.io/library/alpine:latest"), *vertexes
    )
    assert [(digest, state) for _, digest, state in states(found)] == expected


TWO = "FROM alpine AS build\nRUN make\nFROM scratch\nCOPY --from=build /a /a\nCOPY b /b\n"


def test_stages_by_name_and_by_number() -> None:
    found = steps(
        TWO,
        vertex("f", "[build 1/2] FROM docker.io/library/alpine:latest"),
        vertex("r", "[build 2/2] RUN make", "f"),
        vertex("c", "[stage-1 1/2] COPY --from=build /a /a", "r", cached=True),
        vertex("d", "[stage-1 2/2] COPY b /b", "c"),
    )
    assert [(digest, state) for _, digest, state in states(found)] == [("r", RAN), ("c", REUSED), ("d", RAN)]


def test_only_stages_that_are_built() -> None:
    found = steps(
        TWO,
        vertex("f", "[build 1/2] FROM docker.io/library/alpine:latest"),
        vertex("r", "[build 2/2] RUN make", "f"),
        target="build",
    )
    assert states(found) == [("RUN make", "r", RAN)]


def test_a_step_that_no_vertex_stands_for_is_unknown() -> None:
    found = steps(ONE, BASE, *STEPS[:2])
    assert states(found)[3] == ("RUN make", "", UNKNOWN)


def twins(one: str, other: str) -> str:
    """A file of two stages with these steps, and a third that takes from both."""
    return f"FROM alpine AS a\n{one}\nFROM alpine AS b\n{other}\nFROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n"


TWINS = twins("RUN same\nRUN one", "RUN same\nRUN two")
TWIN_STEPS = (
    vertex("f", "[a 1/3] FROM docker.io/library/alpine:latest"),
    vertex("s", "[a 2/3] RUN same", "f"),
    vertex("1", "[a 3/3] RUN one", "s"),
    vertex("2", "[b 3/3] RUN two", "s"),
)


def test_twin_steps_of_two_stages_are_one_vertex() -> None:
    found = steps(TWINS, *TWIN_STEPS)
    assert states(found)[:4] == [
        ("RUN same", "s", RAN),
        ("RUN one", "1", RAN),
        ("RUN same", "s", RAN),
        ("RUN two", "2", RAN),
    ]


def test_twins_that_say_something_else_or_stand_on_something_else_are_none() -> None:
    other = TWINS.replace("AS b\nRUN same", "AS b\nRUN same thing")
    assert states(steps(other, *TWIN_STEPS))[2] == ("RUN same thing", "", UNKNOWN)
    elsewhere = TWINS.replace("FROM alpine AS b", "FROM debian AS b")
    assert states(steps(elsewhere, *TWIN_STEPS))[2] == ("RUN same", "", UNKNOWN)


def test_a_name_that_two_stages_bear_tells_nothing_by_itself() -> None:
    file = twins("RUN x\nFROM a AS b", "RUN y").replace("alpine AS b", "alpine AS a")
    found = steps(
        file,
        vertex("f", "[a 1/2] FROM docker.io/library/alpine:latest"),
        vertex("x", "[a 2/2] RUN x", "f"),
        vertex("y", "[a 2/2] RUN y", "f", cached=True),
    )
    assert states(found)[:2] == [("RUN x", "x", RAN), ("RUN y", "y", REUSED)]


def test_linked_copies_are_two_vertexes() -> None:
    found = steps(
        "FROM alpine\nCOPY --link a /a\nRUN make\n",
        vertex("f", "[1/3] FROM docker.io/library/alpine:latest"),
        vertex("context", "[internal] load build context"),
        vertex("copy", "[2/3] COPY --link a /a", "context", cached=True),
        vertex("link", "[2/3] LINK COPY --link a /a", "f", "copy"),
        vertex("r", "[3/3] RUN make", "link"),
    )
    assert states(found) == [("COPY --link a /a", "copy", REUSED), ("RUN make", "r", RAN)]


def test_an_add_of_an_address_is_a_download_and_a_step() -> None:
    found = steps(
        "FROM alpine\nADD https://example.com/x /x\n",
        vertex("step", "[2/2] ADD https://example.com/x /x", "f", "load"),
        vertex("load", "[2/2] ADD https://example.com/x /x", cached=True),
        vertex("f", "[1/2] FROM docker.io/library/alpine:latest"),
    )
    assert states(found) == [("ADD https://example.com/x /x", "step", RAN)]


def test_a_single_stage_with_a_mount_has_a_name_after_all() -> None:
    found = steps(
        "FROM alpine\nRUN --mount=type=bind,target=/s make\n",
        vertex("f", "[stage-0 1/2] FROM docker.io/library/alpine:latest"),
        vertex("r", "[stage-0 2/2] RUN --mount=type=bind,target=/s make", "f"),
    )
    assert [state for *_, state in states(found)] == [RAN]


@pytest.mark.parametrize(
    ("instruction", "said"),
    [
        ("ARG v=1\nCOPY a$v /x", "COPY a1 /x"),
        ("ARG v=1\nCOPY a$v /x", "COPY a$v /x"),
        ("RUN <<E\nmake\nE", "RUN <<E (make)"),
        ("RUN a \\\n  b", "RUN a   b"),
    ],
)
def test_twins_are_known_by_their_words_variables_replaced_or_not(instruction: str, said: str) -> None:
    found = steps(
        twins(instruction, instruction),
        vertex("f", "[a 1/2] FROM docker.io/library/alpine:latest"),
        vertex("x", f"[a 2/2] {said}", "f"),
    )
    assert [step.vertex.digest for step in found if step.step.stage.name and step.vertex] == ["x", "x"]


def test_what_another_build_does_at_the_same_time() -> None:
    """A vertex has the name that the first build gave it, and the other build's own are not in this build's graph."""
    named = tuple(replace(one, name=one.name.replace("[", "[first ")) for one in (BASE, *STEPS[:2]))
    foreign = (vertex("f", "[first 3/4] COPY x .", "from", "elsewhere"), vertex("g", "[first 4/4] RUN make", "f"))
    assert [state[1:] for state in states(steps(ONE, *named, STEPS[2], *foreign))] == [
        state[1:] for state in states(steps(ONE, BASE, *STEPS))
    ]


def test_names_of_another_builds_stages() -> None:
    """Both builds have a stage called `app`, which do other things."""
    found = steps(
        "FROM alpine AS base\nRUN one\nFROM alpine AS app\nRUN two\nCOPY --from=base a b\n",
        vertex("from", "[app 1/3] FROM docker.io/library/alpine:latest"),
        vertex("one", "[app 2/3] RUN one", "from", cached=True),
        vertex("two", "[app 2/3] RUN two", "from"),
        vertex("copy", "[app 3/3] COPY --from=base a b", "two", "one"),
    )
    assert states(found) == [
        ("RUN one", "one", REUSED),
        ("RUN two", "two", RAN),
        ("COPY --from=base a b", "copy", RAN),
    ]


@pytest.mark.parametrize("word", ["", "ONBUILD "])
def test_onbuild_steps_in_a_stage_without_steps_of_its_own_have_no_number(word: str) -> None:
    found = steps(
        "FROM alpine AS b\nWORKDIR /app\nONBUILD COPY x ./\nONBUILD RUN make\nFROM b\nCMD a\n",
        vertex("f", "[b 1/2] FROM docker.io/library/alpine:latest"),
        vertex("w", "[b 2/2] WORKDIR /app", "f", cached=True),
        vertex("c", f"{word}COPY x ./", "w", cached=True),
        vertex("r", f"{word}RUN make", "c"),
    )
    assert states(found)[3:] == [("COPY x ./", "c", REUSED), ("RUN make", "r", RAN), ("CMD a", "", NOTHING)]


def test_onbuild_steps_of_an_outside_image_move_the_numbers_of_the_others() -> None:
    found = steps(
        "FROM alpine\nCOPY x .\nRUN make\n",
        vertex("f", "[1/3] FROM docker.io/library/alpine:latest"),
        vertex("o", "[2/3] COPY . /src", "f", cached=True),
        vertex("c", "[3/3] COPY x .", "o", cached=True),
        vertex("r", "[4/3] RUN make", "c"),
    )
    assert states(found) == [("COPY x .", "c", REUSED), ("RUN make", "r", RAN)]

"""`build`: it builds, in so many steps and so long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from grader.checks.build import Params, judge
from grader.errors import EngineFailure, GraderError, SubmissionFault
from grader.facts import Facts
from grader.facts.build.build import Build, BuildFailed
from grader.facts.build.build_log import BuildLog, Vertex
from grader.facts.engine.engine import Engine
from grader.verdict import Status
from tests.grader.conftest import facts_of

FROM = Vertex("f", "[1/3] FROM scratch")
STEPS = (Vertex("a", "[2/3] COPY a /"), Vertex("b", "[3/3] RUN make"))
OWN = Vertex("o", "[internal] load build context")


@pytest.mark.parametrize(
    ("vertexes", "seconds", "says", "details"),
    [
        ((OWN, FROM, *STEPS), 41.049, "2 steps in 41 s", {"seconds": 41.05, "steps": 2}),
        ((OWN, FROM, STEPS[0]), 0.25, "1 step in 250 ms", {"seconds": 0.25, "steps": 1}),
        ((), 0.0, "0 steps in 0 ms", {"seconds": 0.0, "steps": 0}),
        ((Vertex("l", "[2/3] LINK COPY --link a /"), *STEPS), 1, "2 steps in 1", {"seconds": 1, "steps": 2}),
    ],
)
def test_a_build(
    monkeypatch: pytest.MonkeyPatch, submit: Callable[..., Path], vertexes: tuple[Vertex, ...], seconds: float,
    says: str, details: dict[str, float],
) -> None:  # fmt: skip
    monkeypatch.setattr(Facts, "build", Build(BuildLog(True, seconds, vertexes), "image"))
    with facts_of(submit(Dockerfile="FROM scratch\n")) as facts:
        verdict = judge(facts, Params())
    assert (verdict.status, verdict.fraction, verdict.details) == (Status.PASSED, 1.0, details)
    assert verdict.message.startswith(f"The image builds: {says}")


@pytest.mark.parametrize("fault", [BuildFailed("why", BuildLog(False, 1.0)), GraderError("why")])
def test_whoever_is_to_blame_the_check_says_nothing_of_its_own(
    monkeypatch: pytest.MonkeyPatch, submit: Callable[..., Path], fault: Exception
) -> None:
    def build(_facts: Facts) -> Build:
        raise fault

    monkeypatch.setattr(Facts, "build", property(build))
    with facts_of(submit(Dockerfile="FROM scratch\n")) as facts, pytest.raises(type(fault)) as caught:
        judge(facts, Params())
    assert caught.value is fault


def test_a_file_that_does_not_parse_is_a_fault_before_any_engine_is_asked(submit: Callable[..., Path]) -> None:
    with facts_of(submit(Dockerfile="FROM scratch\nCOPPY a /\n")) as facts:
        with pytest.raises(SubmissionFault, match="COPPY"):
            judge(facts, Params())
        assert not facts.known(Facts.engine)


NEWER = {
    "COPY --exclude": ("COPY --exclude=*.md . /x/", "1.19"),
    "COPY --parents": ("COPY --parents a/b /x/", "1.20"),
    "ADD --unpack": ("ADD --unpack=false a/b /x/", "1.17"),
    "a mode in letters": ("COPY --chmod=u+x a/b /x/", "1.14"),
    "a secret in the environment": ("RUN --mount=type=secret,id=x,env=X true", "1.10"),
    "in a trigger": ("ONBUILD COPY --exclude=*.md . /x/\nFROM first", "1.19"),
}


@pytest.mark.engine
@pytest.mark.parametrize(("line", "since"), NEWER.values(), ids=NEWER)
def test_what_an_older_builder_does_not_know_costs_nobody_points(
    submit: Callable[..., Path], engine: Engine, base: str, line: str, since: str
) -> None:
    folder = submit({"Dockerfile": f"FROM {base} AS first\n{line}\n", "a/b": "x", "c.md": "y"})
    refused = ""
    with facts_of(folder, engine) as facts:
        try:
            judge(facts, Params())
        except EngineFailure as fault:
            refused = str(fault)
    told = (f"BuildKit in Docker {engine.info.version}", f"since version {since}") if refused else ()
    assert [words for words in told if words not in refused] == []


def test_it_has_no_parameters() -> None:
    with pytest.raises(ValidationError):
        Params.model_validate({"within": "5 s"})

"""What is edited, what an edit broke, and how much work was saved. The experiment itself is in the checks' tests."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from grader.errors import SubmissionFault
from grader.facts.build import rebuild as module
from grader.facts.build.build_log import BuildLog, Vertex
from grader.facts.build.rebuild import Cold, Rebuild, Speed, files_to_edit, speed
from grader.facts.build.steps import BuiltStep, StepStatus
from grader.facts.context.build_context import BuildContext
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve

RAN, REUSED = StepStatus.RAN, StepStatus.REUSED
FILE = "FROM scratch\nCOPY a /\nRUN one\nRUN --mount=type=cache,target=/c two\nUSER x\n"
STEPS = resolve(parse(FILE)).target.image_steps()


def step(number: int, state: StepStatus, seconds: float = 1.0, digest: str = "") -> BuiltStep:
    """The step of that number; it builds on the one before."""
    if STEPS[number].name == "USER":
        return BuiltStep(STEPS[number], None, StepStatus.NOTHING)
    vertex = Vertex(digest or str(number), "", (str(number - 1),), 1.0, 1.0 + seconds, seconds, state is REUSED)
    return BuiltStep(STEPS[number], vertex, state)


def done(*steps: BuiltStep) -> Rebuild:
    vertexes = tuple(each.vertex for each in steps if each.vertex)
    return Rebuild("content", (), (), steps, BuildLog(True, 1.0, vertexes), {})


@pytest.mark.parametrize(
    ("states", "ran", "causes"),
    [
        ([REUSED, REUSED, REUSED], [], [0, 1, 2]),
        ([REUSED, RAN, RAN], [1, 2], [0, 1, 1]),
        ([RAN, RAN, RAN], [0, 1, 2], [0, 0, 0]),
        ([RAN, REUSED, RAN], [0, 2], [0, 0, 0]),
    ],
)
def test_what_broke_the_chain(states: list[StepStatus], ran: list[int], causes: list[int]) -> None:
    steps = [step(number, state) for number, state in enumerate(states)]
    found = done(*steps, step(3, RAN))
    assert found.ran == [steps[number] for number in ran]
    assert [found.cause(each) for each in steps] == [steps[number] for number in causes]


def test_a_step_of_another_branch_is_no_cause() -> None:
    apart = BuiltStep(STEPS[2], Vertex("9", "", (), 1.0, 2.0, 1.0), RAN)
    assert done(step(0, RAN), apart).cause(apart) is apart


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([(REUSED, 0), (RAN, 4.0), (RAN, 6.0)], [(REUSED, 0), (REUSED, 0), (RAN, 2.0)], (10.0, 2.0)),
        pytest.param([(RAN, 4.0), (RAN, 6.0)], [(REUSED, 0), (RAN, 2.0)], (6.0, 2.0), id="cold it was busy"),
        ([(RAN, 4.0), (RAN, 6.0)], [(REUSED, 0), (REUSED, 0)], (10.0, 0.0)),
        pytest.param([(RAN, 4.0), (RAN, 6.0)], [(RAN, 40.0), (RAN, 1.0)], (5.0, 5.0), id="a machine that got busy"),
        pytest.param(
            [(REUSED, 0), (RAN, 6.0)], [(RAN, 3.0), (REUSED, 0)], (6.0, 3.0), id="cold it was not seen to run"
        ),
    ],
)
def test_work(
    before: list[tuple[StepStatus, float]], after: list[tuple[StepStatus, float]], expected: tuple[float, float]
) -> None:
    cold = Cold([step(number, *each) for number, each in enumerate(before)], "", "")
    assert speed(cold, done(*(step(number, *each) for number, each in enumerate(after)))) == Speed(*expected)


def test_of_several_rebuilds_each_step_counts_with_its_least_time() -> None:
    cold = Cold([step(1, RAN, 4.0), step(2, RAN, 6.0)], "", "")
    rebuilds = [done(step(1, REUSED, 0), step(2, RAN, seconds)) for seconds in (5.0, 1.0, 3.0)]
    assert speed(cold, *rebuilds) == Speed(10.0, 1.0)


def test_twin_steps_are_one_piece_of_work() -> None:
    cold = Cold([step(1, RAN, 4.0, "x"), step(2, RAN, 4.0, "x")], "", "")
    assert speed(cold, done(step(1, RAN, 1.0, "y"), step(2, RAN, 1.0, "y"))) == Speed(4.0, 1.0)


@pytest.mark.parametrize(
    ("found", "times"), [(Speed(6.0, 2.0), 3.0), (Speed(6.0, 0.0), float("inf")), (Speed(0.0, 2.0), 0.0)]
)
def test_how_many_times_less(found: Speed, times: float) -> None:
    assert found.times == times


@pytest.fixture
def context(tmp_path: Path) -> BuildContext:
    for name in ("app.py", "src/a.py", "src/deep/b.py", "Dockerfile", ".dockerignore", "secret.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("secret.py\n")
    (tmp_path / "link.py").symlink_to("app.py")
    return BuildContext(tmp_path)


SPARED = frozenset(("Dockerfile", ".dockerignore"))


@pytest.mark.parametrize(
    ("globs", "files"),
    [
        (["app.py"], ["app.py"]),
        (["./app.py"], ["app.py"]),
        (["src/*.py"], ["src/a.py"]),
        (["src/**"], ["src/a.py", "src/deep/b.py"]),
        (["**/*.py", "app.py"], ["app.py", "secret.py", "src/a.py", "src/deep/b.py"]),
        pytest.param(["*"], ["app.py", "secret.py"], id="no wildcard edits what says how to build"),
        pytest.param(["Dockerfile"], ["Dockerfile"], id="by its name it is edited"),
        pytest.param(["secret.py"], ["secret.py"], id="also what the ignore file holds back"),
    ],
)
def test_which_files_are_edited(context: BuildContext, globs: list[str], files: list[str]) -> None:
    assert files_to_edit(context, globs, SPARED) == tuple(files)


@pytest.mark.parametrize(
    ("globs", "files"),
    [
        (["link.py"], ["link.py"]),
        (["link.py", "app.py"], ["app.py"]),
        (["l*.py"], ["link.py"]),
        (["linked/a.py"], ["linked/a.py"]),
        (["linked/*.py"], ["linked/a.py"]),
        (["linked/*.py", "src/a.py"], ["src/a.py"]),
    ],
)
def test_a_link_counts_as_the_file_it_leads_to(context: BuildContext, globs: list[str], files: list[str]) -> None:
    (context.root / "linked").symlink_to("src")
    assert files_to_edit(context, globs, SPARED) == tuple(files)


@pytest.mark.parametrize("glob", ["none.py", "src", "*.md", "lost.py", "round.py", "out.py", "Docker*"])
def test_a_glob_that_matches_no_file(context: BuildContext, glob: str) -> None:
    for name, to in (("lost.py", "gone.py"), ("round.py", "round.py"), ("out.py", "src")):
        (context.root / name).symlink_to(to)
    with pytest.raises(SubmissionFault, match="the submission has no"):
        files_to_edit(context, ["app.py", glob], SPARED)


def test_no_more_than_so_many(context: BuildContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 2)
    assert len(files_to_edit(context, ["**/*.py"])) == 2


def test_what_ran_again_and_reads_no_edited_file() -> None:
    steps = [step(0, RAN), step(1, RAN), step(2, REUSED)]
    found = Rebuild("content", (), (), steps, BuildLog(True, 1.0, ()), {}, frozenset({id(STEPS[1])}))
    assert found.unexplained == [steps[0]]


@pytest.mark.parametrize(
    ("inputs", "state", "reached"),
    [
        ((), RAN, True),  # from scratch, or of something outside
        (("from",), RAN, False),
        (("from",), REUSED, True),
        (("from", "context"), RAN, True),
        (("from", "https"), RAN, True),
        (("copy",), RAN, True),
    ],
)
def test_what_no_edit_reaches(inputs: tuple[str, ...], state: StepStatus, reached: bool) -> None:
    ran = BuiltStep(STEPS[1], Vertex("run", "[2/3] RUN one", inputs, 1.0, 2.0, 1.0, state is REUSED), state)
    log = BuildLog(
        True,
        1.0,
        (
            Vertex("from", "[1/3] FROM alpine"),
            Vertex("context", "[internal] load build context"),
            Vertex("https", "https://example.org/a"),
            Vertex("copy", "[2/3] COPY a /", ("from", "context"), cached=True),
            cast("Vertex", ran.vertex),
        ),
    )
    assert Rebuild("content", (), (), [ran], log, {}).out_of_reach == ([] if reached else [ran])

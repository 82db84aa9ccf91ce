"""The builds that a Dockerfile can make, and what is looked at in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.facts.context.build_context import BuildContext
from grader.facts.dockerfile.parser import parse
from grader.lint import target as module
from grader.lint.target import LintTarget, lint_target
from tests.grader.facts.pins.reading import shown

TOOLS = "FROM a AS tools\nRUN one\n"
TEST = "FROM tools AS test\nRUN two\n"
LAST = "FROM b AS final\nRUN three\n"


def target(folder: Path, text: str) -> LintTarget:
    return lint_target(parse(text), BuildContext(folder))


@pytest.mark.parametrize(
    ("text", "targets", "stages", "shipped"),
    [
        ("FROM a\nRUN one\n", [0], [0], ["one"]),
        # What the last one needs is not a build of its own; what nothing needs is.
        (TOOLS + LAST + "COPY --from=tools / /\n", [1], [0, 1], ["three", "--from=tools / /"]),
        (TOOLS + LAST, [1, 0], [1, 0], ["three", "one"]),
        (TOOLS + TEST + LAST, [2, 1], [2, 0, 1], ["three", "one", "two"]),
        (TOOLS + TEST + "FROM test\nRUN three\n", [2], [0, 1, 2], ["one", "two", "three"]),
        # A stage without a name cannot be asked for.
        ("FROM a\nRUN one\n" + LAST, [1], [1], ["three"]),
        # Of two with one name the later one is meant.
        ("FROM a AS x\nRUN one\nFROM a AS x\nRUN two\n" + LAST, [2, 1], [2, 1], ["three", "two"]),
    ],
)
def test_every_stage_that_can_be_built(
    tmp_path: Path, text: str, targets: list[int], stages: list[int], shipped: list[str]
) -> None:
    found = target(tmp_path, text)
    assert found.fault is None
    assert [build.target.index for build in found.builds] == targets
    assert sorted(stage.index for stage in found.stages()) == sorted(stages)
    assert [
        step.instruction.original.partition(" ")[2] for step in found.shipped() if step.name in ("RUN", "COPY")
    ] == shipped
    assert found.image is not None
    assert found.image.index == targets[0]


@pytest.mark.parametrize(
    ("text", "targets", "has_image", "says"),
    [
        (TOOLS + "FROM a AS broken\nCOPY --from=final / /\n" + LAST, [2, 0], True, "needs to be defined before"),
        (TOOLS + "FROM $NOTHING\nRUN x\n", [], False, "blank"),  # no build can start
    ],
)
def test_a_build_that_cannot_start(tmp_path: Path, text: str, targets: list[int], has_image: bool, says: str) -> None:
    found = target(tmp_path, text)
    assert [build.target.index for build in found.builds] == targets
    assert (found.image is not None) == has_image
    assert says in str(found.fault)


def test_so_many_targets_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"FROM a AS s{number}\n" for number in range(9))
    assert len(target(tmp_path, text).builds) == 9
    monkeypatch.setattr(module, "MAX_TARGETS", 3)
    found = target(tmp_path, text)
    assert [build.target.index for build in found.builds] == [8, 7, 6]
    assert found.skipped == ("s0", "s1", "s2", "s3", "s4", "s5")
    chain = text + "FROM s0 AS s9\n" + "".join(f"COPY --from=s{number} / /\n" for number in range(1, 9))
    assert target(tmp_path, chain).skipped == ()  # all are needed by the last one


def test_a_long_chain_of_stages_is_one_build(tmp_path: Path) -> None:
    text = "FROM a AS s0\n" + "".join(f"FROM s{number} AS s{number + 1}\n" for number in range(99))
    found = target(tmp_path, text)
    assert len(found.builds) == 1
    assert len([*found.stages()]) == 100


def test_what_its_builds_pull_and_take(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("flask==3.0.0\nrequests\n")
    found = target(
        tmp_path,
        "FROM alpine:3.22.1 AS test\nCOPY r.txt /\nRUN pip install -r /r.txt\nFROM debian\nCOPY --from=busybox:1 / /\n",
    )
    assert sorted(shown([named for _, named in found.pulled])) == [
        "alpine:3.22.1 version",
        "busybox:1 tag",
        "debian none",
    ]
    assert [shown([one for one in build if one.category != "image"]) for build in found.dependencies] == [
        [],
        ["flask==3.0.0 version", "requests none"],
    ]

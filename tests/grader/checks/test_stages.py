"""`stages`: what counts as a stage, what the image stands on, and what came along."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import ValidationError

from grader.checks import stages
from grader.facts import Facts
from grader.facts.engine.engine import Engine
from grader.verdict import Status, Verdict
from grader.verify import cleanup
from tests.grader.conftest import facts_of

IMAGES = ["busybox:musl", "distroless-static:debian13"]
STATIC = "localhost:5000/base/distroless-static:debian13"
MAKE = "FROM {base} AS build\nRUN mkdir -p /opt/app && echo 1 > /opt/app/run && echo 2 > /opt/app/more\n"
TOOL = "RUN mkdir -p /usr/local/go/bin && cp /bin/busybox /usr/local/go/bin/go\n"


class Case(NamedTuple):
    """A Dockerfile, whether it passes, and a word of the message."""

    name: str
    text: str
    passes: bool
    says: str = ""


BASE = "FROM {base}\n"
LAST = BASE + "COPY --from=build /opt/app /app\n"

TWO = [
    Case("one stage", BASE + "RUN echo > /x\n", False, "1 stage"),
    Case("two", MAKE + LAST, True),
    Case("by number", MAKE + "FROM {base}\nCOPY --from=0 /opt/app /app\n", True),
    Case("linked", MAKE + "FROM {base}\nCOPY --link --from=build /opt/app /app\n", True),
    Case("an alias in other letters", MAKE + "FROM {base}\nCOPY --from=BUILD /opt/app /app\n", True),
    Case("mounted", MAKE + BASE + "RUN --mount=type=bind,from=build,target=/b cp /b/opt/app/run /run1\n", True),
    Case("mounted for nothing", MAKE + BASE + "RUN --mount=type=bind,from=build,target=/b true\n", False,
         "Nothing that the image needs comes from stage build"),
    Case("never copied from", MAKE + BASE + "RUN echo > /x\n", False, "1 stage"),
    Case("installed, then deleted", MAKE + LAST + "RUN cp /app/run /bin/app && rm -r /app\n", True),
    Case("given to another owner", MAKE + LAST + "RUN chown -R 1000 /app\n", True),
    Case("mounted to delete", MAKE + BASE + "RUN --mount=type=bind,from=build,target=/b rm /bin/wget\n", False),
    Case("an empty folder copied", "FROM {base} AS build\nRUN mkdir /e\nFROM {base}\nCOPY --from=build /e /e\n", False),
    Case("another name for an image", "FROM {base} AS b\nFROM {base}\nCOPY --from=b /bin/busybox /x\n",
         False, "1 stage"),
    Case("stages on each other", MAKE + "FROM build AS next\nRUN echo > /x\nFROM next\nRUN echo > /y\n",
         False, "1 stage"),
    Case("a common base", "FROM {base} AS common\nENV A=1\nFROM common AS build\nRUN echo > /x\nFROM common\n"
         "COPY --from=build /x /x\n", True),
    Case("only the target counts",
         MAKE + "FROM {base} AS target\nRUN echo > /x\nFROM target\nCOPY --from=build /opt/app /a\n",
         True),
]  # fmt: skip

ABSENT = [
    Case("never there", BASE + "RUN echo > /x\n", True),
    Case("left behind", "FROM {base} AS build\n" + TOOL + "FROM {base}\nCOPY --from=build /bin/busybox /app\n", True),
    Case("there", BASE + TOOL, False, "go"),
    Case("deleted in a later step", BASE + TOOL + "RUN rm -r /usr/local/go\n", False, "shipped in layer"),
    Case("deleted in the same step", BASE + TOOL.rstrip() + " && rm -r /usr/local/go\n", True),
    Case("its folder left empty", BASE + TOOL.rstrip() + " && rm -r /usr/local/go/bin\n", True),
    Case("in the stage below", "FROM {base} AS build\n" + TOOL + "FROM build\nRUN rm -r /usr/local/go\n",
         False, "shipped in layer"),
    Case("everything copied", "FROM {base} AS build\n" + TOOL + "FROM scratch\nCOPY --from=build / /\n", False),
    Case("on the path", BASE + "RUN cp /bin/busybox /usr/bin/go\n", False, "/usr/bin/go"),
    Case("with its version", BASE + "RUN cp /bin/busybox /usr/bin/go-1.24\n", False, "go-1.24"),
    Case("with its target", BASE + "RUN cp /bin/busybox /usr/bin/x86_64-linux-gnu-go-13\n", False),
    Case("on a path of the image's own",
         BASE + "ENV PATH=/opt/tools:$PATH\nRUN mkdir -p /opt/tools && echo > /opt/tools/go\n",
         False, "/opt/tools/go"),
    Case("moved elsewhere", BASE + "RUN mkdir -p /srv/hidden && cp /bin/busybox /srv/hidden/go\n",
         False, "/srv/hidden/go"),
    Case("moved, as a script", BASE + "RUN mkdir -p /srv/bin && echo > /srv/bin/go && chmod 755 /srv/bin/go\n", False),
    Case("moved elsewhere, not to be executed", BASE + "RUN mkdir /o && cp /bin/busybox /o/go && chmod 600 /o/go\n",
         False),
    Case("a link elsewhere", BASE + "RUN mkdir -p /opt/bin && ln -s ../../bin/busybox /opt/bin/go\n", False,
         "/opt/bin/go"),
    Case("a link to a binary of another name", BASE + "RUN mkdir /o && cp /bin/busybox /o/tool && ln -s tool /o/go\n",
         False, "/o/go"),
    Case("a hard link to it", BASE + "RUN mkdir /o && cp /bin/busybox /o/tool && ln /o/tool /o/go\n", False),
    Case("a link to it, both deleted", BASE + "RUN mkdir /o && cp /bin/busybox /o/tool && ln -s tool /o/go\n"
         "RUN rm -r /o\n", False, "shipped in layer"),
    Case("a link to a folder", BASE + "RUN mkdir -p /opt/bin /srv/go && echo > /srv/go/x && ln -s /srv/go /opt/bin/go"
         "\n", True),
    Case("not to be executed", BASE + "RUN cp /bin/busybox /usr/bin/go && chmod 600 /usr/bin/go\n", False),
    Case("a link to it", BASE + "RUN ln -s /bin/busybox /usr/bin/go\n", False),
    Case("a link to nothing", BASE + "RUN ln -s /usr/local/no/go /usr/bin/go\n", True),
    Case("a folder of that name", BASE + "RUN mkdir -p /usr/bin/go /app/go && echo > /app/go/x\n", True),
    Case("a script of the app", BASE + "RUN mkdir -p /app && echo > /app/go && chmod 755 /app/go\n", True),
    Case("a file of data", BASE + "RUN mkdir -p /usr/share/completions && echo > /usr/share/completions/go\n", True),
    Case("another command", BASE + "RUN cp /bin/busybox /usr/bin/protoc-gen-go && cp /bin/busybox /usr/bin/gofmt\n",
         True),
]  # fmt: skip

BASES = [
    Case("the one", f"FROM {STATIC}\nCOPY f /\n", True),
    Case("another", BASE + "RUN echo > /x\n", False, "built on localhost:5000/base/busybox:musl"),
    Case("through a stage", f"FROM {STATIC} AS run\nFROM run AS next\nCOPY f /\nFROM next\nCOPY f /g\n", True),
    Case("through an argument", "ARG BASE={base}\nFROM $BASE\nRUN echo > /x\n", False, "busybox"),
    Case("in the builder only", f"FROM {STATIC} AS first\nCOPY f /\nFROM {{base}}\nCOPY --from=first /f /\n", False),
    Case("from nothing", "FROM scratch\nCOPY f /\n", False, "scratch"),
]  # fmt: skip


def judged(folder: Path, engine: Engine, **params: Any) -> Verdict:
    with facts_of(folder, engine, images=IMAGES) as facts:
        return stages.judge(facts, stages.Params.model_validate(params))


def named(case: Case) -> str:
    return case.name.replace(" ", "-")


def expect(verdict: Verdict, case: Case) -> None:
    assert (verdict.status is Status.PASSED) is case.passes, verdict
    assert verdict.fraction in (0.0, 1.0)
    assert case.says in verdict.message, verdict


@pytest.mark.engine
@pytest.mark.parametrize("case", TWO, ids=named)
def test_two_stages(case: Case, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    expect(judged(submit(f="x", Dockerfile=case.text.replace("{base}", base)), engine, min=2), case)


@pytest.mark.engine
@pytest.mark.parametrize("case", ABSENT, ids=named)
def test_absent(case: Case, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    expect(judged(submit(f="x", Dockerfile=case.text.replace("{base}", base)), engine, absent=["go"]), case)


@pytest.mark.engine
@pytest.mark.parametrize("case", BASES, ids=named)
def test_final_base(case: Case, submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(f="x", Dockerfile=case.text.replace("{base}", base))
    for glob in ("*distroless*", "distroless-static:*", STATIC):
        expect(judged(folder, engine, final_base=["nothing", glob]), case)


@pytest.mark.engine
def test_scratch(submit: Callable[..., Path], engine: Engine) -> None:
    folder = submit(f="x", Dockerfile="FROM scratch AS empty\nFROM empty\nCOPY f /\n")
    assert judged(folder, engine, final_base=["scratch"]).status is Status.PASSED


@pytest.mark.engine
def test_another_name_for_the_base(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    """An image is what it holds: a tag that says `distroless` makes nothing of busybox."""
    learner = cleanup.new_learner()
    alias = f"{cleanup.REGISTRY}/{learner}/distroless-static:1"
    # In the registry alone: another test removes the engine's copies of base images at any moment.
    copy = ["docker", "buildx", "imagetools", "create", f"--tag={alias}", base]
    subprocess.run(copy, check=True, capture_output=True, timeout=60)
    try:
        verdict = judged(submit(f="x", Dockerfile=f"FROM {alias}\nCOPY f /\n"), engine, final_base=["distroless-*"])
    finally:
        cleanup.remove(learner)
    assert verdict.status is Status.FAILED
    assert "which is localhost:5000/base/busybox:musl" in verdict.found


@pytest.mark.engine
@pytest.mark.parametrize(
    ("absent", "fraction"),
    [
        (["/usr/local/go"], 0.0),
        (["/usr/local/go/"], 0.0),
        (["usr/local/*"], 0.0),
        (["/usr/**/go"], 0.0),
        (["/usr/local/go/bin/go", "/usr/local/cargo"], 0.5),
        (["/usr/local/bin/../go", "cc", "g++", "make"], 0.75),
        (["/tools/go", "g[np]"], 0.5),
        (["go*"], 0.0),
        (["/usr/local/gone", "/local/go", "golang"], 1.0),
    ],
)
def test_paths_and_globs(
    absent: list[str], fraction: float, submit: Callable[..., Path], engine: Engine, base: str
) -> None:
    folder = submit(Dockerfile=f"FROM {base}\n{TOOL}RUN ln -s /usr/local/go/bin /tools && rm -r /usr/local/go/bin/go\n")
    if "/tools/go" in absent:
        folder = submit(Dockerfile=f"FROM {base}\n{TOOL}RUN ln -s /usr/local/go/bin /tools\n")
    assert judged(folder, engine, absent=absent).fraction == fraction


@pytest.mark.engine
def test_nothing_is_earned_without_stages(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    folder = submit(Dockerfile=f"FROM {base}\nRUN echo > /x\n")
    assert judged(folder, engine, absent=["go"]).fraction == 1.0
    assert judged(folder, engine, absent=["go"], min=2).fraction == 0.0
    assert judged(folder, engine, absent=["go"], final_base=["scratch"]).fraction == 0.0


@pytest.mark.engine
def test_a_tool_of_the_base_image(submit: Callable[..., Path], engine: Engine, base: str) -> None:
    """It ships with the base's layers; a later step does not take it out."""
    for body in ("", "RUN rm /bin/wget\n"):
        assert judged(submit(Dockerfile=f"FROM {base}\n{body}"), engine, absent=["wget"]).fraction == 0.0


def test_too_few_in_the_file_needs_no_engine(submit: Callable[..., Path]) -> None:
    with facts_of(submit(Dockerfile="FROM scratch\nCOPY f /\n")) as facts:
        verdict = stages.judge(facts, stages.Params(min=2))
        assert verdict.status is Status.FAILED
        assert not facts.known(Facts.engine)


@pytest.mark.parametrize(
    "params", [{}, {"min": 1}, {"absent": [""]}, {"absent": ["/"]}, {"absent": ["["]}, {"max": 2}, {"min": "two"}]
)
def test_parameters_that_make_no_sense(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        stages.Params.model_validate(params)

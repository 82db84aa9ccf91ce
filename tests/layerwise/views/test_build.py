"""A build drawn as it goes on, from the grader's own facts: what ran, what was reused, what broke the chain."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import pytest

import layerwise as lw
from grader.facts.build.build_log import BuildLog, Vertex
from grader.facts.build.steps import match
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.settings import BuildSettings
from layerwise.errors import LabError
from layerwise.views import timeline
from layerwise.views.build import Built

STAGES = """FROM {base} AS slow
RUN echo {nonce} && sleep 1
FROM {base} AS other
RUN echo {nonce} other && sleep 1
FROM {base}
COPY --from=slow /etc/group /slow
COPY --from=other /etc/group /other
"""


def folder(at: Path, dockerfile: str, **files: str) -> Path:
    at.mkdir(exist_ok=True)
    (at / "Dockerfile").write_text(dockerfile)
    for name, content in files.items():
        (at / name).write_text(content)
    return at


@pytest.mark.engine
def test_an_edit_runs_what_stands_on_it(tmp_path: Path, base: str) -> None:
    dockerfile = f"FROM {base}\nWORKDIR /app\nCOPY list .\nRUN wc list\nCOPY . .\nRUN : '<b>' && ls\nCMD ls\n"
    mine = folder(tmp_path / "app", dockerfile, list="1", code="2", log=secrets.token_hex(8))
    (mine / ".dockerignore").write_text("log\n")
    view = lw.build(mine, edit="code")
    assert view.reused == ["WORKDIR /app", "COPY list .", "RUN wc list"]
    assert view.ran == ["COPY . .", "RUN : '<b>' && ls"]
    assert [step.text for step in view.broke] == ["COPY . ."]
    assert (mine / "code").read_text() == "2", "the learner's file stays as it is"
    picture = view.html()
    for word in ("2 steps ran, 3 reused", "the chain breaks here", "config only", "&lt;b&gt;", "lw-hollow", "<table"):
        assert word in picture, word
    assert "<b>" not in picture
    assert "reused               RUN wc list" in view.text()

    assert lw.build(mine, edit="code", change="touch").ran == []
    hidden = lw.build(mine, edit="log")
    assert hidden.ran == []
    assert "The ignore file keeps log from the builder." in hidden.html()

    cold = lw.build(mine, cache=False)
    assert len(cold.ran) >= 4
    assert cold.work > 0


@pytest.mark.engine
def test_stages_beside_each_other_are_drawn_so(tmp_path: Path, base: str) -> None:
    text = STAGES.format(base=base, nonce=secrets.token_hex(8))
    view = lw.build(folder(tmp_path / "app", text))
    slow, other = (line for line in view.lines if "echo" in line.step.text)
    assert slow.start < other.end
    assert other.start < slow.end
    assert "stage <code>slow</code>" in view.html()


@pytest.mark.engine
def test_a_build_that_fails_says_where_and_what_it_printed(tmp_path: Path, base: str) -> None:
    mine = folder(
        tmp_path / "app", f"FROM {base}\nRUN echo {secrets.token_hex(4)} before\nRUN echo no such luck; exit 3\n"
    )
    with pytest.raises(LabError, match=r"(?s)line 3.*exit status 3.*no such luck"):
        lw.build(mine)


@pytest.mark.engine
def test_a_build_that_is_stopped_does_not_look_as_if_it_went_on(
    tmp_path: Path, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Built, vertex: Vertex) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Built, "_on_step", stop)
    mine = folder(tmp_path / "app", f"FROM {base}\nCMD ls\n")
    view = Built("mine")
    with pytest.raises(KeyboardInterrupt):
        view.run(mine, BuildSettings(), (), "content", cache=True)
    assert "stopped before its end" in view.html()
    with pytest.raises(LabError, match="stopped"):
        _ = view.steps


@pytest.mark.engine
def test_without_the_cache_a_step_of_two_stages_runs_once_and_nothing_breaks(tmp_path: Path, base: str) -> None:
    same = f"WORKDIR /same\nRUN echo {tmp_path} > same\n"
    (tmp_path / "Dockerfile").write_text(f"FROM {base} AS one\n{same}FROM {base}\n{same}COPY --from=one /same /one\n")
    lw.build(tmp_path)
    view = lw.build(tmp_path, cache=False)
    states = [line.state for line in view.lines]
    assert sorted(states) == ["ran", "ran", "ran", "shared", "shared"]
    assert view.reused == []
    assert view.broke == []
    assert "3 steps ran, without the cache, 2 shared with another stage" in view.text()
    assert "the chain breaks" not in view.html()
    assert "it ran once" in view.html()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"folder": "none"}, "there is no folder none"),
        ({"file": "../Dockerfile"}, "cannot be built"),
        ({"edit": "a", "cache": False}, "leave out cache=False"),
    ],
)
def test_what_cannot_be_built_is_one_line(tmp_path: Path, wrong: dict[str, object], said: str) -> None:
    with pytest.raises(LabError, match=said):
        lw.build(**{"folder": tmp_path, **wrong})


def test_a_build_under_way() -> None:
    plan = resolve(parse("FROM a\nRUN one\nRUN two\nRUN three\nRUN four\nUSER 7\n"))
    now = time.time()
    vertexes = [
        Vertex("0", "[1/5] FROM a", started=now - 9, completed=now - 8),
        Vertex("1", "[2/5] RUN one", ("0",), cached=True),
        Vertex("2", "[3/5] RUN two", ("1",), started=now - 8, completed=now - 5, seconds=3),
        Vertex("3", "[4/5] RUN three", ("2",), started=now - 5),
    ]
    drawn = timeline.lines(match(BuildLog(True, 0, vertexes), plan), now - 10, (), now)
    assert [(line.state, round(line.start), round(line.seconds)) for line in drawn] == [
        ("reused", 0, 0),
        ("ran", 2, 3),
        ("running", 5, 5),
        ("waiting", 0, 0),
        ("nothing", 0, 0),
    ]
    shown = timeline.picture(drawn, timeline.span(drawn))
    assert "running 5.0 s" in shown
    assert "left:20.00%;width:30.00%" in shown

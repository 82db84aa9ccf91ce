"""The stages of a Dockerfile as a notebook shows them: who takes what from whom, and what ships. No engine is asked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import layerwise as lw
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from layerwise.errors import LabError
from layerwise.views import stages as view_of_stages
from layerwise.views.listing import spelt
from layerwise.views.stagegraph import Arrow, Kind, lanes
from layerwise.views.stages import Stages


def drawn(dockerfile: str, target: str = "", **args: str) -> Stages:
    return Stages("app", resolve(parse(dockerfile.encode()), target=target, args=args))


def lines_of(view: Stages, name: str) -> list[str]:
    """What the text says that a stage takes."""
    for block in repr(view).split("\n\n"):
        head, *lines = block.split("\n")
        if re.match(rf"{re.escape(name)}(  \(|:)", head):
            return [line.strip() for line in lines]
    raise AssertionError(f"{name} is not in {view!r}")


CHAIN = "FROM a:1 AS one\nFROM one AS two\nRUN x\nFROM two\nCOPY . .\n"
DIAMOND = (
    "FROM a:1 AS src\nFROM src AS left\nFROM src AS right\nFROM b:1 AS app\n"
    "COPY --from=left /l /l\nCOPY --from=right /r /r\n"
)
MIDDLE = "FROM a:1 AS build\nFROM b:1 AS app\nCOPY --from=build /x /x\nFROM app AS debug\nRUN y\n"


@pytest.mark.parametrize(
    ("dockerfile", "target", "ships", "lends", "unused"),
    [
        ("FROM a:1\nRUN x\n", "", ["stage 0"], [], []),
        (CHAIN, "", ["one", "two", "stage 2"], [], []),
        (DIAMOND, "", ["app"], ["src", "left", "right"], []),
        (MIDDLE, "", ["app", "debug"], ["build"], []),
        (MIDDLE, "app", ["app"], ["build"], ["debug"]),
        (MIDDLE, "APP", ["app"], ["build"], ["debug"]),
        (MIDDLE, "build", ["build"], [], ["app", "debug"]),
        ("FROM a:1 AS Build\nFROM b:1\nCOPY --from=BUILD /x /x\n", "", ["stage 1"], ["build"], []),
        ("FROM a:1\nFROM b:1\nCOPY --from=0 /x /x\n", "", ["stage 1"], ["stage 0"], []),
        ("FROM a:1 AS test\nRUN t\nFROM b:1\n", "", ["stage 1"], [], ["test"]),
        ("FROM a:1 AS other\nFROM b:1\nCOPY --from=other /x /x\n", "", ["stage 1"], ["other"], []),
        ("FROM a:1 AS x\nFROM b:1 AS x\nFROM c:1\nCOPY --from=x / /\n", "", ["stage 2"], ["x (stage 1)"],
         ["x (stage 0)"]),
        ("FROM a:1 AS s\nFROM b:1\nRUN --mount=type=cache,from=s,target=/c x\n", "", ["stage 1"], ["s"], []),
        ("FROM a:1 AS s\nFROM b:1 AS p\nONBUILD COPY --from=s / /\nFROM p\n", "", ["p", "stage 2"], ["s"], []),
        ("FROM a:1 AS s\nFROM b:1 AS p\nONBUILD COPY --from=s / /\nFROM p\n", "p", ["p"], [], ["s", "stage 2"]),
    ],
)  # fmt: skip
def test_what_ships(dockerfile: str, target: str, ships: list[str], lends: list[str], unused: list[str]) -> None:
    view = drawn(dockerfile, target)
    assert (view.names("ships"), view.names("lends"), view.names("unused")) == (ships, lends, unused)
    html = view._repr_html_()
    assert html.count('class="lw-node lw-ships" ') == len(ships)
    assert html.count('class="lw-node lw-stays" ') == len(lends)
    assert html.count('class="lw-node lw-stays lw-idle" ') == len(unused)


@pytest.mark.parametrize(
    ("dockerfile", "stage", "lines"),
    [
        (CHAIN, "two", ["starts from one, line 2"]),
        ("FROM scratch\nCOPY x /\n", "stage 0", ["starts from nothing (scratch), line 1"]),
        (
            "ARG B=a:1\nFROM --platform=linux/arm64 $B AS x\n",
            "x",
            ["starts from image a:1 for linux/arm64 (written $B), line 2"],
        ),
        (
            "FROM a:1 AS b\nFROM scratch\nARG D=/d\nCOPY --chown=1 --from=b /x /y $D/\n",
            "stage 1",
            ["starts from nothing (scratch), line 2", "copies /x and /y from b to /d/, line 4"],
        ),
        (
            "FROM a:1\nCOPY --from=ghcr.io/x/uv:1 /uv /bin/\n",
            "stage 0",
            ["starts from image a:1, line 1", "copies /uv from image ghcr.io/x/uv:1 to /bin/, line 2"],
        ),
        (
            "FROM a:1 AS b\nFROM a:1\nRUN --mount=from=b,source=/w,target=/w --mount=type=secret,id=k x\n",
            "stage 1",
            ["starts from image a:1, line 2", "mounts /w of b at /w while line 3 runs"],
        ),
        (
            "FROM a:1 AS b\nFROM a:1\nRUN --mount=type=cache,target=/c --mount=type=cache,from=b,target=/d x\n",
            "stage 1",
            ["starts from image a:1, line 2", "begins its cache at /d with / of b, line 3"],
        ),
        (
            "FROM a:1 AS s\nFROM b:1 AS p\nONBUILD COPY --from=s /q /r\nFROM p\n",
            "stage 2",
            ["starts from p, line 4", "copies /q from s to /r, line 3 (an ONBUILD of its base)"],
        ),
        ("FROM a:1 AS s\nFROM b:1 AS p\nONBUILD COPY --from=s /q /r\nFROM p\n", "p", ["starts from image b:1, line 2"]),
        ("FROM a:1 AS x\nRUN --mount=from=b:1,target=/ x\nFROM c:1\n", "x",
         ["starts from image a:1, line 1", "mounts image b:1, line 2"]),
        ("FROM a:1 AS x\nCOPY --from=y / /\nFROM c:1 AS y\n", "x",
         ["starts from image a:1, line 1", "copies / from y to /, line 2"]),
    ],
)  # fmt: skip
def test_what_a_stage_takes(dockerfile: str, stage: str, lines: list[str]) -> None:
    view = drawn(dockerfile)
    assert lines_of(view, stage) == lines
    plain = re.sub(r"<[^>]+>", "", view._repr_html_())
    for line in lines:
        assert line in plain, line


@pytest.mark.parametrize(
    ("dockerfile", "node", "became"),
    [
        (MIDDLE, "app", "ships: debug starts from it"),
        (MIDDLE, "debug", "ships: this is the image"),
        (MIDDLE, "build", "does not ship: app copies from it"),
        (MIDDLE, "image a:1", "does not ship: build starts from it"),
        (MIDDLE, "image b:1", "ships: app starts from it"),
        (DIAMOND, "src", "does not ship: left and right start from it"),
        ("FROM a:1 AS t\nFROM b:1\n", "image a:1", "never pulled"),
        ("FROM a:1 AS t\nFROM b:1\n", "t", "never built"),
        ("FROM a:1 AS t\nFROM a:1 AS x\n", "image a:1", "ships: x starts from it"),
        ("FROM a AS t\nFROM docker.io/library/a:latest\n", "image a", "ships: stage 1 starts from it"),
        ("FROM a:1\nCOPY --from=a:1 /x /y\n", "image a:1", "ships: stage 0 starts from it"),
        ("FROM b:1\nCOPY --from=a:1 /x /y\nRUN --mount=from=a:1,target=/a y", "image a:1",
         "does not ship: stage 0 copies from it, stage 0 mounts it"),
    ],
)  # fmt: skip
def test_why_it_ships_or_does_not(dockerfile: str, node: str, became: str) -> None:
    view = drawn(dockerfile)
    assert re.search(rf"^{re.escape(node)}(  \(.*?\))?: {re.escape(became)}$", repr(view), re.MULTILINE), repr(view)
    assert became in view._repr_html_()


def test_build_arguments_choose_the_base() -> None:
    dockerfile = "ARG KIND=dev\nFROM a:1 AS dev\nFROM b:1 AS prod\nFROM $KIND\n"
    assert drawn(dockerfile).names("unused") == ["prod"]
    assert drawn(dockerfile, KIND="prod").names("unused") == ["dev"]


def test_the_picture_says_all_in_words_and_as_a_table() -> None:
    html = drawn(MIDDLE)._repr_html_()
    for word in ("app, built to debug: 2 of 3 stages ship, 1 only helps to build.", "1 instruction", "<table", "Takes"):
        assert word in html, word
    assert html.count('class="lw-edge') == 5 - 1, "one for each FROM and copy"
    assert html.count("aria-hidden") == html.count('class="lw-edge') + 1, "and the legend; the cards are heard"


def test_arrows_keep_apart() -> None:
    def copy(source: int, user: int, kind: Kind = Kind.COPY) -> Arrow:
        return Arrow(kind, source, user, 1)

    side_by_side = lanes([copy(0, 3), copy(1, 3), copy(2, 3)])
    assert sorted(side_by_side.values()) == [0, 1, 2]
    assert side_by_side[2, Kind.COPY] == 0, "the shortest runs nearest"
    assert set(lanes([copy(0, 1), copy(1, 2), copy(2, 3)]).values()) == {0}, "one after the other share a lane"
    assert len(set(lanes([copy(0, 1), copy(0, 2), copy(0, 3)]).values())) == 1, "and so do those of one source"
    assert sorted(lanes([copy(0, 2), copy(0, 2, Kind.FROM)]).values()) == [0, 1]
    assert lanes([copy(3, 1)]) == {}


HOSTILE = ["<img src=x onerror=alert(1)>", "a\x1b[31mred", "right\u202eleft", "</code></div>&amp;"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_spelt_out(name: str) -> None:
    taking = (
        f'COPY --from=b ["{name}", "/x"]\nRUN --mount=from=b,source={name.replace(" ", "")},target=/t echo {name}\n'
    )
    dockerfile = f"FROM a:1 AS b\nFROM a:1\n{taking}"
    view = Stages(name, resolve(parse(dockerfile.encode())))
    for shown in (view._repr_html_(), repr(view)):
        assert not any(char in shown for char in "\x1b\u202e")
    assert repr(view).count(spelt(name)) == 2 + (" " not in name), "the folder, a copied path, a mounted one"
    assert name not in view._repr_html_()
    assert "<img" not in view._repr_html_()


def test_a_large_file_stays_small() -> None:
    stages = "".join(f"FROM a:1 AS s{number}\n" + "RUN " + "x" * 5000 + "\n" for number in range(59))
    copies = "".join(
        f"COPY --from=s{number % 59} {' '.join(f'/{path}' for path in range(99))} /\n" for number in range(400)
    )
    view = drawn(f"{stages}FROM b:1\n{copies}")
    html = view._repr_html_()
    assert len(html) < 500_000
    assert "Too many arrows to draw" in html
    assert 'class="lw-edge' not in html
    assert "and takes 377 more" in repr(view)
    assert "and 93 more from s0 to /" in repr(view)
    many = drawn("FROM a:1\n" + "RUN x\n" * 4000)._repr_html_()
    assert f"and {4000 - view_of_stages.MAX_INSTRUCTIONS:,} more" in many


@pytest.mark.parametrize(
    ("dockerfile", "wrong", "said"),
    [
        ("FROM a:1\n", {"folder": "none"}, r"there is no folder none"),
        ("FROM a:1\n", {"file": "../x"}, r"cannot be built"),
        ("FROM a:1\n", {"file": "Other"}, r"expected a Other in .*, found none"),
        (None, {}, r"is empty: put a Dockerfile there"),
        ("FROM a:1\nRUNN x\n", {}, r"Dockerfile, line 2: "),
        ("RUN x\n", {}, r"no FROM|FROM"),
        ("FROM a:1 AS x\n", {"target": "y"}, r'there is no stage "y" to build; the stages are: x'),
        ("FROM a:1\nCOPY --from=9 / /\n", {}, r"line 2: invalid stage index 9"),
        ("FROM a:1 AS \x1b[31m\n", {}, r"line 1: "),
        ("FROM a:1\n" * 61, {}, r"Dockerfile has 61 stages, and at most 60 can be drawn"),
        ("FROM a:1\n" * 501, {}, r"more than 500 stages"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    tmp_path: Path, dockerfile: str | None, wrong: dict[str, str], said: str
) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    if dockerfile is not None:
        (folder / "Dockerfile").write_text(dockerfile)
    with pytest.raises(LabError, match=said) as fault:
        lw.stages(**{"folder": folder, **wrong})  # type: ignore[arg-type]
    assert "\n" not in str(fault.value)
    assert "\x1b" not in str(fault.value)
    assert fault.value._render_traceback_() == [str(fault.value)]  # type: ignore[attr-defined]


def test_a_folder_is_drawn_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "my.Dockerfile").write_text(MIDDLE)
    view = lw.stages(tmp_path, "my.Dockerfile", "app", {"X": "1"})
    assert repr(view).startswith(f"{tmp_path}, my.Dockerfile, built to app: 1 of 3 stages ships")
    assert [path.name for path in tmp_path.iterdir()] == ["my.Dockerfile"]

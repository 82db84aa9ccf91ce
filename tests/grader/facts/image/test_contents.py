"""What an image ships: what a later layer hides too, programs by any of their names, and what other stages gave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.facts import Facts
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.image.contents import ImageContents, contents_of, contributing, helpers, layer_of_steps
from grader.settings import BuildSettings
from grader.submission import Submission
from tests.grader.facts.image.archives import Entry, Maker, folder, hard_link, image, link, plain, program, tar

TEXT = b"#!/bin/sh\n"


def contents(tmp_path: Path, *layers: Sequence[Entry], base: int = 0, env: Sequence[str] = ()) -> ImageContents:
    made = Maker(*(tar(*entries) for entries in layers))
    made.config["config"] = {"Env": list(env)}
    return ImageContents(image(made.bytes(), tmp_path), base)


def test_what_ships(tmp_path: Path) -> None:
    found = contents(
        tmp_path,
        [folder("d"), plain("d/base"), plain("d/hidden by the base itself")],
        [plain("d/.wh.hidden by the base itself")],
        [plain("d/.wh.base"), plain("own"), plain("deleted"), link("l", "own")],
        [plain(".wh.deleted"), plain("own")],
        base=2,
    )
    assert {path: (file.layer, file.visible) for path, file in found.paths.items()} == {
        "d/base": (0, False),
        "own": (2, True),
        "deleted": (2, False),
        "l": (2, True),
    }


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("/opt/app", ["opt/app/a", "opt/app/b/c"]),
        ("opt/app/", ["opt/app/a", "opt/app/b/c"]),
        ("/opt/*/a", ["opt/app/a"]),
        ("**/b", ["opt/app/b/c"]),
        ("**/*.pyc", ["gone/x.pyc"]),
        ("/current/a", ["opt/app/a"]),
        ("/current", ["current", "opt/app/a", "opt/app/b/c"]),
        ("/gone", ["gone/x.pyc"]),
        ("/opt/ap", []),
        ("/none", []),
    ],
)
def test_under_a_path(pattern: str, paths: list[str], tmp_path: Path) -> None:
    found = contents(
        tmp_path,
        [folder("opt/app"), plain("opt/app/a"), plain("opt/app/b/c"), link("current", "opt/app"), plain("gone/x.pyc")],
        [plain(".wh.gone")],
    )
    assert sorted(file.path for file in found.under(pattern)) == paths


@pytest.mark.parametrize(
    ("name", "entry", "found"),
    [
        ("gcc", program("usr/bin/gcc"), True),
        ("gcc", program("usr/bin/gcc-14"), True),
        ("gcc", program("usr/bin/x86_64-linux-gnu-gcc-14"), True),
        ("pip", program("usr/local/bin/pip3.13", TEXT), True),
        ("go", program("usr/local/go/bin/go"), True),
        ("gcc", program("usr/bin/gcc-ar"), False),
        ("pip", program("usr/bin/pipx"), False),
        ("go", program("usr/bin/gofmt"), False),
        ("python3*", program("usr/bin/python3.13-config", TEXT), True),
        pytest.param("sh", plain("bin/sh", TEXT), True, id="on PATH the name is enough"),
        pytest.param("go", plain("opt/bin/go", TEXT), False, id="in a bin elsewhere it must be executable"),
        pytest.param("go", program("opt/bin/go", TEXT), True, id="which a script is too"),
        pytest.param("go", program("opt/tools/go"), True, id="anywhere else a binary"),
        pytest.param("go", plain("opt/tools/go", b"\x7fELF..."), True, id="even if it may not be executed as it is"),
        pytest.param("go", program("opt/tools/go", TEXT), False, id="no text: source has such names"),
        pytest.param("go", program("opt/tools/go", b"\x7fEL"), False, id="too short to be one"),
        pytest.param("go", folder("usr/bin/go"), False, id="a folder"),
        pytest.param("go", program("own/go", TEXT), True, id="in a folder that the image's PATH names"),
        pytest.param("go", program("real/go", TEXT), True, id="also by a link to that folder"),
    ],
)
def test_programs(name: str, entry: Entry, found: bool, tmp_path: Path) -> None:
    shipped = contents(tmp_path, [link("linked", "/real"), folder("real"), entry], env=["PATH=/own:/linked"])
    assert [file.path for file in shipped.programs([name])[name]] == ([entry[0]] if found else [])


def test_a_program_deleted_later_ships_still(tmp_path: Path) -> None:
    shipped = contents(
        tmp_path, [program("usr/bin/gcc"), program("opt/x/cc")], [plain("usr/bin/.wh.gcc"), plain("opt/.wh.x")]
    )
    assert {name: [file.path for file in files] for name, files in shipped.programs(["gcc", "cc", "go"]).items()} == {
        "gcc": ["usr/bin/gcc"], "cc": ["opt/x/cc"], "go": []}  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([link("usr/bin/go", "/usr/lib/go/go"), program("usr/lib/go/go")], ["usr/bin/go", "usr/lib/go/go"]),
        ([link("usr/bin/go", "gofake")], []),
        ([link("usr/bin/go", "go")], []),
        ([link("usr/bin/go", "../lib")], []),
        ([program("x/busybox"), hard_link("usr/bin/go", "x/busybox")], ["usr/bin/go"]),
        ([program("x/busybox"), link("x/bin/go", "../busybox")], ["x/bin/go"]),
        ([plain("x/busybox", TEXT), link("x/bin/go", "../busybox")], []),
    ],
)
def test_a_link_is_what_it_leads_to(entries: list[Entry], found: list[str], tmp_path: Path) -> None:
    shipped = contents(tmp_path, [folder("usr/lib"), *entries])
    assert [file.path for file in shipped.programs(["go"])["go"]] == found


def test_a_link_whose_target_was_deleted_by_a_later_layer(tmp_path: Path) -> None:
    shipped = contents(
        tmp_path, [program("opt/go"), link("usr/bin/go", "/opt/go")], [plain("opt/.wh.go"), plain("usr/bin/.wh.go")]
    )
    assert [file.path for file in shipped.programs(["go"])["go"]] == ["usr/bin/go", "opt/go"]


STAGES = """
FROM scratch AS unused
COPY a /a
FROM scratch AS tools
COPY b /b
FROM tools AS build
COPY c /c
FROM scratch AS name
FROM scratch AS mounted
COPY e /e
FROM name AS common
COPY f /f
FROM common
COPY --from=build /c /c
COPY --from=name /x /x
RUN --mount=from=mounted,target=/m cp /m/e /e
"""


def test_stages_that_something_is_taken_from() -> None:
    plan = resolve(parse(STAGES))
    assert [stage.name for stage in helpers(plan)] == ["tools", "build", "mounted"]


@pytest.mark.parametrize(
    ("dockerfile", "names"),
    [
        ("FROM scratch AS a\nCOPY x /x\nFROM a\nCOPY y /y\n", []),
        ("FROM scratch AS a\nCOPY x /x\nFROM scratch\nCOPY --from=a / /\n", ["a"]),
        ("FROM scratch AS a\nCOPY x /x\nFROM scratch\nCOPY --from=0 / /\n", ["a"]),
        ("FROM scratch AS a\nENV x=1\nFROM scratch\nCOPY --from=a / /\n", []),
        ("FROM scratch AS a\nCOPY x /x\nFROM scratch AS b\nCOPY --from=a / /\nFROM b\n", ["a"]),
        ("FROM scratch\nCOPY --from=busybox / /\n", []),
    ],
)
def test_which_stages_help(dockerfile: str, names: list[str]) -> None:
    assert [stage.name for stage in helpers(resolve(parse(dockerfile)))] == names


@contextmanager
def submitted(tmp_path: Path, dockerfile: str, history: Sequence[str], *layers: Sequence[Entry]) -> Iterator[Facts]:
    """A folder with that Dockerfile, and an image from it."""
    made = Maker(*(tar(*entries) for entries in layers))
    made.config["history"] = [{"created_by": line} for line in history]
    (tmp_path / "image.tar").write_bytes(made.bytes())
    (tmp_path / "folder").mkdir(exist_ok=True)
    (tmp_path / "folder" / "Dockerfile").write_text(dockerfile)
    with (
        Submission.open(tmp_path / "folder", BuildSettings()) as submission,
        Facts(submission, archive=tmp_path / "image.tar") as facts,
    ):
        yield facts


TWO = "FROM scratch AS a\nCOPY x /x\nFROM scratch\nCOPY y /y\n{}\n"


@pytest.mark.parametrize(
    ("step", "entries", "helps"),
    [
        ("COPY --from=a /x /x", [plain("x")], True),
        ("COPY --from=a /d /d", [folder("d")], False),
        ("RUN --mount=from=a,target=/a cp /a/x /x", [plain("x")], True),
        pytest.param(
            "RUN --mount=from=a,target=/a rm /y", [plain(".wh.y")], False, id="mounted, and something deleted"
        ),
        pytest.param("RUN --mount=from=a,target=/a true", [], False, id="mounted for nothing"),
    ],
)
def test_stages_from_which_files_reach_the_image(step: str, entries: list[Entry], helps: bool, tmp_path: Path) -> None:
    history = ["COPY y /y # buildkit", f"{step.split()[0]} x # buildkit"]
    with submitted(tmp_path, TWO.format(step), history, [plain("y")], entries) as facts:
        assert [stage.name for stage in contributing(facts)] == (["a"] if helps else [])
        assert "y" in contents_of(facts).paths
        assert contents_of(facts) is contents_of(facts)


def test_a_step_without_a_layer_of_its_own_is_given_the_benefit_of_the_doubt(tmp_path: Path) -> None:
    history = ["WORKDIR /", "RUN something else"]
    with submitted(tmp_path, TWO.format("COPY --from=a /d /d"), history, [plain("y")], []) as facts:
        assert [stage.name for stage in contributing(facts)] == ["a"]


@pytest.mark.parametrize(
    ("dockerfile", "history", "layers"),
    [
        ("COPY a /a\nRUN x\n", ["COPY", "RUN"], {"COPY a /a": 0, "RUN x": 1}),
        ("COPY a /a\nENV b=c\nRUN x\n", ["COPY", "RUN"], {"COPY a /a": 0, "RUN x": 1}),
        ("WORKDIR /\nCOPY a /a\n", ["COPY"], {"COPY a /a": 0}),
        ("WORKDIR /w\nCOPY a /a\n", ["WORKDIR", "COPY"], {"WORKDIR /w": 0, "COPY a /a": 1}),
        ("COPY a /a\nWORKDIR /\n", ["COPY"], {"COPY a /a": 0}),
        pytest.param("COPY a /a\nRUN x\n", ["COPY", "ADD"], {}, id="the history tells of something else"),
        pytest.param("COPY a /a\nRUN x\n", ["ADD", "RUN"], {"RUN x": 1}, id="from some place down"),
        pytest.param("RUN x\n", ["ADD", "RUN", "RUN"], {"RUN x": 2}, id="a base image's own triggers below"),
    ],
)
def test_which_layer_a_step_made(dockerfile: str, history: list[str], layers: dict[str, int], tmp_path: Path) -> None:
    made = Maker(*(tar(plain(str(number))) for number in range(len(history))))
    made.config["history"] = [{"created_by": f"{word} x # buildkit"} for word in history]
    steps = resolve(parse(f"FROM scratch\n{dockerfile}")).target.image_steps()
    found = layer_of_steps(steps, image(made.bytes(), tmp_path), 0)
    assert {step.instruction.original: found[id(step)] for step in steps if id(step) in found} == layers

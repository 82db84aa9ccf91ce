"""What an index serves for each platform: told from configs and from the programs that are started."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from grader.facts.registry.documents import Platform
from grader.facts.registry.platforms import Platforms, platforms_served
from tests.grader.facts.image.archives import Entry, link, plain, program, tar
from tests.grader.facts.registry.played import Shelf

MACHINES = {"amd64": 62, "arm64": 183}
ARM = Platform("linux", "arm64")


def elf(kind: str) -> bytes:
    return b"\x7fELF\x02\x01" + bytes(12) + MACHINES[kind].to_bytes(2, "little") + bytes(20)


def image(
    shelf: Shelf,
    entries: Sequence[Entry],
    cmd: Sequence[str] = ("/app",),
    *,
    architecture: str = "arm64",
    said: str = "arm64",
    variant: str = "",
    **config: Any,
) -> dict[str, Any]:
    inner = {"Cmd": list(cmd), **config}
    document = {"os": "linux", "architecture": architecture, "config": inner} | (
        {"variant": variant} if variant else {}
    )
    return shelf.image(document, [tar(*entries)] if entries else [], platform={"os": "linux", "architecture": said})


def served(shelf: Shelf, *entries: Mapping[str, Any]) -> Platforms:
    shelf.index(entries, "1.0")
    found = platforms_served(shelf.repository, "1.0", [ARM], None)
    assert found is not None
    return found


def test_no_such_tag(shelf: Shelf) -> None:
    assert platforms_served(shelf.repository, "1.0", [ARM], None) is None


def test_an_image_that_is_no_index(shelf: Shelf) -> None:
    made = shelf.image({"os": "linux", "architecture": "arm", "variant": "v7"}, [], "1.0")
    assert platforms_served(shelf.repository, "1.0", [ARM], None) == Platforms(
        made["digest"], False, ("linux/arm/v7",), ()
    )


def test_what_is_listed(shelf: Shelf) -> None:
    right = image(shelf, [program("app", elf("arm64"))])
    note = right | {"platform": {"os": "unknown", "architecture": "unknown"}}
    silent = {key: value for key, value in right.items() if key != "platform"}
    found = served(shelf, note, right, silent)
    assert (found.is_index, found.listed) == (True, ["linux/arm64"])
    assert [(each.digest, each.fault, each.programs) for each in found.entries] == [
        (right["digest"], "", [("/app", "arm64")])
    ]


ARM_SH, AMD_SH = program("bin/sh", elf("arm64")), program("bin/sh", elf("amd64"))
APP = program("app", elf("arm64"))
SCRIPT = b"#!/bin/sh\nexec {}\n"


@pytest.mark.parametrize(
    ("entries", "cmd", "programs"),
    [
        ([APP], ["/app"], ["/app"]),
        ([program("usr/bin/app", elf("arm64"))], ["app"], ["/usr/bin/app"]),
        ([APP, link("bin/run", "../app")], ["/bin/run"], ["/app"]),
        ([ARM_SH, program("run", b"#!/bin/sh\nexec /app\n"), APP], ["/run"], ["/bin/sh", "/app"]),
        ([ARM_SH, APP], ["/bin/sh", "-c", "exec /app --port 8"], ["/bin/sh", "/app"]),
        (
            [
                program("usr/bin/env", elf("arm64")),
                program("usr/bin/python3", elf("arm64")),
                program("run", b"#!/usr/bin/env python3\n"),
            ],
            ["/run"],
            ["/usr/bin/env", "/usr/bin/python3"],
        ),
        pytest.param(
            [APP, plain("data", elf("amd64"))], ["/app", "/data"], ["/app"], id="an argument that cannot be run"
        ),
        pytest.param(
            [APP, program("x/a", elf("amd64")), program("x/b", elf("arm64"))],
            ["/app", "/x/a", "/x/b"],
            ["/app", "/x/a", "/x/b"],
            id="one for each machine, side by side: a choice",
        ),
        pytest.param([program("held", elf("arm64")), program("other", elf("amd64"))], [], [], id="nothing is started"),
        pytest.param([plain("notes")], [], [], id="and no program is held"),
    ],
)
def test_one_that_would_run(shelf: Shelf, entries: list[Entry], cmd: list[str], programs: list[str]) -> None:
    (found,) = served(shelf, image(shelf, entries, cmd)).entries
    assert found.fault == ""
    assert sorted(path for path, _ in found.programs) == sorted(programs)


@pytest.mark.parametrize(
    ("entries", "cmd", "says"),
    [
        ([], ["/app"], "its layers hold nothing|which is not in the image"),
        ([program("app", elf("amd64"))], ["/app"], "/app, which it starts, is a program for amd64"),
        ([plain("notes")], ["/app"], "it starts /app, which is not in the image"),
        ([plain("notes")], [""], "it starts nothing"),
        ([AMD_SH, program("run", SCRIPT)], ["/run"], "/bin/sh, which it starts, is a program for amd64"),
        ([program("run", b"#!/bin/zsh\n")], ["/run"], "/bin/zsh, which is not in the image"),
        (
            [ARM_SH, program("run", b"#!/bin/sh\n/app\n"), program("app", elf("amd64"))],
            ["/run"],
            "/app, which it starts",
        ),
        (
            [program("usr/bin/env", elf("arm64")), program("run", b"#!/usr/bin/env -S python3 -u\n")],
            ["/run"],
            "starts python3",
        ),
        ([program("held", elf("amd64"))], [], "the programs that it holds are for amd64"),
        ([link("app", "app")], ["/app"], "not in the image"),
    ],
)
def test_one_that_would_not(shelf: Shelf, entries: list[Entry], cmd: list[str], says: str) -> None:
    (found,) = served(shelf, image(shelf, entries, cmd)).entries
    assert re.search(says, found.fault)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"architecture": "amd64"}, "its config says linux/amd64"),
        ({"variant": "v9"}, "its config says linux/arm64/v9"),
        ({"variant": "v8"}, ""),
        ({"Env": ["PATH=/opt"]}, "it starts app, which is not in the image"),
        ({"Env": ["PATH=/opt:/usr/bin"]}, ""),
    ],
)
def test_what_the_config_says(shelf: Shelf, config: dict[str, Any], says: str) -> None:
    made = image(shelf, [program("usr/bin/app", elf("arm64"))], ["app"], **config)
    assert [each.fault for each in served(shelf, made).entries] == [says]


def test_an_entry_that_is_not_there_or_not_what_it_says(shelf: Shelf) -> None:
    made = image(shelf, [APP])
    assert [each.fault for each in served(shelf).entries] == ["the index has no entry for linux/arm64"]
    assert "but the index says" in served(shelf, made | {"size": 5}).entries[0].fault
    (found,) = served(shelf, image(shelf, [APP], said="amd64")).entries
    assert (found.digest, found.fault) == ("", "the index has no entry for linux/arm64")

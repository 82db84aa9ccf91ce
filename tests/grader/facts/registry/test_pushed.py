"""What is served held against what the folder builds: which differences count, and which any second build has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grader.errors import SubmissionFault
from grader.facts import Facts
from grader.facts.dockerfile.parser import parse
from grader.facts.dockerfile.resolve import resolve
from grader.facts.dockerfile.resolved import BuildPlan
from grader.facts.image.image import Image
from grader.facts.registry import pushed as module
from grader.facts.registry.pushed import Tag, compare, pushed_tags
from tests.grader.facts.image.archives import Entry, Maker, folder, hard_link, link, plain, program, tar
from tests.grader.facts.registry.played import HERE, Shelf
from tests.grader.registries import Said

DOCKERFILE = """\
FROM localhost:5000/base/x AS tools
RUN make
FROM scratch AS plain
COPY z /z
FROM localhost:5000/base/x
RUN setup
COPY a /a
COPY --from=tools /b /b
COPY --from=plain /z /z
"""
BASE, RAN, COPIED, TAKEN, EXACT = range(5)
HISTORY = [
    "base",
    "RUN setup # buildkit",
    "COPY a /a # buildkit",
    "COPY --from=tools /b # buildkit",
    "COPY --from=plain /z",
]
LAYERS: list[list[Entry]] = [
    [folder("etc"), plain("etc/passwd", b"root"), plain("bin")],
    [plain("setup", b"1"), plain("var/cache/x", b"1")],
    [plain("a", b"mine")],
    [program("b", b"1")],
    [plain("z", b"z")],
]


def plan() -> BuildPlan:
    return resolve(parse(DOCKERFILE))


def image(layers: Sequence[Sequence[Entry]] = LAYERS, **config: Any) -> Image:
    made = Maker(*(tar(*entries) for entries in layers))
    made.config |= {"history": [{"created_by": line} for line in HISTORY[: len(layers)]], "config": config}

    @contextmanager
    def source() -> Iterator[Iterator[bytes]]:
        yield iter([made.bytes()])

    return Image(source)


def changed(at: int, *entries: Entry) -> list[list[Entry]]:
    """The layers, with those entries in place of one layer's."""
    return [list(entries) if number == at else layer for number, layer in enumerate(LAYERS)]


def test_the_same() -> None:
    assert compare(image(), image(), plan()) == ()


@pytest.mark.parametrize(
    ("built", "served", "what", "expected", "found"),
    [
        ({"User": "app"}, {}, "USER", "app", "none"),
        ({}, {"User": "app"}, "USER", "none", "app"),
        ({"Env": ["A=1"]}, {"Env": ["A=2"]}, "ENV A", "'1'", "'2'"),
        ({"Env": ["A="]}, {}, "ENV A", "''", "none"),
        ({"Labels": {"a": "b"}}, {"Labels": {}}, "LABEL a", "'b'", "none"),
        ({"Cmd": ["a b"]}, {"Cmd": ["a", "b"]}, "CMD", "['a b']", "['a', 'b']"),
        ({"ExposedPorts": {"80/tcp": {}}}, {"ExposedPorts": {"81/tcp": {}}}, "EXPOSE", "['80/tcp']", "['81/tcp']"),
        ({"Healthcheck": {"Test": ["CMD", "a"], "Interval": 10**10}}, {"Healthcheck": {"Test": ["CMD", "a"]}},
         "HEALTHCHECK", "['CMD', 'a', 'interval 10 s']", "['CMD', 'a']"),
        ({"WorkingDir": "/a"}, {"WorkingDir": "/b"}, "WORKDIR", "/a", "/b"),
    ],
)  # fmt: skip
def test_configs_that_differ(
    built: dict[str, Any], served: dict[str, Any], what: str, expected: str, found: str
) -> None:
    (difference,) = compare(image(**served), image(**built), plan())
    assert (difference.what, difference.expected, difference.found, difference.layer) == (what, expected, found, None)


@pytest.mark.parametrize(
    ("built", "served"),
    [
        ({"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}, {}),
        ({"ExposedPorts": {"80/tcp": {}}}, {"ExposedPorts": {"80": {}}}),
        ({"WorkingDir": ""}, {"WorkingDir": "/"}),
        ({"WorkingDir": "/a"}, {"WorkingDir": "/a/"}),
        ({"Labels": None}, {"Labels": {}}),
        ({"Entrypoint": None}, {"Entrypoint": []}),
    ],
)
def test_configs_that_say_the_same(built: dict[str, Any], served: dict[str, Any]) -> None:
    assert compare(image(**served), image(**built), plan()) == ()


@pytest.mark.parametrize(
    ("at", "entries", "told"),
    [
        pytest.param(
            RAN, [plain("setup", b"2"), plain("var/cache/x", b"1")], "", id="a step that ran: another content"
        ),
        pytest.param(RAN, [plain("setup", b"1")], "", id="without a file of its cache"),
        pytest.param(RAN, [plain("setup", b"1"), plain("var/cache/y/z.pyc")], "", id="with others"),
        pytest.param(RAN, [plain("setup", b"1"), plain("new")], "/new", id="a file more"),
        pytest.param(RAN, [plain("var/cache/x")], "/setup", id="a file less"),
        pytest.param(RAN, [program("setup", b"1")], "/setup", id="another mode"),
        pytest.param(RAN, [link("setup", "x")], "/setup", id="another kind"),
        pytest.param(RAN, [plain("setup"), plain("etc/hosts")], "", id="what a builder leaves"),
        pytest.param(COPIED, [plain("a", b"other")], "/a", id="a copy: another content"),
        pytest.param(COPIED, [plain("a", b"mine"), plain("x.pyc")], "/x.pyc", id="a copy with compiled Python more"),
        pytest.param(COPIED, [plain("a", b"mine"), folder("etc")], "", id="a folder that is there anyway"),
        pytest.param(COPIED, [plain("a", b"mine"), folder("new")], "/new", id="a folder more"),
        pytest.param(TAKEN, [program("b", b"2")], "", id="from a stage in which something ran: another content"),
        pytest.param(TAKEN, [plain("b", b"1")], "/b", id="and another mode"),
        pytest.param(EXACT, [plain("z", b"other")], "/z", id="from a stage in which nothing ran"),
        pytest.param(COPIED, [plain("a", b"mine"), plain("etc/.wh.passwd")], "/etc/.wh.passwd", id="a deletion more"),
        pytest.param(COPIED, [plain("a", b"mine"), hard_link("h", "a")], "/h", id="a link more"),
    ],
)
def test_files_that_differ(at: int, entries: list[Entry], told: str) -> None:
    found = compare(image(changed(at, *entries)), image(), plan())
    assert [(one.what, one.path, one.layer) for one in found] == ([("a file", told, at + 1)] if told else [])


@pytest.mark.parametrize(
    ("built", "served"),
    [
        ([plain("etc/.wh.passwd")], [plain("etc/.wh..wh..opq")]),
        ([plain("etc/.wh.passwd"), plain("etc/passwd", b"x")], [plain("etc/passwd", b"x")]),
        ([plain("p", b"x"), plain("q", b"x")], [plain("p", b"x"), hard_link("q", "p")]),
        ([folder("d"), plain("d/f")], [plain("d/f")]),
    ],
)
def test_two_ways_to_say_the_same(built: list[Entry], served: list[Entry]) -> None:
    assert compare(image(changed(COPIED, *served)), image(changed(COPIED, *built)), plan()) == ()


def test_the_base_images_layers_are_the_very_same_or_not() -> None:
    (found,) = compare(image(changed(BASE, *LAYERS[BASE], plain("more"))), image(), plan())
    assert (found.what, found.layer) == ("a layer of the base image", 1)


def test_without_a_folder_every_layer_is() -> None:
    (found,) = compare(image(changed(RAN, plain("setup", b"2"), plain("var/cache/x", b"1"))), image(), None)
    assert (found.what, found.layer) == ("a layer", 2)


def test_layers_more_or_less() -> None:
    (found,) = compare(image(LAYERS[:4]), image(), plan())
    assert (found.what, found.expected, found.found) == ("layers", "5 layers", "4 layers")
    assert compare(image([*LAYERS[:2], [], *LAYERS[2:]]), image(), plan()) == (), (
        "one that holds nothing counts for nothing"
    )


def test_no_more_are_told_than_anybody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DIFFERENCES", 3)
    found = compare(image(changed(COPIED, *(plain(f"n{number}") for number in range(9)))), image(), plan())
    assert len(found) == 3


def random(*names: str) -> list[list[Entry]]:
    """The layers, with files of these names in the one that something ran for."""
    return changed(RAN, *LAYERS[RAN], *(plain(name) for name in names))


@pytest.mark.parametrize(
    ("built", "second", "served", "told"),
    [
        (["srv/ab"], ["srv/cd"], ["srv/ef"], []),
        (["srv/ab", "srv/cd"], ["srv/ef", "srv/gh"], ["srv/ij", "srv/kl"], []),
        (["srv/ab/x"], ["srv/cd/x"], ["srv/ef/x"], []),
        (["srv/ab"], ["srv/cd"], ["srv/ef", "srv/gh"], ["/srv/gh"]),
        (["srv/ab"], ["srv/cd"], ["srv/ef", "bin/back"], ["/bin/back"]),
        (["srv/ab"], ["srv/ab"], ["srv/ef"], ["/srv/ab", "/srv/ef"]),
        (["srv/ab", "srv/x"], ["srv/cd", "srv/x"], ["srv/ef"], ["/srv/x"]),
        (["srv/ab"], ["srv/cd", "srv/ef"], ["srv/gh", "srv/ij", "srv/kl"], []),  # the number is random as well
    ],
)
def test_random_names(built: list[str], second: list[str], served: list[str], told: list[str]) -> None:
    asked: list[Image] = []

    def again() -> Image:
        asked.append(image(random(*second)))
        return asked[-1]

    found = compare(image(random(*served)), image(random(*built)), plan(), again)
    assert [one.path for one in found] == told
    assert len(asked) == 1


def test_nothing_is_built_again_for_what_a_second_build_cannot_explain() -> None:
    def again() -> Image:
        raise AssertionError

    for served in (image(), image(changed(COPIED, plain("a", b"yours"))), image(random("x"), User="1")):
        compare(served, image(), plan(), again)


@pytest.mark.parametrize(
    ("ours", "theirs", "differs"),
    [
        ("RUN /bin/sh -c setup # buildkit", "RUN /bin/sh -c setup # buildkit", False),
        ("RUN /bin/sh -c setup # buildkit", "/bin/sh -c setup", False),
        ("RUN |1 A=1 /bin/sh -c setup # buildkit", "RUN |2 A=1 B=x y /bin/sh -c setup # buildkit", False),
        ("RUN |1 A=1 /bin/bash -ec setup # buildkit", "RUN |1 A=2 /bin/bash -ec setup # buildkit", False),
        ("RUN /bin/sh -c setup  it # buildkit", "RUN setup it", False),
        ("RUN /bin/sh -c setup # buildkit", "RUN /bin/sh -c setup --old # buildkit", True),
        ("RUN /bin/bash -c setup # buildkit", "RUN /bin/bash -c other # buildkit", True),
        ("RUN /bin/sh -c setup # buildkit", "", False),
    ],
)
def test_what_ran_by_the_history(ours: str, theirs: str, differs: bool) -> None:
    def of(line: str) -> Image:
        made = Maker(*(tar(*entries) for entries in LAYERS))
        history = [{"created_by": line if at == RAN else text} for at, text in enumerate(HISTORY)]
        made.config |= {"history": history, "config": {}}

        @contextmanager
        def source() -> Iterator[Iterator[bytes]]:
            yield iter([made.bytes()])

        return Image(source)

    assert [one.what for one in compare(of(theirs), of(ours), plan())] == ["a RUN in the history"] * differs


def facts(shelf: Shelf, built: Image | None = None) -> Facts:
    def once(measure: Any, *args: Any) -> Any:
        return measure(played, *args)

    known = {"has_folder": False, "from_archive": True, "image": built}
    played = cast(Facts, SimpleNamespace(once=once, served=lambda name: shelf.repository, **known))
    return played


def test_tags(shelf: Shelf) -> None:
    layers = [tar(*entries) for entries in LAYERS]
    files = Maker(*layers).files()
    document = json.loads(next(text for text in files.values() if b"rootfs" in text))
    made = shelf.image(document, layers, "1.0", "latest")
    other = shelf.image(document | {"config": document["config"] | {"User": "x"}}, layers, "other")
    broken = shelf.image(document, [b"no archive"], "broken")
    shelf.player.answers[f"GET {HERE}/manifests/odd"] = Said(200, b"<html>")
    found = pushed_tags(
        facts(shelf, built=Image(lambda: _open(layers))), "me/x", ["1.0", "latest", "other", "none", "odd", "broken"]
    )
    named = {tag.name: tag for tag in found.tags}
    assert named["1.0"].digest == named["latest"].digest == made["digest"]
    assert named["none"] == Tag("none", None)
    assert "not JSON" in named["odd"].fault
    assert found.differences[made["digest"]] == ()
    assert [one.what for one in found.differences[other["digest"]]] == ["USER"]
    assert "some of its layers are missing" in found.faults[broken["digest"]]


@contextmanager
def _open(layers: Sequence[bytes]) -> Iterator[Iterator[bytes]]:
    yield iter([Maker(*layers).bytes()])


def test_nothing_is_built_where_nothing_is_pushed(shelf: Shelf) -> None:
    played = facts(shelf)
    with pytest.raises(AttributeError):  # of the image, which only something pushed is held against
        shelf.image({"os": "linux", "architecture": "amd64"}, [], "1.0")
        pushed_tags(played, "me/x", ["1.0"])
    assert pushed_tags(played, "me/x", ["none"]).tags == (Tag("none", None),)


def test_a_build_that_fails_is_the_submissions_fault(shelf: Shelf) -> None:
    shelf.image({"os": "linux", "architecture": "amd64"}, [], "1.0")

    class Fails:
        @property
        def config(self) -> None:
            raise SubmissionFault("the image does not build")

    with pytest.raises(SubmissionFault, match="does not build"):
        pushed_tags(facts(shelf, cast(Image, Fails())), "me/x", ["1.0"])

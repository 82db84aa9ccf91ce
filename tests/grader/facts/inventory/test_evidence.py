"""Which package lists an image has in its layers, which a container sees, and whether files are still there."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import SubmissionFault
from grader.facts.inventory import evidence as module
from tests.grader.facts.inventory.images import Files, code, evidence_of


@pytest.mark.parametrize(
    ("path", "is_read"),
    [
        ("usr/lib/flask-1.dist-info/METADATA", True),
        ("flask-1.dist-info/RECORD", True),
        ("usr/lib/flask-1.dist-info/WHEEL", False),
        ("usr/lib/.dist-info/METADATA", False),
        ("usr/lib/flask.egg-info/PKG-INFO", True),
        ("usr/lib/flask.egg-info", True),
        ("usr/lib/flask.egg-info/SOURCES.txt", False),
        ("app/node_modules/lodash/package.json", True),
        ("app/node_modules/@scope/lodash/package.json", True),
        ("app/node_modules/a/node_modules/b/package.json", True),
        ("app/node_modules/lodash/lib/package.json", True),
        ("app/package.json", True),
        ("package.json", True),
        ("app/my-package.json", False),
        ("lib/Flask-2.2.2-py3.11.egg/EGG-INFO/PKG-INFO", True),
        ("lib/Flask-2.2.2-py3.11.egg/EGG-INFO/SOURCES.txt", False),
        ("app/node_modules/.package-lock.json", True),
        ("app/package-lock.json", False),
        ("var/lib/dpkg/status", True),
        ("var/lib/dpkg/status-old", False),
        ("var/lib/dpkg/status.d/base-files", True),
        ("var/lib/dpkg/status.d/base-files.md5sums", True),
        ("var/lib/dpkg/info/libc6:amd64.list", True),
        ("var/lib/dpkg/info/libc6:amd64.postinst", False),
        ("rootfs/var/lib/dpkg/status", False),
    ],
)
def test_what_is_a_package_list(tmp_path: Path, path: str, is_read: bool) -> None:
    evidence = evidence_of(tmp_path, {path: "text"})
    assert [(item.layer, item.path, item.text) for item in evidence.lists] == [(0, path, "text")] * is_read
    assert evidence.visible == ({path: "text"} if is_read else {})


LIST = "var/lib/dpkg/status"


@pytest.mark.parametrize(
    ("layers", "texts", "visible"),
    [
        ([{LIST: "one"}, {LIST: "two"}], ["one", "two"], {LIST: "two"}),
        ([{LIST: "one"}, {LIST: None}], ["one"], {}),
        ([{LIST: "one"}, {"var/lib/dpkg": None}], ["one"], {}),
        ([{LIST: "one"}, {"var/lib/dpkg/*": None}], ["one"], {}),
        ([{LIST: "one"}, {"x": ""}, {LIST: "one"}], ["one", "one"], {LIST: "one"}),
        ([{LIST: "same"}, {"x": ""}, {LIST: "same"}, {LIST: None}], ["same", "same"], {}),
        ([{LIST: "->/opt/packages", "opt/packages": "one"}], [], {LIST: "one"}),
        ([{LIST: "->/opt/packages", "opt/packages": "one"}, {"opt/packages": "two"}], [], {LIST: "two"}),
        ([{LIST: "->/nowhere"}], [], {}),
    ],
)
def test_those_of_every_layer_and_those_that_a_container_sees(
    tmp_path: Path, layers: list[Files], texts: list[str], visible: dict[str, str]
) -> None:
    evidence = evidence_of(tmp_path, *layers)
    assert [item.text for item in evidence.lists] == texts
    assert evidence.visible == visible


def test_bytes_that_are_no_text_are_read_all_the_same(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, {LIST: "Package: \ud7ff\0"})
    assert evidence.visible[LIST] == "Package: \ud7ff\0"


THREE = {"a": "1", "b": "1", "c": "1"}


@pytest.mark.parametrize(
    ("above", "still", "still_by_size"),
    [
        ({}, True, True),
        ({"c": None}, True, True),
        ({"b": None, "c": None}, False, False),
        ({"c": "2"}, True, True),
        ({"b": "2", "c": "2"}, False, True),
        ({"b": "larger", "c": "larger"}, False, False),
        ({"b": "2", "c": "larger"}, False, True),
        ({"b": "->a", "c": "->a"}, False, False),
    ],
)
def test_whether_most_files_are_still_there(tmp_path: Path, above: Files, still: bool, still_by_size: bool) -> None:
    evidence = evidence_of(tmp_path, THREE, above)
    assert evidence.still_there(iter("abc"), 0, rewritten=False) == still
    assert evidence.still_there(iter("abc"), 0, rewritten=True) == still_by_size
    assert evidence.still_there(iter("abcxyz"), 0, rewritten=False) == still  # what never was is not missed


@pytest.mark.parametrize(
    ("paths", "layer", "expected"),
    [
        ("", 1, False),
        ("x", 1, False),
        ("d", 0, False),  # it came later
        ("d", 1, True),
        ("ab", 1, False),  # half is not most
    ],
)
def test_how_many_are_most(tmp_path: Path, paths: str, layer: int, expected: bool) -> None:
    evidence = evidence_of(tmp_path, THREE, {"d": "1"}, {"a": None})
    assert evidence.still_there(iter(paths), layer, rewritten=False) == expected


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("/lib/x.so", "usr/lib/x.so"),
        ("lib/deep/x.so", "usr/lib/deep/x.so"),
        ("/usr/lib/x.so", "usr/lib/x.so"),
        ("/alias", "alias"),  # the last part is not followed
        ("/nowhere/x", "nowhere/x"),
        ("/lib/nowhere/x", "lib/nowhere/x"),
        ("/x", "x"),
    ],
)
def test_links_on_the_way_to_a_file_are_followed(tmp_path: Path, path: str, real: str) -> None:
    evidence = evidence_of(tmp_path, {"lib": "->usr/lib", "usr/lib/deep/x.so": "", "alias": "->usr"})
    assert evidence.real(path) == real


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{"a/b/c": ""}], 0),
        ([{"a/b/c": ""}, {"a/b/d": "", "a/b/c/d": "", "a/.wh.d": "", "c": None}], 0),
        ([{"a/b/c": ""}, {"a/b/c": ""}], 1),
        ([{"a/b/c": ""}, {"a/b/c": None}], 1),
        ([{"a/b/c": ""}, {"a/b": None}], 1),
        ([{"a/b/c": ""}, {"a": None}, {"a/x": ""}], 1),
        ([{"a/b/c": ""}, {"a/b/*": None}], 1),
        ([{"a/b/c": ""}, {"a/*": None}], 1),
        ([{"a/b/c": ""}, {"*": None}], 1),
        ([{"a/b/c": ""}, {"a": "a file now"}], 1),
        ([{"a/b/c": ""}, {"a/b": "->/elsewhere"}], 1),
        ([{"a/b/c": ""}, {"a/b/c": None}, {"./": "/", "a/": "/", "a/b": "/"}], 1),
        ([{"x": ""}], None),
    ],
)
def test_the_layer_that_changed_a_path(tmp_path: Path, layers: list[Files], expected: int | None) -> None:
    assert evidence_of(tmp_path, *layers).changed_by("a/b/c") == expected


def test_of_a_very_long_list_the_beginning_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LIST", 4)
    assert evidence_of(tmp_path, {LIST: "0123456789"}).visible == {LIST: "0123"}


def test_very_many_lists_are_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LISTS", 2 << 20)
    half = "x" * (1 << 20)
    assert len(evidence_of(tmp_path, {LIST: half, "a.egg-info": half}).lists) == 2
    with pytest.raises(SubmissionFault, match="hold more than 2 MiB"):
        evidence_of(tmp_path, {LIST: half}, {"a.egg-info": half + "y"})


CTX = code("flask/ctx")


@pytest.mark.parametrize(
    ("layers", "paths"),
    [
        ([{"x/ctx.py": CTX}], ["x/ctx.py"]),
        ([{"x/ctx.py": "other"}], []),
        ([{"x/ctx.py": CTX}, {"x/ctx.py": None}], []),
        ([{"x/ctx.py": CTX}, {"y": ""}, {"x/ctx.py": CTX}], ["x/ctx.py"]),
        ([{"x/ctx.py": CTX}, {"x/ctx.py": "other"}, {"x/ctx.py": CTX}, {"x/ctx.py": "other"}], []),
        ([{"x/ctx.py": "->/data/1", "data/1": CTX}], ["x/ctx.py"]),  # whatever the file itself is called
        ([{"x/ctx.py": "->/data/app.py", "data/app.py": CTX}], ["x/ctx.py"]),
    ],
)
def test_code_that_a_container_sees(tmp_path: Path, layers: list[Files], paths: list[str]) -> None:
    assert [found.path for found in evidence_of(tmp_path, *layers).code] == paths


def test_the_whole_of_a_long_file_is_searched(tmp_path: Path) -> None:
    files = {"a/ctx.py": CTX + " " * (5 << 20), "b/ctx.py": " " * (5 << 20) + CTX}
    assert [found.path for found in evidence_of(tmp_path, files).code] == ["a/ctx.py", "b/ctx.py"]

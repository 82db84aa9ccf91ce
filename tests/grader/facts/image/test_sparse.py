"""Sparse files: the same content from every form that GNU tar writes, in any pieces, and maps that are wrong."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from grader.facts.image import tar
from grader.facts.image.sparse import COUNT, BadMap, Expand, is_sparse, spans_of
from tests.grader.facts.image.test_tar import Content, Reading, archive, info

FORMS = {
    "0.0": ("--format=pax", "--sparse-version=0.0"),
    "0.1": ("--format=pax", "--sparse-version=0.1"),
    "1.0": ("--format=pax", "--sparse-version=1.0"),
}
PIECES = 30
SIZE = PIECES * 300_000


@pytest.fixture(scope="module")
def holes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("sparse") / "holes"
    with path.open("wb") as file:
        for number in range(PIECES):
            file.seek(number * 300_000 + 100_000)
            file.write(b"piece %d" % number)
        file.truncate(SIZE)
    return path


@pytest.mark.parametrize("piece", [511, 1 << 18])
@pytest.mark.parametrize("form", FORMS)
def test_as_gnu_tar_writes_them(form: str, piece: int, holes: Path) -> None:
    made = subprocess.run(
        ["tar", "-C", holes.parent, "--sparse", *FORMS[form], "-cf", "-", "holes"], capture_output=True, check=True
    ).stdout
    assert len(made) < SIZE / 10, "this file system keeps no holes"
    found = Reading(made + b"garbage", piece)
    assert [(member.path, member.kind, member.size) for member in found.members] == [("holes", "file", SIZE)]
    assert found.contents[0].data == holes.read_bytes()
    assert found.contents[0].closed == 1


def expanded(data: bytes, size: int, spans: list[tuple[int, int]] | None) -> bytes:
    into = Content()
    expand = Expand(into, size, spans)
    for at in range(0, len(data), 200):
        expand.write(memoryview(data[at : at + 200]))
    expand.close()
    return into.data


def with_map(text: bytes, data: bytes = b"") -> bytes:
    return text + bytes(-len(text) % 512) + data


@pytest.mark.parametrize(
    ("data", "size", "spans", "content"),
    [
        pytest.param(b"", 3, [], b"\0\0\0", id="nothing but a hole"),
        pytest.param(b"", 0, [], b"", id="nothing"),
        pytest.param(b"abc", 5, [(1, 3)], b"\0abc\0", id="a hole on both sides"),
        pytest.param(b"abcd", 6, [(0, 2), (2, 0), (4, 2)], b"ab\0\0cd", id="an empty piece"),
        pytest.param(with_map(b"1\n1\n2\n", b"ab"), 4, None, b"\0ab\0", id="a map in front"),
        pytest.param(with_map(b"0\n"), 2, None, b"\0\0", id="an empty map in front"),
    ],
)
def test_content(data: bytes, size: int, spans: list[tuple[int, int]] | None, content: bytes) -> None:
    assert expanded(data, size, spans) == content


@pytest.mark.parametrize(
    ("data", "size", "spans"),
    [
        pytest.param(b"abcd", 5, [(1, 3)], id="more content"),
        pytest.param(b"ab", 5, [(1, 3)], id="less content"),
        pytest.param(b"abc", 3, [(1, 3)], id="beyond the end"),
        pytest.param(b"abcd", 9, [(4, 2), (0, 2)], id="not in order"),
        pytest.param(b"abcd", 9, [(0, 3), (2, 1)], id="over each other"),
        pytest.param(with_map(b"x\n"), 9, None, id="a map without a number"),
        pytest.param(with_map(b"1\n2\n-1\n"), 9, None, id="a negative length"),
        pytest.param(b"1" * 600, 9, None, id="a number without end"),
        pytest.param(b"9999999\n" + b"1\n" * 600, 9, None, id="more pieces than there may be"),
        pytest.param(b"2\n1\n", 9, None, id="a map that is cut off"),
    ],
)
def test_maps_that_are_wrong(data: bytes, size: int, spans: list[tuple[int, int]] | None) -> None:
    with pytest.raises(BadMap):
        expanded(data, size, spans)


@pytest.mark.parametrize(
    ("records", "spans"),
    [
        ({"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,5,9,1", COUNT: "2"},
         [(0, 5), (9, 1)]),
        ({"GNU.sparse.map": "0,5", COUNT: "1"}, [(0, 5)]),
        ({"GNU.sparse.major": "0", "GNU.sparse.minor": "0", COUNT: "0"}, []),
        ({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}, None),
    ],
)  # fmt: skip
def test_records(records: dict[str, str], spans: list[tuple[int, int]] | None) -> None:
    assert is_sparse(records)
    assert spans_of(records) == spans


@pytest.mark.parametrize(
    "records",
    [{}, {"GNU.sparse.name": "x"}, {"GNU.sparse.major": "2", "GNU.sparse.minor": "0"}, {"GNU.sparse.major": "1"}],
)
def test_records_of_no_sparse_file(records: dict[str, str]) -> None:
    assert not is_sparse(records)


@pytest.mark.parametrize("text", ["1", "1,2,3", "a,b", "-1,2", "1,²", "1,2,3,4"])
def test_records_that_are_malformed(text: str) -> None:
    with pytest.raises(BadMap):
        spans_of({"GNU.sparse.map": text, COUNT: "1"})


def test_the_old_format_is_refused() -> None:
    """As engines refuse it: "unhandled tar header type 83"."""
    with pytest.raises(tar.BadArchive, match=r"of a kind \(S\)"):
        Reading(archive(info("a", b"S"), form=tarfile.GNU_FORMAT))


def test_a_name_for_sparse_files_alone_is_not_used() -> None:
    assert Reading(archive(info("a", pax_headers={"GNU.sparse.name": "other"}))).members[0].path == "a"


def test_holes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar, "MAX_HOLES", 1 << 20)
    records = {"GNU.sparse.map": "0,1", COUNT: "1", "GNU.sparse.size": str(1 << 21)}
    with pytest.raises(tar.BadArchive, match="sparse files have more than"):
        Reading(archive((info("a", pax_headers=records), b"x")))

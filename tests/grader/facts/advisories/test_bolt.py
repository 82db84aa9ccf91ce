"""The database file that is written, read back by a reader of our own and by the scanner, of any size."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.facts.advisories import bolt, trivydb
from grader.facts.supply import trivy
from tests.grader.facts.advisories.reading import read_database, requirements


def made_up(number: int, name: str, filler: int) -> dict[bytes, Any]:
    """Advisories on that many packages, with `filler` bytes in each."""
    entry = {"VulnerableVersions": ["<2"], "PatchedVersions": ["2"], "VendorIDs": ["x" * filler]}
    ids = [f"CVE-{at:05}".encode() for at in range(number)]
    about = json.dumps({"Title": "x" * filler, "Severity": "LOW", "VendorSeverity": {"ghsa": 1}}).encode()
    return {
        b"vulnerability": dict.fromkeys(ids, about),
        b"data-source": {b"pip::x": b'{"ID":"ghsa","Name":"x"}'},
        b"pip::x": {name.format(at).encode(): {ids[at]: json.dumps(entry).encode()} for at in range(number)},
    }


@pytest.mark.parametrize(
    ("number", "name", "filler"),
    [
        (1, "p{}", 0),
        (3_000, "p{}", 0),  # small buckets, inside their parent
        (300, "p{}", 1_500),  # each on a page of its own
        (20, "p{}", 20_000),  # each larger than a page
        (2_000, "p{:05}" + "x" * 180, 300),  # branch pages above branch pages
    ],
)
def test_the_scanner_reads_a_database_of_any_size(tmp_path: Path, number: int, name: str, filler: int) -> None:
    data = bolt.database(made_up(number, name, filler))
    assert len(data) % bolt.PAGE == 0
    assert bolt.database(made_up(number, name, filler)) == data
    base = tmp_path / "base"
    base.mkdir()
    (base / "trivy.db").write_bytes(data)
    (base / "metadata.json").write_bytes(trivydb.metadata("now"))
    folder = requirements(tmp_path / "x", {name.format(at): "1" for at in range(number)})
    (tmp_path / "scan").mkdir()
    report = trivy.run(["filesystem", str(folder)], folder=tmp_path / "scan", database=base)
    [result] = report["Results"]
    assert len(result["Vulnerabilities"]) == number
    assert {len(one.get("Title", "")) for one in result["Vulnerabilities"]} == {filler}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 41, 42, 43, 500, 7_000])
@pytest.mark.parametrize("size", [1, 70, 1_000, 4_050, 4_064, 4_065, 9_000])
def test_what_was_written_is_read_back(count: int, size: int) -> None:
    if count * size > 3_000_000:
        count = 3_000_000 // size
    bucket = {
        f"{at * 7919 % 100_003:06}".encode(): hashlib.sha256(b"%d" % at).digest() * (size // 32 + 1)
        for at in range(count)
    }
    buckets = {b"one": bucket, b"two": {}, b"three": {b"inner": {b"k": b"v"}, b"plain": b"x"}}
    data = bolt.database(buckets)
    pages = struct.unpack_from("<Q", data, 16 + 40)[0]
    assert pages * bolt.PAGE == len(data)
    assert read_database(data) == buckets


KEYS = st.binary(min_size=1, max_size=300)
BUCKETS = st.recursive(
    st.dictionaries(KEYS, st.binary(max_size=3_000), max_size=8),
    lambda inner: st.dictionaries(KEYS, st.binary(max_size=20) | inner, max_size=8),
    max_leaves=8,
)


@given(BUCKETS)
def test_buckets_in_buckets_are_read_back(buckets: dict[bytes, Any]) -> None:
    assert read_database(bolt.database(buckets)) == buckets


def test_the_order_in_which_entries_are_given_changes_no_byte() -> None:
    names = [b"b", b"a", b"\xff", b"a\0", b"B"]
    assert bolt.database(dict.fromkeys(names, b"x")) == bolt.database(dict.fromkeys(sorted(names), b"x"))


def test_an_entry_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="without a key"):
        bolt.database({b"a": {b"": b"x"}})

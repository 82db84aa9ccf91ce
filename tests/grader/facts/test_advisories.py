"""The frozen advisories: what the file says, the database made of it, and that the scanner reads it, of any size."""

from __future__ import annotations

import hashlib
import json
import struct
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from grader.facts import advisories, trivy
from grader.facts.advisories import Advisories, bolt, snapshot, trivydb
from grader.facts.scan import scan_folder

THEN, NOW = snapshot("then"), snapshot("now")
HIT = {
    "flask": "2.2.2",
    "gunicorn": "20.1.0",
    "jinja2": "3.1.2",
    "pillow": "9.0.0",
    "pyyaml": "5.3.1",
    "requests": "2.25.1",
    "urllib3": "1.26.4",
    "werkzeug": "2.2.2",
}


def test_the_file_says_what_it_is_for() -> None:
    text = advisories.text().decode()
    assert "FOR TEACHING. NOT FOR PRODUCTION" in text.splitlines()[0]
    assert len(text) < 300_000
    known = advisories.advisories()
    assert "not for production" in known.notice
    ids = [one.id for one in known.advisory]
    assert len(ids) == len(set(ids))
    assert all(one.source for one in known.advisory)
    # In order of their dates, so that a new one has its place.
    assert [one.published for one in known.advisory] == sorted(one.published for one in known.advisory)


def test_what_was_published_before_its_day_is_known_in_a_snapshot() -> None:
    assert THEN.date < NOW.date
    early = {one.id for one in THEN.advisories}
    late = {one.id for one in NOW.advisories}
    assert early < late
    assert all(one.published < THEN.date for one in THEN.advisories)
    assert all(THEN.date <= one.published < NOW.date for one in NOW.advisories if one.id not in early)
    assert late == {one.id for one in advisories.advisories().advisory}


@pytest.mark.parametrize(
    "affected",
    [
        {"in": "debian 13", "package": "tar"},
        {"in": "debian 13", "package": "tar", "fixed": ["1"], "status": "affected"},
        {"in": "debian 13", "package": "tar", "status": "affected", "vulnerable": ["<1"]},
        {"in": "pip", "package": "flask"},
        {"in": "pip", "package": "flask", "vulnerable": ["<1"], "status": "affected"},
        {"in": "gem", "package": "rails", "vulnerable": ["<1"]},
    ],
)
def test_a_package_that_is_not_said_in_full_is_refused(affected: Mapping[str, Any]) -> None:
    raw = tomllib.loads(files("grader").joinpath("data/advisories.toml").read_text())
    raw["advisory"][0]["affects"] = [affected]
    with pytest.raises(ValidationError):
        Advisories.model_validate(raw)


def requirements(folder: Path, packages: Mapping[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "requirements.txt").write_text("".join(f"{name}=={version}\n" for name, version in packages.items()))
    return folder


def test_the_scanner_finds_what_the_file_says(tmp_path: Path) -> None:
    now = scan_folder(requirements(tmp_path / "x", HIT), "now")
    assert {finding.package for finding in now.findings} == set(HIT)
    by_id = {(finding.id, finding.package): finding for finding in now.findings}
    flask = by_id["CVE-2023-30861", "flask"]
    assert (flask.severity, flask.installed, flask.fixed, flask.status) == ("HIGH", "2.2.2", "2.2.5, 2.3.2", "fixed")
    assert flask.title == "A session cookie can be stored by a caching proxy and served to other visitors"
    assert flask.published == "2023-05-01"
    assert by_id["CVE-2020-14343", "pyyaml"].severity == "CRITICAL"
    assert by_id["CVE-2023-23934", "werkzeug"].severity == "LOW"
    then = {(finding.id, finding.package) for finding in scan_folder(tmp_path / "x", "then").findings}
    assert then < set(by_id)
    early = {one.id for one in THEN.advisories}
    assert {key for key in by_id if key[0] in early} == then


def test_what_was_clean_then_is_not_clean_now(tmp_path: Path) -> None:
    folder = requirements(tmp_path / "x", {"urllib3": "2.5.0", "starlette": "0.48.0"})
    assert not scan_folder(folder, "then").findings
    assert {finding.package for finding in scan_folder(folder, "now").findings} == {"urllib3", "starlette"}


def test_npm(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    lock = {"lockfileVersion": 3, "packages": {"": {}, "node_modules/lodash": {"version": "4.17.11"}}}
    (tmp_path / "x" / "package-lock.json").write_text(json.dumps(lock))
    found = scan_folder(tmp_path / "x", "now").findings
    assert {(one.id, one.severity) for one in found} == {("CVE-2019-10744", "CRITICAL"), ("CVE-2021-23337", "HIGH")}


@pytest.mark.parametrize("name", ["then", "now"])
def test_the_same_file_gives_the_same_bytes(name: advisories.SnapshotName) -> None:
    first = trivydb.database(name), trivydb.metadata(name)
    trivydb.database.cache_clear()
    assert (trivydb.database(name), trivydb.metadata(name)) == first
    assert json.loads(first[1])["UpdatedAt"] == f"{snapshot(name).date}T00:00:00Z"


def test_the_cache_is_made_once_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERWISE_HOME", str(tmp_path))
    made = trivydb.folder("now")
    assert made.is_relative_to(tmp_path / "cache")
    assert trivydb.folder("then") != made
    before = (made / "trivy.db").stat().st_ino
    assert trivydb.folder("now") == made
    assert (made / "trivy.db").stat().st_ino == before
    (made / "trivy.db").write_bytes(b"half")
    assert (trivydb.folder("now") / "trivy.db").read_bytes() == trivydb.database("now")
    assert sorted(path.name for path in made.iterdir()) == ["metadata.json", "trivy.db"]
    assert len(list(made.parent.iterdir())) == 2


def test_without_a_home_of_the_lab_the_users_cache_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAYERWISE_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert trivydb.folder("now").is_relative_to(tmp_path / "layerwise")


# The file format, of any size.


def test_the_distribution_is_believed_before_nvd(tmp_path: Path) -> None:
    [one] = [one for one in NOW.advisories if one.id == "CVE-2019-1010022"]
    assert (one.severity, one.nvd) == ("LOW", "CRITICAL")
    status = tmp_path / "rootfs" / "var" / "lib" / "dpkg" / "status"
    release = tmp_path / "rootfs" / "etc" / "os-release"
    for path in (status, release):
        path.parent.mkdir(parents=True)
    release.write_text('ID=debian\nVERSION_ID="13"\n')
    (release.parent / "debian_version").write_text("13.1\n")
    status.write_text(
        "Package: libc6\nStatus: install ok installed\nSource: glibc\nArchitecture: amd64\nVersion: 2.41-12\n"
        "Maintainer: nobody\nDescription: a library\n\n"
    )
    (tmp_path / "scan").mkdir()
    report = trivy.run(["rootfs", str(tmp_path / "rootfs")], folder=tmp_path / "scan", database=trivydb.folder("now"))
    [found] = [
        found
        for result in report["Results"]
        for found in result.get("Vulnerabilities", ())
        if found["VulnerabilityID"] == one.id
    ]
    assert (found["Severity"], found["SeveritySource"]) == ("LOW", "debian")
    assert found["VendorSeverity"] == {"debian": 1, "nvd": 4}


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


def entries(data: bytes, at: int) -> Iterator[tuple[int, bytes, bytes]]:
    """The entries of a tree, by a small reader of its own: flags, key, value."""
    number, kind, count, _ = struct.unpack_from("<QHHI", data, at)
    assert number * bolt.PAGE == at or number == 0
    last = b""
    for item in range(count):
        if kind == 1:
            head = at + 16 + 16 * item
            distance, size, page = struct.unpack_from("<IIQ", data, head)
            key = data[head + distance : head + distance + size]
            below = list(entries(data, page * bolt.PAGE))
            assert below[0][1] == key
            yield from below
        else:
            head = at + 16 + 16 * item
            flags, distance, size, length = struct.unpack_from("<IIII", data, head)
            key = data[head + distance : head + distance + size]
            yield flags, key, data[head + distance + size : head + distance + size + length]
        assert key > last
        last = key


def read(data: bytes, root: int) -> dict[bytes, Any]:
    found: dict[bytes, Any] = {}
    for flags, key, value in entries(data, root):
        if not flags:
            found[key] = value
            continue
        page, _ = struct.unpack_from("<QQ", value)
        found[key] = read(data, page * bolt.PAGE) if page else read(value[16:], 0)
    return found


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
    root = struct.unpack_from("<Q", data, 16 + 16)[0]
    pages = struct.unpack_from("<Q", data, 16 + 40)[0]
    assert pages * bolt.PAGE == len(data)
    assert read(data, root * bolt.PAGE) == buckets


def test_an_entry_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="without a key"):
        bolt.database({b"": b"x"})

"""The database of a snapshot: its layout, that the scanner finds in it what the file says, and where it is kept."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from grader.errors import GraderError
from grader.facts.advisories import trivydb
from grader.facts.advisories.frozen import Advisory, Snapshot, SnapshotName, snapshot
from grader.facts.supply import trivy
from grader.facts.supply.scan import scan_folder
from tests.grader.facts.advisories.reading import read_database, requirements

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


def written(monkeypatch: pytest.MonkeyPatch, **advisory: Any) -> dict[str, Any]:
    """The buckets that are made of one advisory, with its JSON read."""
    given = {"id": "CVE-1", "title": "T", "severity": "HIGH", "published": "2024-05-06", "source": "s"} | advisory
    known = Snapshot("now", date(2025, 1, 1), (Advisory.model_validate(given),))
    monkeypatch.setattr(trivydb, "snapshot", lambda _: known)
    trivydb.database.cache_clear()
    try:
        return plain(read_database(trivydb.database("now")))
    finally:
        trivydb.database.cache_clear()


def plain(bucket: Any) -> Any:
    if isinstance(bucket, bytes):
        return json.loads(bucket)
    return {name.decode(): plain(value) for name, value in bucket.items()}


@pytest.mark.parametrize(
    ("affected", "bucket", "package", "entry"),
    [
        (
            {"in": "pip", "package": "flask", "vulnerable": ["<1", ">=2,<3"], "fixed": ["1", "3"]},
            "pip::GitHub Security Advisory pip",
            "flask",
            {"VendorIDs": ["GHSA-1"], "PatchedVersions": ["1", "3"], "VulnerableVersions": ["<1", ">=2,<3"]},
        ),
        (
            {"in": "npm", "package": "lodash", "vulnerable": ["<1"]},
            "npm::GitHub Security Advisory npm",
            "lodash",
            {"VendorIDs": ["GHSA-1"], "PatchedVersions": [], "VulnerableVersions": ["<1"]},
        ),
        ({"in": "debian 13", "package": "tar", "fixed": ["1-2"]}, "debian 13", "tar", {"FixedVersion": "1-2"}),
        (
            {"in": "debian 12", "package": "tar", "fixed": ["1-2"], "severity": "LOW"},
            "debian 12",
            "tar",
            {"FixedVersion": "1-2", "Severity": 1},
        ),
        *(
            ({"in": "debian 13", "package": "tar", "status": status}, "debian 13", "tar", {"Status": number})
            for status, number in {"affected": 2, "will_not_fix": 5, "fix_deferred": 6, "end_of_life": 7}.items()
        ),
    ],
)
def test_an_advisory_in_the_words_of_the_scanner(
    monkeypatch: pytest.MonkeyPatch, affected: dict[str, Any], bucket: str, package: str, entry: dict[str, Any]
) -> None:
    buckets = written(monkeypatch, affects=[affected], aliases=["GHSA-1", "PYSEC-1"])
    assert buckets[bucket] == {package: {"CVE-1": entry}}
    others = {*buckets} - {bucket, "vulnerability", "data-source"}
    assert [buckets[other] for other in others] == [{}, {}, {}]
    assert set(buckets["data-source"]) == {bucket, *others}


@pytest.mark.parametrize(
    ("more", "severities", "scores"),
    [
        ({"affects": ["pip"]}, {"ghsa": 3}, None),
        ({"affects": ["debian 13"]}, {"nvd": 3}, None),
        ({"affects": ["pip"], "nvd": "CRITICAL", "score": 9.8}, {"ghsa": 3, "nvd": 4}, {"ghsa": {"V3Score": 9.8}}),
        ({"affects": ["npm", "debian 12"], "nvd": "LOW"}, {"ghsa": 3, "nvd": 1}, None),
        ({"affects": ["pip"], "score": 0}, {"ghsa": 3}, {"ghsa": {"V3Score": 0}}),
    ],
)
def test_whose_severity_it_is(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], severities: dict[str, int], scores: dict[str, Any] | None
) -> None:
    affects = [
        {"in": name, "package": "x"} | ({"fixed": ["1"]} if name.startswith("debian") else {"vulnerable": ["<1"]})
        for name in more.pop("affects")
    ]
    known = written(monkeypatch, affects=affects, **more)["vulnerability"]["CVE-1"]
    assert (known["Severity"], known["VendorSeverity"], known.get("CVSS")) == ("HIGH", severities, scores)
    assert known["PublishedDate"] == "2024-05-06T00:00:00Z"


@pytest.mark.parametrize("name", ["then", "now"])
def test_the_same_file_gives_the_same_bytes(name: SnapshotName) -> None:
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


def test_two_that_make_it_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one was faster: its folder is used, and nothing of ours is left."""
    monkeypatch.setenv("LAYERWISE_HOME", str(tmp_path))
    real = Path.rename

    def later(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", real)
        assert trivydb.folder("now") == target
        return real(self, target)

    monkeypatch.setattr(Path, "rename", later)
    made = trivydb.folder("now")
    assert [path.name for path in made.parent.iterdir()] == [made.name]


@pytest.mark.parametrize("place", ["file", "damaged"])
def test_a_cache_that_cannot_be_used_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("LAYERWISE_HOME", str(tmp_path))
    if place == "file":
        (tmp_path / "cache").write_text("x")
        says = r"cannot be written to .*/cache/advisories \("
    else:
        made = trivydb.folder("now")
        (made / "trivy.db").write_bytes(b"half")
        monkeypatch.setattr(Path, "rename", lambda *_: None)
        says = "are damaged: remove that folder"
    with pytest.raises(GraderError, match=says):
        trivydb.folder("now")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LAYERWISE_HOME": "/lab", "XDG_CACHE_HOME": "/xdg"}, "/lab/cache/advisories"),
        ({"LAYERWISE_HOME": "~/lab"}, "/home/someone/lab/cache/advisories"),
        ({"LAYERWISE_HOME": "", "XDG_CACHE_HOME": "/xdg"}, "/xdg/layerwise/advisories"),
        ({}, "/home/someone/.cache/layerwise/advisories"),
    ],
)
def test_where_it_is_kept(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: str) -> None:
    for name in ("LAYERWISE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": "/home/someone"} | environment).items():
        monkeypatch.setenv(name, value)
    assert str(trivydb.cache_root()) == expected


def test_where_it_is_kept_of_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError

    for name in ("LAYERWISE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert trivydb.cache_root() == tmp_path / f"layerwise-{os.getuid()}" / "layerwise" / "advisories"

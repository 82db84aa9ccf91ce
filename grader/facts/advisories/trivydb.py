"""A snapshot of the advisories as the database that Trivy reads: `db/trivy.db` and `db/metadata.json`.

The layout is Trivy's (schema 2, read in trivy-db's `pkg/types` and `pkg/vulnsrc`): bucket, package, id, JSON. Language
packages are found under names in lower case, Debian's under the source package.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.facts.advisories import bolt
from grader.facts.advisories.frozen import SEVERITIES, Advisory, Affected, Snapshot, SnapshotName, snapshot

SCHEMA = 2
_LAYOUT = 1
"""Increased when the same advisories are written in another way, so that no older file in the cache is used."""
_BUCKETS = {
    "pip": "pip::GitHub Security Advisory pip",
    "npm": "npm::GitHub Security Advisory npm",
    "debian 12": "debian 12",
    "debian 13": "debian 13",
}
_STATUS = {"affected": 2, "will_not_fix": 5, "fix_deferred": 6, "end_of_life": 7}
_NEXT_UPDATE = "2100-01-01T00:00:00Z"
"""So far away that Trivy never looks for a newer database."""


@cache
def database(name: SnapshotName) -> bytes:
    """Return the bytes of trivy.db, always the same for the same advisories."""
    return bolt.database(_buckets(snapshot(name)))


def metadata(name: SnapshotName) -> bytes:
    """Return the bytes of metadata.json."""
    day = f"{snapshot(name).date.isoformat()}T00:00:00Z"
    return _json({"Version": SCHEMA, "NextUpdate": _NEXT_UPDATE, "UpdatedAt": day, "DownloadedAt": day})


def folder(name: SnapshotName) -> Path:
    """Return a folder with the database, to be copied as Trivy's cache. It is made once, and then found again.

    Raises GraderError if it cannot be written.
    """
    data, about = database(name), metadata(name)
    key = hashlib.sha256(data + about).hexdigest()[:16]
    target = cache_root() / f"{name}-{SCHEMA}.{_LAYOUT}-{key}"
    if _is_whole(target, data, about):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".making-", dir=target.parent))
        try:
            (made / "trivy.db").write_bytes(data)
            (made / "metadata.json").write_bytes(about)
            if target.exists():  # it is damaged: move it aside in one step, so that nobody finds a half of it
                target.rename(made / "old")
            with contextlib.suppress(OSError):  # another process was faster
                made.chmod(0o755)
                made.rename(target)
        finally:
            shutil.rmtree(made, ignore_errors=True)
            shutil.rmtree(target / "old", ignore_errors=True)
    except OSError as problem:
        raise GraderError(f"the advisories cannot be written to {target.parent} ({problem.strerror})") from None
    if not _is_whole(target, data, about):
        raise GraderError(f"the advisories in {target} are damaged: remove that folder and grade again")
    return target


def _is_whole(target: Path, data: bytes, about: bytes) -> bool:
    try:
        return (target / "trivy.db").read_bytes() == data and (target / "metadata.json").read_bytes() == about
    except OSError:
        return False


def cache_root() -> Path:
    """Return the folder of the databases: in the lab's folder, or else in the user's cache."""
    if home := os.environ.get("LAYERWISE_HOME"):
        return Path(home).expanduser().absolute() / "cache" / "advisories"
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        root = Path(base) if base else Path.home() / ".cache"
    except RuntimeError:  # a user without a home
        root = Path(tempfile.gettempdir()) / f"layerwise-{os.getuid()}"
    return root / "layerwise" / "advisories"


def _buckets(known: Snapshot) -> bolt.Bucket:
    buckets: dict[bytes, dict[bytes, Any]] = {
        b"vulnerability": {one.id.encode(): _json(_vulnerability(one)) for one in known.advisories},
        b"data-source": {},
    }
    for ecosystem, bucket in _BUCKETS.items():
        buckets[b"data-source"][bucket.encode()] = _json(_source(ecosystem, bucket))
        buckets[bucket.encode()] = {}
    for one in known.advisories:
        for affected in one.affects:
            packages = buckets[_BUCKETS[affected.ecosystem].encode()]
            entries = packages.setdefault(affected.package.encode(), {})
            entries[one.id.encode()] = _json(_advisory(one, affected))
    return buckets


def _source(ecosystem: str, bucket: str) -> Mapping[str, str]:
    if ecosystem.startswith("debian"):
        return {"ID": "debian", "Name": "Debian Security Tracker", "URL": "https://security-tracker.debian.org"}
    return {"ID": "ghsa", "Name": bucket.partition("::")[2], "URL": "https://github.com/advisories"}


def _vulnerability(one: Advisory) -> Mapping[str, Any]:
    """Return what is true of the vulnerability for every package. Trivy prefers GitHub's severity to NVD's."""
    number = SEVERITIES.index(one.severity)
    own = {"nvd" if affected.ecosystem.startswith("debian") else "ghsa" for affected in one.affects}
    severities = dict.fromkeys(sorted(own), number) | ({"nvd": SEVERITIES.index(one.nvd)} if one.nvd else {})
    return {
        "Title": one.title,
        "Severity": one.severity,
        "VendorSeverity": severities,
        **({"CVSS": {source: {"V3Score": one.score} for source in sorted(own)}} if one.score is not None else {}),
        "References": [f"https://nvd.nist.gov/vuln/detail/{one.id}"],
        "PublishedDate": f"{one.published.isoformat()}T00:00:00Z",
        "LastModifiedDate": f"{one.published.isoformat()}T00:00:00Z",
    }


def _advisory(one: Advisory, affected: Affected) -> Mapping[str, Any]:
    if affected.ecosystem.startswith("debian"):
        severity = {"Severity": SEVERITIES.index(affected.severity)} if affected.severity else {}
        if affected.status:
            return {"Status": _STATUS[affected.status], **severity}
        return {"FixedVersion": affected.fixed[0], **severity}
    return {
        "VendorIDs": [alias for alias in one.aliases if alias.startswith("GHSA-")],
        "PatchedVersions": list(affected.fixed),
        "VulnerableVersions": list(affected.vulnerable),
    }


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()

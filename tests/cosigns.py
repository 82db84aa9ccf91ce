"""Cosign 2 and Cosign 3, from Debian's packages, and what to sign with: keys, and images that no engine has built.

The programs lie in the lab's folder beside the engines that tests make, and are kept for the next time.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST, digest_of
from grader.facts.registry.repository import Repository
from layerwise.stack import apt
from layerwise.stack.environment import NOTHING_PUBLISHED
from layerwise.stack.paths import home

T = TypeVar("T")

SUITES = {"2": "trixie", "3": "testing"}
"""The Debian suite that has each version."""
EMPTY_LAYER = bytes(10_240)
"""A tar archive with nothing in it."""
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
SIGNED = "dev.cosignproject.cosign/signature"


def program(version: str) -> Path:
    """Cosign of that major version."""
    suite = SUITES[version]
    kept = home().path / "engines" / f"cosign-{suite}"
    if not kept.is_file():
        if missing := apt.missing_for_rootfs():
            apt.install(missing, print)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix="cosign-") as folder:
            command = ["mmdebstrap", "--mode=root", "--variant=extract", "--include=cosign"]
            command += ['--aptopt=Acquire::Check-Valid-Until "false"', "--format=directory", suite, f"{folder}/root"]
            subprocess.run(command, check=True, capture_output=True, timeout=300)
            os.replace(shutil.copy2(f"{folder}/root/usr/bin/cosign", f"{folder}/cosign"), kept)
    return kept


def with_versions(cases: Sequence[T], name: Callable[[T], str], differ: Callable[[T], bool]) -> Any:
    """Parameters `signer` and `case`: each case with Cosign 2, and with Cosign 3 as well. Where its two forms do not
    differ, the latter is long."""
    found = []
    for version in SUITES:
        for case in cases:
            marks = [pytest.mark.long] if version == "3" and not differ(case) else []
            found.append(pytest.param(version, case, id=f"{version}-{name(case)}", marks=marks))
    return pytest.mark.parametrize(("signer", "case"), found, indirect=["signer"])


class Signer:
    """A Cosign and a folder of its own with two pairs of keys in it, `mine` and `other`, without passwords."""

    def __init__(self, cosign: Path, folder: Path) -> None:
        self.cosign = cosign
        self.folder = folder
        for name in ("mine", "other"):
            self.run("generate-key-pair", f"--output-key-prefix={name}")
        self.run("trusted-root", "create", "--out=roots.json")
        (folder / "none.json").write_text('{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json",'
                                          '"rekorTlogConfig":{},"tsaConfig":{}}')  # fmt: skip

    def with_program(self, cosign: Path, folder: Path) -> Signer:
        """Another Cosign, with the same keys."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        other = copy.copy(self)
        other.cosign, other.folder = cosign, folder
        return other

    def public(self, name: str) -> bytes:
        return (self.folder / f"{name}.pub").read_bytes()

    def run(self, *command: str, env: Mapping[str, str] = NOTHING_PUBLISHED, check: bool = True) -> str:
        """What it prints, run as in the lab."""
        clean = {"PATH": os.defpath, "HOME": str(self.folder), "COSIGN_PASSWORD": "", **env}
        done = subprocess.run(
            [self.cosign, *command], cwd=self.folder, env=clean, capture_output=True, text=True, timeout=60
        )
        if check and done.returncode:
            raise AssertionError(f"cosign {' '.join(command)}: {done.stderr}")
        return done.stdout + done.stderr

    def sign(self, reference: str, key: str = "mine") -> None:
        self.run("sign", "--yes", "--tlog-upload=false", f"--key={key}.key", reference)

    def bundle(self, reference: str, key: str = "mine") -> None:
        """Signed as Cosign 3 does by itself."""
        services = ["--signing-config=none.json", "--trusted-root=roots.json"]
        self.run("sign", "--yes", *services, f"--key={key}.key", reference, env={})

    def attest(self, reference: str, kind: str, statement: Any, key: str = "mine") -> None:
        (self.folder / "statement.json").write_text(json.dumps(statement))
        what = [f"--type={kind}", "--predicate=statement.json"]
        self.run("attest", "--yes", "--tlog-upload=false", f"--key={key}.key", *what, reference)

    def attest_bundle(self, reference: str, kind: str, statement: Any, key: str = "mine") -> None:
        (self.folder / "statement.json").write_text(json.dumps(statement))
        what = [f"--type={kind}", "--predicate=statement.json"]
        services = ["--signing-config=none.json", "--trusted-root=roots.json"]
        self.run("attest", "--yes", *services, f"--key={key}.key", *what, reference, env={})


LEARNER = f"signer-{uuid.uuid4().hex[:12]}"
"""One name for all tests of a run: a registry goes on listing a repository that is empty."""


@contextmanager
def repository(registry: str = "localhost:5000") -> Iterator[Repository]:
    """An empty repository of LEARNER's on one of the lab's registries, of which nothing is left."""
    served = Repository.parse(f"{registry}/{LEARNER}/tides")
    try:
        yield served
    finally:
        for tag in served.tags():
            if manifest := served.manifest(tag):
                for entry in manifest.manifests:
                    served.delete(entry.digest)
                served.delete(manifest.digest)


def push(
    served: Repository, tag: str | None = "1.0", *, layers: Sequence[bytes] = (EMPTY_LAYER,), word: str = ""
) -> str:
    """Push an image with these layers (tar archives), under a tag or by its digest alone. Its digest."""
    return push_manifest(served, tag, image(served, layers=layers, word=word))


def image(served: Repository, *, layers: Sequence[bytes] = (EMPTY_LAYER,), word: str = "") -> dict[str, Any]:
    """The manifest of such an image, its blobs pushed; `word` makes its digest another, and without one it is new."""
    put = [served.put_blob(layer, LAYER).to_dict() for layer in layers]
    config = {"os": "linux", "architecture": "amd64", "config": {"Labels": {"word": word or uuid.uuid4().hex}}}
    config["rootfs"] = {"type": "layers", "diff_ids": [layer["digest"] for layer in put]}
    named = served.put_blob(json.dumps(config).encode(), CONFIG).to_dict()
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": named, "layers": put}


def push_index(served: Repository, tag: str, manifests: Mapping[str, Mapping[str, Any]]) -> str:
    """Push an index of manifests that are there, each under its architecture. Its digest."""
    entries = []
    for architecture, manifest in manifests.items():
        raw = json.dumps(manifest).encode()
        digest = served.put_manifest(push_manifest(served, None, manifest), raw, OCI_MANIFEST)
        platform = {"os": "linux", "architecture": architecture}
        entries.append({"mediaType": OCI_MANIFEST, "digest": digest, "size": len(raw), "platform": platform})
    return push_manifest(served, tag, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})


def push_manifest(served: Repository, tag: str | None, manifest: Mapping[str, Any]) -> str:
    """Push a manifest, under a tag or by its digest alone. Its digest."""
    raw = json.dumps(manifest).encode()
    return served.put_manifest(tag or digest_of(raw), raw, str(manifest["mediaType"]))

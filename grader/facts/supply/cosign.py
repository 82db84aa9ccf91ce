"""Run Cosign over files that were fetched before, so that it opens no connection.

An image's digest is the SHA-256 of its manifest's bytes. So files are enough for Cosign to verify a signature over it:
the manifest, what is attached to it, and a public key. It verifies exactly what the registry served, and needs no
login, no transparency log and no root of trust. Both 2.x and 3.x have these commands.

Each answer has its control. A signature that Cosign accepts must be refused once the manifest has one byte more, and a
refusal counts only if Cosign accepts a signature of the same form that is known to be good.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from grader.errors import GraderError
from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST, digest_of
from grader.facts.registry.referrers import PAYLOAD, SIGNATURE, Form, Referrer
from grader.lib import process
from grader.lib.patience import stretched
from grader.lib.text import clean

SECONDS = 30.0
"""Seconds for one run, which usually takes a tenth of one."""
STARTS = 2
"""How often it is started if it does not end. It only reads a few files, but it hung once on a busy machine."""
MAX_OUTPUT = 128 << 20
"""Bytes of output: Cosign prints the payload of a signature, and nothing of an attestation."""
SIGNED = "https://sigstore.dev/cosign/sign/v1"
"""The predicate type of a bundle that is an image's signature."""
_ROOTS = '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
"""A root of trust that names nobody. A key needs none, but without this Cosign would look for sigstore's."""
_KINDS = {False: "dev.cosignproject.cosign/image", True: "dev.cosignproject.cosign/imageIndex"}


class KeyUnreadable(Exception):
    """Cosign cannot read the public key."""


@dataclass(frozen=True)
class CosignResult:
    """What Cosign says of a signature. `why` is its own reason for refusing it, cleaned."""

    good: bool
    why: str = ""


@dataclass(frozen=True)
class Subject:
    """What is signed: the bytes of a manifest."""

    raw: bytes = field(repr=False)
    media_type: str = OCI_MANIFEST
    is_index: bool = False

    @property
    def tampered(self) -> Subject:
        """The same document with one byte more: the same meaning, but another digest."""
        return Subject(self.raw + b" ", self.media_type, self.is_index)


class Cosign:
    """The program on PATH. Its methods raise GraderError if it is missing, or does not work as it should."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._proven: set[Form] = set()

    def verify(self, thing: Referrer, key: bytes, subject: Subject, predicate: str = SIGNED) -> CosignResult:
        """Verify that `thing` is a signature over `subject` by the key (PEM).

        An envelope or bundle must hold a statement of the type `predicate`. Raises KeyUnreadable if Cosign cannot read
        the key.
        """
        result = self._ask(thing, key, subject, predicate)
        if result.good:
            if self._ask(thing, key, subject.tampered, predicate).good:
                raise GraderError(
                    "Cosign also accepts a signature for a manifest that was tampered with, so its answers are worth "
                    f"nothing ({self.version})"
                )
        else:
            self._prove(thing.form)
        return result

    @property
    def version(self) -> str:
        """Its version in its own words, for messages."""
        try:
            found = json.loads(_run(["version", "--json"], Path(tempfile.gettempdir())).stdout)
            return clean(f"Cosign {found['gitVersion']}", 60)
        except (ValueError, KeyError, TypeError):
            return "Cosign of unknown version"

    def _prove(self, form: Form) -> None:
        """Raise GraderError if Cosign refuses a signature of that form that is known to be good."""
        with self._lock:
            if form in self._proven:
                return
            known = _known()
            data = known["payload"] if form is Form.SIMPLE else known[form.value]
            thing = Referrer("", form, "", data.encode(), known["signature"] if form is Form.SIMPLE else "")
            predicate = SIGNED if form is Form.BUNDLE else "https://cyclonedx.org/bom"
            result = self._ask(thing, known["key"].encode(), Subject(known["subject"].encode()), predicate)
            if not result.good:
                raise GraderError(
                    f"Cosign refuses a signature that is known to be good ({result.why}), so its refusals prove "
                    f"nothing: 2.x from 2.5 on and 3.x are known to work, this is {self.version}"
                )
            self._proven.add(form)

    def _ask(self, thing: Referrer, key: bytes, subject: Subject, predicate: str) -> CosignResult:
        with tempfile.TemporaryDirectory(prefix="layerwise-cosign-") as name:
            folder = Path(name)
            try:
                (folder / "key.pub").write_bytes(key)
                (folder / "subject").write_bytes(subject.raw)
                (folder / "roots.json").write_text(_ROOTS)
                command = _COMMANDS[thing.form](folder, thing, subject, predicate)
            except OSError as problem:
                raise GraderError(f"cannot write to {folder.parent}: {problem.strerror}") from None
            ended = _run([*command, "--key", "key.pub", "--insecure-ignore-tlog=true"], folder)
        if ended.status == 0:
            return CosignResult(True)
        why = _reason(ended.stderr)
        if "loading public key" in why:
            raise KeyUnreadable(why)
        return CosignResult(False, why)


def _signature(folder: Path, thing: Referrer, subject: Subject, _predicate: str) -> list[str]:
    """Prepare `cosign verify` for an OCI layout that holds the manifest and one signature."""
    blobs = folder / "layout" / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, media_type: str, **more: object) -> dict[str, object]:
        digest = digest_of(data)
        (blobs / digest.partition(":")[2]).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    annotations = {SIGNATURE: thing.signature}
    signatures = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": put(
            b'{"architecture":"","os":"","rootfs":{"type":"layers","diff_ids":["%s"]},"config":{}}'
            % digest_of(thing.data).encode(),
            "application/vnd.oci.image.config.v1+json",
        ),
        "layers": [put(thing.data, PAYLOAD, annotations=annotations)],
    }
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            put(subject.raw, subject.media_type, annotations={"kind": _KINDS[subject.is_index]}),
            put(json.dumps(signatures).encode(), OCI_MANIFEST, annotations={"kind": "dev.cosignproject.cosign/sigs"}),
        ],
    }
    (folder / "layout" / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "layout" / "index.json").write_text(json.dumps(index))
    return ["verify", "--local-image", "layout"]


def _envelope(folder: Path, thing: Referrer, _subject: Subject, predicate: str) -> list[str]:
    """Prepare `cosign verify-blob-attestation` for the manifest as the file that the statement is about."""
    (folder / "envelope.json").write_bytes(thing.data)
    what = ["--signature", "envelope.json", "--new-bundle-format=false"]
    return ["verify-blob-attestation", *what, "--type", predicate, "subject"]


def _bundle(folder: Path, thing: Referrer, _subject: Subject, predicate: str) -> list[str]:
    (folder / "bundle.json").write_bytes(thing.data)
    what = ["--bundle", "bundle.json", "--new-bundle-format=true", "--trusted-root", "roots.json"]
    return ["verify-blob-attestation", *what, "--type", predicate, "subject"]


_COMMANDS: Mapping[Form, Callable[[Path, Referrer, Subject, str], list[str]]] = {
    Form.SIMPLE: _signature,
    Form.ENVELOPE: _envelope,
    Form.BUNDLE: _bundle,
}


def _run(command: list[str], folder: Path) -> process.Ended:
    """Run Cosign in `folder` without our environment: a variable could set any of its flags."""
    program = shutil.which("cosign")
    if not program:
        raise GraderError("there is no Cosign on PATH, and signatures cannot be verified without it: see 'lab doctor'")
    env = {"PATH": os.defpath, "HOME": str(folder), "DOCKER_CONFIG": str(folder), "TUF_ROOT": str(folder / "tuf")}
    try:
        for _ in range(STARTS):
            ended = process.run([program, *command], timeout=stretched(SECONDS), limit=MAX_OUTPUT, env=env, cwd=folder)
            if not ended.timed_out:
                break
    except OSError as problem:
        raise GraderError(f"Cosign cannot be started: {problem.strerror}") from None
    if ended.status is None or ended.status < 0:
        why = "did not end in time" if ended.timed_out else "was killed" if not ended.flooded else "printed without end"
        raise GraderError(f"Cosign {why}, and the signature was not verified: grade again")
    return ended


def _reason(stderr: bytes) -> str:
    """Return why Cosign refuses, in its own words."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return clean(last.removeprefix("error during command execution:").strip(), 300)


@cache
def _known() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(files("grader").joinpath("data/cosign_control.json").read_text("utf-8"))
    return found

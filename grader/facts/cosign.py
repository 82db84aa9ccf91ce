"""Cosign, run over what was fetched: it is given files, and opens no connection.

An image's digest is the SHA-256 of its manifest's bytes. So Cosign can judge a signature over it with nothing but
files: the manifest, what is attached to it, and a public key. What is judged is exactly what the registry served, and
no login, no transparency log and no root of trust is asked for. Both 2.x and 3.x know these commands.

Each verdict has its counter-proof. What Cosign accepts it must refuse once the manifest has one byte more; and a
refusal counts only if it accepts a signature of the same form that is known to be good.
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

from grader import process
from grader.errors import GraderError
from grader.facts.attached import SIGNATURE, Attached, Form
from grader.facts.registry.documents import OCI_INDEX, OCI_MANIFEST, digest_of
from grader.verdict import clean

SECONDS = 60.0
"""For one run; it takes well under one second."""
MAX_OUTPUT = 128 << 20
"""Bytes of output: of an attestation it prints nothing, of a signature the payload."""
SIGNED = "https://sigstore.dev/cosign/sign/v1"
"""The type of a bundle's statement that is an image's signature."""
_ROOTS = '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
"""A root of trust that names nobody: a key needs none, and given one Cosign does not look for sigstore's."""
PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
"""What the layer is called that holds what a signature is over."""
_KINDS = {False: "dev.cosignproject.cosign/image", True: "dev.cosignproject.cosign/imageIndex"}


class KeyUnreadable(Exception):
    """Cosign can do nothing with the public key."""


@dataclass(frozen=True)
class Said:
    """What Cosign says of one signature: `why` is its own reason for refusing, cleaned."""

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
        """The same document with one byte more: another digest, and the same meaning."""
        return Subject(self.raw + b" ", self.media_type, self.is_index)


class Cosign:
    """The program, found on PATH. GraderError where it is not there, or does not work as it should."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._proven: set[Form] = set()

    def verify(self, thing: Attached, key: bytes, subject: Subject, predicate: str = SIGNED) -> Said:
        """Whether `thing` is a signature over `subject` by the key (PEM); `predicate` is the type of the statement that
        an envelope or bundle must hold. KeyUnreadable where the key is none to Cosign."""
        said = self._ask(thing, key, subject, predicate)
        if said.good:
            if self._ask(thing, key, subject.tampered, predicate).good:
                raise GraderError(
                    "Cosign accepts a signature also for a manifest that was tampered with, so what it says is worth "
                    f"nothing ({self.version})"
                )
        else:
            self._prove(thing.form)
        return said

    @property
    def version(self) -> str:
        """Its version as it says it, for messages."""
        try:
            found = json.loads(_run(["version", "--json"], Path(tempfile.gettempdir())).stdout)
            return clean(f"Cosign {found['gitVersion']}", 60)
        except (ValueError, KeyError, TypeError):
            return "Cosign of unknown version"

    def _prove(self, form: Form) -> None:
        """GraderError unless it accepts a signature of that form that is known to be good."""
        with self._lock:
            if form in self._proven:
                return
            known = _known()
            data = known["payload"] if form is Form.SIMPLE else known[form.value]
            thing = Attached("", form, "", data.encode(), known["signature"] if form is Form.SIMPLE else "")
            predicate = SIGNED if form is Form.BUNDLE else "https://cyclonedx.org/bom"
            said = self._ask(thing, known["key"].encode(), Subject(known["subject"].encode()), predicate)
            if not said.good:
                raise GraderError(
                    f"Cosign refuses a signature that is known to be good ({said.why}), so its refusals say nothing: "
                    f"2.x from 2.5 on and 3.x are known to work, this is {self.version}"
                )
            self._proven.add(form)

    def _ask(self, thing: Attached, key: bytes, subject: Subject, predicate: str) -> Said:
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
            return Said(True)
        why = _reason(ended.stderr)
        if "loading public key" in why:
            raise KeyUnreadable(why)
        return Said(False, why)


def _signature(folder: Path, thing: Attached, subject: Subject, _predicate: str) -> list[str]:
    """`cosign verify` over an OCI layout that holds the manifest and one signature."""
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


def _envelope(folder: Path, thing: Attached, _subject: Subject, predicate: str) -> list[str]:
    """`cosign verify-blob-attestation` over the manifest as the file that the statement is about."""
    (folder / "envelope.json").write_bytes(thing.data)
    what = ["--signature", "envelope.json", "--new-bundle-format=false"]
    return ["verify-blob-attestation", *what, "--type", predicate, "subject"]


def _bundle(folder: Path, thing: Attached, _subject: Subject, predicate: str) -> list[str]:
    (folder / "bundle.json").write_bytes(thing.data)
    what = ["--bundle", "bundle.json", "--new-bundle-format=true", "--trusted-root", "roots.json"]
    return ["verify-blob-attestation", *what, "--type", predicate, "subject"]


_COMMANDS: Mapping[Form, Callable[[Path, Attached, Subject, str], list[str]]] = {
    Form.SIMPLE: _signature,
    Form.ENVELOPE: _envelope,
    Form.BUNDLE: _bundle,
}


def _run(command: list[str], folder: Path) -> process.Ended:
    """Run it in `folder`, with nothing of our environment: a variable could be any of its flags."""
    program = shutil.which("cosign")
    if not program:
        raise GraderError("there is no Cosign on PATH, and signatures cannot be judged without: lab doctor says more")
    env = {"PATH": os.defpath, "HOME": str(folder), "DOCKER_CONFIG": str(folder), "TUF_ROOT": str(folder / "tuf")}
    try:
        ended = process.run([program, *command], timeout=SECONDS, limit=MAX_OUTPUT, env=env, cwd=folder)
    except OSError as problem:
        raise GraderError(f"Cosign cannot be started: {problem.strerror}") from None
    if ended.status is None or ended.status < 0:
        why = "did not end in time" if ended.timed_out else "was ended" if not ended.flooded else "printed without end"
        raise GraderError(f"Cosign {why}, and the signature was not judged: grade again")
    return ended


def _reason(stderr: bytes) -> str:
    """Why it refuses, in its own words."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return clean(last.removeprefix("error during command execution:").strip(), 300)


@cache
def _known() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(files("grader").joinpath("data/cosign_control.json").read_text("utf-8"))
    return found

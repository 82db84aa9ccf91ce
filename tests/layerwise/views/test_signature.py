"""The chain from a key to the layers, on images of the lab's registry that real Cosign signed: where it breaks."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import layerwise as lw
from grader.facts.registry.referrers import BUNDLES, SIGNATURE
from grader.facts.registry.repository import Repository
from grader.facts.supply.cosign import SIGNED
from layerwise.errors import LabError
from layerwise.stack.environment import lab_env
from layerwise.views.chain import BREAKS, HOLDS, Link
from layerwise.views.ecdsa import G, N, _times
from layerwise.views.signature import Signature
from tests.grader.registries import Player, Said

from .test_ecdsa import der, pem

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"
ORDER = ["key", "name", "signature", "payload", "manifest", "config", "layers"]


class Shelf:
    """A repository of the lab's registry, and two pairs of keys: ours and theirs."""

    def __init__(self, folder: Path, keys: Path) -> None:
        self.folder, self.keys = folder, keys
        self.repository = Repository("localhost:5000", f"layerwise-test-signature/{uuid4().hex[:12]}")
        self.pushed: list[str] = []

    def put(self, tag: str, document: dict[str, Any], kind: str = OCI) -> str:
        digest = self.repository.put_manifest(tag, json.dumps(document).encode(), kind)
        self.pushed.append(digest)
        return digest

    def image(self, tag: str, text: str = "hello") -> str:
        config = self.repository.put_blob(json.dumps({"text": text}).encode(), CONFIG)
        layers = [self.repository.put_blob(part.encode() * 999, LAYER) for part in ("below", text)]
        parts = {"config": config.to_dict(), "layers": [layer.to_dict() for layer in layers]}
        return self.put(tag, {"schemaVersion": 2, "mediaType": OCI, **parts})

    def sign(self, digest: str, by: str = "ours") -> None:
        key = f"--key={self.keys / by / 'cosign.key'}"
        cosign("sign", "--yes", "--tlog-upload=false", key, f"{self.repository}@{digest}")

    def beside(self, digest: str) -> Any:
        """The manifest that holds the signatures of an image."""
        found = self.repository.manifest(f"{digest.replace(':', '-')}.sig")
        assert found is not None
        return json.loads(found.raw)

    def put_beside(self, digest: str, document: Any) -> None:
        self.put(f"{digest.replace(':', '-')}.sig", document)

    def view(self, which: str, by: str = "ours") -> Signature:
        """What a notebook shows of a tag or a digest."""
        at = "@" if ":" in which else ":"
        found = lw.signature(f"{self.repository}{at}{which}", self.keys / by / "cosign.pub")
        assert isinstance(found, Signature)
        return found


def cosign(*words: str, folder: Path | None = None) -> None:
    env = {**lab_env(), "COSIGN_PASSWORD": ""}
    done = subprocess.run(["cosign", *words], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ours", "theirs"):
        (folder / name).mkdir()
        cosign("generate-key-pair", folder=folder / name)
    return folder


@pytest.fixture
def shelf(tmp_path: Path, keys: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path, keys)
    yield made
    tags = [made.repository.manifest(tag) for tag in made.repository.tags()]
    for digest in {*made.pushed, *(found.digest for found in tags if found)}:
        made.repository.delete(digest)


def held(shelf: Shelf) -> str:
    digest = shelf.image("1.0")
    shelf.sign(digest)
    return "1.0"


def by_digest(shelf: Shelf) -> str:
    digest = shelf.image("1.0")
    shelf.sign(digest)
    shelf.image("1.0", "another")
    return digest


def twice(shelf: Shelf) -> str:
    digest = shelf.image("1.0")
    shelf.sign(digest, "theirs")
    shelf.sign(digest)
    return "1.0"


def an_index(shelf: Shelf) -> str:
    inner = [shelf.image("one", "one"), shelf.image("two", "two")]
    entries = [{"mediaType": OCI, "digest": digest, "size": 1} for digest in inner]
    shelf.sign(shelf.put("1.0", {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, INDEX))
    return "1.0"


def a_bundle(shelf: Shelf) -> str:
    """As Cosign 3 signs; the key is made of the number 7."""
    digest = shelf.image("1.0")
    point = _times(7, G)
    assert point is not None
    (shelf.keys / "seven").mkdir(exist_ok=True)
    (shelf.keys / "seven" / "cosign.pub").write_text(pem(*point))
    about = [{"digest": {"sha256": digest.removeprefix("sha256:")}}]
    for kind in ("https://cyclonedx.org/bom", SIGNED):
        payload = json.dumps({"subject": about, "predicateType": kind}).encode()
        covered = b"DSSEv1 1 x %d %b" % (len(payload), payload)
        envelope = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": "x",
            "signatures": [{"sig": base64.b64encode(signed(7, covered)).decode()}],
        }
        blob = shelf.repository.put_blob(json.dumps({"dsseEnvelope": envelope}).encode(), f"{BUNDLES}.v0.3+json")
        config = shelf.repository.put_blob(b"{}", "application/vnd.oci.empty.v1+json")
        document = {"schemaVersion": 2, "mediaType": OCI, "config": config.to_dict(), "layers": [blob.to_dict()]}
        where = shelf.put("bundle", document)
    entry = {"mediaType": OCI, "digest": where, "size": 1, "artifactType": config.media_type}
    listed = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    shelf.put(digest.replace(":", "-"), listed, INDEX)
    return "1.0"


def signed(private: int, covered: bytes) -> bytes:
    point = _times(11, G)
    assert point is not None
    hashed = int.from_bytes(hashlib.sha256(covered).digest(), "big")
    return der(point[0] % N, (hashed + point[0] * private) * pow(11, -1, N) % N)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("prepare", "by", "said"),
    [
        (held, "ours", "1.0 is a tag; now it names this"),
        (by_digest, "ours", "a digest names itself"),
        (twice, "ours", "next to it 1 signature that this key did not make"),
        (twice, "theirs", "next to it 1 signature that this key did not make"),
        (an_index, "ours", "it lists 2 manifests, hashed too"),
        (a_bundle, "seven", "the signed bytes vouch for one digest"),
    ],
)
def test_a_chain_that_holds(shelf: Shelf, prepare: Callable[[Shelf], str], by: str, said: str) -> None:
    view = shelf.view(prepare(shelf), by)
    assert view.broken == "", repr(view)
    assert [link.name for link in view.links] == ORDER
    assert {link.state for link in view.links} == {HOLDS}
    for shown in (repr(view), view._repr_html_()):
        assert said in shown
        assert "the chain holds from the key to the layers" in shown


def unsigned(shelf: Shelf) -> str:
    shelf.image("1.0")
    return "1.0"


def moved(shelf: Shelf) -> str:
    shelf.sign(shelf.image("1.0"))
    shelf.image("1.0", "another")
    return "1.0"


def other_key(shelf: Shelf) -> str:
    shelf.sign(shelf.image("1.0"), "theirs")
    return "1.0"


def copied(shelf: Shelf) -> str:
    ours = shelf.image("1.0")
    shelf.sign(ours)
    theirs = shelf.image("1.0", "another")
    shelf.put_beside(theirs, shelf.beside(ours))
    return "1.0"


def changed_payload(shelf: Shelf) -> str:
    ours = shelf.image("1.0")
    shelf.sign(ours)
    theirs = shelf.image("1.0", "another")
    document = shelf.beside(ours)
    payload = shelf.repository.blob(document["layers"][0]["digest"], 1000).replace(ours.encode(), theirs.encode())
    blob = shelf.repository.put_blob(payload)
    document["layers"][0] |= {"digest": blob.digest, "size": blob.size}
    shelf.put_beside(theirs, document)
    return "1.0"


def changed_signature(shelf: Shelf) -> str:
    ours = shelf.image("1.0")
    shelf.sign(ours)
    document = shelf.beside(ours)
    raw = bytearray(base64.b64decode(document["layers"][0]["annotations"][SIGNATURE]))
    raw[-1] ^= 1
    document["layers"][0]["annotations"][SIGNATURE] = base64.b64encode(raw).decode()
    shelf.put_beside(ours, document)
    return "1.0"


def no_base64(shelf: Shelf) -> str:
    ours = shelf.image("1.0")
    shelf.sign(ours)
    document = shelf.beside(ours)
    document["layers"][0]["annotations"][SIGNATURE] = "<b>\x1b[31m"
    shelf.put_beside(ours, document)
    return "1.0"


def only_statements(shelf: Shelf) -> str:
    """A signature's manifest with nothing of the right kind in it."""
    ours = shelf.image("1.0")
    shelf.put_beside(ours, {"schemaVersion": 2, "mediaType": OCI, "config": shelf.repository.put_blob(b"{}").to_dict()})
    return "1.0"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("prepare", "breaks", "said"),
    [
        (unsigned, "signature", "there is no signature for sha256:.*: nobody signed it"),
        (moved, "signature", "This key did sign another image of the repository .*was the tag moved since"),
        (other_key, "signature", "the numbers do not fit this key: made with another key, or the payload was changed"),
        (copied, "payload", "the signed bytes vouch for sha256:.*, and this image is sha256:"),
        (
            changed_payload,
            "signature",
            "the numbers do not fit this key: made with another key, or the payload was",
        ),
        (changed_signature, "signature", "the numbers do not fit this key"),
        (no_base64, "signature", "1 signature, and none can be read"),
        (only_statements, "signature", "nobody signed it"),
        (lambda _: "9.9", "name", "the repository has no tag 9.9"),
        (lambda _: f"sha256:{'0' * 64}", "name", "the repository has no manifest of that digest"),
    ],
)
def test_where_a_chain_breaks(shelf: Shelf, prepare: Callable[[Shelf], str], breaks: str, said: str) -> None:
    view = shelf.view(prepare(shelf))
    assert view.broken == breaks, repr(view)
    states = [link.state for link in view.links]
    place = ORDER.index(breaks)
    assert states == [HOLDS] * place + [BREAKS] + ["not reached"] * (len(ORDER) - place - 1)
    (link,) = (link for link in view.links if link.state == BREAKS)
    assert re.search(said, link.said), link.said
    assert f"the chain breaks at the {breaks}" in repr(view)
    assert "\x1b" not in repr(view) + view._repr_html_()
    assert "<b>" not in view._repr_html_()


@pytest.mark.lab
@pytest.mark.parametrize("which", ["config", "layers", "manifest"])
def test_a_blob_that_is_not_what_its_name_says(shelf: Shelf, which: str) -> None:
    """Everything is signed, and the registry serves something else below."""
    an_index(shelf)
    path = f"/v2/{shelf.repository.name}"
    inner = shelf.repository.manifest("one")
    assert inner is not None
    assert inner.config is not None
    place = {
        "config": f"blobs/{inner.config.digest}",
        "layers": f"blobs/{inner.layers[0].digest}",
        "manifest": f"manifests/{inner.digest}",
    }[which]
    body = inner.raw.replace(b"schemaVersion", b"schemaversion") if which == "manifest" else b"something else"
    with Player({f"GET {path}/{place}": Said(200, body, {"Content-Type": OCI})}).running() as player:
        view = lw.signature(f"{player.address}/{shelf.repository.name}:1.0", shelf.keys / "ours" / "cosign.pub")
    assert view.broken == which, repr(view)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("image", "key", "said"),
    [
        ("localhost:1/some/thing:1", "ours/cosign.pub", "the registry localhost:1 does not answer"),
        ("localhost:5001/some/thing:1", "ours/cosign.pub", "localhost:5001 needs a login"),
        ("localhost:5000/some/thing:1", "none.pub", "none.pub cannot be read: No such file"),
        ("localhost:5000/some/thing:1", "ours/cosign.key", "it is the private key; the other half is in the .pub file"),
        ("localhost:5000/some/thing:1", "ours", "cannot be read: Is a directory"),
        ("no image \x1b", "ours/cosign.pub", r"no image \\x1b is not the name of an image"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: str, key: str, said: str
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))  # with no login in it
    with pytest.raises(LabError, match=said) as fault:
        lw.signature(image, keys / key)
    assert "\n" not in str(fault.value)
    assert fault.value._render_traceback_() == [str(fault.value)]  # type: ignore[attr-defined]


def test_the_picture_says_all_in_words_and_as_a_table() -> None:
    digests = tuple(f"sha256:{number:064d}" for number in range(9))
    hostile = "<img src=x onerror=alert(1)>\x1b[31m\u202e"
    links = [
        Link("key", HOLDS, "found", digests),
        Link("name", BREAKS, hostile),
        *(Link(name, "not reached", "…") for name in ORDER[2:]),
    ]
    view = Signature(hostile, hostile, links)
    html = view._repr_html_()
    assert html.count('role="listitem"') == len(ORDER)
    assert "and 3 more" in html
    assert "and 3 more" in repr(view)
    assert html.count(digests[8]) == 1, "the table has all of them in full"
    for shown in (html, repr(view)):
        assert not any(char in shown for char in "\x1b\u202e")
    assert "<img" not in html

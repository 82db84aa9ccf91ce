"""Follow the chain of a signature: key, signature, payload, manifest, config, layers. Every digest is computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from grader.errors import SubmissionFault
from grader.facts.registry.documents import Descriptor, Manifest
from grader.facts.registry.repository import Repository
from grader.lib.units import format_size
from layerwise.errors import InputError
from layerwise.views.ecdsa import PublicKey, read_public_key
from layerwise.views.listing import spelt
from layerwise.views.signed import Signed, Unreadable, signatures, signed_digests
from layerwise.views.words import counted

NAMES = ("key", "name", "signature", "payload", "manifest", "config", "layers")
"""The names of the links, in order."""
HOLDS, BREAKS, UNSEEN = "holds", "breaks", "not reached"

SHORT = 19
"""The characters of a digest in a sentence: sha256: and 12 digits."""
MAX_KEY = 64 * 1024
MAX_ELSEWHERE = 40
"""The most other signed images of the repository that are looked at, to notice a tag that moved."""
MAX_MANIFESTS = 20
"""The most manifests of an index that are followed."""
MAX_BYTES = 1 << 30
"""The most bytes of layers that are read. Larger ones are left out, and the view says so."""


@dataclass(frozen=True)
class Link:
    """A link of the chain: whether it holds, breaks or is not reached, a sentence about it, and its digests."""

    name: str
    state: str
    said: str
    digests: tuple[str, ...] = ()


class _Snap(Exception):
    """The present link breaks. The message says why."""

    def __init__(self, said: str, *digests: str) -> None:
        super().__init__(said)
        self.digests = digests


def follow(repository: Repository, which: str, key: Path) -> list[Link]:
    """Return the links of the image that `which`, a tag or a digest, names now.

    Raises InputError if the key cannot be read.
    """
    public = _key(key)
    known = f"{spelt(key.name)} is a point on the curve P-256, known by the digest of its own bytes"
    links = [Link("key", HOLDS, known, (public.digest,)), *_walk(repository, which, public)]
    return links + [Link(name, UNSEEN, "an earlier link broke") for name in NAMES[len(links) :]]


def _walk(repository: Repository, which: str, key: PublicKey) -> Iterator[Link]:
    """The links from the name on, up to the first that breaks."""
    name = "name"
    try:
        manifest = _named(repository, which)
        said = "a digest names itself" if which == manifest.digest else f"{spelt(which)} is a tag; now it names this"
        yield Link(name, HOLDS, said, (manifest.digest,))

        name = "signature"
        signed, said = _signature(repository, manifest.digest, key)
        yield Link(name, HOLDS, said, (signed.where,))

        name = "payload"
        if signed.digest != manifest.digest:
            vouched = _short(signed.digest) or "no digest at all"
            raise _Snap(f"the signed bytes vouch for {vouched}, and this image is {_short(manifest.digest)}")
        yield Link(name, HOLDS, "the signed bytes vouch for one digest, and it is this image's", (signed.digest,))

        name = "manifest"
        inner = list(_images(repository, manifest))
        listed = f"; it lists {counted(len(inner), 'manifest')}, hashed too" if manifest.is_index else ""
        below = (one.digest for one in inner if one is not manifest)
        said = f"{counted(len(manifest.raw), 'byte')} hash to that digest{listed}"
        yield Link(name, HOLDS, said, (manifest.digest, *below))

        name = "config"
        configs = [one.config for one in inner if one.config]
        yield Link(name, HOLDS, *_counted(repository, configs))

        name = "layers"
        layers = list({layer.digest: layer for one in inner for layer in one.layers}.values())
        yield Link(name, HOLDS, *_counted(repository, layers))
    except (_Snap, SubmissionFault) as fault:
        yield Link(name, BREAKS, spelt(str(fault), 400), fault.digests if isinstance(fault, _Snap) else ())


def _named(repository: Repository, which: str) -> Manifest:
    manifest = repository.manifest(which)
    if manifest is None:
        what = "manifest of that digest" if ":" in which else f"tag {spelt(which)}"
        raise _Snap(f"the repository has no {what}")
    return manifest


def _signature(repository: Repository, digest: str, key: PublicKey) -> tuple[Signed, str]:
    """The signature that fits the key, preferably one that vouches for the image, and a sentence about it."""
    found = list(signatures(repository, digest))
    if not found:
        raise _Snap(_unsigned(repository, digest, key))
    fitting = [one for one in found if isinstance(one, Signed) and key.fits(one.signature, one.covered)]
    if not fitting:
        raise _Snap(_unfitting(found, digest))
    best = next((one for one in fitting if one.digest == digest), fitting[0])
    others = len(found) - len(fitting)
    rest = f"; next to it {counted(others, 'signature')} that this key did not make" if others else ""
    covered = counted(len(best.payload), "byte")
    return best, f"the numbers fit: whoever has the private key signed the {covered} of the payload{rest}"


def _unsigned(repository: Repository, digest: str, key: PublicKey) -> str:
    """The sentence for an image without a signature. Perhaps another image has one."""
    elsewhere = []
    for other in signed_digests(repository)[:MAX_ELSEWHERE]:
        with suppress(SubmissionFault):
            for one in signatures(repository, other):
                if isinstance(one, Signed) and one.digest == other and key.fits(one.signature, one.covered):
                    elsewhere.append(_short(other))
                    break
    none = f"there is no signature for {_short(digest)}"
    if not elsewhere:
        return f"{none}: nobody signed it"
    some = ", ".join(elsewhere[:3]) + (", …" if len(elsewhere) > 3 else "")
    return f"{none}. This key did sign another image of the repository ({some}): was the tag moved since?"


def _unfitting(found: Sequence[Signed | Unreadable], digest: str) -> str:
    """The sentence for an image whose signatures do not fit the key."""
    readable = [one for one in found if isinstance(one, Signed)]
    if not readable:
        whys = "; ".join(dict.fromkeys(spelt(one.why, 200) for one in found if isinstance(one, Unreadable)))
        return f"{counted(len(found), 'signature')}, and none can be read: {whys}"
    numbers = f"{counted(len(readable), 'signature')}, and the numbers do not fit this key"
    if any(one.digest == digest for one in readable):
        return f"{numbers}: made with another key, or the payload was changed since"
    return f"{numbers}, and the payload does not name this image"


def _images(repository: Repository, manifest: Manifest) -> Iterator[Manifest]:
    """The manifest itself, or the manifests that an index lists, at any depth."""
    waiting, left = [manifest], MAX_MANIFESTS
    while waiting:
        one = waiting.pop(0)
        if not one.is_index:
            yield one
            continue
        for entry in one.manifests[:left]:
            waiting.append(_named(repository, entry.digest))
        left -= min(left, len(one.manifests))


def _counted(repository: Repository, parts: Sequence[Descriptor]) -> tuple[str, tuple[str, ...]]:
    """Read these blobs to their ends. Returns a sentence about them, and their digests."""
    total = skipped = 0
    for part in parts:
        if total + part.size > MAX_BYTES:
            skipped += 1
            continue
        total += part.size
        with repository.open_blob(part.digest) as chunks:
            for _ in chunks:  # its digest is computed on the way and compared with its name
                pass
    rest = f"; {counted(skipped, 'more')} too large to be hashed here" if skipped else ""
    few = counted(len(parts) - skipped, "blob")
    said = f"{few}, {format_size(total)}: hashed, they have the digests that the manifest names{rest}"
    return said, tuple(part.digest for part in parts)


def _key(path: Path) -> PublicKey:
    text = ""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_KEY).decode("utf-8", "replace")
        return read_public_key(text)
    except OSError as problem:
        raise InputError(f"the public key {spelt(str(path))} cannot be read: {problem.strerror}") from None
    except ValueError as problem:
        other = ": it is the private key; the other half is in the .pub file" if "PRIVATE KEY" in text else ""
        raise InputError(
            f"{spelt(str(path))} is not a public key that can be checked here ({problem}){other}"
        ) from None


def _short(digest: str) -> str:
    return digest[:SHORT]

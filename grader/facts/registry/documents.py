"""Manifests and what they name, read from the bytes that a registry served, which are not trusted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from grader.errors import SubmissionFault
from grader.lib.text import clean

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFESTS = (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST)
"""All kinds of manifest. If a request leaves one out, an old registry may answer with a converted manifest, and its
digest exists nowhere."""
INDEXES = (OCI_INDEX, DOCKER_LIST)
MAX_MANIFEST = 4 << 20
"""Bytes read of a manifest or config. Registries accept no larger ones either."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


class NotAManifest(SubmissionFault):
    """What was pushed is not a manifest of an image or index: something else, malformed, or of the old schema 1."""


class DigestMismatch(SubmissionFault):
    """What is served does not have its digest: it was damaged, or swapped."""


class BlobMissing(SubmissionFault):
    """The registry does not have a blob that a manifest names."""


_USUAL = {"amd64": "v1", "arm64": "v8", "arm": "v7"}


class Platform(NamedTuple):
    """What an image runs on. `variant` is empty if none is given."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read "linux/arm64" or "linux/arm/v7". Raises ValueError if the text is not a platform."""
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(re.fullmatch(r"[a-z0-9][a-z0-9.-]*", part) for part in parts):
            raise ValueError(f"expected a platform such as 'linux/arm64', found {text!r}")
        return cls(*parts)

    def __str__(self) -> str:
        return "/".join(part for part in self if part)

    @property
    def plain(self) -> Platform:
        """The platform without the usual variant of its architecture: `linux/arm64/v8` is `linux/arm64`."""
        return self._replace(variant="") if self.variant == _USUAL.get(self.architecture) else self


@dataclass(frozen=True)
class Descriptor:
    """How a manifest names a blob or another manifest. All texts but the digest are as found, and untrusted."""

    media_type: str
    digest: str
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    artifact_type: str = ""

    @classmethod
    def of(cls, raw: object) -> Descriptor:
        """Read its JSON. Raises NotAManifest if it is not a descriptor."""
        entry = _mapping(raw)
        digest, size = entry.get("digest"), entry.get("size")
        if not isinstance(digest, str) or not is_digest(digest):
            raise NotAManifest(
                f"the registry's answer is not a manifest: it has {_shown(digest)} where a digest should be"
            )
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise NotAManifest(
                f"the registry's answer is not a manifest: it gives {_shown(size)} as the size of {digest}"
            )
        platform = entry.get("platform")
        return cls(
            media_type=_text(entry.get("mediaType")),
            digest=digest,
            size=size,
            platform=_platform(platform) if isinstance(platform, dict) else None,
            annotations=_texts(entry.get("annotations")),
            artifact_type=_text(entry.get("artifactType")),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON, as in a manifest."""
        found: dict[str, Any] = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.platform:
            found["platform"] = {key: value for key, value in self.platform._asdict().items() if value}
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        return found | ({"artifactType": self.artifact_type} if self.artifact_type else {})


@dataclass(frozen=True)
class Manifest:
    """A manifest, of one image (`config`, `layers`) or of several (`is_index`, `manifests`). `digest` is computed from
    its bytes, `raw`, and `document` is those bytes as JSON."""

    digest: str
    media_type: str
    raw: bytes = field(repr=False)
    document: Mapping[str, Any] = field(repr=False)
    is_index: bool
    config: Descriptor | None
    layers: Sequence[Descriptor]
    manifests: Sequence[Descriptor]
    subject: Descriptor | None
    artifact_type: str
    annotations: Mapping[str, str]

    @classmethod
    def read(cls, raw: bytes, media_type: str = "", *, algorithm: str = "sha256") -> Manifest:
        """Read its bytes, served with that media type. Raises NotAManifest if it is not a manifest.

        A document that could be read both as an image and as an index is refused: clients would differ.
        """
        document = _read(raw)
        served = media_type.partition(";")[0].strip().lower()
        own = _text(document.get("mediaType"))
        if document.get("schemaVersion") == 1 or "docker.distribution.manifest.v1" in served:
            raise NotAManifest(
                "the registry's answer is a manifest of the old schema 1, whose digest is not that of its bytes"
            )
        if own and served in MANIFESTS and own != served:
            raise NotAManifest(f"the registry's answer is served as {served}, but calls itself {_shown(own)}")
        kind = own or (served if served in MANIFESTS else "")
        index = kind in INDEXES if kind else "manifests" in document
        if kind and kind not in MANIFESTS:
            raise NotAManifest(f"the registry's answer is neither an image nor an index, but {_shown(kind)}")
        if document.get("schemaVersion") != 2:
            raise NotAManifest("the registry's answer is not a manifest: it has no schemaVersion 2")
        if ("config" in document or "layers" in document) if index else "manifests" in document:
            raise NotAManifest("the registry's answer is an image's manifest and an index at the same time")
        subject = document.get("subject")
        config = None if index else Descriptor.of(document.get("config"))
        return cls(
            digest=digest_of(raw, algorithm),
            media_type=kind or (OCI_INDEX if index else OCI_MANIFEST),
            raw=raw,
            document=document,
            is_index=index,
            config=config,
            layers=() if index else _descriptors(document.get("layers")),
            manifests=_descriptors(document.get("manifests")) if index else (),
            subject=Descriptor.of(subject) if subject is not None else None,
            artifact_type=_text(document.get("artifactType")) or (config.media_type if config else ""),
            annotations=_texts(document.get("annotations")),
        )

    def of_platform(self, platform: Platform) -> Descriptor | None:
        """Return the entry of an index for a platform, as clients choose it.

        That is the first with the same variant or, if no variant is asked for, the first with any. Entries without a
        platform and attestations do not count.
        """
        known = [(entry, entry.platform.plain) for entry in self.manifests if entry.platform and not _is_about(entry)]
        same = (entry for entry, own in known if own == platform.plain)
        any_variant = (entry for entry, own in known if not platform.variant and own[:2] == platform[:2])
        return next(same, None) or next(any_variant, None)


@dataclass(frozen=True)
class ConfigDocument:
    """An image's config, as its registry serves it."""

    digest: str
    document: Mapping[str, Any] = field(repr=False)
    platform: Platform
    diff_ids: Sequence[str]

    @classmethod
    def read(cls, raw: bytes, digest: str) -> ConfigDocument:
        """Read its bytes. Raises NotAManifest if it is not an image's config, as in an artifact of another kind."""
        document = _read(raw, "an image's config")
        diff_ids = _mapping(document.get("rootfs")).get("diff_ids") or []
        if not isinstance(diff_ids, list) or not all(isinstance(item, str) and is_digest(item) for item in diff_ids):
            raise NotAManifest("the registry's answer is not an image's config: it does not name its layers")
        return cls(digest, document, _platform(document), tuple(diff_ids))

    @property
    def labels(self) -> Mapping[str, str]:
        return _texts(_mapping(self.document.get("config")).get("Labels"))


def _is_about(entry: Descriptor) -> bool:
    """Whether an entry of an index is not an image but an attestation about one, as BuildKit marks it."""
    return "vnd.docker.reference.type" in entry.annotations


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of these bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether this is a digest of a known algorithm. Nothing else may become part of an address."""
    return bool(_DIGEST.fullmatch(text))


def _read(raw: bytes, what: str = "a manifest") -> Mapping[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise NotAManifest(f"the registry's answer is not {what}: it is not JSON") from None
    if not isinstance(document, dict):
        raise NotAManifest(f"the registry's answer is not {what}: it is JSON, but not an object")
    return document


def _descriptors(raw: object) -> tuple[Descriptor, ...]:
    if raw is not None and not isinstance(raw, list):
        raise NotAManifest("the registry's answer is not a manifest: it has something else where a list should be")
    return tuple(Descriptor.of(item) for item in raw or ())


def _platform(raw: Mapping[str, Any]) -> Platform:
    return Platform(_text(raw.get("os")), _text(raw.get("architecture")), _text(raw.get("variant")))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> Mapping[str, str]:
    return {key: item for key, item in _mapping(value).items() if isinstance(item, str)}


def _shown(value: object) -> str:
    return clean(repr(value), 100)

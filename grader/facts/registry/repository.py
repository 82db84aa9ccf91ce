"""One repository of a registry: its tags, manifests and blobs, all of them verified against their digests."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container, Iterator
from contextlib import contextmanager
from urllib.parse import urlencode, urljoin

from grader.errors import RegistryUnavailable
from grader.facts.dockerfile.reference import ImageReference, parse_reference
from grader.facts.registry.client import Client, RegistryResponse
from grader.facts.registry.documents import (
    MANIFESTS,
    MAX_MANIFEST,
    OCI_INDEX,
    BlobMissing,
    ConfigDocument,
    Descriptor,
    DigestMismatch,
    Manifest,
    NotAManifest,
    digest_of,
    is_digest,
)
from grader.lib.text import clean

MAX_BLOB = 50 << 30
"""Bytes read of a blob at most."""
MAX_TAGS = 100_000
MAX_PAGES = 1_000
_ACCEPT = {"Accept": ", ".join(MANIFESTS)}
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')


class NoCatalogue(RegistryUnavailable):
    """The registry does not list its repositories."""


class Repository:
    """A repository: `registry` such as "localhost:5000", `name` such as "me/tides".

    Every method may raise RegistryUnavailable or LoginRequired.
    """

    def __init__(self, registry: str, name: str) -> None:
        self.registry = registry
        self.name = name
        self._client = Client(registry, name)
        self._path = f"/v2/{name}"

    @classmethod
    def parse(cls, text: str) -> Repository:
        """Read "localhost:5000/me/tides". Raises ValueError if it is not a repository, or has a tag or digest."""
        reference = parse_reference(text)
        if reference is None or reference.tag or reference.digest:
            raise ValueError(f"expected a repository such as 'localhost:5000/me/tides', found {text!r}")
        return cls.of(reference)

    @classmethod
    def of(cls, reference: ImageReference) -> Repository:
        """Return the repository that a reference is in."""
        return cls(reference.registry, reference.repository)

    def __str__(self) -> str:
        return f"{self.registry}/{self.name}"

    def tags(self) -> list[str]:
        """Return all tags, sorted; none if there is no such repository."""
        found: set[str] = set()
        for page in self._pages(f"{self._path}/tags/list?n=1000"):
            listed = page.get("tags") or []
            if not isinstance(listed, list) or not all(isinstance(tag, str) and _TAG.fullmatch(tag) for tag in listed):
                raise self._nonsense("its list of tags is malformed")
            found.update(listed)
            if len(found) > MAX_TAGS:
                raise self._nonsense(f"more than {MAX_TAGS} tags")
        return sorted(found)

    def manifest(self, which: str) -> Manifest | None:
        """Return the manifest that a tag or digest names, and None if there is none.

        Raises NotAManifest if the document is not a manifest, and DigestMismatch if its bytes do not have that digest.
        """
        _require_tag_or_digest(which)
        with self._client.ask("GET", f"{self._path}/manifests/{which}", headers=_ACCEPT) as answer:
            if not self._is_there(answer):
                return None
            raw = answer.read(MAX_MANIFEST)
            media_type, claimed = (
                answer.headers.get("Content-Type", ""),
                answer.headers.get("Docker-Content-Digest", ""),
            )
        if len(raw) > MAX_MANIFEST:
            raise NotAManifest(f"{self} serves more than {MAX_MANIFEST >> 20} MiB as the manifest {which}")
        claimed = which if is_digest(which) else claimed
        algorithm = claimed.partition(":")[0] if is_digest(claimed) else "sha256"
        manifest = Manifest.read(raw, media_type, algorithm=algorithm)
        if is_digest(claimed) and manifest.digest != claimed:
            raise DigestMismatch(f"{self} serves other bytes as {claimed}: their digest is {manifest.digest}")
        return manifest

    def image_config(self, manifest: Manifest) -> ConfigDocument:
        """Return the config of an image. Raises NotAManifest if the manifest is an index, or what `blob` raises."""
        if manifest.config is None:
            raise NotAManifest("the registry serves an index where an image's manifest should be")
        raw = self.blob(manifest.config.digest, MAX_MANIFEST)
        if len(raw) != manifest.config.size:
            raise DigestMismatch(
                f"the config {manifest.config.digest} has {len(raw)} bytes, not {manifest.config.size}"
            )
        return ConfigDocument.read(raw, manifest.config.digest)

    def blob(self, digest: str, limit: int) -> bytes:
        """Return a blob of at most `limit` bytes.

        Raises BlobMissing if there is none, NotAManifest if it is larger (it was asked for as a document), and
        DigestMismatch if its bytes do not have that digest.
        """
        with self.open_blob(digest, limit) as chunks:
            return b"".join(chunks)

    @contextmanager
    def open_blob(self, digest: str, limit: int = MAX_BLOB) -> Iterator[Iterator[bytes]]:
        """Open a blob, to be read in pieces.

        Raises BlobMissing if there is none, NotAManifest if it has more than `limit` bytes and, when it has been read
        to the end, DigestMismatch if its bytes do not have that digest.
        """
        _require_digest(digest)
        with self._client.ask("GET", f"{self._path}/blobs/{digest}") as answer:
            if not self._is_there(answer):
                raise BlobMissing(f"{self} has no blob {digest}")
            yield self._verified(answer, digest, limit)

    def _verified(self, answer: RegistryResponse, digest: str, limit: int) -> Iterator[bytes]:
        algorithm = digest.partition(":")[0]
        computed = hashlib.new(algorithm)
        size = 0
        for chunk in answer.chunks(limit):
            size += len(chunk)
            if size > limit:
                raise NotAManifest(f"the blob {digest} of {self} has more than {limit:,} bytes")
            computed.update(chunk)
            yield chunk
        if f"{algorithm}:{computed.hexdigest()}" != digest:
            raise DigestMismatch(
                f"{self} serves other bytes as {digest}: their digest is {algorithm}:{computed.hexdigest()}"
            )

    def has_blob(self, digest: str) -> int | None:
        """Return the size of a blob in bytes, which the registry says without serving it, and None if there is none."""
        _require_digest(digest)
        with self._client.ask("HEAD", f"{self._path}/blobs/{digest}") as answer:
            if not self._is_there(answer):
                return None
            length = answer.headers.get("Content-Length", "")
            if not re.fullmatch(r"[0-9]{1,18}", length):
                raise self._nonsense("it does not say how large a blob is")
            return int(length)

    def referrers(self, digest: str, artifact_type: str | None = None) -> list[Descriptor]:
        """Return what refers to that manifest: signatures, SBOMs.

        The list is the registry's own or, if it keeps none, the index under the tag that clients write instead. Raises
        NotAManifest if it is malformed.
        """
        _require_digest(digest)
        query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
        pages = list(self._pages(f"{self._path}/referrers/{digest}{query}", OCI_INDEX))
        found = [Descriptor.of(entry) for page in pages for entry in _listed(page)]
        if not pages:
            algorithm, _, value = digest.partition(":")
            listed = self.manifest(f"{algorithm}-{value}"[:128])
            found = list(listed.manifests) if listed else []
        return [entry for entry in found if artifact_type in (None, entry.artifact_type)]

    def put_blob(self, data: bytes, media_type: str = "application/octet-stream") -> Descriptor:
        """Push a blob. Returns the descriptor that names it, with `media_type`."""
        with self._client.ask("POST", f"{self._path}/blobs/uploads/", data=b"") as answer:
            place = answer.headers.get("Location")
            if answer.status != 202 or not place:
                raise self._refused("an upload", answer)
            place = self._client.allowed(answer.address, place)
        digest = digest_of(data)
        place += ("&" if "?" in place else "?") + urlencode({"digest": digest})
        with self._client.ask("PUT", place, data=data, headers={"Content-Type": "application/octet-stream"}) as answer:
            if answer.status not in (201, 204):
                raise self._refused(f"the blob {digest}", answer)
        return Descriptor(media_type, digest, len(data))

    def put_manifest(self, which: str, data: bytes, media_type: str) -> str:
        """Push a manifest under a tag, or under its own digest. Returns its digest."""
        _require_tag_or_digest(which)
        path = f"{self._path}/manifests/{which}"
        with self._client.ask("PUT", path, data=data, headers={"Content-Type": media_type}) as answer:
            if answer.status not in (200, 201, 202):
                raise self._refused(f"the manifest {which}", answer)
        return digest_of(data, which.partition(":")[0] if is_digest(which) else "sha256")

    def delete(self, digest: str) -> bool:
        """Delete a manifest and, on most registries, the tags that name it. Returns False if there is none."""
        _require_digest(digest)
        return self._delete(f"manifests/{digest}", f"the deletion of {digest}")

    def delete_blob(self, digest: str) -> bool:
        """Delete a blob. Returns False if there is none."""
        _require_digest(digest)
        return self._delete(f"blobs/{digest}", f"the deletion of the blob {digest}")

    def delete_tag(self, tag: str) -> bool:
        """Delete a tag and leave its manifest. Returns False if there is none.

        Raises RegistryUnavailable also if the registry deletes only by digest, as the lab's does.
        """
        _require_tag_or_digest(tag)
        return self._delete(f"manifests/{tag}", f"the deletion of the tag {tag}")

    def _delete(self, path: str, what: str) -> bool:
        with self._client.ask("DELETE", f"{self._path}/{path}") as answer:
            if answer.status not in (200, 202, 204, 404):
                raise self._refused(what, answer)
            return answer.status != 404

    def _pages(
        self, address: str, media_type: str = "application/json", none: Container[int] = (404,)
    ) -> Iterator[dict[str, object]]:
        """Yield the JSON objects of a list that may come in pages. Yields nothing if the registry has no such list,
        which it says with one of the statuses in `none`."""
        asked: set[str] = set()
        at: str | None = urljoin(self._client.base, address)
        while at:
            if at in asked or len(asked) >= MAX_PAGES:
                raise self._nonsense("one of its lists does not end")
            asked.add(at)
            with self._client.ask("GET", at, headers={"Accept": media_type}) as answer:
                if answer.status in none or not self._is_there(answer):
                    return
                following = _NEXT.search(answer.headers.get("Link", ""))
                page = self._object(answer)
                at = self._client.allowed(answer.address, following[1]) if following else None
            if at and not at.startswith(f"{self._client.base}/"):
                raise self._nonsense("one of its lists continues on another host")
            yield page

    def _object(self, answer: RegistryResponse) -> dict[str, object]:
        raw = answer.read(MAX_MANIFEST)
        try:
            page = json.loads(raw)
        except (ValueError, RecursionError):
            page = None
        if not isinstance(page, dict):
            raise self._nonsense("one of its lists is malformed")
        return page

    def _is_there(self, answer: RegistryResponse) -> bool:
        if answer.status in (200, 404):
            return answer.status == 200
        raise self._refused("a request", answer)

    def _refused(self, what: str, answer: RegistryResponse) -> RegistryUnavailable:
        code = answer.error()
        why = f"status {answer.status}" + (f", {code}" if code else "")
        return RegistryUnavailable(f"the registry {self.registry} refuses {what} in {self.name} ({why})")

    def _nonsense(self, why: str) -> RegistryUnavailable:
        return RegistryUnavailable(f"the registry {self.registry} gives an answer that makes no sense: {clean(why)}")


def catalogue(registry: str, after: str = "") -> Iterator[str]:
    """Yield the names of a registry's repositories as they come, also of empty ones, from behind `after` in its order.

    Raises NoCatalogue if the registry does not list them, and RegistryUnavailable or LoginRequired.
    """
    place = Repository(registry, "")
    query = {"n": "1000"} | ({"last": after} if after else {})
    page = None
    for page in place._pages(f"/v2/_catalog?{urlencode(query)}", none=(404, 405)):
        names = page.get("repositories") or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise place._nonsense("its list of repositories is malformed")
        yield from names
    if page is None:
        raise NoCatalogue(f"the registry {registry} does not list its repositories")


def _listed(page: dict[str, object]) -> list[object]:
    entries = page.get("manifests") or []
    if not isinstance(entries, list):
        raise NotAManifest("the registry's list of referrers is malformed")
    return entries


def _require_digest(text: str) -> None:
    if not is_digest(text):
        raise ValueError(f"expected a digest, found {text!r}")


def _require_tag_or_digest(text: str) -> None:
    if not is_digest(text) and not _TAG.fullmatch(text):
        raise ValueError(f"expected a tag or a digest, found {text!r}")

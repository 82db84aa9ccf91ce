"""Read the content of a registry, repository by repository and tag by tag, down to the blobs that tags share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import islice
from typing import TypeVar

from grader.errors import RegistryUnavailable, SubmissionFault
from grader.facts.dockerfile.reference import parse_reference
from grader.facts.registry.documents import Descriptor, Manifest, NotAManifest
from grader.facts.registry.repository import NoCatalogue, Repository, catalogue
from layerwise.errors import InputError
from layerwise.views.listing import spelt

MAX_LISTED = 2000
"""The most repositories whose tags are listed. A name stays in a registry's catalogue after its last tag is gone."""
MAX_REPOSITORIES = 300
"""The most repositories with tags that are read."""
MAX_CATALOG = 20_000
"""The most names of repositories that are read."""
MAX_TAGS = 300
"""The most tags that are read, in all repositories."""
MAX_TAGS_EACH = 100
"""The most tags that are read in one repository."""
MAX_ITEMS = 40
"""The most manifests of an index that are read."""
AT_ONCE = 4
"""The number of repositories that are read at the same time."""

ATTESTS = "vnd.docker.reference.type"
ATTESTS_DIGEST = "vnd.docker.reference.digest"
PREDICATE = "in-toto.io/predicate-type"
_CONFIGS = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
_ABOUT = re.compile(r"sha256-([0-9a-f]{64})(?:\.(sig|att|sbom))?")
_KINDS = {"sig": "signature", "att": "attestations", "sbom": "SBOM", None: "signatures and the like"}
"""What is kept under such a tag by clients that do not use a list of referrers."""
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Part:
    """A blob that a manifest names."""

    digest: str
    size: int
    kind: str
    """config or layer"""
    note: str = ""


@dataclass(frozen=True)
class Item:
    """A manifest with blobs: an image, or something stored like one."""

    digest: str
    size: int
    """The bytes of the manifest itself."""
    what: str
    """In words: image, provenance, signature, ..."""
    platform: str
    """The platform of an image; empty if it has none."""
    parts: Sequence[Part] = ()
    fault: str = ""
    """Why it could not be read; empty if it could."""


@dataclass(frozen=True)
class Tag:
    """A tag and everything that it leads to."""

    repository: str
    name: str
    digest: str = ""
    is_index: bool = False
    items: Sequence[Item] = ()
    left: int = 0
    """The number of manifests of its index that were not read."""
    fault: str = ""

    @property
    def about(self) -> str:
        """The digest that it is about, if it is a signature or similar; else empty."""
        match = _ABOUT.fullmatch(self.name)
        return f"sha256:{match[1]}" if match else ""

    @property
    def attached(self) -> str:
        """Its kind in words, if it is a signature or similar; else empty."""
        match = _ABOUT.fullmatch(self.name)
        return _KINDS[match[2]] if match else ""

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        """Its blobs by digest, each once."""
        return {part.digest: part for item in self.items for part in item.parts}

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts.values())


@dataclass(frozen=True)
class Shelf:
    """A repository. `left` is the number of its tags that were not read."""

    name: str
    tags: Sequence[Tag] = ()
    left: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Holdings:
    """The content of a registry. `empty` are repositories without tags; `left` is how many were not read."""

    registry: str
    asked: str
    """The requested repositories, in words."""
    shelves: Sequence[Shelf]
    empty: Sequence[str] = ()
    left: int = 0

    @cached_property
    def tags(self) -> Sequence[Tag]:
        return [tag for shelf in self.shelves for tag in shelf.tags]

    @cached_property
    def users(self) -> Mapping[str, Sequence[Tag]]:
        """The tags that need each blob."""
        found: dict[str, list[Tag]] = {}
        for tag in self.tags:
            for digest in tag.parts:
                found.setdefault(digest, []).append(tag)
        return found

    @cached_property
    def named(self) -> int:
        """The sum of the bytes of all tags."""
        return sum(tag.size for tag in self.tags)

    @cached_property
    def kept(self) -> int:
        """The bytes with each blob once: what a registry must store if all its repositories share their blobs."""
        return sum({part.digest: part.size for tag in self.tags for part in tag.parts.values()}.values())

    def own(self, tag: Tag) -> int:
        """The bytes that no other tag has. A push to a registry with the other tags would send only these."""
        return sum(part.size for part in tag.parts.values() if len(self.users[part.digest]) == 1)

    def sharers(self, tag: Tag) -> Sequence[tuple[Tag, int]]:
        """The other tags that share blobs with this one, and the bytes of those blobs.

        Tags of the same repository come first, in each group those with most bytes.
        """
        shared: dict[tuple[str, str], int] = {}
        tags = {}
        for part in tag.parts.values():
            for other in self.users[part.digest]:
                if other is not tag:
                    key = (other.repository, other.name)
                    shared[key] = shared.get(key, 0) + part.size
                    tags[key] = other
        ordered = sorted(shared, key=lambda key: (key[0] != tag.repository, -shared[key], key))
        return [(tags[key], shared[key]) for key in ordered]

    def twins(self, tag: Tag) -> Sequence[Tag]:
        """The other tags of its repository that name the same manifest."""
        return [
            other for other in self.tags
            if other is not tag and other.repository == tag.repository and other.digest == tag.digest != ""
        ]  # fmt: skip

    def subjects(self, tag: Tag) -> Sequence[Tag]:
        """The tags that lead to the manifest that a signature tag is about."""
        return [
            other for other in self.tags
            if other.repository == tag.repository and not other.about
            and tag.about in (other.digest, *(item.digest for item in other.items))
        ]  # fmt: skip


def read_registry(registry: str, patterns: Sequence[str]) -> Holdings:
    """Return the content of the repositories that match a name, a prefix of whole parts ("lesson06"), or a glob.

    Raises InputError if the address is not valid or nothing matches, and RegistryUnavailable or LoginRequired.
    """
    reference = parse_reference(f"{registry}/x/y")
    if reference is None or reference.registry != registry:
        raise InputError(f"{spelt(registry)} is not the address of a registry: expected one such as localhost:5000")
    names = _matching(registry, patterns)
    asked = ", ".join(patterns)
    if not names:
        if not patterns:
            return Holdings(registry, asked, ())
        raise InputError(
            f"the registry {registry} has no repository {spelt(asked)}; see which there are: lw.registry({registry!r})"
        )
    listed = dict(zip(names, _all(lambda name: _tags(registry, name), names[:MAX_LISTED]), strict=False))
    empty = [name for name, found in listed.items() if found == []]
    filled = {name: found for name, found in listed.items() if found != []}
    if len(names) == 1 and isinstance(problem := listed[names[0]], RegistryUnavailable):
        raise problem
    plans: list[tuple[str, Sequence[str] | RegistryUnavailable, int]] = []
    room = MAX_TAGS
    for name, found in list(filled.items())[:MAX_REPOSITORIES]:
        if isinstance(found, RegistryUnavailable):
            plans.append((name, found, 0))
        else:
            some = found[: min(room, MAX_TAGS_EACH)]
            room -= len(some)
            plans.append((name, some, len(found) - len(some)))
    shelves = _all(lambda plan: _shelf(registry, *plan), plans)
    left = len(names) - len(listed) + len(filled) - len(plans)
    if patterns and not shelves:
        raise InputError(
            f"the registry {registry} has no tag in {spelt(', '.join(empty[:5]))}: nothing is pushed there"
        )
    return Holdings(registry, asked, shelves, empty, left)


def _all(work: Callable[[T], R], things: Iterable[T]) -> list[R]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, things))


def _matching(registry: str, patterns: Sequence[str]) -> list[str]:
    for pattern in patterns:
        plain = re.sub(r"\[!?|[]*?]", "", pattern)
        if not re.fullmatch(r"[a-z0-9._/-]*", plain) or not pattern:
            raise InputError(f"{spelt(pattern)} is not the name of a repository: expected one such as lesson06/bakery")
    try:
        names = _catalog(registry)
    except RegistryUnavailable:
        # Many registries do not list their repositories, or not for everybody. Then a name is enough.
        if not patterns or any(re.search(r"[*?[]", pattern) for pattern in patterns):
            raise
        return sorted(set(patterns))
    if not patterns:
        return names
    return [name for name in names if any(_fits(name, pattern) for pattern in patterns)]


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or name.startswith(f"{pattern.rstrip('/')}/") or fnmatchcase(name, pattern)


def _catalog(registry: str) -> list[str]:
    """Return the names of the repositories, sorted. Raises RegistryUnavailable if the registry does not list them."""
    try:
        names = set(islice(catalogue(registry), MAX_CATALOG))
    except NoCatalogue as problem:
        raise RegistryUnavailable(f"{problem}; name one") from None
    return sorted(name for name in names if parse_reference(f"{registry}/{name}") and "@" not in name)


def _tags(registry: str, name: str) -> list[str] | RegistryUnavailable:
    try:
        return sorted(Repository(registry, name).tags(), key=_natural)
    except RegistryUnavailable as problem:
        return problem


def _natural(text: str) -> tuple[bool, list[tuple[int, str]]]:
    """A sort key that puts 1.10 after 1.9, words after numbers, and signatures last."""
    parts = re.findall(r"[0-9]{1,9}|[^0-9]+", text)
    return bool(_ABOUT.fullmatch(text)), [(int(part), "") if part.isdigit() else (1 << 30, part) for part in parts]


def _shelf(registry: str, name: str, tags: Sequence[str] | RegistryUnavailable, left: int) -> Shelf:
    if isinstance(tags, RegistryUnavailable):
        return Shelf(name, fault=str(tags))
    repository = Repository(registry, name)
    known: dict[str, Manifest] = {}
    return Shelf(name, [_tag(repository, tag, known) for tag in tags], left)


def _tag(repository: Repository, name: str, known: dict[str, Manifest]) -> Tag:
    tag = Tag(repository.name, name)
    try:
        manifest = repository.manifest(name)
        if manifest is None:
            return replace(tag, fault="it is listed, but its manifest is missing")
        known[manifest.digest] = manifest
    except (RegistryUnavailable, SubmissionFault) as problem:
        return replace(tag, fault=str(problem))
    if not manifest.is_index:
        return replace(tag, digest=manifest.digest, items=[_item(repository, manifest, None)])
    entries = manifest.manifests[:MAX_ITEMS]
    items = [_entry(repository, entry, known) for entry in entries]
    return replace(tag, digest=manifest.digest, is_index=True, items=items, left=len(manifest.manifests) - len(entries))


def _entry(repository: Repository, entry: Descriptor, known: dict[str, Manifest]) -> Item:
    """The item for an entry of an index."""
    platform = str(entry.platform) if entry.platform and ATTESTS not in entry.annotations else ""
    try:
        manifest = known.get(entry.digest) or repository.manifest(entry.digest)
        if manifest is None:
            fault = "the index names it, but it is missing"
            return Item(entry.digest, entry.size, "manifest", platform, fault=fault)
        known[entry.digest] = manifest
        if manifest.is_index:
            return Item(entry.digest, entry.size, "an index in the index", platform)
    except (RegistryUnavailable, SubmissionFault) as problem:
        return Item(entry.digest, entry.size, "manifest", platform, fault=str(problem))
    return _item(repository, manifest, entry)


def _item(repository: Repository, manifest: Manifest, entry: Descriptor | None) -> Item:
    """The item for a manifest. The platform of a single image is in its config."""
    config = manifest.config
    annotations = entry.annotations if entry else {}
    layers = [
        Part(layer.digest, layer.size, "layer", layer.annotations.get(PREDICATE, "")) for layer in manifest.layers
    ]
    parts = [*([Part(config.digest, config.size, "config")] if config else []), *layers]
    platform = str(entry.platform) if entry and entry.platform else ""
    what, fault = "image", ""
    if ATTESTS in annotations:
        about = annotations.get(ATTESTS_DIGEST, "")
        predicates = ", ".join(dict.fromkeys(_predicate(part.note) for part in layers if part.note)) or "attestation"
        what, platform = f"{predicates} of {spelt(about)[:15]}", ""
    elif config and config.media_type not in _CONFIGS:
        what, platform = f"artifact ({spelt(manifest.artifact_type, 80) or 'of an unknown kind'})", ""
    elif not platform:
        try:
            platform = str(repository.image_config(manifest).platform)
        except (NotAManifest, RegistryUnavailable, SubmissionFault) as problem:
            fault = str(problem)
    return Item(manifest.digest, len(manifest.raw), what, platform, parts, fault)


def _predicate(kind: str) -> str:
    """The kind of an attestation in words, from the address that names it."""
    words = {"slsa.dev/provenance": "provenance", "spdx.dev": "SBOM (SPDX)", "cyclonedx.org": "SBOM (CycloneDX)"}
    return next((word for part, word in words.items() if part in kind), spelt(kind, 60))

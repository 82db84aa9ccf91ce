"""Registries for tests: one that plays faults which cannot be staged on a real one, and images put on the lab's."""

from __future__ import annotations

import copy
import gzip
import http.client
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from grader.facts.engine.engine import Engine
from grader.facts.image import zstd as unpacking
from grader.facts.registry.documents import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Platform,
    digest_of,
)
from grader.facts.registry.repository import Repository

LAB = "localhost:5000"


class Said(NamedTuple):
    """An answer that is played. `length` is what it claims to have, where that is not the truth."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    length: int | None = None


class Asked(NamedTuple):
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]


Answer = Said | Callable[[Asked], Said | None]


class Player:
    """A registry on this machine. What `answers` does not name, by "METHOD /path", is passed on to the lab's; without
    `lab` it is not there."""

    def __init__(self, answers: Mapping[str, Answer] | None = None, *, lab: bool = True) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.lab = lab
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @contextmanager
    def running(self) -> Iterator[Player]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        player = self

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                asked = Asked(self.command, self.path, {key.lower(): value for key, value in self.headers.items()})
                player.asked.append(asked)
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                said = player.answers.get(f"{asked.method} {asked.path}")
                said = said(asked) if callable(said) else said
                self._say(said or (_lab(asked, data) if player.lab else Said(404)))

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _do

            def _say(self, said: Said) -> None:
                self.send_response(said.status)
                for key, value in said.headers.items():
                    self.send_header(key, value)
                if "Content-Length" not in said.headers:
                    self.send_header("Content-Length", str(len(said.body) if said.length is None else said.length))
                self.end_headers()
                if self.command != "HEAD":
                    try:
                        self.wfile.write(said.body)
                    except OSError:
                        self.close_connection = True

            def log_message(self, *_: object) -> None: ...

        return Handler


def _lab(asked: Asked, data: bytes) -> Said:
    connection = http.client.HTTPConnection(LAB, timeout=30)
    try:
        connection.request(asked.method, asked.path, body=data or None, headers=dict(asked.headers))
        answer = connection.getresponse()
        kept = {key: value for key, value in answer.getheaders() if key.lower() not in ("date", "server")}
        return Said(answer.status, answer.read(), kept)
    finally:
        connection.close()


def push(engine: Engine, image: str, repository: Repository, tag: str) -> None:
    """Push an image of the engine, as `docker push` does."""
    name = f"{repository}:{tag}"
    engine._api.tag(image, str(repository), tag)
    try:
        for line in engine._api.push(str(repository), tag=tag, stream=True, decode=True):
            assert "error" not in line, line
    finally:
        engine.remove_image(name)


def packed(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


class Parts:
    """An image taken apart: its config, and its layers as uncompressed archives. Change them, and put it up again."""

    def __init__(self, repository: Repository, config: Mapping[str, Any], layers: Sequence[bytes]) -> None:
        self.repository = repository
        self.config: dict[str, Any] = copy.deepcopy(dict(config))
        self.layers = list(layers)
        self.claimed: list[str] | None = None
        """What the config is to say of its layers, where that is not the truth."""

    @classmethod
    def fetch(cls, repository: Repository, tag: str) -> Parts:
        """Those of what is pushed under a tag; of an index, of its first image."""
        manifest = repository.manifest(tag)
        assert manifest is not None
        if manifest.is_index:
            entry = next(one for one in manifest.manifests if one.platform and one.platform.os != "unknown")
            manifest = repository.manifest(entry.digest)
            assert manifest is not None
        layers = [_plain(repository.blob(layer.digest, 1 << 30)) for layer in manifest.layers]
        return cls(repository, repository.image_config(manifest).document, layers)

    def edit(self, index: int, change: Callable[[dict[str, tuple[tarfile.TarInfo, bytes]]], object]) -> Parts:
        """Change a layer's members, by name: header and content."""
        members = {}
        with tarfile.open(fileobj=io.BytesIO(self.layers[index])) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                members[member.name.strip("/")] = (member, content.read() if content else b"")
        change(members)
        self.layers[index] = tar(members)
        return self

    def put(
        self, tag: str, *, docker: bool = False, pack: Callable[[bytes], bytes] = packed, kind: str = "gzip"
    ) -> str:
        """Push it under a tag, or under no tag where that is empty. The manifest's digest."""
        manifest = self.manifest(docker=docker, pack=pack, kind=kind)
        media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
        return self.repository.put_manifest(tag or digest_of(manifest), manifest, media_type)

    def manifest(self, *, docker: bool = False, pack: Callable[[bytes], bytes] = packed, kind: str = "gzip") -> bytes:
        """Push its blobs. Its manifest, not pushed yet."""
        oci, old = "application/vnd.oci.image", "application/vnd.docker"
        layer_type = f"{old}.image.rootfs.diff.tar.gzip" if docker else f"{oci}.layer.v1.tar+{kind}".removesuffix("+")
        layers = [self.repository.put_blob(pack(layer), layer_type).to_dict() for layer in self.layers]
        diff_ids = self.claimed or [digest_of(layer) for layer in self.layers]
        config = self.config | {"rootfs": {"type": "layers", "diff_ids": diff_ids}}
        config_type = f"{old}.container.image.v1+json" if docker else f"{oci}.config.v1+json"
        named = self.repository.put_blob(json.dumps(config).encode(), config_type).to_dict()
        media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
        return json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": named, "layers": layers}).encode()


def tar(members: Mapping[str, tuple[tarfile.TarInfo, bytes]] | Mapping[str, bytes]) -> bytes:
    """A layer of these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, item in members.items():
            member, content = item if isinstance(item, tuple) else (tarfile.TarInfo(name), item)
            if member.isreg():
                member.size = len(content)
            if not isinstance(item, tuple):
                member.mode = 0o755
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def zstd(data: bytes) -> bytes:
    """The data packed in one frame."""
    packed: bytes = unpacking.zstd.compress(data)
    return packed


def put_index(
    repository: Repository, tag: str, entries: Sequence[tuple[str, str | None]], *, docker: bool = False
) -> str:
    """An index of manifests that are there, each with its platform ("linux/arm64/v8") or None. Its digest."""
    listed = []
    for digest, platform in entries:
        manifest = repository.manifest(digest)
        assert manifest is not None
        said = None if platform is None else Platform(*platform.split("/"))
        listed.append(Descriptor(manifest.media_type, digest, len(manifest.raw), said).to_dict())
    media_type = DOCKER_LIST if docker else OCI_INDEX
    raw = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": listed}).encode()
    return repository.put_manifest(tag, raw, media_type)


def clear(repository: Repository) -> None:
    """Leave nothing in a repository. Its name stays in the registry's catalogue: give each run one, not each test."""
    for tag in repository.tags():
        manifest = repository.manifest(tag)
        if manifest:
            for digest in (*(entry.digest for entry in manifest.manifests), manifest.digest):
                repository.delete(digest)


def _plain(layer: bytes) -> bytes:
    return gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer

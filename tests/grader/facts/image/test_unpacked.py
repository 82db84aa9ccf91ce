"""Layers made by hand, and what a container sees of them: by our reading, and on a live engine that is given the same
bytes. `None` means an image that is refused."""

from __future__ import annotations

import gzip
import io
import secrets
import struct
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import docker.errors
import pytest

from grader.errors import SubmissionUnusable
from grader.facts.engine.engine import Engine
from tests.grader.facts.image.archives import Maker, digest, document, folder, hard_link, image, link, plain, tar
from tests.grader.registries import zstd

Seen = Mapping[str, str] | None
"""By path: `/` for a folder, `@TARGET` for a symbolic link, else the content."""


class Case(NamedTuple):
    """Layers as they are unpacked, from the bottom, what is seen of them, and whether only engines with containerd's
    image store take them: the classic one refuses a path that occurs twice, and some links (28.5 takes those:
    tests/engines.toml)."""

    layers: Sequence[bytes]
    seen: Seen
    containerd: bool = False


def layer(*entries: str) -> bytes:
    """`a` is a file that holds its name, `a:TEXT` one that holds the text, `a/` a folder; `a@b`, `a=b` are links."""
    made = []
    for entry in entries:
        name, text = entry.partition(":")[::2]
        if entry.endswith("/"):
            made.append(folder(entry))
        elif "@" in entry:
            made.append(link(*entry.split("@")))
        elif "=" in entry:
            made.append(hard_link(*entry.split("=")))
        else:
            made.append(plain(name, (text or name).encode()))
    return tar(*made)


def records(member: bytes, **values: str) -> bytes:
    """A header with PAX records before a member; `__` in their names means a dot."""
    entry = tarfile.TarInfo("x")
    entry.pax_headers = {name.replace("__", "."): value for name, value in values.items()}
    return entry.tobuf(tarfile.PAX_FORMAT)[:1024] + member


def gnu_name(name: bytes, member: bytes) -> bytes:
    """A GNU header with the name of the next member."""
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = b"L", len(name) + 1
    return entry.tobuf(tarfile.GNU_FORMAT) + (name + b"\0").ljust(512, b"\0") + member


def of_type(kind: bytes, name: str = "a") -> bytes:
    entry = tarfile.TarInfo(name)
    head = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
    head[: len(name)] = name.encode()
    head[156:157] = kind
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024)


A = layer("a:one")
"""Its header and content have 1,024 bytes; then comes the end mark."""
SPARSE = {"GNU__sparse__major": "0", "GNU__sparse__minor": "1", "GNU__sparse__size": "6", "GNU__sparse__numblocks": "1"}

CASES = {
    "a link is replaced": Case(
        [layer("usr/", "usr/b", "lib@usr"), layer("lib/x")],
        {"usr": "/", "usr/b": "usr/b", "lib": "/", "lib/x": "lib/x"}),
    "a file is replaced": Case([layer("d"), layer("d/x")], {"d": "/", "d/x": "d/x"}),
    "a folder is not": Case([layer("d/", "d/a"), layer("d/x")], {"d": "/", "d/a": "d/a", "d/x": "d/x"}),
    "a link to folders": Case(
        [layer("e/", "e/f/", "e/f/g", "d@e"), layer("d/f/x")],
        {"e": "/", "e/f": "/", "e/f/g": "e/f/g", "d": "/", "d/f": "/", "d/f/x": "d/f/x"}),
    "by a mark alone": Case([layer("e/", "e/a", "d@e"), layer("d/.wh.a")], {"e": "/", "e/a": "e/a", "d": "/"}),
    "by an opaque mark": Case(
        [layer("e/", "e/a", "d@e"), layer("d/.wh..wh..opq")], {"e": "/", "e/a": "e/a", "d": "/"}),
    "a folder, a link, a folder": Case([layer("d/", "d/a"), layer("d@e"), layer("d/x")], {"d": "/", "d/x": "d/x"}),
    "the same, with an entry": Case([layer("d/", "d/a"), layer("d@e"), layer("d/", "d/x")], {"d": "/", "d/x": "d/x"}),
    "through a link": Case([layer("l@u/v", "l/x")], {"l": "@u/v", "u": "/", "u/v": "/", "u/v/x": "l/x"}, True),
    "from the root": Case([layer("a/", "a/l@/u", "a/l/x")], {"a": "/", "a/l": "@/u", "u": "/", "u/x": "a/l/x"}, True),
    "above the root": Case(
        [layer("a/", "a/l@../../../b", "a/l/x")], {"a": "/", "a/l": "@../../../b", "b": "/", "b/x": "a/l/x"}, True),
    "through a link that is replaced": Case(
        [layer("e/", "d@e", "d/x", "d/", "d/y")], {"d": "/", "d/y": "d/y", "e": "/", "e/x": "d/x"}, True),
    "through a link into a lower folder": Case(
        [layer("e/", "e/a"), layer("d@e", "d/x")], {"e": "/", "e/a": "e/a", "d": "@e", "e/x": "d/x"}, True),
    "through a circle": Case([layer("d@d", "d/x")], None),
    "a hard link's bytes": Case([layer("a:one", "b=a", "a:two")], {"a": "two", "b": "one"}, True),
    "a hard link through a link": Case(
        [layer("e/", "e/a:one", "d@e", "b=d/a")], {"e": "/", "e/a": "one", "d": "@e", "b": "one"}),
    "a hard link of a link": Case([layer("e:one", "d@e", "b=d")], {"e": "one", "d": "@e", "b": "@e"}),
    "a hard link downwards": Case([layer("a"), layer("b=a")], None),
    "a hard link to nothing": Case([layer("b=a")], None),
    "a hard link to what comes later": Case([layer("b=a", "a:one")], None),
    "a hard link to a folder": Case([layer("e/", "b=e")], None),
    "a hard link to what is deleted": Case([layer("a:one"), layer(".wh.a", "b=a")], {}),
    "a file for a folder": Case([layer("d/", "d/x", "d")], {"d": "d"}, True),
    "a file in a file": Case([layer("d", "d/x")], None),
    "a link for a folder": Case([layer("d/", "d/x", "d@e", "d/", "d/y")], {"d": "/", "d/y": "d/y"}, True),
    "twice": Case([layer("a:one", "a:two")], {"a": "two"}, True),
    "a mark without a name": Case([layer("a"), layer(".wh.")], None),
    "a mark without a name, in a folder": Case([layer("d/", "d/a"), layer("d/.wh.")], None),
    "a mark with a dot": Case([layer("d/", "d/a"), layer("d/.wh..")], None),
    "a mark with two dots": Case([layer("d/", "d/a"), layer("d/.wh...")], None),
    "a storage driver's mark": Case([layer("d/", "d/a"), layer("d/.wh..wh.plnk")], {"d": "/", "d/a": "d/a"}),
    "deleted": Case([layer("d/", "d/a"), layer(".wh.d")], {}),
    "a mark that is a folder": Case([layer("d/", "d/a"), layer(".wh.d/")], {}),
    "deleted and made anew": Case([layer("a:one"), layer(".wh.a", "a:two")], {"a": "two"}),
    "made and deleted": Case([layer("a:one"), layer("a:two", ".wh.a")], None),
    "a folder deleted and made anew": Case(
        [layer("d/", "d/a"), layer(".wh.d", "d/", "d/b")], {"d": "/", "d/a": "d/a", "d/b": "d/b"}),
    "the same without an entry": Case([layer("d/", "d/a"), layer(".wh.d", "d/b")], None),
    "opaque": Case([layer("d/", "d/a"), layer("d/", "d/b", "d/.wh..wh..opq")], {"d": "/", "d/b": "d/b"}),
    "an opaque root": Case(
        [layer("d/", "d/a"), layer(".wh..wh..opq", "x")], {"d": "/", "d/a": "d/a", "x": "x"}),
    "an entry for the root": Case([layer("a"), layer("./@x", "b")], {"a": "a", "b": "b"}),
    "names that climb": Case([layer("a/../b", "c")], {"b": "a/../b", "c": "c"}),
    "no bytes at all": Case([A, b""], {"a": "one"}),
    "bytes behind the end": Case([A + b"garbage"], {"a": "one"}),
    "a member behind the end": Case([A + layer("b")], {"a": "one"}),
    "no end": Case([A[:1024]], {"a": "one"}),
    "a block of zeros for an end": Case([A[:1536]], {"a": "one"}),
    "a block of zeros, and a member": Case([A[:1536] + layer("b")], None),
    "half a block for an end": Case([A[:1124]], None),
    "a sparse file": Case([records(A, **SPARSE, GNU__sparse__map="2,3")], {"a": "\0\0one\0"}),
    "a sparse file with a name": Case(
        [records(A, **SPARSE, GNU__sparse__map="3,3", GNU__sparse__name="o")], {"o": "\0\0\0one"}),
    "a sparse file with its map in front": Case(
        [records(tar(plain("a", b"1\n2\n3\n".ljust(512, b"\0") + b"one")), GNU__sparse__major="1",
                 GNU__sparse__minor="0", GNU__sparse__realsize="6")],
        {"a": "\0\0one\0"}),
    "a sparse file with less content": Case([records(A, **SPARSE, GNU__sparse__map="0,4")], None),
    "a sparse file with more content": Case([records(A, **SPARSE, GNU__sparse__map="0,2")], None),
    "a sparse file with half a map": Case([records(A, **SPARSE, GNU__sparse__map="0")], None),
    "a sparse file's name alone": Case([records(A, GNU__sparse__name="o")], {"a": "one"}),
    "an old sparse file": Case([of_type(b"S")], None),
    "a kind that nobody knows": Case([of_type(b"7")], None),
    "a folder by its name, as in old archives": Case([of_type(b"\0", "d/")], {"d": "/"}),
    "a file, whatever its name": Case([of_type(b"0", "d/")], {"d": ""}),
    "GNU's name and PAX's": Case([gnu_name(b"gnu", records(A, path="pax"))], {"gnu": "one"}),
    "PAX's name and GNU's": Case([records(gnu_name(b"gnu", A), path="pax")], {"gnu": "one"}),
    "two headers before a member": Case([records(records(A, uid="7"), path="pax")], {"a": "one"}),
    "a name of 300 bytes": Case([layer("x" * 300)], None),
}  # fmt: skip


def archived(case: Case, name: str = "layerwise-test:unpacked") -> bytes:
    made = Maker(*case.layers)
    made.config |= {"config": {"Cmd": ["/x"]}, "history": []}
    config = f"blobs/sha256/{digest(document(made.config))}"
    blobs = [f"blobs/sha256/{digest(blob)}" for blob in made.blobs]
    made.manifest = lambda manifest: {
        **manifest,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {**manifest["config"], "mediaType": "application/vnd.oci.image.config.v1+json",
                   "size": len(document(made.config))},
        "layers": [{**found, "mediaType": "application/vnd.oci.image.layer.v1.tar"} for found in manifest["layers"]],
    }  # fmt: skip
    made.index = lambda index: {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {**found, "mediaType": "application/vnd.oci.image.manifest.v1+json",
             "annotations": {"io.containerd.image.name": f"docker.io/library/{name}"}}
            for found in index["manifests"]
        ],
    }  # fmt: skip
    listing = document([{"Config": config, "RepoTags": [name], "Layers": blobs}])
    return made.bytes(lambda files: files | {"manifest.json": listing})


@pytest.mark.parametrize("name", CASES)
def test_as_we_read_it(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    found = image(archived(case), tmp_path)
    if case.seen is None:
        with pytest.raises(SubmissionUnusable):
            _ = found.files
        return
    seen: dict[str, str] = {}
    waiting = [""]
    while waiting:
        at = waiting.pop()
        for child in found.files.listing(at):
            path = f"{at}/{child}" if at else child
            file = found.files.get(path)
            assert file is not None
            if file.kind == "folder":
                seen[path] = "/"
                waiting.append(path)
            else:
                seen[path] = f"@{file.link}" if file.kind == "symlink" else (found.read(path) or b"").decode()
    assert seen == case.seen


@pytest.mark.engine
@pytest.mark.parametrize("name", CASES)
def test_as_an_engine_unpacks_it(name: str, engine: Engine) -> None:
    case = CASES[name]
    refused = case.seen is None or (case.containerd and engine.info.image_store != "containerd")
    seen = unpacked(engine, case)
    assert seen == (None if refused else case.seen)


MADE_BY_ENGINES = frozenset(("dev", "etc", "proc", "sys"))


def unpacked(engine: Engine, case: Case) -> Seen:
    """What a container of the image sees on the engine; None if the engine refuses it."""
    api = engine._api
    tag = f"layerwise-test:{secrets.token_hex(8)}"
    list(api.load_image(archived(case, tag)))
    try:
        container = api.create_container(tag)["Id"]
        try:
            return listed(b"".join(api.export(container)))
        finally:
            api.remove_container(container)
    except docker.errors.APIError:
        return None
    finally:
        with suppress(docker.errors.APIError):  # an image that was refused may be there, and may be not
            api.remove_image(tag)


def listed(data: bytes) -> dict[str, str]:
    seen: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as file:
        for member in file:
            if member.name.split("/")[0] in MADE_BY_ENGINES or member.name == ".dockerenv":
                continue
            if member.isfile():
                content = file.extractfile(member)
                assert content is not None
                seen[member.name] = content.read().decode()
            else:
                seen[member.name] = "/" if member.isdir() else f"@{member.linkname}" if member.issym() else "="
                if member.islnk():
                    seen[member.name] = seen[member.linkname]
    return seen


SKIPPED = struct.pack("<II", 0x184D2A50, 5) + b"table"


@pytest.mark.parametrize(
    "blob",
    [
        gzip.compress(A),
        gzip.compress(A[:600]) + gzip.compress(A[600:]),
        gzip.compress(A) + gzip.compress(b""),
        zstd(A),
        SKIPPED + zstd(A),
        zstd(A) + SKIPPED,
    ],
    ids=["gzip", "two parts", "nothing behind it", "zstd", "a frame to skip first", "a frame to skip last"],
)
def test_compressed(blob: bytes, tmp_path: Path) -> None:
    """Each was loaded into an engine, which saw the file."""
    made = Maker(A)
    made.blobs = [blob]
    assert image(made.bytes(), tmp_path).read("/a") == b"one"

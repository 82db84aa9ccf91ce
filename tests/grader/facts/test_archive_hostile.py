"""Image archives that are damaged, lie, or mean harm: told in a line, never a traceback, never more memory or time."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from grader.errors import GraderError, SubmissionFault, SubmissionUnusable
from grader.facts import Facts, archive
from grader.facts import image as image_limits
from grader.facts.archive import open_file
from grader.facts.image import Image

Entry = tuple[str, bytes, bytes]
"""Name, type and content; of a link, where it leads."""


def tar(*entries: Entry, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as file:
        for name, kind, content in entries:
            info = tarfile.TarInfo(name)
            info.type = kind
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = content.decode()
                file.addfile(info)
            else:
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def plain(name: str, content: bytes = b"x") -> Entry:
    return (name, tarfile.REGTYPE, content)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def document(value: Any) -> bytes:
    return json.dumps(value).encode()


LAYER = tar(plain("etc/passwd", b"root:x:0:0::/:/bin/sh\n"), plain("hello", b"world"))


class Maker:
    """An archive that is right, to be spoilt."""

    def __init__(self, *layers: bytes, packed: bool = False) -> None:
        self.layers = list(layers or (LAYER,))
        self.blobs = [gzip.compress(layer, 1, mtime=0) if packed else layer for layer in self.layers]
        self.config: Any = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["A=1"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}" for layer in self.layers]},
        }
        self.manifest: Any = None
        self.index: Any = None
        self.extra: list[Entry] = []

    def files(self) -> dict[str, bytes]:
        config = document(self.config)
        files = {f"blobs/sha256/{digest(blob)}": blob for blob in self.blobs}
        files[f"blobs/sha256/{digest(config)}"] = config
        manifest = {
            "schemaVersion": 2,
            "config": {"digest": f"sha256:{digest(config)}"},
            "layers": [{"digest": f"sha256:{digest(blob)}", "size": len(blob)} for blob in self.blobs],
        }
        text = document(manifest if self.manifest is None else self.manifest(manifest))
        files[f"blobs/sha256/{digest(text)}"] = text
        index = {"manifests": [{"digest": f"sha256:{digest(text)}", "size": len(text)}]}
        files["index.json"] = document(index if self.index is None else self.index(index))
        files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
        return files

    def bytes(self, change: Callable[[dict[str, bytes]], Mapping[str, bytes]] | None = None) -> bytes:
        files: Mapping[str, bytes] = self.files()
        if change:
            files = change(dict(files))
        return tar(*(plain(name, content) for name, content in files.items()), *self.extra)

    def docker(self, **other: Any) -> bytes:
        """As older engines save it."""
        config = document(self.config)
        name = f"{digest(config)}.json"
        paths = [f"{number}/layer.tar" for number in range(len(self.layers))]
        listing = {"Config": name, "RepoTags": ["x:latest"], "Layers": paths} | other
        blobs = zip(paths, self.blobs, strict=True)
        return tar(
            *(plain(path, blob) for path, blob in blobs), plain(name, config), *self.extra,
            plain("manifest.json", document([listing])),
        )  # fmt: skip


def image(data: bytes, tmp_path: Path) -> Image:
    path = tmp_path / "image.tar"
    path.write_bytes(data)
    return Image(lambda: open_file(path), unusable=SubmissionUnusable)


def maker(**changes: Any) -> Maker:
    made = Maker()
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def without(part: str) -> Callable[[dict[str, bytes]], Mapping[str, bytes]]:
    return lambda files: {name: text for name, text in files.items() if part not in name}


def swapped(files: dict[str, bytes], of: Callable[[bytes], bool], to: Callable[[bytes], bytes]) -> dict[str, bytes]:
    return {name: to(text) if of(text) and "sha256" in name else text for name, text in files.items()}


GOOD: dict[str, bytes] = {
    "an OCI layout": Maker().bytes(),
    "an OCI layout, layers compressed": Maker(packed=True).bytes(),
    "an OCI layout, compressed as a whole": gzip.compress(Maker().bytes(), 1),
    "compressed in two parts": (lambda data: gzip.compress(data[:900], 1) + gzip.compress(data[900:], 1))(
        Maker().bytes()
    ),
    "a docker archive": Maker().docker(),
    "a layer twice": Maker(LAYER, LAYER).bytes(),
    "an empty layer": Maker(LAYER, tar()).bytes(),
    "a layer linked to where it is": tar(
        plain("a/layer.tar", LAYER), ("b/layer.tar", tarfile.SYMTYPE, b"../a/layer.tar"),
        plain("c.json", document(Maker(LAYER, LAYER).config)),
        plain("manifest.json", document([{"Config": "c.json", "Layers": ["a/layer.tar", "b/layer.tar"]}])),
    ),
    "a layer that begins like a document": Maker(tar(plain("{x}"), plain("hello", b"world"))).bytes(),
    "an old tar": Maker(tar(plain("hello", b"world"), form=tarfile.GNU_FORMAT)).docker(),
    "other things beside it": maker(extra=[plain("notes.txt"), plain("big.json", b"[" + b"1," * 3_000_000 + b"1]")])
    .bytes(),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_odd_but_right(name: str, tmp_path: Path) -> None:
    found = image(GOOD[name], tmp_path)
    assert found.read("/hello") == b"world"
    assert found.config.architecture == "amd64"
    assert found.id.startswith("sha256:")


LIAR = tar(plain("hello", b"other"))
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "it is empty"),
    "zeros": (lambda: bytes(10_240), "it is empty"),
    "text": (lambda: b"FROM scratch\n" * 100, "no tar archive"),
    "some other archive": (lambda: LAYER, "no image archive"),
    "cut": (lambda: Maker().bytes()[:3000], "ends in the middle"),
    "gzip, cut": (lambda: gzip.compress(Maker().bytes())[:400], "ends in the middle"),
    "gzip, damaged": (lambda: gzip.compress(LAYER)[:60] + bytes(200), "damaged"),
    "two images": (lambda: tar(plain("manifest.json", b'[{"Config":"a"},{"Config":"b"}]')), "several images"),
    "two images of one platform": (
        lambda: maker(index=lambda index: {"manifests": index["manifests"] + [{"digest": f"sha256:{'0' * 64}"}]})
        .bytes(lambda files: files | {f"blobs/sha256/{'0' * 64}": document(
            {"layers": [], "config": {"digest": f"sha256:{digest(document(Maker().config))}"}})}),
        "several images",
    ),
    "no config": (lambda: Maker().docker(Config="x"), "config is missing"),
    "no layer": (lambda: Maker().bytes(without(digest(LAYER))), "layers of it are missing"),
    "no manifest": (lambda: Maker().bytes(without("index.json")), "no image archive"),
    "too few layers": (lambda: Maker(LAYER, LAYER).docker(Layers=["0/layer.tar"]), "layers of it are missing"),
    "a layer other than the config says": (
        lambda: Maker().bytes(lambda files: swapped(files, lambda text: text == LAYER, lambda _: LIAR)),
        "layer 1 is damaged",
    ),
    "a compressed layer other than its name says": (
        lambda: Maker(packed=True).bytes(
            lambda files: swapped(files, lambda text: text[:1] == b"\x1f", lambda _: gzip.compress(LAYER, 9))
        ),
        "another digest than its name says",
    ),
    "a manifest other than its name says": (
        lambda: Maker().bytes(
            lambda files: swapped(files, lambda text: b"schemaVersion" in text, lambda text: text + b" ")
        ),
        "another digest than its name says",
    ),
    "a config other than its name says": (
        lambda: Maker().bytes(lambda files: swapped(files, lambda text: b"rootfs" in text, lambda text: text + b" ")),
        "another digest than its name says",
    ),
    "an index of numbers": (lambda: maker(index=lambda _: {"manifests": 5}).bytes(), "malformed"),
    "an index of nothing": (lambda: maker(index=lambda _: {"manifests": [None, []]}).bytes(), "no image archive"),
    "an index of itself": (
        lambda: maker(index=lambda _: {"manifests": [{"digest": "sha256:x"}] * 1000}).bytes(), "no image archive"),
    "other machines' images only": (
        lambda: maker(index=lambda index: {"manifests": [
            index["manifests"][0] | {"platform": {"architecture": name}} for name in ("s390x", "riscv64")]}).bytes(),
        "riscv64, s390x, and none for this machine",
    ),
    "layers that are a number": (lambda: maker(manifest=lambda text: text | {"layers": 7}).bytes(), "malformed"),
    "a config that is a list": (lambda: maker(config=[]).docker(), "config is missing"),
    "a config without layers": (lambda: maker(config={"rootfs": None, "x": 1}).docker(), "layers of it are missing"),
    "a config whose layers are a number": (lambda: maker(config={"rootfs": {"diff_ids": 3}}).docker(), "malformed"),
    "a config of brackets": (
        lambda: tar(plain("manifest.json", b"[" * 100_000), plain("index.json", b"[" * 1_000_000)), "no image archive"),
    "an environment of numbers": (
        lambda: maker(config=Maker().config | {"config": {"Env": 5}}).docker(), "its config is malformed"),
    "labels that are a list": (
        lambda: maker(config=Maker().config | {"config": {"Labels": [1]}}).docker(), "its config is malformed"),
    "a name of two megabytes": (lambda: Maker(tar(plain("n" * 2_000_000))).docker(), "a header of"),
    "a size that is negative": (lambda: spoilt(b"\xff" * 12), "negative size"),
    "a size beyond all": (lambda: spoilt(b"\x80" + b"\x7f" * 11), "ends in the middle"),
    "a size that is no number": (lambda: spoilt(b"twelve bytes"), "no"),
    "more files than any image": (
        lambda: tar(*(plain(str(number), b"") for number in range(archive.MAX_MEMBERS + 1))), "more than 10000 files"),
}  # fmt: skip


def spoilt(size: bytes) -> bytes:
    """An archive whose layer has a member that says it is of that size, with a checksum that is right."""
    head = bytearray(tar(plain("x"))[:512])
    head[124:136] = size
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return Maker(bytes(head) + bytes(1024)).docker()


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_said_in_a_line(name: str, tmp_path: Path) -> None:
    made, says = BAD[name]
    path = tmp_path / "image.tar"
    path.write_bytes(made())
    with Facts(None, archive=path) as facts:
        with pytest.raises(SubmissionUnusable, match=says) as first:
            _ = facts.image.config.env, facts.image.files
        with pytest.raises(SubmissionUnusable) as again:
            _ = facts.image.files, facts.image.config.env
    assert "\n" not in str(first.value)
    assert str(first.value) == str(again.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with Facts(None, archive=tmp_path) as facts, pytest.raises(SubmissionUnusable, match="cannot be read"):
        _ = facts.image.files


def test_what_is_in_a_layer_stays_inside(tmp_path: Path) -> None:
    layer = tar(
        plain("../../up", b"inside"),
        plain("/absolute", b"inside"),
        ("etc", tarfile.SYMTYPE, b"/../../../../etc"),
        ("out", tarfile.SYMTYPE, b"../../../../../../etc/passwd"),
        ("hard", tarfile.LNKTYPE, b"../../../etc/passwd"),
        ("device", tarfile.CHRTYPE, b""),
        ("pipe", tarfile.FIFOTYPE, b""),
        ("line\nbreak", tarfile.REGTYPE, b"inside"),
        ("loop", tarfile.SYMTYPE, b"loop"),
    )
    found = image(Maker(layer).docker(), tmp_path)
    for path in ("/up", "/absolute", "/line\nbreak"):
        assert found.read(path) == b"inside"
    for path in ("/etc/passwd", "/out", "/hard", "/device", "/pipe", "/loop"):
        assert found.read(path) is None


def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 24)
    layer = tar(plain("zeros", bytes(1 << 25)))
    for data in (Maker(layer, packed=True).bytes(), gzip.compress(Maker(layer).bytes(), 1)):
        with pytest.raises(SubmissionUnusable, match="more than 0 GiB"):
            _ = image(data, tmp_path).files


def test_bytes_that_were_flipped_are_told_or_make_no_difference(tmp_path: Path) -> None:
    chance = random.Random(7)
    for made in (Maker().bytes(), Maker(packed=True).bytes(), Maker().docker()):
        for _ in range(250):
            data = bytearray(made)
            for _ in range(chance.choice((1, 1, 3, 30))):
                data[chance.randrange(len(data))] = chance.randrange(256)
            with suppress(GraderError, SubmissionFault):
                assert image(bytes(data), tmp_path).read("/hello") in (b"world", None)


MANY = image_limits.MAX_ENTRIES
BIG = """
import re, sys
from pathlib import Path
from grader.errors import GraderError, SubmissionFault
from grader.facts.archive import open_file
from grader.facts.image import Image
image = Image(lambda: open_file(Path(sys.argv[1])))
try:
    print(image.files.waste()[:1], image.files.get("not-there"), sum(image.compressed_sizes) > 0)
except (GraderError, SubmissionFault) as problem:
    print(problem)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def documents() -> bytes:
    """More JSON than any image has."""
    text = b"[" + b"{}," * 1_000_000 + b"{}]"
    return maker(extra=[plain(f"{number}.json", text) for number in range(40)]).docker()


def one_large_file() -> bytes:
    """A layer of 400 MB, which is one file of zeros, and compressed."""
    info = tarfile.TarInfo("zeros")
    info.size = 400 << 20
    head = info.tobuf()
    unpacked, packed = hashlib.sha256(), io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as out:
        for part in (head, *([bytes(1 << 20)] * 400), bytes(1024)):
            unpacked.update(part)
            out.write(part)
    made = Maker()
    made.blobs = [packed.getvalue()]
    made.config["rootfs"]["diff_ids"] = [f"sha256:{unpacked.hexdigest()}"]
    return made.bytes()


def many_small_files() -> bytes:
    """As many files as an image may have, each with a name of its own."""
    head = bytearray(tarfile.TarInfo("x").tobuf())
    unpacked, packed = hashlib.sha256(), io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as out:
        for number in range(MANY):
            head[:100] = (b"usr/lib/python3/dist-packages/some-package/file-%010d.py" % number).ljust(100, b"\0")
            if not number:
                head[148:156] = b" " * 8
                head[148:156] = b"%06o\0 " % sum(head)
            unpacked.update(head)
            out.write(head)
        unpacked.update(bytes(1024))
        out.write(bytes(1024))
    made = Maker()
    made.blobs = [packed.getvalue()]
    made.config["rootfs"]["diff_ids"] = [f"sha256:{unpacked.hexdigest()}"]
    return made.bytes()


@pytest.mark.parametrize("made", [documents, one_large_file, many_small_files], ids=lambda made: made.__name__)
def test_memory_stays_bounded(made: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / "big.tar"
    path.write_bytes(made())
    ended = subprocess.run([sys.executable, "-c", BIG, str(path)], capture_output=True, text=True, check=True)
    assert int(ended.stdout.split()[-1]) < 200, ended.stdout

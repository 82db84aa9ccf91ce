"""Image archives that are damaged, lie, or mean harm: told in a line, never a traceback, never more memory or time."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from grader.errors import GraderError, SubmissionFault, SubmissionUnusable
from grader.facts import Facts
from grader.facts.image import archive
from grader.facts.image import image as image_limits
from tests.grader.facts.image.archives import (
    LAYER,
    Maker,
    digest,
    document,
    image,
    link,
    maker,
    plain,
    swapped,
    tar,
    without,
)
from tests.grader.registries import zstd


def zstd_layer(blob: bytes) -> bytes:
    made = Maker()
    made.blobs = [blob]
    return made.bytes()


def config_in(files: dict[str, bytes]) -> str:
    return next(name for name, text in files.items() if b"rootfs" in text)


def listed(config: str) -> bytes:
    """A manifest.json for an image of one layer."""
    return document([{"Config": config, "Layers": [f"blobs/sha256/{digest(LAYER)}"]}])


def two_names() -> bytes:
    """An archive whose manifest.json names another image than its index.json."""
    made = Maker()
    config = document(made.config | {"author": "somebody"})
    other = f"blobs/sha256/{digest(config)}"
    return made.bytes(lambda files: files | {other: config, "manifest.json": listed(other)})


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
    "a layer of no bytes": Maker(LAYER, b"").bytes(),
    "bytes behind a layer's end": Maker(LAYER + b"and more").bytes(),
    "bytes behind the archive's end": Maker().bytes() + b"and more",
    "zstd": zstd_layer(zstd(LAYER)),
    "zstd, a frame to skip first": zstd_layer(b"\x50\x2a\x4d\x18\x05\0\0\0table" + zstd(LAYER)),
    "manifest.json and index.json": Maker().bytes(
        lambda files: files | {"manifest.json": listed(config_in(files))}
    ),
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
    "text": (lambda: b"FROM scratch\n" * 100, "not a tar archive"),
    "some other archive": (lambda: LAYER, "not an image archive"),
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
    "two images, one in index.json, one in manifest.json": (two_names, "name different images"),
    "no image in index.json, one in manifest.json": (
        lambda: maker(index=lambda _: {"manifests": []}).bytes(
            lambda files: files | {"manifest.json": listed(config_in(files))}
        ),
        "name different images",
    ),
    "a whiteout without a name": (lambda: Maker(LAYER, tar(plain("etc/.wh."))).bytes(), "'etc/.wh.' deletes"),
    "a file in a file": (lambda: Maker(tar(plain("a"), plain("a/b"))).bytes(), "'a' is not a folder"),
    "a file behind a link in a circle": (lambda: Maker(tar(link("a", "a"), plain("a/b"))).bytes(), "in a circle"),
    "no config": (lambda: Maker().docker(Config="x"), "config is missing"),
    "no layer": (lambda: Maker().bytes(without(digest(LAYER))), "some of its layers are missing"),
    "no manifest": (lambda: Maker().bytes(without("index.json")), "not an image archive"),
    "too few layers": (lambda: Maker(LAYER, LAYER).docker(Layers=["0/layer.tar"]), "some of its layers are missing"),
    "a layer other than the config says": (
        lambda: Maker().bytes(lambda files: swapped(files, lambda text: text == LAYER, lambda _: LIAR)),
        "layer 1 is damaged",
    ),
    "a compressed layer other than its name says": (
        lambda: Maker(packed=True).bytes(
            lambda files: swapped(files, lambda text: text[:1] == b"\x1f", lambda _: gzip.compress(LAYER, 9))
        ),
        "does not have the digest in its name",
    ),
    "a manifest other than its name says": (
        lambda: Maker().bytes(
            lambda files: swapped(files, lambda text: b"schemaVersion" in text, lambda text: text + b" ")
        ),
        "does not have the digest in its name",
    ),
    "a config other than its name says": (
        lambda: Maker().bytes(lambda files: swapped(files, lambda text: b"rootfs" in text, lambda text: text + b" ")),
        "does not have the digest in its name",
    ),
    "an index of numbers": (lambda: maker(index=lambda _: {"manifests": 5}).bytes(), "malformed"),
    "an index of nothing": (lambda: maker(index=lambda _: {"manifests": [None, []]}).bytes(), "not an image archive"),
    "an index of itself": (
        lambda: maker(index=lambda _: {"manifests": [{"digest": "sha256:x"}] * 1000}).bytes(), "not an image archive"),
    "other machines' images only": (
        lambda: maker(index=lambda index: {"manifests": [
            index["manifests"][0] | {"platform": {"architecture": name}} for name in ("s390x", "riscv64")]}).bytes(),
        "riscv64, s390x, and none for this machine",
    ),
    "layers that are a number": (lambda: maker(manifest=lambda text: text | {"layers": 7}).bytes(), "malformed"),
    "a config that is a list": (lambda: maker(config=[]).docker(), "config is missing"),
    "a config without layers": (
        lambda: maker(config={"rootfs": None, "x": 1}).docker(), "some of its layers are missing"),
    "a config whose layers are a number": (lambda: maker(config={"rootfs": {"diff_ids": 3}}).docker(), "malformed"),
    "a config of brackets": (
        lambda: tar(plain("manifest.json", b"[" * 100_000), plain("index.json", b"[" * 1_000_000)),
        "not an image archive",
    ),
    "an environment of numbers": (
        lambda: maker(config=Maker().config | {"config": {"Env": 5}}).docker(), "its config is malformed"),
    "labels that are a list": (
        lambda: maker(config=Maker().config | {"config": {"Labels": [1]}}).docker(), "its config is malformed"),
    "a name of two megabytes": (lambda: Maker(tar(plain("n" * 2_000_000))).docker(), "a header has \\d+ bytes"),
    "a size that is negative": (lambda: spoilt(b"\xff" * 12), "negative size"),
    "a size beyond all": (lambda: spoilt(b"\x80" + b"\x7f" * 11), "ends in the middle"),
    "a size that is no number": (lambda: spoilt(b"twelve bytes"), "a header has a malformed number"),
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
        ("users", tarfile.REGTYPE, b"inside"),
        ("etc", tarfile.SYMTYPE, b"/../../../../etc"),
        ("out", tarfile.SYMTYPE, b"../../../../../../etc/passwd"),
        ("hard", tarfile.LNKTYPE, b"../../../users"),
        ("device", tarfile.CHRTYPE, b""),
        ("pipe", tarfile.FIFOTYPE, b""),
        ("line\nbreak", tarfile.REGTYPE, b"inside"),
        ("loop", tarfile.SYMTYPE, b"loop"),
    )
    found = image(Maker(layer).docker(), tmp_path)
    for path in ("/up", "/absolute", "/line\nbreak", "/hard"):
        assert found.read(path) == b"inside"
    for path in ("/etc/passwd", "/out", "/device", "/pipe", "/loop"):
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
from grader.facts.image.archive import open_file
from grader.facts.image.image import Image
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

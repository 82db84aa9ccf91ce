"""An image written as an OCI layout: every blob is what its name says, and what reads it gets the same image."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from grader.facts.image.image import Image
from grader.facts.image.oci_layout import Layout
from tests.grader.facts.image.archives import LAYER, Maker, image, plain, tar

OTHER = tar(plain("other", b"o" * 5_000))


def packed(folder: Path, target: Path) -> Image:
    """The layout as an archive, read again."""
    with tarfile.open(target / "layout.tar", "w") as archive:
        archive.add(folder, ".")
    return image((target / "layout.tar").read_bytes(), target)


@pytest.mark.parametrize(
    "data", [Maker(LAYER, OTHER).bytes(), Maker(LAYER, OTHER, packed=True).bytes(), Maker(LAYER, OTHER).docker()]
)
def test_the_same_whatever_the_archive_it_came_from(data: bytes, tmp_path: Path) -> None:
    source = image(data, tmp_path)
    source.write_layout(tmp_path / "layout")
    files = list((tmp_path / "layout" / "blobs" / "sha256").iterdir())
    assert {path.name for path in files} == {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert len(files) == 4, "two layers, a config and a manifest"
    assert (tmp_path / "layout" / "blobs" / "sha256" / source.layers[0].diff_id[7:]).read_bytes() == LAYER, (
        "uncompressed"
    )
    again = packed(tmp_path / "layout", tmp_path)
    assert [layer.diff_id for layer in again.layers] == [layer.diff_id for layer in source.layers]
    assert (again.config.raw, again.read("other")) == (source.config.raw, b"o" * 5_000)


def test_a_layer_that_occurs_twice_is_written_once_and_named_twice(tmp_path: Path) -> None:
    image(Maker(LAYER, LAYER).bytes(), tmp_path).write_layout(tmp_path / "layout")
    assert len(packed(tmp_path / "layout", tmp_path).layers) == 2


def test_what_the_documents_say(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "layout", {})
    assert layout.layer("a blob that belongs to another image") is None
    layout.finish({"architecture": "amd64"}, [("sha256:" + "0" * 64, 5)])
    index = json.loads((tmp_path / "layout" / "index.json").read_text())
    (named,) = index["manifests"]
    text = (tmp_path / "layout" / "blobs" / named["digest"].replace(":", "/")).read_bytes()
    assert (len(text), named["mediaType"]) == (named["size"], "application/vnd.oci.image.manifest.v1+json")
    assert json.loads(text)["layers"] == [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "sha256:" + "0" * 64, "size": 5}
    ]
    assert json.loads((tmp_path / "layout" / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}


def test_where_something_is_already(tmp_path: Path) -> None:
    Layout(tmp_path, {})
    with pytest.raises(FileExistsError):
        Layout(tmp_path, {})

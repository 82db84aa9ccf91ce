"""`lab scan`: what it says of folders, files and images, and how it ends, by the real command."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

NOWHERE = {"DOCKER_HOST": "unix:///nowhere.sock"}
OLD = {
    "app/flask/__init__.py": "# flask\n",
    "app/flask/ctx.py": "# flask\n",
    "app/Flask-2.2.2.dist-info/METADATA": "Name: Flask\nVersion: 2.2.2\n",
}


def layer(files: Mapping[str, str]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return data.getvalue()


def archive(path: Path, layers: Sequence[Mapping[str, str]]) -> Path:
    """An image as `docker save` writes it."""
    blobs = [layer(files) for files in layers]
    ids = [f"sha256:{hashlib.sha256(blob).hexdigest()}" for blob in blobs]
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ids}}
    names = [f"{number}/layer.tar" for number in range(len(blobs))]
    listing = [{"Config": "config.json", "RepoTags": ["x:1"], "Layers": names}]
    with tarfile.open(path, "w") as tar:
        for name, data in (
            ("config.json", json.dumps(config).encode()),
            *zip(names, blobs, strict=True),
            ("manifest.json", json.dumps(listing).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "requirements.txt").write_text("flask==2.2.2\nurllib3==2.5.0\nwerkzeug==3.0.0\n")
    return tmp_path / "src"


def test_a_folder(lab, folder):
    ended = lab("scan", folder, **NOWHERE)
    assert (ended.status, ended.err) == (1, "")
    lines = ended.out.splitlines()
    assert lines[0] == "The course's advisories, frozen on 2026-06-30 for teaching (now): not for production."
    assert "3 packages listed" in lines[1]
    assert "\x1b" not in ended.out
    assert all(len(line) <= 80 for line in lines[2:])
    assert any(line.startswith("HIGH      CVE-2023-30861    flask 2.2.2, fixed in 2.2.5") for line in lines)
    assert "A session cookie can be stored by a caching proxy" in ended.out
    grades = [line.split()[0] for line in lines if " CVE-" in line]
    assert grades == sorted(grades, key=["CRITICAL", "HIGH", "MEDIUM", "LOW"].index)


@pytest.mark.parametrize(
    ("words", "status", "ids"),
    [
        (["--severity", "critical"], 0, set()),
        (["--severity", "high", "--ignore-unfixed"], 1, {"CVE-2023-30861", "CVE-2024-34069", "CVE-2025-66418"}),
        (["--snapshot", "then"], 1, {"CVE-2023-30861", "CVE-2023-46136", "CVE-2024-34069"}),
        ([], 1, {"CVE-2023-46136", "CVE-2026-21441", "CVE-2026-44431"}),
    ],
)
def test_what_is_shown_counts(lab, folder, words, status, ids):
    ended = lab("scan", folder, "--json", *words, **NOWHERE)
    assert (ended.status, ended.err) == (status, "")
    document = json.loads(ended.out)
    assert document["schema"] == 1
    assert "not for production" in document["notice"]
    found = {finding["id"] for finding in document["findings"]}
    assert ids <= found
    assert sum(document["counts"].values()) == len(document["findings"])
    if "then" in words:
        assert document["snapshot"] == {"name": "then", "date": "2025-09-01"}
        assert "CVE-2025-66418" not in found


def test_nothing_to_find(lab, folder):
    (folder / "requirements.txt").write_text("flask==3.1.3\n")
    ended = lab("scan", folder, **NOWHERE)
    assert (ended.status, ended.out.splitlines()[-1]) == (0, "No findings.")
    (folder / "requirements.txt").unlink()
    ended = lab("scan", folder, **NOWHERE)
    assert (ended.status, ended.out.splitlines()[-1]) == (0, "No findings: no packages are listed at all.")


def test_a_file_with_no_engine(lab, tmp_path):
    ended = lab("scan", archive(tmp_path / "saved.tar", [{"x": "y"}, OLD]), **NOWHERE)
    assert (ended.status, ended.err) == (1, "")
    [line] = [line for line in ended.out.splitlines() if "CVE-2023-30861" in line]
    assert line.endswith("layer 2")


def test_packages_hidden_from_the_scanner_are_told(lab, tmp_path):
    hidden = {"app/.wh.Flask-2.2.2.dist-info": ""}
    ended = lab("scan", archive(tmp_path / "saved.tar", [OLD, hidden]), **NOWHERE)
    assert ended.status == 1
    assert "Hidden from the scanner: flask 2.2.2: it is gone, but the code is still there" in ended.out
    document = json.loads(lab("scan", tmp_path / "saved.tar", "--json", **NOWHERE).out)
    assert document["blinded"][0]["path"] == "/app/Flask-2.2.2.dist-info/METADATA"
    assert document["findings"] == []


@pytest.mark.parametrize(
    ("ref", "status", "says"),
    [
        ("", 2, "is empty"),
        ("./nothing", 2, "there is no file or folder ./nothing"),
        ("saved.tar", 2, "there is no file or folder saved.tar"),
        ("No Image", 2, "is not the name of an image, and there is no such file or folder"),
        ("broken", 2, "cannot be used"),
        ("localhost:1/some/where:1", 3, "localhost:1"),
    ],
)
def test_what_cannot_be_scanned(lab, tmp_path, ref, status, says):
    (tmp_path / "broken").write_bytes(b"no archive")
    ended = lab("scan", ref, cwd=tmp_path, **NOWHERE)
    assert (ended.status, ended.out) == (status, "")
    assert says in ended.err
    assert len(ended.err.splitlines()) == 1 or "Usage" in ended.err


def test_without_a_network_there_are_no_advisories_of_today(lab, folder):
    none = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
    ended = lab("scan", folder, "--live", **NOWHERE, **none)
    assert (ended.status, ended.out) == (3, "")
    assert ended.err.startswith("lab: cannot scan with Trivy's own advisories, which come from the network: ")
    assert len(ended.err.splitlines()) == 1


@pytest.mark.lab
def test_an_image_on_the_engine_and_in_the_registry(lab, engine):
    image = "localhost:5000/base/distroless-python:3.13"
    own = lab("scan", image)
    assert own.status == 1
    assert f"base image: {image}" in own.out
    assert "base, layer 2" in own.out
    there = lab("scan", image, "--severity", "high", **NOWHERE)
    assert there.status == 1
    assert "image in a registry" in there.out
    missing = lab("scan", "localhost:5000/base/no-such-thing:1")
    assert missing.status == 2
    assert "neither the lab's engine nor localhost:5000 has" in missing.err

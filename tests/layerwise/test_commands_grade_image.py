"""`lab grade --image`: an image saved as a file, by the real command, with no engine anywhere."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile

import pytest

from layerwise.progress import Progress

NOWHERE = {"DOCKER_HOST": "unix:///nowhere.sock"}
CHECKS = """
title = "An image"
lesson = "01-images"
level = "core"
minutes = 5
images = ["busybox:musl"]
[[check]]
kind = "metadata"
title = "The port is set"
points = 6
env = {{PORT = "{port}"}}
[[check]]
kind = "files"
title = "A greeting"
points = 4
files = [{{path = "/greeting", contains = "^hello$"}}]
{more}
"""


def put(archive, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def saved(tmp_path):
    """An image with one layer, as `docker save` of an older engine writes it."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        put(archive, "greeting", b"hello\n")
    config = {
        "architecture": "amd64",
        "config": {"Env": ["PORT=8080"]},
        "rootfs": {"diff_ids": [f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"]},
    }
    path = tmp_path / "saved.tar"
    with tarfile.open(path, "w") as archive:
        put(archive, "a/layer.tar", layer.getvalue())
        put(archive, "c.json", json.dumps(config).encode())
        put(archive, "manifest.json", json.dumps([{"Config": "c.json", "Layers": ["a/layer.tar"]}]).encode())
    return path


@pytest.fixture
def graded(lab, saved):
    """Grades the saved image by an exercise that wants that port, with other checks behind."""

    def run(*words, port="8080", more="", image=saved):
        folder = lab.exercises / "03-image"
        folder.mkdir(exist_ok=True)
        (folder / "exercise.toml").write_text(CHECKS.format(port=port, more=more))
        return lab("grade", "03-image", "--image", image, *words, **NOWHERE)

    return run


@pytest.mark.parametrize(("port", "status", "score"), [("8080", 0, 10.0), ("80", 1, 4.0)])
def test_the_exit_status_tells_full_marks_from_less(lab, graded, port, status, score):
    ended = graded("--json", port=port)
    assert (ended.status, ended.err) == (status, "")
    shown = json.loads(ended.out)
    assert shown["score"] == score
    assert shown["engine"] == {}
    assert shown["image"]["id"].startswith("sha256:")
    assert list(Progress(lab.home / "progress.sqlite").attempts()) == [], "whose work it is is not known"


def test_what_needs_the_folder_is_said_in_one_line(graded):
    ended = graded(more='[[check]]\nkind = "build"\ntitle = "It builds"\npoints = 1\n')
    assert (ended.status, ended.err) == (3, "")
    assert "1 check of 3 cannot be judged from an image alone. For a score, grade the" in ended.out
    assert "2 checks: The port is set; A greeting" in ended.out
    assert "doctor" not in ended.out


def test_the_learners_own_folder_is_not_drawn_in(lab, graded):
    (lab.work / "03-image").mkdir(parents=True)
    assert graded().status == 0


def test_a_folder_may_be_named_beside_it(lab, graded, tmp_path):
    shutil.copytree(lab.exercise("01-tiny") / "starter", tmp_path / "other")
    more = '[[check]]\nkind = "context"\ntitle = "Small"\npoints = 1\nmax = "1 MB"\n'
    ended = graded(tmp_path / "other", "--json", more=more)
    assert (ended.status, json.loads(ended.out)["score"]) == (0, 11.0)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no image archive at"),
        (b"", "it is empty"),
        (b"\x1f\x8b nonsense", "damaged"),
        (b"FROM scratch\n" * 1000, "it is damaged, or not a tar archive"),
    ],
)
def test_what_is_no_image_is_said_in_one_line(graded, tmp_path, content, says):
    path = tmp_path / "other.tar"
    if content is not None:
        path.write_bytes(content)
    ended = graded(image=path)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.count("\n") == 1
    assert says in ended.err

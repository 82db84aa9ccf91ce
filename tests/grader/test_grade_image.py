"""An image from a file is judged as the one the engine holds, in every form it is saved in, and no engine is asked."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.errors import SubmissionUnusable
from grader.exercise import Exercise
from grader.facts.build.buildx import buildx
from grader.facts.engine.engine import Engine
from grader.grade import grade
from grader.reports.reading import read
from grader.verdict import Report, Status
from tests.grader.conftest import exercise, facts_of

DOCKERFILE = """
FROM {base} AS first
RUN head -c 200000 /dev/urandom > /big && echo hello > /hello
FROM {base}
COPY --from=first /big /hello /app/
RUN ln -s ../app/hello /etc/link && chmod 600 /app/big && echo app:x:1234:1234:: >> /etc/passwd
RUN rm /app/big
ENV PORT=8080
USER app
CMD ["sleep", "100"]
"""
IMAGE_CHECKS: list[tuple[str, dict[str, Any]]] = [
    ("size", {"of": "image", "full": "1 MB", "zero": "100 MB"}),
    ("size", {"of": "added", "full": "1 kB", "zero": "1 MB"}),
    ("size", {"of": "download", "full": "1 MB", "zero": "100 MB"}),
    ("layers", {"max": 3}),
    ("layers", {"max_waste": "300 kB"}),
    ("files", {"files": [{"path": "/etc/link", "contains": "hello"}, {"path": "/app/big"}]}),
    ("metadata", {"env": {"PORT": "8080"}, "cmd": ["sleep", "100"]}),
    ("user", {"at": "config"}),
]
NOWHERE = {"DOCKER_HOST": "tcp://127.0.0.1:1"}


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine is at DOCKER_HOST, and any attempt to connect to one fails the test."""
    monkeypatch.setenv("DOCKER_HOST", NOWHERE["DOCKER_HOST"])

    def connect(*_: object) -> None:
        raise AssertionError("an engine was asked for")

    monkeypatch.setattr(Engine, "connect", connect)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, base: str) -> Path:
    folder: Path = tmp_path_factory.mktemp("submission")
    (folder / "Dockerfile").write_text(DOCKERFILE.replace("{base}", base))
    return folder


@pytest.fixture(scope="module")
def built(folder: Path, engine: Engine) -> Report:
    """How the folder is graded."""
    return grade(of_busybox(*IMAGE_CHECKS), folder, engine=engine)


@pytest.fixture(scope="module")
def saved(folder: Path, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The image in every form it can be saved in."""
    target: Path = tmp_path_factory.mktemp("saved")
    with facts_of(folder, engine) as facts, engine.save_image(facts.build.image) as chunks:
        (target / "save.tar").write_bytes(b"".join(chunks))
    with gzip.open(target / "save.tar.gz", "wb", 1) as packed, (target / "save.tar").open("rb") as plain:
        shutil.copyfileobj(plain, packed)
    forms = {
        "docker": "type=docker",
        "oci": "type=oci",
        "oci-uncompressed": "type=oci,compression=uncompressed,force-compression=true",
        "zstd": "type=oci,compression=zstd,force-compression=true",
    }
    for name, form in forms.items():
        subprocess.run(
            [*buildx(), "build", "--builder=default", f"--output={form},dest={target / name}.tar", str(folder)],
            check=True,
            capture_output=True,
            env=os.environ | {"DOCKER_HOST": engine.host},
        )
    return {path.name.removesuffix(".tar"): path for path in target.iterdir()}


def of_busybox(*wanted: tuple[str, dict[str, Any]]) -> Exercise:
    return replace(exercise(*wanted), images=("busybox:musl",))


@pytest.mark.engine
@pytest.mark.lab
@pytest.mark.parametrize("form", ["save", "save.tar.gz", "docker", "oci", "oci-uncompressed"])
def test_every_form_gets_the_grade_of_the_folder(
    form: str, saved: dict[str, Path], built: Report, nowhere: None
) -> None:
    report = grade(of_busybox(*IMAGE_CHECKS), None, image=saved[form])
    assert [(check.kind, check.status, check.points) for check in report.checks] == [
        (check.kind, check.status, check.points) for check in built.checks
    ]
    assert {check.status for check in report.checks} == {Status.PASSED, Status.PARTIAL, Status.FAILED}
    for ours, theirs in zip(report.checks, built.checks, strict=True):
        assert ours.evidence.get("bytes") == theirs.evidence.get("bytes")
        assert ours.message == theirs.message
    assert report.score == built.score
    assert report.engine == {}
    assert str(report.image["id"]).startswith("sha256:")


@pytest.mark.engine
def test_layers_in_zstd_are_read(saved: dict[str, Path], nowhere: None) -> None:
    report = grade(of_busybox(IMAGE_CHECKS[0]), None, image=saved["zstd"])
    assert report.checks[0].status is Status.PARTIAL


@pytest.mark.engine
@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("build", {}),
        ("pinning", {"bases": "tag"}),
        ("context", {"max": "1 MB"}),
        ("command", {"run": "true"}),
        ("user", {"at": "runtime"}),
        ("user", {"at": "both"}),
    ],
)
def test_what_an_image_does_not_show_is_an_error_in_one_line(
    kind: str, params: dict[str, Any], saved: dict[str, Path], nowhere: None
) -> None:
    report = grade(of_busybox(IMAGE_CHECKS[6], (kind, params)), None, image=saved["oci"])
    seen, unseen = report.checks
    assert seen.status is Status.PASSED
    assert unseen.status is Status.ERROR
    assert unseen.message.endswith((": grade the folder.", ": grade the folder it was built from."))
    assert "\n" not in unseen.message
    assert report.score is None
    assert report.exit_code == 3
    assert read(report).next == (
        "1 check of 2 cannot be judged from an image alone. For a score, grade the folder that it is built from."
    )


@pytest.mark.engine
def test_a_root_user_needs_no_look_at_the_running_process(
    saved: dict[str, Path], tmp_path: Path, engine: Engine, base: str
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nUSER 0\n")
    with facts_of(tmp_path, engine) as facts, engine.save_image(facts.build.image) as chunks:
        (tmp_path / "root.tar").write_bytes(b"".join(chunks))
    report = grade(of_busybox(("user", {"at": "both"})), None, image=tmp_path / "root.tar")
    assert report.checks[0].status is Status.FAILED


@pytest.mark.engine
def test_a_check_that_could_not_look_holds_no_other_back(saved: dict[str, Path], nowhere: None) -> None:
    wanted = of_busybox(("build", {}), IMAGE_CHECKS[6])
    wanted = replace(wanted, checks=(wanted.checks[0], replace(wanted.checks[1], needs=("build-1",))))
    report = grade(wanted, None, image=saved["save"])
    assert [check.status for check in report.checks] == [Status.ERROR, Status.PASSED]


@pytest.mark.engine
def test_with_the_folder_beside_the_image_its_files_are_judged_too(
    saved: dict[str, Path], folder: Path, nowhere: None
) -> None:
    wanted = of_busybox(("context", {"max": "1 MB"}), IMAGE_CHECKS[1], IMAGE_CHECKS[6], ("build", {}))
    report = grade(wanted, folder, image=saved["docker"])
    assert [check.status for check in report.checks] == [
        Status.PASSED, Status.PARTIAL, Status.PASSED, Status.ERROR,
    ]  # fmt: skip


@pytest.mark.engine
@pytest.mark.lab
def test_of_several_base_images_the_one_with_the_most_layers_counts(
    engine: Engine, tmp_path: Path, nowhere: None
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM localhost:5000/base/distroless-python:3.13\nCOPY Dockerfile /x\n")
    with facts_of(tmp_path, engine) as facts, engine.save_image(facts.build.image) as chunks:
        (tmp_path / "image.tar").write_bytes(b"".join(chunks))
    names = ("distroless-static:debian13", "distroless-python:3.13")
    for folder in (None, tmp_path):
        for images in (names, names[::-1]):
            wanted = replace(exercise(("size", {"of": "added", "full": "10 kB"})), images=images)
            assert grade(wanted, folder, image=tmp_path / "image.tar").checks[0].status is Status.PASSED


@pytest.mark.engine
def test_the_base_image_cannot_be_told_without_the_registry(
    saved: dict[str, Path], nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, says in (("localhost:1/base/", "does not answer"), ("localhost:5000/not/", "not in its registry")):
        monkeypatch.setattr("grader.facts.build.base.LAB", place)
        report = grade(of_busybox(IMAGE_CHECKS[3]), None, image=saved["save"])
        assert report.checks[0].status is Status.ERROR
        assert says in report.checks[0].message


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(SubmissionUnusable, match="docker save"):
        grade(of_busybox(IMAGE_CHECKS[6]), None, image=tmp_path / "nothing.tar")
    with pytest.raises(SubmissionUnusable, match="docker save"):
        grade(of_busybox(IMAGE_CHECKS[6]), None, image=tmp_path)

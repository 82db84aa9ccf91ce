"""The scan fact: packages and findings of images, each in its place."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import GraderError, SubmissionFault, SubmissionUnusable
from grader.facts.engine.engine import Engine
from grader.facts.supply import scan
from tests.grader.conftest import facts_of
from tests.grader.facts.inventory.images import Files, image_of

PYTHON = "localhost:5000/base/python:3.13-slim"
FLASK = "Metadata-Version: 2.1\nName: Flask\nVersion: 2.2.2\n"


@pytest.mark.engine
def test_packages_and_findings_have_their_places(submit: Callable[..., Path], engine: Engine) -> None:
    folder = submit(
        {
            "Flask-2.2.2.dist-info/METADATA": FLASK,
            "Dockerfile": f"FROM {PYTHON}\nENV A=b\nCOPY *.dist-info /x/Flask.dist-info/\n",
        }
    )
    with facts_of(folder, engine) as facts:
        now, then, again = scan.scan_of(facts, "now"), scan.scan_of(facts, "then"), scan.scan_image(facts.image, "now")
        top = len(facts.image.layers) - 1
    assert now == again
    assert now.distribution.startswith("debian 13")
    assert (now.snapshot, str(now.date)) == ("now", "2026-06-30")
    [flask] = [one for one in now.packages if one.ecosystem == "python-pkg" and one.name == "Flask"]
    assert (flask.version, flask.path, flask.layer) == ("2.2.2", "x/Flask.dist-info/METADATA", top)
    assert flask.purl == "pkg:pypi/flask@2.2.2"
    [tar] = [one for one in now.packages if one.name == "tar"]
    assert (tar.ecosystem, tar.path, tar.layer) == ("debian", "", 0)
    assert tar.version.startswith("1.35+dfsg-")
    [found] = [one for one in now.findings if one.package == "Flask"]
    assert (found.id, found.severity, found.layer, found.path) == ("CVE-2023-30861", "HIGH", top, flask.path)
    assert [one.rank for one in now.findings] == sorted(one.rank for one in now.findings)
    unfixed = {one.id for one in now.findings if not one.fixed}
    assert {"CVE-2025-69720", "CVE-2025-45582"} <= unfixed
    assert {one.id for one in now.findings} - {one.id for one in then.findings} == {"CVE-2025-69720"}


@pytest.mark.engine
def test_an_archive_in_any_form_gives_the_same(submit: Callable[..., Path], engine: Engine, tmp_path: Path) -> None:
    folder = submit(
        {"Flask-2.2.2.dist-info/METADATA": FLASK, "Dockerfile": "FROM scratch\nCOPY *.dist-info /x/Flask.dist-info/\n"}
    )
    with facts_of(folder, engine) as facts:
        wanted = scan.scan_of(facts, "now")
        saved = tmp_path / "saved.tar"
        with engine.save_image(facts.build.image) as chunks:
            saved.write_bytes(b"".join(chunks))
    assert scan.scan_archive(saved, "now") == wanted
    subprocess.run(["gzip", "-k", saved], check=True)
    assert scan.scan_archive(tmp_path / "saved.tar.gz", "now") == wanted
    facts_layout = tmp_path / "layout"
    from grader.facts.image.archive import open_file
    from grader.facts.image.image import Image

    Image(lambda: open_file(saved)).write_layout(facts_layout)
    subprocess.run(["tar", "cf", tmp_path / "oci.tar", "-C", facts_layout, "."], check=True)
    assert scan.scan_archive(tmp_path / "oci.tar", "now") == wanted
    assert [one.package for one in wanted.findings] == ["Flask"]


@pytest.mark.engine
def test_an_image_that_is_too_large(
    submit: Callable[..., Path], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "MAX_IMAGE", 1_000)
    with (
        facts_of(submit({"x": "y", "Dockerfile": "FROM scratch\nCOPY x /\n"}), engine) as facts,
        pytest.raises(SubmissionFault, match="that are scanned"),
    ):
        scan.scan_of(facts, "now")


@pytest.mark.lab
def test_an_image_in_a_registry_is_scanned_there(engine: Engine) -> None:
    there = scan.scan_reference(PYTHON, "now")
    assert {one.id for one in there.findings} >= {"CVE-2025-69720"}
    assert all(one.layer is not None for one in there.findings)


@pytest.mark.parametrize("reference", ["localhost:5000/base/no-such-image:1", "localhost:1/x/y:1", "--help"])
def test_an_image_that_is_not_there(reference: str) -> None:
    with pytest.raises(GraderError):
        scan.scan_reference(reference, "now")


@pytest.mark.parametrize("content", [b"", b"no archive", b"\0" * 2048])
def test_a_file_that_is_no_image(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(SubmissionUnusable):
        scan.scan_archive(tmp_path / "x.tar", "now")


@pytest.mark.parametrize(
    ("layers", "left"),
    [
        ([{"old/a": "x"}], ["", "old/a"]),
        ([{"old/a": "x"}, {"old": "->/new", "new/b": "x"}], [""]),
        ([{"old/a": "x"}, {"old": "->/new", "new/a": "x"}], ["", "old/a"]),  # a container sees one there
        ([{"old/a": "x"}, {"old": "a file"}], [""]),
        ([{"new/b": "x"}], ["", "old/a"]),  # of something in an archive, or the scanner's own name for it
    ],
)
def test_what_a_container_does_not_see_is_left_out(layers: list[Files], left: list[str], tmp_path: Path) -> None:
    packages = tuple(scan.ListedPackage("p", "1", "python-pkg", path, None, "") for path in ("", "old/a"))
    report = scan.Scan("now", None, "", (), packages, ())
    assert [one.path for one in scan.as_a_container_sees(report, image_of(tmp_path, *layers)).packages] == left

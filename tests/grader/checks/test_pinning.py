"""`pinning`: near misses, cheats, and odd but right answers; most stand in cases/pinning/.

A name after `?` there cannot be shown to be pinned.
"""

from __future__ import annotations

import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from grader.checks.pinning import Params, judge
from grader.errors import RegistryUnavailable
from grader.exercise import BuildSettings
from grader.facts import Facts
from grader.facts.registry import MANIFESTS
from grader.submission import Submission
from grader.verdict import Status, Verdict

CASES = Path(__file__).with_name("cases") / "pinning"
SHA = "sha256:" + "a" * 64
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEBIAN = "FROM debian:trixie-slim\n"


def verdict(tmp_path: Path, dockerfile: str, files: dict[str, str], settings: BuildSettings, **params: Any) -> Verdict:
    folder = tmp_path / "handed-in"
    for name, content in {"Dockerfile": dockerfile, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    with Submission.open(folder, settings) as submission, Facts(submission) as facts:
        return judge(facts, Params(**params))


def unpinned(found: Verdict) -> list[str]:
    """Names of what is not pinned, with `?` before what cannot be shown to be."""
    things = [thing for thing in found.details["things"] if not thing["pinned"]]
    return [("?" if thing["why"].startswith("cannot be shown") else "") + thing["name"] for thing in things]


def cases() -> Iterator[Any]:
    for file in sorted(CASES.glob("*.toml")):
        for case in tomllib.loads(file.read_text())["case"]:
            params = {"bases": case["bases"]} if file.stem == "images" else {"packages": [file.stem]}
            case_id = f"{file.stem}: {case['name']}"
            yield pytest.param(case["dockerfile"], case.get("files", {}), params, case["unpinned"], id=case_id)


@pytest.mark.parametrize(("dockerfile", "files", "params", "expected"), list(cases()))
def test_cases(
    tmp_path: Path, dockerfile: str, files: dict[str, str], params: dict[str, Any], expected: list[str]
) -> None:
    found = verdict(tmp_path, dockerfile, files, BuildSettings(), **params)
    assert unpinned(found) == expected
    assert (found.status is Status.PASSED) == (not expected)


DOWNLOADS: dict[str, tuple[str, int]] = {
    "ADD of an address": ("ADD https://x.org/a.tgz /", 1),
    "ADD with a checksum": (f"ADD --checksum={SHA} https://x.org/a.tgz /", 0),
    "ADD of a repository": ("ADD https://github.com/x/y.git#main /y", 1),
    "ADD of a commit": (f"ADD https://github.com/x/y.git#{COMMIT} /y", 0),
    "ADD of a file": ("ADD a.tgz /", 0),
    "curl into a shell": ("RUN curl -fsSL https://x.org/install.sh | sh", 1),
    "curl into a file": ("RUN curl -fsSLo /a https://x.org/a", 1),
    "curl, then its checksum": (f"RUN curl -fsSLo a https://x.org/a && echo '{'a' * 64}  a' | sha256sum -c -", 0),
    "curl, then a checksum no one heeds": (
        f"RUN curl -fsSLo a https://x.org/a && echo '{'a' * 64}  a' | sha256sum -c - || true", 1),
    "curl of this machine": ("RUN curl -fo /a http://localhost:8080/", 0),
    "wget": ("RUN wget https://x.org/a", 1),
    "git clone of a branch": ("RUN git clone -b v1 https://github.com/x/y", 1),
    "git clone, then a commit": (f"RUN git clone https://github.com/x/y && cd y && git checkout {COMMIT}", 0),
}  # fmt: skip


@pytest.mark.parametrize(("line", "count"), DOWNLOADS.values(), ids=DOWNLOADS)
def test_downloads(tmp_path: Path, line: str, count: int) -> None:
    found = verdict(tmp_path, DEBIAN + line + "\n", {"a.tgz": "x"}, BuildSettings(), downloads=True)
    assert len(unpinned(found)) == count


def test_each_thing_costs_its_share_and_groups_count_alike(tmp_path: Path) -> None:
    files = {"requirements.txt": "a==1.0\nb==1.0\nc==1.0\nd\n"}
    text = "FROM python:latest\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    assert verdict(tmp_path, text, files, BuildSettings(), packages=["pip"]).fraction == 0.75
    assert verdict(tmp_path, text, files, BuildSettings(), bases="tag", packages=["pip"]).fraction == 0.375
    assert (
        verdict(tmp_path, text, files, BuildSettings(), bases="tag", packages=["pip"], downloads=True).fraction == 0.375
    )


def test_the_evidence_names_file_and_line(tmp_path: Path) -> None:
    files = {"requirements.txt": "# first\na==1.0\nb\n"}
    text = "FROM python:3.13\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    found = verdict(tmp_path, text, files, BuildSettings(), packages=["pip"])
    assert found.status is Status.PARTIAL
    assert [(place.file, place.line, place.text) for place in found.where] == [("requirements.txt", 3, "b")]


def test_the_exercises_target_and_arguments_count(tmp_path: Path) -> None:
    text = "ARG B=python:3.13\nFROM $B AS one\nFROM python AS two\n"
    assert verdict(tmp_path, text, {}, BuildSettings(target="one"), bases="tag").fraction == 1.0
    settings = BuildSettings(target="one", args={"B": "python"})
    assert verdict(tmp_path, text, {}, settings, bases="tag").fraction == 0.0


def test_nothing_from_outside_is_pinned(tmp_path: Path) -> None:
    found = verdict(tmp_path, "FROM scratch\nCOPY a /\n", {"a": "x"}, BuildSettings(), bases="digest", downloads=True)
    assert found.status is Status.PASSED


@pytest.mark.parametrize("params", [{}, {"bases": "exact"}, {"packages": ["nuget"]}, {"packages": []}, {"pins": 1}])
def test_parameters_that_make_no_sense(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Params(**params)


def digest_of(repository: str, tag: str) -> str:
    request = urllib.request.Request(f"http://localhost:5000/v2/{repository}/manifests/{tag}", method="HEAD")
    request.add_header("Accept", ", ".join(MANIFESTS))
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.headers["Docker-Content-Digest"])


@pytest.mark.lab
def test_a_digest_must_be_there(tmp_path: Path) -> None:
    digest = digest_of("base/busybox", "musl")
    cases = {
        f"FROM localhost:5000/base/busybox@{digest}": 1.0,
        f"FROM localhost:5000/base/busybox:no-such-tag@{digest}": 1.0,
        f"FROM localhost:5000/base/busybox:musl@{SHA}": 0.0,
        f"FROM localhost:5000/base/no-such-image@{digest}": 0.0,
        f"FROM scratch\nCOPY --from=localhost:5000/base/busybox@{digest} /bin /bin": 1.0,
    }
    for number, (text, fraction) in enumerate(cases.items()):
        found = verdict(tmp_path / str(number), text + "\n", {}, BuildSettings(), bases="digest")
        assert found.fraction == fraction, text


def test_a_registry_that_does_not_answer_gives_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        verdict(tmp_path, f"FROM localhost:1/x@{SHA}\n", {}, BuildSettings(), bases="digest")

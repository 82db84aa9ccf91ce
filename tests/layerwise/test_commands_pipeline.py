"""`lab pipeline` over a small folder: every gate opens, and each shuts for its own reason."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from grader.facts.registry.repository import Repository
from layerwise.cli import lab
from layerwise.pipeline.settings import read
from layerwise.pipeline.stages import Run
from layerwise.stack import environment
from layerwise.stack.environment import lab_env

BASE = "localhost:5000/base/busybox:musl"
PIPELINE = """
image = "localhost:5000/{learner}/pipe"
tag   = "1.0"

[test]
target = "test"
run    = ["/bin/busybox", "test", "-f", "/app/ready"]

[scan]
max = { critical = 0, high = 0 }

[sign]
key = "../keys/cosign.key"
"""
DOCKERFILE = f"""\
FROM {BASE} AS test
COPY ready /ready
RUN grep -q yes /ready
FROM {BASE}
COPY ready /app/ready
USER 10001
"""
OLD = "Metadata-Version: 2.1\nName: PyYAML\nVersion: 5.3.1\n"
"""An installed package with a critical advisory that a newer version fixes."""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    env = {**lab_env(), "COSIGN_PASSWORD": ""}
    subprocess.run(["cosign", "generate-key-pair"], cwd=folder, env=env, check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
def folder(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a pipeline, its own keys beside it, and a learner of its own; its repository is emptied."""
    learner = f"test-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("LAYERWISE_LEARNER", learner)
    monkeypatch.setenv("COSIGN_PASSWORD", "")
    monkeypatch.setattr(os, "environ", os.environ)
    app = tmp_path / "app"
    app.mkdir()
    (tmp_path / "keys").mkdir()
    for name in ("cosign.key", "cosign.pub"):
        (tmp_path / "keys" / name).write_bytes((keys / name).read_bytes())
    (app / "pipeline.toml").write_text(PIPELINE)
    (app / "Dockerfile").write_text(DOCKERFILE)
    (app / "ready").write_text("yes\n")
    before = dict(os.environ)
    yield app
    os.environ.clear()
    os.environ.update(before)
    place = Repository.parse(f"localhost:5000/{learner}/pipe")
    for tag in place.tags():
        manifest = place.manifest(tag)
        if manifest:
            place.delete(manifest.digest)


def ship(folder: Path) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(lab, ["pipeline", str(folder), "--json"], standalone_mode=False)
    assert done.exception is None, done.output
    return int(done.return_value), json.loads(done.stdout)


def shut(report: dict[str, Any]) -> tuple[str, str]:
    """The stage whose gate is shut, and why; all before passed, and none after ran."""
    states = [stage["status"] for stage in report["stages"]]
    at = states.index("failed")
    assert set(states[:at]) <= {"passed"}
    assert set(states[at + 1 :]) <= {"not run"}
    return report["stages"][at]["name"], report["stages"][at]["message"]


@pytest.mark.lab
def test_every_gate_opens(folder: Path) -> None:
    status, report = ship(folder)
    assert [stage["status"] for stage in report["stages"]] == ["passed"] * 8, report
    assert (status, report["schema"]) == (0, 1)
    assert [stage["name"] for stage in report["stages"]] == list(Run.STAGES)
    place = Repository.parse(report["image"])
    released = place.manifest("1.0")
    assert released is not None
    assert released.digest == report["digest"]
    tag = report["digest"].replace(":", "-")
    assert {f"{tag}.sig", f"{tag}.att"} <= set(place.tags())
    again, same = ship(folder)
    assert (again, same["digest"]) == (0, report["digest"]), "from the cache it is the very same image"


def _write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def _other_key(folder: Path) -> None:
    env = {**lab_env(), "COSIGN_PASSWORD": ""}
    other = folder.parent / "other"
    other.mkdir()
    subprocess.run(["cosign", "generate-key-pair"], cwd=other, env=env, check=True, capture_output=True, timeout=60)
    (folder.parent / "keys" / "cosign.pub").write_bytes((other / "cosign.pub").read_bytes())


def _key_inside(folder: Path) -> None:
    for name in ("cosign.key", "cosign.pub"):
        (folder.parent / "keys" / name).rename(folder / name)
    (folder / "pipeline.toml").write_text(PIPELINE.replace("../keys/", ""))


def _key_held_back(folder: Path) -> None:
    _key_inside(folder)
    (folder / ".dockerignore").write_text("*.key\n")
    (folder / "Dockerfile").write_text(DOCKERFILE + "RUN false\n")


SHUT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a step fails": (_write("Dockerfile", DOCKERFILE + "RUN false\n"), "build", "status 1"),
    "a file that does not parse": (_write("Dockerfile", "FORM x\n"), "build", ""),
    "the key would be sent": (_key_inside, "build", "private key cosign.key would be sent to the builder"),
    "the key is held back, and a step fails": (_key_held_back, "build", "RUN false ended with exit status 1"),
    "the tests fail": (_write("ready", "no\n"), "test", ""),
    "the command fails": (
        _write("pipeline.toml", PIPELINE.replace("/app/ready", "/app/nothing")), "test", "ended with status 1"),
    "a command that does not end": (
        _write("pipeline.toml", PIPELINE.replace('["/bin/busybox", "test", "-f", "/app/ready"]',
                                                 '["/bin/busybox", "sleep", "60"]\ntimeout = "2 s"')),
        "test", "did not end in time"),
    "what is known to be dangerous": (
        lambda folder: [_write("METADATA", OLD)(folder), _write("Dockerfile", DOCKERFILE.replace(
            "USER", "COPY METADATA /usr/lib/python3/dist-packages/PyYAML-5.3.1.dist-info/METADATA\nUSER"))(folder)],
        "scan", "critical"),
    "another public key": (_other_key, "verify", "cosign.pub does not verify it"),
}  # fmt: skip


@pytest.mark.lab
@pytest.mark.parametrize(("break_it", "stage", "says"), SHUT.values(), ids=[name.replace(" ", "-") for name in SHUT])
def test_a_gate_that_stays_shut(break_it: Callable[[Path], object], stage: str, says: str, folder: Path) -> None:
    break_it(folder)
    status, report = ship(folder)
    assert status == 1
    where, why = shut(report)
    assert where == stage, why
    assert says.lower() in why.lower()
    place = Repository.parse(report["image"])
    assert place.manifest("1.0") is None, "the tag people use is not moved"


@pytest.mark.lab
def test_what_a_person_reads(folder: Path) -> None:
    (folder / "ready").write_text("no\n")
    done = CliRunner().invoke(lab, ["pipeline", str(folder)], standalone_mode=False)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(Run.STAGES)
    assert lines[0].split()[1] == "ok"
    assert lines[1].split()[1] == "STOP"
    assert [line.split()[1:] for line in lines[2:]] == [["-"]] * 6


@pytest.mark.lab
def test_the_key_s_password_is_wrong(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSIGN_PASSWORD", "not it")
    done = _run(folder)
    assert done.exception is not None
    assert "decryption failed" in str(done.exception)


def _run(folder: Path) -> Result:
    return CliRunner().invoke(lab, ["pipeline", str(folder)], standalone_mode=False)


@pytest.mark.lab
def test_no_password_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COSIGN_PASSWORD")
    environment.activate()
    done = _run(folder)
    assert getattr(done.exception, "exit_code", 0) == 2
    assert "COSIGN_PASSWORD" in str(done.exception)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "expected a pipeline.toml"),
        ("x = [", "not valid TOML"),
        (PIPELINE.replace("tag ", "tga "), "tga"),
        (PIPELINE.replace('target = "test"\n', "").replace("run ", "#"), "without a test the pipeline has no gate"),
        (PIPELINE.replace("high = 0", "high = -1"), "high"),
        (PIPELINE.replace("localhost:5000/{learner}/pipe", "pipe:1"), "expected a repository"),
        (PIPELINE, "cosign generate-key-pair"),
    ],
)
def test_wrong_input(text: str | None, says: str, tmp_path: Path) -> None:
    from layerwise.errors import InputError

    if text is not None:
        (tmp_path / "pipeline.toml").write_text(text)
    with pytest.raises(InputError, match=says) as raised:
        read(tmp_path)
    assert "\n" not in str(raised.value)

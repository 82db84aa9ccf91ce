"""A submission's private copy: unique names, nothing left behind, clear words on what cannot be used."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import GraderError, SubmissionUnusable
from grader.settings import BuildSettings
from grader.submission import Submission

ROOT = Path(__file__).resolve().parents[2]
FROM = "FROM scratch\n"


@pytest.fixture(autouse=True)
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, so that what is left behind shows."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_copy_is_private_and_goes(submit: Callable[..., Path], temp: Path) -> None:
    folder = submit({"app/app.py": "print()"}, Dockerfile=FROM)
    with Submission.open(folder, BuildSettings()) as submission:
        assert submission.dockerfile.read_text() == FROM
        assert (submission.folder / "app" / "app.py").read_text() == "print()"
        assert temp in submission.folder.parents
        assert submission.folder.parent.stat().st_mode & 0o077 == 0
    assert not list(temp.iterdir())


def test_base_names_are_unique(submit: Callable[..., Path]) -> None:
    folder = submit({"app/Dockerfile": FROM}, Dockerfile=FROM)
    for context in (".", "app"):
        settings = BuildSettings(context=context)
        with Submission.open(folder, settings) as one, Submission.open(folder, settings) as two, one.copy() as three:
            names = {submission.context.name for submission in (one, two, three)}
            assert len(names) == 3
            assert all((submission.context / "Dockerfile").read_text() == FROM for submission in (one, two, three))


def test_a_copy_can_be_edited(submit: Callable[..., Path]) -> None:
    folder = submit({"app.py": "1"}, Dockerfile=FROM)
    with Submission.open(folder, BuildSettings()) as submission:
        with submission.copy() as edited:
            (edited.folder / "app.py").write_text("2")
            assert (submission.folder / "app.py").read_text() == "1"
        assert not edited.folder.exists()
    assert (folder / "app.py").read_text() == "1"


@pytest.mark.parametrize(
    ("files", "settings", "says"),
    [
        ({}, {}, "is empty: put a Dockerfile there"),
        ({"README.md": "x"}, {}, "expected a Dockerfile in .*, found none"),
        ({"dockerfile": FROM}, {}, "found dockerfile: capital letters matter"),
        ({"Dockerfile/x": "x"}, {}, "expected a Dockerfile in .*, found Dockerfile, which is a folder"),
        ({"Dockerfile": FROM}, {"dockerfile": "prod/Dockerfile"}, "expected a prod/Dockerfile"),
        ({"Dockerfile": FROM}, {"context": "app"}, "expected the folder app"),
        ({"Dockerfile": FROM, "app": "x"}, {"context": "app"}, "expected the folder app"),
    ],
)
def test_what_cannot_be_used(
    files: dict[str, str], settings: dict[str, str], says: str, submit: Callable[..., Path], temp: Path
) -> None:
    with (
        pytest.raises(SubmissionUnusable, match=says) as fault,
        Submission.open(submit(files), BuildSettings.model_validate(settings)),
    ):
        pass
    assert "\n" not in str(fault.value)
    assert fault.value.exit_code == 2
    assert not list(temp.iterdir())


def test_a_dockerfile_that_links_out_is_refused(submit: Callable[..., Path], tmp_path: Path) -> None:
    folder = submit({"x": "y"})
    (tmp_path / "Dockerfile").write_text(FROM)
    (folder / "Dockerfile").symlink_to("../Dockerfile")
    with pytest.raises(SubmissionUnusable, match="leaves the folder"), Submission.open(folder, BuildSettings()):
        pass


def test_a_dockerfile_that_is_a_link_inside(submit: Callable[..., Path]) -> None:
    folder = submit({"docker/Dockerfile": FROM})
    (folder / "Dockerfile").symlink_to("docker/Dockerfile")
    with Submission.open(folder, BuildSettings()) as submission:
        assert submission.dockerfile.read_text() == FROM


def test_modes_that_forbid_removal(submit: Callable[..., Path], temp: Path) -> None:
    folder = submit({"closed/inner/file": "x"}, Dockerfile=FROM)
    (folder / "closed" / "inner").chmod(0o500)
    (folder / "closed").chmod(0o500)
    with Submission.open(folder, BuildSettings()):
        pass
    assert not list(temp.iterdir())


def test_no_room_for_a_copy(submit: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    with (
        pytest.raises(GraderError, match="cannot make a temporary folder") as fault,
        Submission.open(submit(Dockerfile=FROM), BuildSettings()),
    ):
        pass
    assert fault.value.exit_code == 3


PROGRAM = """
import sys, time, tempfile
from pathlib import Path
sys.path.insert(0, sys.argv[1])
tempfile.tempdir = sys.argv[2]
from grader.settings import BuildSettings
from grader.submission import Submission
with Submission.open(Path(sys.argv[3]), BuildSettings()):
    print("open", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_and_killed(number: signal.Signals, submit: Callable[..., Path], temp: Path) -> None:
    """Ctrl-C cleans up at once; what SIGKILL leaves, the next submission removes."""
    folder = submit(Dockerfile=FROM)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, ROOT, temp, folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout
    assert process.stdout.readline() == b"open\n"
    assert len(list(temp.iterdir())) == 1
    os.kill(process.pid, number)
    process.communicate(timeout=30)
    if number == signal.SIGKILL:
        with Submission.open(folder, BuildSettings()):
            assert len(list(temp.iterdir())) == 1
    assert not list(temp.iterdir())

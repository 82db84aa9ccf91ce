"""./lab before there is an environment: help, a Python that will do, and installing once, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from layerwise import bootstrap
from layerwise.cli import COMMANDS
from layerwise.errors import LabError
from layerwise.stack import installation

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("sh", "dirname", "readlink", "cat", "cksum", "sed", "awk", "uname", "id")
NEWER = ("python3.13", "python3.12", "python3.11", "python3", "python")

FAKE_PIP = """\
import os, pathlib, sys, time
print("Collecting everything")
log = pathlib.Path(os.environ["FAKE_LOG"])
with log.open("a") as file:
    if "--requirement" in sys.argv:
        for line in pathlib.Path(sys.argv[-1]).read_text().splitlines():
            file.write(line + "\\n")
    else:
        file.write(" ".join(sys.argv[1:]) + "\\n")
if "--editable" in sys.argv:
    site = pathlib.Path(__file__).parents[1]
    (site / "checkout.pth").write_text(sys.argv[-1])
if "--requirement" in sys.argv:
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
    if os.environ.get("FAKE_FAILURE"):
        print(os.environ["FAKE_FAILURE"])
        sys.exit(1)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of few files: the script, the bootstrap, small locks, and a package that says what it was given."""
    root = tmp_path / "check out"
    (root / "layerwise").mkdir(parents=True)
    shutil.copy(ROOT / "lab", root)
    shutil.copy(ROOT / "layerwise" / "bootstrap.py", root / "layerwise")
    cli = (ROOT / "layerwise" / "cli.py").read_text()
    commands = cli[cli.index("COMMANDS = {") :].partition("\n}\n")[0] + "\n}"
    (root / "layerwise" / "__init__.py").touch()
    (root / "layerwise" / "cli.py").write_text(
        f"import sys\n{commands}\n\nif __name__ == '__main__':\n    print('ran', *sys.argv[1:])\n"
    )
    (root / "requirements.lock").write_text("one==1 --hash=sha256:0\n")
    (root / "requirements-classroom.lock").write_text("one==1 --hash=sha256:0\nthree==3 --hash=sha256:0\n")
    (root / "requirements-dev.lock").write_text(
        "one==1 --hash=sha256:0\ntwo==2 \\\n    --hash=sha256:0\n    # via one\n"
    )
    (root / "pyproject.toml").write_text("[project]\n")
    return root


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder for PATH with no Python in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in NEEDED:
        lend(folder, name)
    return folder


@pytest.fixture
def python(path: Path, tmp_path: Path) -> Path:
    """A Python on that PATH whose environments come with a pip of ours: the real one takes a minute and a network."""
    fake = tmp_path / "fake_pip.py"
    fake.write_text(FAKE_PIP)
    program(
        path / "python3",
        f"""\
        case "$*" in
        *"-m venv"*)
            for last; do :; done
            "{sys.executable}" -I -m venv --without-pip "$last" || exit
            site=$(echo "$last"/lib/python3*/site-packages)
            mkdir -p "$site/pip"
            cp "{fake}" "$site/pip/__main__.py"
            : >"$site/pip/__init__.py"
            ;;
        *bootstrap.py*)
            shift
            exec "{sys.executable}" -I -c '
        import runpy, sys
        sys.executable = sys.argv.pop(1)
        del sys.argv[0]
        runpy.run_path(sys.argv[0], run_name="__main__")' "$0" "$@" ;;
        *) exec "{sys.executable}" "$@" ;;
        esac
        """,
    )
    lend(path, "mkdir")
    lend(path, "cp")
    return path / "python3"


def program(path: Path, text: str) -> Path:
    assert not path.is_symlink(), "a test must not write to a program of the machine"
    path.write_text("#!/bin/sh\n" + textwrap.dedent(text))
    path.chmod(0o755)
    return path


def lend(folder: Path, name: str) -> None:
    """Have a program of the machine in `folder`: by a script that runs it, never by a link to be written through."""
    found = shutil.which(name)
    assert found, name
    program(folder / name, f'exec "{found}" "$@"\n')


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environ(path: Path, tmp_path: Path) -> dict[str, str]:
    return {"PATH": str(path), "HOME": str(tmp_path), "FAKE_LOG": str(tmp_path / "pip.log")}


@pytest.fixture
def lab(checkout: Path, environ: dict[str, str], tmp_path: Path) -> Run:
    def run(*words: str, script: Path = checkout / "lab", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [script, *words], env=environ | more, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )

    return run


def installs(tmp_path: Path) -> list[str]:
    """What pip was asked to install, in order: the names of packages, each time sorted, and the checkout itself."""
    log = tmp_path / "pip.log"
    asked: list[str] = []
    packages: list[str] = []
    for line in (log.read_text() if log.exists() else "").splitlines():
        if "--editable" in line:
            asked += [*sorted(packages), "checkout"]
            packages = []
        elif "==" in line:
            packages.append(line.partition("==")[0])
    return asked + sorted(packages)


class TestHelp:
    @pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
    def test_on_a_fresh_clone_it_installs_nothing_and_needs_no_python(
        self, checkout: Path, lab: Run, words: list[str]
    ) -> None:
        done = lab(*words)
        assert done.returncode == 0
        assert done.stderr == ""
        assert not (checkout / ".venv").exists()
        for name, text in COMMANDS.items():
            assert f"  {name:<11} {text}\n" in done.stdout

    def test_it_is_quick(self) -> None:
        started = time.monotonic()
        subprocess.run([ROOT / "lab", "--help"], check=True, capture_output=True, timeout=60)
        first = time.monotonic() - started
        started = time.monotonic()
        subprocess.run([ROOT / "lab", "--help"], check=True, capture_output=True, timeout=60)
        assert min(first, time.monotonic() - started) < 0.4


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
class TestNoPython:
    """As somebody who may not install one."""

    @pytest.fixture
    def as_nobody(self, checkout: Path, path: Path, environ: dict[str, str], tmp_path: Path) -> Callable[..., str]:
        program(path / "id", "echo 65534\n")  # what the script asks before it installs anything

        def run() -> str:
            done = subprocess.run(
                [checkout / "lab", "status"], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 2
            assert done.stdout == ""
            assert done.stderr.count("\n") == 1
            assert not (checkout / ".venv").exists()
            return done.stderr

        return run

    def test_none_at_all(self, as_nobody: Callable[..., str]) -> None:
        said = as_nobody()
        assert said.startswith("lab: Python 3.11 or later is needed, and none was found; install it")

    def test_too_old(self, as_nobody: Callable[..., str], path: Path) -> None:
        program(path / "python3", 'case "$3" in *%d*) echo 3.9;; *) exit 1;; esac\n')
        assert "Python 3.11 or later is needed, and only 3.9 was found" in as_nobody()

    def test_a_shim_that_only_fails(self, as_nobody: Callable[..., str], path: Path) -> None:
        program(path / "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127\n")
        assert "none was found" in as_nobody()

    def test_without_the_venv_module(self, as_nobody: Callable[..., str], path: Path) -> None:
        program(path / "python3", 'case "$3" in *%d*) echo 3.11;; *ensurepip*) exit 1;; esac\n')
        assert (
            "Python 3.11 has no venv module; install it (Debian, Ubuntu: sudo apt-get install python3.11-venv)"
            in as_nobody()
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="apt is only asked by root")
def test_root_has_python_installed_by_apt(checkout: Path, path: Path, python: Path, lab: Run, tmp_path: Path) -> None:
    kept = python.rename(tmp_path / "kept")
    program(path / "apt-get", f'echo "$@" >>"{tmp_path}/apt.log"; [ "$1" = update ] || ln -sf "{kept}" "{python}"\n')
    lend(path, "ln")
    done = lab("status")
    assert done.returncode == 0, done.stderr
    assert "installing python3 python3-venv with apt" in done.stderr
    assert (tmp_path / "apt.log").read_text().splitlines()[-1].endswith("python3 python3-venv")
    assert (checkout / ".venv" / ".apt").read_text() == "python3 python3-venv\n"


@pytest.mark.usefixtures("python")
class TestInstall:
    def test_once(self, lab: Run, tmp_path: Path) -> None:
        first = lab("status", "--json")
        assert first.stdout == "ran status --json\n", first.stderr
        assert installs(tmp_path) == ["one", "checkout"]
        second = lab("grade", "a b", "")
        assert second.stdout == "ran grade a b \n"
        assert second.stderr == ""
        assert installs(tmp_path) == ["one", "checkout"]

    def test_the_tests_need_more(self, lab: Run, tmp_path: Path) -> None:
        lab("status")
        assert lab("test").stdout == "ran test\n"
        assert lab("test").stdout == "ran test\n"
        assert installs(tmp_path) == ["one", "checkout", "one", "three", "two"], "each once, whatever lists it"

    def test_to_bring_the_lab_up_begins_with_few(self, checkout: Path, lab: Run, tmp_path: Path) -> None:
        with (checkout / "requirements.lock").open("a") as file:
            file.write("click==8 --hash=sha256:0\n")
        for _ in range(2):
            assert lab("up", "--offline").stdout == "ran up --offline\n"
        assert installs(tmp_path) == ["click", "checkout"]
        rest = json.loads((checkout / ".venv" / ".rest").read_text())
        assert rest[2] == str(checkout / "layerwise" / "bootstrap.py")
        assert lab("status").stdout == "ran status\n"
        assert installs(tmp_path) == ["click", "checkout", "click", "one", "checkout"], "any other command needs all"
        assert not (checkout / ".venv" / ".rest").exists()
        assert lab("up").stdout == "ran up\n"
        assert len(installs(tmp_path)) == 5

    def test_what_is_left_for_later_is_installed_as_it_says(
        self, checkout: Path, lab: Run, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with (checkout / "requirements.lock").open("a") as file:
            file.write("click==8 --hash=sha256:0\n")
        lab("up")
        monkeypatch.setattr(installation, "REST", checkout / ".venv" / ".rest")
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        said: list[str] = []
        monkeypatch.setenv("FAKE_FAILURE", "ERROR: [Errno 28] No space left on device")
        with pytest.raises(LabError, match=r"^the disk of .* is full; free 1 GB and run this again$"):
            installation.install_rest(said.append, threading.Event())
        monkeypatch.delenv("FAKE_FAILURE")
        (checkout / ".venv" / ".installing").unlink()
        installation.install_rest(said.append, threading.Event())
        assert any(text.startswith("Python packages are ready") for text in said)
        assert installation.rest() == []
        assert lab("up").stdout == "ran up\n"

    @pytest.mark.parametrize(
        "words", [("init", "class"), ("grade", "class", "--cluster=x"), ("grade", "--cluster", "x")]
    )
    def test_what_a_class_needs_comes_when_it_is_first_used(
        self, lab: Run, tmp_path: Path, words: tuple[str, ...]
    ) -> None:
        lab("classroom", "grade", "class", "--exercise", "test")
        assert installs(tmp_path) == ["one", "checkout"]
        lab("classroom", *words)
        assert lab("classroom", *words).stdout == f"ran classroom {' '.join(words)}\n"
        assert installs(tmp_path) == ["one", "checkout", "one", "three"]

    @pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
    def test_again_when_the_lock_changes(self, checkout: Path, lab: Run, tmp_path: Path, changed: str) -> None:
        lab("status")
        with (checkout / changed).open("a") as file:
            file.write("# more\n")
        assert lab("status").returncode == 0
        assert installs(tmp_path) == ["one", "checkout"] * 2

    def test_again_when_the_checkout_moves(self, checkout: Path, lab: Run, tmp_path: Path) -> None:
        lab("status")
        moved = checkout.rename(tmp_path / "elsewhere")
        assert lab("status", script=moved / "lab").stdout == "ran status\n"
        assert installs(tmp_path) == ["one", "checkout"] * 2

    def test_again_when_the_environments_python_is_gone(self, checkout: Path, lab: Run, tmp_path: Path) -> None:
        lab("status")
        for file in (checkout / ".venv" / "bin").glob("python*"):
            file.unlink()
        assert lab("status").stdout == "ran status\n"

    def test_through_a_link(self, checkout: Path, lab: Run, tmp_path: Path) -> None:
        (tmp_path / "links").mkdir()
        (tmp_path / "links" / "lab").symlink_to("../check out/lab")
        assert lab("status", script=tmp_path / "links" / "lab").stdout == "ran status\n"
        assert (checkout / ".venv").is_dir()

    def test_packages_of_another_python_do_not_get_in(self, lab: Run, tmp_path: Path) -> None:
        (tmp_path / "layerwise").mkdir()
        (tmp_path / "layerwise" / "cli.py").write_text("print('stolen')")
        lab("status")
        assert lab("status", PYTHONPATH=str(tmp_path), PYTHONHOME=str(tmp_path)).stdout == "ran status\n"

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
    def test_stopped_half_way_it_goes_on(
        self, checkout: Path, lab: Run, environ: dict[str, str], tmp_path: Path, number: signal.Signals
    ) -> None:
        with subprocess.Popen(
            [checkout / "lab", "status"],
            env=environ | {"FAKE_SECONDS": "60"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            deadline = time.monotonic() + 60
            while not installs(tmp_path):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            os.killpg(process.pid, number)  # as Ctrl-C does: everything in the foreground
            assert process.wait(30) != 0
        assert (checkout / ".venv" / ".installing").exists()
        assert lab("status").stdout == "ran status\n"
        assert not (checkout / ".venv" / ".installing").exists()

    def test_two_at_once(self, checkout: Path, lab: Run, environ: dict[str, str], tmp_path: Path) -> None:
        with subprocess.Popen(
            [checkout / "lab", "one"],
            env=environ | {"FAKE_SECONDS": "2"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as first:
            deadline = time.monotonic() + 60
            while not (checkout / ".venv" / ".installing").exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            second = lab("two")
            out, _ = first.communicate(timeout=60)
        assert out == b"ran one\n"
        assert second.stdout == "ran two\n"
        assert "another lab command is installing" in second.stderr
        assert installs(tmp_path) == ["one", "checkout"]

    @pytest.mark.parametrize(
        ("failure", "said"),
        [
            ("ERROR: Could not install packages: [Errno 28] No space left on device", "is full; free 1 GB"),
            (
                "WARNING: Retrying: NewConnectionError('x')",
                "the Python package index cannot be reached; check the network",
            ),
            ("ssl.SSLError: CERTIFICATE_VERIFY_FAILED", "set PIP_CERT to your organisation's certificate bundle"),
            ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "THESE PACKAGES DO NOT MATCH THE HASHES"),
        ],
    )
    def test_a_failure_is_one_line_with_the_remedy(self, lab: Run, failure: str, said: str) -> None:
        done = lab("status", FAKE_FAILURE=failure)
        assert done.returncode == 3
        assert said in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
        assert lab("status").stdout == "ran status\n"


def test_the_lab_begins_to_come_up_with_the_core_alone() -> None:
    """What `lab up` imports until the rest of the packages is there."""
    allowed = {name.replace("-", "_") for name in bootstrap.CORE} | {"layerwise", "grader"}
    code = f"""
import sys
class Fence:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in {allowed!r} or top in sys.stdlib_module_names or top.startswith("_"):
            return None
        raise ModuleNotFoundError(f"{{name}} is not one of CORE", name=name)
sys.meta_path.insert(0, Fence())
from layerwise.cli import main
from layerwise.commands import up
from layerwise.stack import advisories, bringup, catalogue, certificates, images, parts, recipe, registry, upstream
from layerwise.stack.progress import LiveReporter, Task
LiveReporter([Task("a", "b", 1)])
from grader.facts.advisories import artifact
from grader.facts.registry import lookup
import docker, docker.tls
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr

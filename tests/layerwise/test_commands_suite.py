"""`lab test`: each test is in one phase, one that takes long is run if it is wanted, and a stop reaches all workers."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from layerwise.commands import _suite
from tests import conftest

ROOT = Path(__file__).resolve().parents[2]
MARKERS = ("engine", "lab", "browser", "waits", "lesson", "alone")


@pytest.mark.parametrize(
    "markers", [some for count in range(4) for some in itertools.combinations(MARKERS, count)], ids="-".join
)
def test_each_test_is_in_one_phase(markers: Sequence[str]) -> None:
    found = [
        phase.title
        for phase in (_suite.UNIT_TESTS, *_suite.PHASES)
        if Expression.compile(phase.markers).evaluate(lambda name, **_: name in markers)
    ]
    if not set(markers) & {"engine", "lab", "browser"}:
        assert found == ["unit tests"]
    elif "alone" in markers:
        assert found == ["tests that must be alone"]
    elif "lesson" in markers:
        assert found == ["lessons"]
    else:
        assert found == ["tests that wait" if "waits" in markers else "tests that build"]


def test_every_test_is_in_one_slice() -> None:
    words = [f"commit {number}" for number in range(200)]
    for test in ("tests/a.py::test_a", "tests/b.py::test_b[1]"):
        others = {word for word in words if conftest.in_slice(test, word)}
        assert 5 < len(others) < 50
        assert others == {word for word in words if conftest.in_slice(test, word)}, "the same each time"
    tests = [f"tests/x.py::test_x[{number}]" for number in range(500)]
    residues = {conftest._number(word) % conftest.SLICES: word for word in words}
    assert len(residues) == conftest.SLICES
    chosen = [{test for test in tests if conftest.in_slice(test, word)} for word in residues.values()]
    assert sum(map(len, chosen)) == len(tests)
    assert set().union(*chosen) == set(tests)
    assert not any(conftest.in_slice(test, None) for test in tests)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the markers and options of this one, and no tests yet."""
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    monkeypatch.setattr(_suite, "ROOT", tmp_path)
    return tmp_path


ENV = {**os.environ, "PYTHONPATH": str(ROOT)}
TESTS = """
import pytest
@pytest.mark.lab
@pytest.mark.long
@pytest.mark.parametrize("number", range(40))
def test_long(number): pass
@pytest.mark.lab
def test_short(): pass
"""


@pytest.mark.parametrize(
    ("words", "least", "most"),
    [
        ((), 1, 1),
        (("--long",), 41, 41),
        (("--slice", "3facf05"), 2, 20),
        (("--slice", "3facf05", "--long"), 41, 41),
        (("tests/test_x.py",), 1, 1),
        (("tests/test_x.py::test_long",), 40, 40),
    ],
    ids=["by default", "long", "slice", "slice and long", "a file", "a test that is named"],
)
def test_what_takes_long_is_run_if_it_is_wanted(words: Sequence[str], least: int, most: int, project: Path) -> None:
    (project / "tests" / "test_x.py").write_text(TESTS)
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", *words]
    listed = subprocess.run(argv, cwd=project, env=ENV, capture_output=True, text=True, timeout=60).stdout
    count = sum("::" in line for line in listed.splitlines())
    assert least <= count <= most, listed
    assert ("deselected" in listed) == (count < 40)


def test_no_folder_with_tests_is_left_out(pytestconfig: pytest.Config) -> None:
    left_out = pytestconfig.getini("norecursedirs")
    folders = {part for file in (ROOT / "tests").rglob("test_*.py") for part in file.relative_to(ROOT).parts[:-1]}
    assert not [name for name in folders if any(fnmatchcase(name, pattern) for pattern in left_out)]


def test_a_file_without_the_wanted_markers_is_not_read(project: Path) -> None:
    marked = "import pytest\n@pytest.mark.engine\ndef test_one(): pass\ndef test_two(): pass\n"
    (project / "tests" / "test_x.py").write_text(marked)
    (project / "tests" / "test_y.py").write_text("raise SystemExit('this file was read')\n")
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q"]
    for words, count in (("--marked=engine,lab", 2), ("--marked=waits", 0)):
        done = subprocess.run([*argv, words], cwd=project, env=ENV, capture_output=True, text=True, timeout=60)
        assert done.stdout.count("test_x.py::") == count, done.stdout


def test_a_marker_that_a_file_does_not_name_is_refused(project: Path) -> None:
    (project / "tests" / "other.py").write_text("import pytest\nslow = pytest.mark.waits\n")
    (project / "tests" / "__init__.py").touch()
    (project / "tests" / "test_x.py").write_text("from tests.other import slow\n@slow\ndef test_one(): pass\n")
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q"]
    env = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(argv, cwd=project, env=env, capture_output=True, text=True, timeout=60)
    assert "has the marker waits, which its file does not name" in done.stdout + done.stderr


def test_all_phases_are_run_also_after_one_that_fails(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, marker in (("waits", "waits"), ("lonely", "alone")):
        text = (
            f"import pytest\n@pytest.mark.lab\n@pytest.mark.{marker}\ndef test_{name}(): assert {name!r} != 'waits'\n"
        )
        (project / "tests" / f"test_{name}.py").write_text(text)
    ended = _suite.run([replace(phase, workers=min(phase.workers, 2)) for phase in _suite.PHASES[1::2]], [], ENV)
    assert [each.passed for each in ended] == [False, True]
    assert [str(each).partition(",")[0] for each in ended] == [
        "tests that wait: FAILED",
        "tests that must be alone: passed",
    ]
    assert "assert 'waits' != 'waits'" in capfd.readouterr().out


def test_python_keeps_what_it_compiles_also_where_that_is_turned_off(project: Path) -> None:
    text = "import sys, pytest\n@pytest.mark.lab\ndef test_it(): assert not sys.dont_write_bytecode\n"
    (project / "tests" / "test_it.py").write_text(text)
    env = {**ENV, "PYTHONDONTWRITEBYTECODE": "1"}
    assert [each.passed for each in _suite.run([_suite.Phase("tests", "lab")], ["-q"], env)] == [True]
    assert list(project.glob("tests/__pycache__/test_it.*.pyc"))


def test_the_longest_begin_first(project: Path) -> None:
    for folder in ("browser", "course", "exercises", "grader"):
        (project / "tests" / folder).mkdir()
        (project / "tests" / folder / "test_it.py").write_text("def test_it(): pass\n")
    (project / "tests" / "test_before.py").write_text("def test_it(): pass\n")
    argv = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--import-mode=importlib"]
    listed = subprocess.run(argv, cwd=project, env=ENV, capture_output=True, text=True, timeout=60).stdout
    order = [line.split("/")[1].partition(".")[0] for line in listed.splitlines() if "::" in line]
    assert sorted(order[:3]) == ["browser", "course", "exercises"]
    assert sorted(order[3:]) == ["grader", "test_before"]


SHARED = """
import os, pytest
from pathlib import Path
@pytest.fixture(scope="module")
def made():
    return os.getpid()
@pytest.mark.lab
@pytest.mark.parametrize("number", range(6))
def test_shared(number, made):
    (Path(__file__).parent / f"{Path(__file__).stem}-{made}-{os.getpid()}-{number}").touch()
"""


def test_who_shares_a_fixture_of_a_module_is_run_by_one_worker(project: Path) -> None:
    for name in ("test_one", "test_two"):
        (project / "tests" / f"{name}.py").write_text(SHARED)
    [ended] = _suite.run([_suite.Phase("tests", "lab", workers=2)], ["-q"], ENV)
    assert ended.passed
    runs = [path.name.split("-") for path in project.glob("tests/test_*-*")]
    assert len(runs) == 12
    assert all(made == ran for _, made, ran, _ in runs)
    assert {len({ran for module, _, ran, _ in runs if module == name}) for name in ("test_one", "test_two")} == {1}


SLOW = """
import os, time
from pathlib import Path
import pytest
HERE = Path(__file__).parent
@pytest.fixture
def made():
    name = f"{os.getpid()}-{time.time_ns()}"
    (HERE / f"made-{name}").touch()
    yield
    time.sleep(1)
    (HERE / f"removed-{name}").touch()
@pytest.mark.lab
@pytest.mark.parametrize("number", range(2))
def test_slow(number, made): time.sleep(300)
"""
STOPPABLE = """
import os, sys
from pathlib import Path
from layerwise.commands import _suite
from layerwise.commands._watching import stoppable
_suite.ROOT = Path(sys.argv[1])
with stoppable():
    _suite.run([_suite.Phase("tests", "lab", workers=int(sys.argv[2]))], [], os.environ)
"""


@pytest.mark.parametrize(
    ("number", "workers"),
    [
        (signal.SIGINT, 2),
        pytest.param(signal.SIGTERM, 2, marks=pytest.mark.long),
        pytest.param(signal.SIGINT, 1, marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, 1, marks=pytest.mark.long),
    ],
)
def test_stopped_in_the_middle_every_worker_cleans_up(number: signal.Signals, workers: int, project: Path) -> None:
    (project / "tests" / "test_slow.py").write_text(SLOW)
    argv = [sys.executable, "-c", STOPPABLE, str(project), str(workers)]
    process = subprocess.Popen(argv, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while len(list(project.glob("tests/made-*"))) < workers and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(number)
        process.wait(60)
    finally:
        process.kill()
        process.wait()
    made, removed = (
        {path.name.partition("-")[2] for path in project.glob(f"tests/{word}-*")} for word in ("made", "removed")
    )
    assert len(made) == workers
    assert removed == made

"""One process at a time does a job. The lab's own lock is tested with `bringup`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from layerwise.errors import LabError
from layerwise.stack import lock
from layerwise.stack.paths import Home

HOLD = (
    "import pathlib, sys\nfrom layerwise.stack import lock, paths\n"
    "with lock.turn(paths.Home(pathlib.Path(sys.argv[1])), 'job', print):\n    print('held', flush=True); input()"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_the_second_waits_for_the_first(home: Home) -> None:
    waited: list[bool] = []
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin
        assert first.stdout
        assert first.stdout.readline() == "held\n"

        def waiting(begins: bool) -> None:
            waited.append(begins)
            if len(waited) == 3:
                first.communicate("\n")

        with lock.turn(home, "job", waiting):
            assert first.poll() == 0
        assert waited == [True, False, False]


def test_another_job_is_not_waited_for(home: Home) -> None:
    with lock.turn(home, "one", pytest.fail), lock.turn(home, "other", pytest.fail):
        pass


def test_waiting_may_be_given_up(home: Home) -> None:
    def give_up(begins: bool) -> None:
        raise LabError("stopped")

    with lock.turn(home, "job", pytest.fail), pytest.raises(LabError, match="stopped"), lock.turn(home, "job", give_up):
        pass
    with lock.turn(home, "job", pytest.fail):  # nothing is left held
        pass


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(LabError, match="set LAYERWISE_HOME to a folder you can write"),
        lock.turn(Home(tmp_path / "file" / "home"), "job", pytest.fail),
    ):
        pass


def test_one_holder_at_a_time_and_its_number_is_told(home: Home) -> None:
    with lock.only_one(home, "session"):
        with pytest.raises(lock.Held) as told, lock.only_one(home, "session"):
            pass
        assert told.value.holder == str(os.getpid())
        with lock.only_one(home, "another"):
            pass
    with lock.only_one(home, "session"):
        pass

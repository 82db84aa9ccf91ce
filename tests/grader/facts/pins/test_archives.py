"""Where apt takes its packages from: the moving archive, or a snapshot in its place."""

from __future__ import annotations

import pytest

from grader.facts.packages.installs import installs
from grader.facts.pins.archives import Archives, asks_for_snapshot, is_list
from grader.facts.shell.run import commands
from tests.grader.facts.packages.reading import build

DATE = "20250101T000000Z"
SNAPSHOT = f"deb http://snapshot.debian.org/archive/debian/{DATE} trixie main"
LIVE = "deb http://deb.debian.org/debian trixie main"
OWN = "/etc/apt/sources.list.d/debian.sources"


def after(script: str) -> Archives:
    archives = Archives()
    for command in commands(build(f"RUN {script}").target.steps[-1]):
        archives.command(command)
    return archives


@pytest.mark.parametrize(
    ("script", "snapshot"),
    [
        ("true", False),
        (f"echo '{SNAPSHOT}' > {OWN}", True),
        (f"printf '{SNAPSHOT}\\n' > /etc/apt/sources.list", True),
        (f"cat > {OWN} <<E\n{SNAPSHOT}\nE", True),
        pytest.param(f"echo '{SNAPSHOT}' > /etc/apt/sources.list.d/more.list", False, id="beside the archive"),
        pytest.param(f"echo '{SNAPSHOT}' >> {OWN}", False, id="at the end of the archive's list"),
        pytest.param(f"rm {OWN} && echo '{SNAPSHOT}' > /etc/apt/sources.list.d/more.list", True, id="in its place"),
        pytest.param(f"echo '{SNAPSHOT}' > /etc/apt/sources.list.d/more.list && rm {OWN}", True, id="the other order"),
        pytest.param(f"echo '{SNAPSHOT}' > {OWN} && echo '{LIVE}' >> {OWN}", False, id="and the archive again"),
        (f"echo '# {SNAPSHOT}' > {OWN}", False),
        (f"sed -i 's,deb.debian.org/debian,snapshot.debian.org/archive/debian/{DATE},' {OWN}", True),
        (f"sed 's,deb.debian.org/debian,snapshot.debian.org/archive/debian/{DATE},' {OWN}", False),
        ("sed -i 's/http:/https:/' /etc/apt/sources.list", False),
        (f"echo 'deb [snapshot={DATE}] http://deb.debian.org/debian trixie main' > {OWN}", True),
        (f"echo '{SNAPSHOT}' > /tmp/list", False),
    ],
)
def test_after_commands(script: str, snapshot: bool) -> None:
    assert after(script).snapshot is snapshot


def test_a_stage_of_its_own_does_not_change_the_one_below() -> None:
    below = after(f"echo '{SNAPSHOT}' > {OWN}")
    above = below.copy()
    above.file(OWN, LIVE)
    assert (below.snapshot, above.snapshot) == (True, False)


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("/etc/apt/sources.list", True),
        (OWN, True),
        ("/etc/apt/sources.list.d/x.list", True),
        ("/etc/apt/apt.conf", False),
        ("/etc/apt/sources.list.bak", False),
    ],
)
def test_which_files_are_lists(path: str, read: bool) -> None:
    assert is_list(path) is read


@pytest.mark.parametrize(
    ("options", "asks"),
    [
        (f"-S {DATE}", True),
        (f"--snapshot={DATE}", True),
        (f"-S={DATE}", True),
        (f"-o APT::Snapshot={DATE}", True),
        ("--snapshot", False),
        ("-S 2025", False),
        ("-o APT::Snapshot=now", False),
        ("-y", False),
    ],
)
def test_apts_own_way(options: str, asks: bool) -> None:
    (install,) = installs(build(f"RUN apt-get install {options} a"))
    assert asks_for_snapshot(install) is asks

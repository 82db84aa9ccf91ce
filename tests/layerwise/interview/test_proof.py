"""What the interview bank says can be seen: each of its cells is run, shows it, and leaves nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader.facts.registry import repository
from grader.verify.cleanup import REGISTRY
from layerwise.errors import LabError
from layerwise.interview import proof
from layerwise.questions import bank
from layerwise.questions.bank import Proof
from layerwise.stack import catalogue, environment
from tests.conftest import BASE

CELLS = {name: question.prove for name, question in bank.load().items() if question.prove and question.prove.cell}
LEAVES_A_NAMELESS_IMAGE = re.compile(r"docker (?:buildx )?build (?!.*(-t \$IMAGE|--tag|--output|--push))")


@pytest.fixture(autouse=True)
def _lab(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the lab, for the tests that need it."""
    if request.node.get_closest_marker("lab") is None:
        return
    for name, value in environment.lab_env().items():
        monkeypatch.setenv(name, value)


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.lab
@pytest.mark.long(one_in=1)
@pytest.mark.parametrize("shown", CELLS.values(), ids=CELLS)
def test_a_cell_shows_what_it_says(shown: Proof) -> None:
    proved = proof.run(shown)
    assert proved.holds, proved.output


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_names_the_images_it_builds(name: str) -> None:
    """An image without a name cannot be told from other people's, and would stay."""
    program = CELLS[name].cell.replace("\\\n", " ")
    assert [line for line in program.splitlines() if LEAVES_A_NAMELESS_IMAGE.search(line)] == []


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_needs_only_what_lab_up_brings(name: str) -> None:
    assert set(re.findall(r"localhost:5000/base/([\w.-]+:[\w.-]+)", CELLS[name].cell)) <= {*catalogue.first()}


@pytest.mark.lab
@pytest.mark.parametrize(
    ("cell", "holds"),
    [
        ("echo yes; echo no >&2", True),
        ("false; echo yes", False),
        ("false | cat; echo yes", False),
        ("echo $NOTHING; echo yes", False),
        ("echo yess", False),
        ("echo yes; exit 3", False),
        ("ls | grep . || echo yes", True),
    ],
)
def test_a_cell_holds_if_it_ends_well_and_shows_it(cell: str, holds: bool) -> None:
    assert proof.run(Proof(cell=cell, shows="^yes$")).holds == holds


@pytest.mark.lab
@pytest.mark.parametrize(("runs", "holds"), [(1, True), (2, True), (3, False)])
def test_a_cell_whose_output_was_lost_runs_once_more(
    runs: int, holds: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    shown = proof.run(Proof(cell=f'echo >> "$COUNT"; [ $(wc -l < "$COUNT") != {runs} ] || echo yes', shows="^yes$"))
    assert shown.holds == holds


@pytest.mark.lab
def test_nothing_is_left() -> None:
    made = """
        printf 'FROM localhost:5000/base/busybox:musl\\nLABEL proof=%s\\n' $NAME > Dockerfile
        docker build --quiet --tag $IMAGE:1 --tag $IMAGE:2 .
        docker push --quiet $IMAGE:1
        docker volume create $NAME-data; docker network create $NAME-net
        docker run --detach --name $NAME-web --volume $NAME-data:/d --network $NAME-net $IMAGE:2 sleep 600
        echo "name $NAME"; false
    """
    proved = proof.run(Proof(cell=made, shows="."))
    assert not proved.holds
    name = proved.output.strip().splitlines()[-1].removeprefix("name ")
    assert name.startswith("verify-")
    lists = ("ps --all", "volume ls", "network ls", "images --digests")
    assert [words for words in lists if name in docker(*words.split())] == []
    pushed = [found for found in repository.catalogue(REGISTRY) if name in found]
    assert [repository.Repository(REGISTRY, found).tags() for found in pushed] == [[]]


@pytest.mark.lab
def test_what_a_killed_run_left_is_removed_by_the_next() -> None:
    mark = subprocess.run(
        [sys.executable, "-c", "from grader.lib.owner import mark; print(mark())"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()
    left = f"verify-{mark}-12345678"
    docker("run", "--detach", "--restart", "always", "--name", f"{left}-web", BASE, "sleep", "600")
    proof.run(Proof(cell="true", shows="^"))
    assert left not in docker("ps", "--all")


@pytest.mark.lab
@pytest.mark.parametrize(("cell", "said"), [("sleep 60", "took too long"), ("yes", "printed too much")])
def test_a_cell_without_end(cell: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "stretched", lambda seconds: 3.0)
    with pytest.raises(LabError, match=f"the proof {said}; try again"):
        proof.run(Proof(cell=cell, shows="."))

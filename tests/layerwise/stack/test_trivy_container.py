"""A command of Trivy in a container: what goes in, what comes back, and that it finds what Trivy itself finds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from grader.facts.image.archive import open_file
from grader.facts.image.image import Image
from grader.facts.registry.repository import Repository
from grader.facts.supply import trivy
from grader.facts.supply.scan import Scan, scan_folder, scan_image, scan_reference
from layerwise.stack import environment, isolated, paths, rootfs, state, tools, trivy_container, trivy_image, upstream
from layerwise.stack.isolated import Design
from layerwise.stack.paths import Home
from layerwise.stack.trivy_container import candidates, order

Engine = Callable[..., str]
CACHE = Path("/none/cache")
BASE = "localhost:5000/base/debian:trixie-slim"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("src/requirements.txt", "accepted.yaml", "lines.tpl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("flask==2.2.2\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("image soup:1", ["soup:1"]),
        ("image --severity HIGH,LOW soup:1", ["soup:1", "HIGH,LOW"]),
        ("image --quiet soup:1 --severity HIGH", ["HIGH", "soup:1"]),
        ("image soup:1 --severity HIGH", ["soup:1", "HIGH"]),
        ("image --ignorefile accepted.yaml soup:1", ["soup:1"]),
        ("image --input src", []),
        ("image --image-src=remote soup:1", []),
        ("fs soup", []),
        ("version", []),
    ],
)
def test_which_words_may_name_an_image(here: Path, words: str, found: list[str]) -> None:
    assert candidates(words.split(), here) == found


@pytest.mark.parametrize(
    ("words", "given"),
    [
        ("fs src", ["src"]),
        ("fs .", ["."]),
        ("image --ignorefile accepted.yaml x:1", ["accepted.yaml"]),
        ("image --ignorefile=./accepted.yaml x:1", ["accepted.yaml"]),
        ("image --format template --template @lines.tpl x:1", ["lines.tpl"]),
        ("image --vex accepted.yaml,lines.tpl x:1", ["accepted.yaml", "lines.tpl"]),
        ("image nothing/here", []),
        ("version", []),
    ],
)
def test_what_a_command_names_is_handed_over(here: Path, words: str, given: list[str]) -> None:
    wanted = order(words.split(), {}, here, CACHE, [])
    assert [str(path.relative_to(here)) for path in wanted.given] == given


def test_what_trivy_reads_by_itself_goes_along(here: Path) -> None:
    (here / ".trivyignore").write_text("CVE-1\n")
    environ = {"TRIVY_IGNOREFILE": str(here / "accepted.yaml"), "HOME": "/root", "DOCKER_CONFIG": str(here / "src")}
    wanted = order(["version"], environ, here, CACHE, [])
    assert wanted.given == (here / "accepted.yaml", here / ".trivyignore")
    assert "HOME" not in wanted.variables
    (here / "src" / "config.json").write_text("{}")
    assert here / "src" / "config.json" in order(["version"], environ, here, CACHE, []).given


def test_an_image_of_the_engine_becomes_a_file(here: Path) -> None:
    wanted = order(["image", "--quiet", "soup:1", "--severity", "LOW"], {}, here, CACHE, ["soup:1"])
    assert wanted.image == "soup:1"
    assert wanted.words == ("image", "--quiet", "--input=soup:1", "--severity", "LOW")
    assert not order(["image", "alpine:3.22"], {}, here, CACHE, []).image, "a registry has it, or nobody"


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("image --output out.json x:1", ["out.json", "cache"]),
        ("image -o out.json x:1", ["out.json", "cache"]),
        ("image --output=out.json --skip-db-update x:1", ["out.json"]),
        ("image --cache-dir other x:1", ["other"]),
    ],
)
def test_what_comes_back(here: Path, words: str, written: list[str]) -> None:
    wanted = order(words.split(), {"TRIVY_CACHE_DIR": str(here / "cache")}, here, CACHE, [])
    assert [str(path.relative_to(here)) for path in wanted.written] == written


@pytest.mark.parametrize(
    ("words", "network"),
    [
        ("fs --offline-scan --skip-db-update src", "none"),
        ("image --offline-scan --skip-db-update --input=src", "none"),
        ("image --offline-scan --skip-db-update localhost:5000/x:1", "host"),
        ("fs --offline-scan src", "host"),
    ],
)
def test_it_has_a_network_only_if_it_may_need_one(here: Path, words: str, network: str) -> None:
    assert order(words.split(), {}, here, CACHE, []).network == network


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image in place of the official one, in the lab's registry: Trivy itself, and that image's entrypoint.
    The value is its digest."""
    folder = tmp_path_factory.mktemp("official")
    carried = trivy.find(os.defpath)
    assert carried, "the wheel's Trivy"
    shutil.copy(carried, folder / "trivy")
    (folder / "Dockerfile").write_text(
        'FROM localhost:5000/base/busybox:musl\nCOPY trivy /usr/local/bin/trivy\nENTRYPOINT ["trivy"]\n'
    )
    repository = Repository.parse("localhost:5000/aquasec/trivy")
    name = f"{repository}:{trivy_image.VERSION}"
    argv = ["docker", "buildx", "build", "--quiet", "--provenance=false", "--push", "--tag", name, str(folder)]
    subprocess.run(argv, env=environment.lab_env(), check=True, capture_output=True, timeout=600)
    manifest = repository.manifest(trivy_image.VERSION)
    assert manifest
    yield manifest.digest
    repository.delete(manifest.digest)


@pytest.fixture(scope="module")
def lab(official: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A lab on an engine that sees none of these files, and has the image from a mirror of Docker Hub."""
    design = Design("behind a mirror", rootfs.LAB, containerd=True, mirrors=("http://localhost:5000",))
    upstream._silent.clear()
    with isolated.running(paths.home(), design, say=print) as engine:
        home = Home(tmp_path_factory.mktemp("home"))
        home.tools.mkdir()
        home.docker_config.mkdir()
        (home.tools / "docker").symlink_to((paths.home().tools / "docker").resolve())
        up = state.State(engine=state.EngineRecord("host", engine.host))
        env = tools.own(home, environment.for_engine(home, up.engine))
        up.scanner = trivy_image.bring(None, env, offline=False, say=print)
        state.write(home, up)
        trivy_image.wrap(home)
        subprocess.run(["docker", "pull", "--quiet", BASE], env=env, check=True, capture_output=True, timeout=300)
        yield home


@pytest.fixture
def scanner(lab: Home, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and the grader's Trivy is the one in the image."""
    return lambda: monkeypatch.setattr(trivy, "program", lambda: lab.tools / "trivy")


def left(home: Home) -> str:
    """The scanner's containers and volumes on the lab's engine."""
    record = state.read(home).engine
    assert record
    env = tools.own(home, environment.for_engine(home, record))
    listings = (["ps", "--all", "--quiet", "--filter=label=layerwise=scan"], ["volume", "ls", "--quiet"])
    return "".join(
        subprocess.run(["docker", *argv], env=env, check=True, capture_output=True, text=True, timeout=60).stdout
        for argv in listings
    )


def same(one: Scan, other: Scan) -> bool:
    return (one.findings, one.packages, one.distribution) == (other.findings, other.packages, other.distribution)


@pytest.mark.lab
@pytest.mark.alone
@pytest.mark.long
class TestInTheEngine:
    def test_the_digest_is_the_one_that_the_mirror_serves(self, lab: Home, official: str) -> None:
        found = state.read(lab).scanner
        assert found == state.ScannerRecord(trivy_image.VERSION, f"docker.io/aquasec/trivy@{official}", pulled=True)
        record = state.read(lab).engine
        assert record
        env = tools.own(lab, environment.for_engine(lab, record))
        assert trivy_image.bring(found, env, offline=True, say=print) == found, "it is remembered"
        other = state.ScannerRecord(trivy_image.VERSION, f"docker.io/aquasec/trivy@sha256:{64 * '0'}", pulled=True)
        assert trivy_image.bring(other, env, offline=False, say=print) is None, "and never exchanged for another"

    def test_a_folder(self, lab: Home, scanner: Callable[[], None], here: Path) -> None:
        direct = scan_folder(here / "src", "now")
        scanner()
        assert same(scan_folder(here / "src", "now"), direct)
        assert "CVE-2023-30861" in [found.id for found in direct.findings]
        assert not left(lab)

    def test_an_image_as_the_grader_hands_it_over(
        self, lab: Home, scanner: Callable[[], None], here: Path, env: dict[str, str], engine: Engine
    ) -> None:
        engine("pull", "--quiet", BASE)
        engine("save", "--output", str(here / "image.tar"), BASE)
        image = Image(lambda: open_file(here / "image.tar"), unusable=RuntimeError)
        direct = scan_image(image, "now")
        scanner()
        again = scan_image(image, "now")
        assert same(again, direct)
        assert again.findings
        assert [found.layer for found in again.findings] == [found.layer for found in direct.findings]

    def test_an_image_in_a_registry(self, lab: Home, scanner: Callable[[], None]) -> None:
        direct = scan_reference(BASE, "now")
        scanner()
        assert same(scan_reference(BASE, "now"), direct)
        assert direct.findings

    def test_an_image_of_the_engine_by_a_learners_command(self, lab: Home, here: Path) -> None:
        """With the advisories of the lab's registry, a cache that is kept, and a report in a file."""
        words = "image --quiet --scanners vuln --cache-dir cache --format json -o report.json --db-repository"
        argv = [*words.split(), "localhost:5000/layerwise/advisories:now", BASE]
        ended = subprocess.run([lab.tools / "trivy", *argv], cwd=here, capture_output=True, text=True, timeout=300)
        assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
        report = json.loads((here / "report.json").read_text())
        assert report["ArtifactName"] == BASE
        assert (here / "cache" / "db" / "trivy.db").is_file()
        assert (here / "report.json").stat().st_uid == os.getuid()
        assert not left(lab)

    def test_its_exit_status_is_trivys(self, lab: Home, here: Path) -> None:
        for words, status in ((["image", "--image-src", "docker", "no-such:1"], 1), (["version"], 0), (["--no"], 1)):
            ended = subprocess.run([lab.tools / "trivy", *words], cwd=here, capture_output=True, timeout=120)
            assert ended.returncode == status, ended.stderr

    def test_stopped_it_leaves_nothing(self, lab: Home, here: Path) -> None:
        argv = [lab.tools / "trivy", "server", "--listen", "127.0.0.1:14954"]
        with subprocess.Popen(argv, cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            deadline = time.monotonic() + 60
            while not left(lab):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=60)
        assert not left(lab)

    def test_what_a_kill_left_the_next_one_removes(self, lab: Home, here: Path) -> None:
        argv = [lab.tools / "trivy", "server", "--listen", "127.0.0.1:14955"]
        with subprocess.Popen(
            argv, cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as running:
            deadline = time.monotonic() + 60
            while not left(lab):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            os.killpg(running.pid, signal.SIGKILL)
        assert left(lab)
        subprocess.run([lab.tools / "trivy", "version"], cwd=here, check=True, capture_output=True, timeout=120)
        assert not left(lab)

    def test_a_purge_takes_away_what_the_lab_pulled(self, lab: Home) -> None:
        up = state.read(lab)
        assert up.scanner
        assert up.engine
        env = tools.own(lab, environment.for_engine(lab, up.engine))
        trivy_image.forget(replace(up.scanner, pulled=False), env)
        assert trivy_image.bring(up.scanner, env, offline=True, say=print), "somebody else's image stays"
        trivy_image.forget(up.scanner, env)
        assert trivy_image.bring(up.scanner, env, offline=True, say=print) is None


def test_without_a_lab_it_says_what_to_do(tmp_path: Path) -> None:
    env = {"LAYERWISE_HOME": str(tmp_path), "PATH": os.defpath, "PYTHONPATH": str(paths.ROOT)}
    argv = [sys.executable, "-m", trivy_container.__name__, "version"]
    ended = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "trivy: the lab has no image of Trivy; run: ./lab up\n"

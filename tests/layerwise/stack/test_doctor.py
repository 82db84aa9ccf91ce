"""The doctor's judgements, from readings that most machines cannot stage; and the trial, on the live lab."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from layerwise.stack import doctor, environment, smoke_test
from layerwise.stack.findings import Diagnosis, Level

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
WSL2 = "Linux version 5.15.90.1-microsoft-standard-WSL2 (gcc)"
WSL1 = "Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)"


def levels(findings: list[Diagnosis]) -> list[str]:
    return [str(finding.level) for finding in findings]


def assert_cured(finding: Diagnosis) -> None:
    assert finding.found
    assert bool(finding.cure) == (finding.level is not Level.OK)


@pytest.mark.parametrize(
    ("system", "architecture", "kernel", "level"),
    [
        ("linux", "x86_64", "Linux version 6.1.0 (debian)", "ok"),
        ("linux", "aarch64", "Linux version 6.1.0", "ok"),
        ("darwin", "arm64", "", "ok"),
        ("linux", "riscv64", "Linux version 6.1.0", "warn"),
        ("linux", "x86_64", WSL2, "ok"),
        ("linux", "x86_64", WSL1, "fail"),
        ("win32", "AMD64", "", "fail"),
    ],
)
def test_machine(system: str, architecture: str, kernel: str, level: str) -> None:
    finding = doctor.machine(system, architecture, kernel)
    assert finding.level == level
    assert_cured(finding)


def test_a_course_on_a_windows_disk_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.paths, "ROOT", Path("/mnt/c/Users/me/layerwise"))
    assert doctor.machine("linux", "x86_64", WSL2).level == "warn"


@pytest.mark.parametrize(("free", "level"), [(100e9, "ok"), (5e9, "warn"), (1e9, "fail"), (0, "fail")])
def test_disk(free: float, level: str) -> None:
    assert doctor.disk(Path("/x"), int(free)).level == level


@pytest.mark.parametrize(("total", "level"), [(8e9, "ok"), (2e9, "warn"), (1e9, "fail"), (0, "ok")])
def test_memory(total: float, level: str) -> None:
    assert doctor.memory(int(total)).level == level


@pytest.mark.parametrize(
    ("here", "engine_time", "level"),
    [
        (NOW, "2026-12-01T12:00:02.123456789Z", "ok"),
        (NOW, "2026-12-01T13:00:00.5+01:00", "ok"),
        (NOW, "2026-12-01T11:50:00Z", "warn"),
        (NOW, "2026-12-01T12:00:00+01:00", "warn"),
        (NOW, "", "ok"),
        (NOW, "no time at all", "ok"),
        (NOW - timedelta(days=4000), "2026-12-01T12:00:00Z", "fail"),
    ],
)
def test_clock(here: datetime, engine_time: str, level: str) -> None:
    assert doctor.clock(here, engine_time).level == level


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, []),
        ({"HTTPS_PROXY": "http://proxy:3128"}, ["warn"]),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "example.org"}, ["warn"]),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.org, localhost"}, ["ok"]),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, ["ok"]),
    ],
)
def test_proxies(environ: Mapping[str, str], expected: list[str]) -> None:
    assert levels(list(doctor.proxies(environ))) == expected


def test_a_proxy_that_came_from_windows() -> None:
    environ = {"HTTPS_PROXY": "http://proxy:3128"}
    (here,), (mirrored,) = doctor.proxies(environ, "nat"), doctor.proxies(environ, "mirrored")
    assert "autoProxy" not in here.cure
    assert "autoProxy=false in .wslconfig" in mirrored.cure


def test_certificates(tmp_path: Path) -> None:
    authorities = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate here")
    found = {
        "good": levels(list(doctor.certificates({"SSL_CERT_FILE": authorities}))),
        "missing": levels(list(doctor.certificates({"PIP_CERT": str(tmp_path / "none.pem")}))),
        "empty": levels(list(doctor.certificates({"REQUESTS_CA_BUNDLE": str(empty)}))),
        "unset": levels(list(doctor.certificates({}))),
    }
    assert found == {"good": ["ok"], "missing": ["fail"], "empty": ["fail"], "unset": []}


DESKTOP = {"OperatingSystem": "Docker Desktop", "ServerVersion": "28.0.1", "Driver": "overlay2", "OSType": "linux"}


@pytest.mark.parametrize(
    ("info", "expected", "words"),
    [
        (DESKTOP, ["ok"], "Docker Desktop 28.0.1"),
        ({**DESKTOP, "OSType": "windows"}, ["fail"], "Windows containers"),
        ({"ServerVersion": "19.3.1", "Driver": "overlay2"}, ["fail"], "19.3.1"),
        ({"ServerVersion": "20.10.24", "Driver": "overlay2", "Name": "colima"}, ["ok"], "Colima"),
        ({"ServerVersion": "26.1.5", "Driver": "vfs"}, ["ok", "warn"], "vfs"),
        ({"ServerVersion": "26.1.5", "SecurityOptions": ["name=rootless"]}, ["ok", "warn"], "rootless"),
        (
            {"ServerVersion": "26.1.5", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]},
            ["ok"],
            "containerd image store",
        ),
        (
            {"ServerVersion": "26.1.5", "Warnings": ["API is accessible on tcp without encryption"]},
            ["ok", "warn"],
            "Docker",
        ),
    ],
)
def test_engine_oddities(info: Mapping[str, Any], expected: list[str], words: str) -> None:
    findings = list(doctor.engine_oddities(info))
    assert levels(findings) == expected
    assert words in findings[0].found
    for finding in findings:
        assert_cured(finding)


def test_cgroups() -> None:
    whole = {"MemoryLimit": True, "CpuCfsQuota": True, "PidsLimit": True, "CgroupVersion": "2"}
    assert doctor.cgroups(whole).level == "ok"
    assert "memory" in doctor.cgroups({**whole, "MemoryLimit": False}).found
    assert doctor.cgroups({**whole, "MemoryLimit": False}).level == "warn"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    assert doctor.writable(tmp_path / "not" / "yet").level == "ok"
    assert doctor.writable(Path("/proc/layerwise")).level == "fail"


@pytest.mark.lab
def test_the_trial_builds_pushes_pulls_runs_and_leaves_nothing() -> None:
    env = environment.lab_env()

    def images() -> str:
        # Its own, with a name or without: other tests make images of theirs at the same time.
        argv = ["docker", "image", "ls", "--all", "--quiet", "--no-trunc", "--filter", "label=layerwise=doctor"]
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=True, timeout=60).stdout

    before = images()
    findings = list(smoke_test.trial(env))
    assert [finding.subject for finding in findings] == ["build", "push", "remove", "pull", "run"]
    assert set(levels(findings)) == {"ok"}
    assert images() == before


@pytest.mark.lab
def test_the_trial_says_which_step_fails(tmp_path: Path) -> None:
    nowhere = {**environment.lab_env(), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    findings = list(smoke_test.trial(nowhere))
    assert levels(findings) == ["fail"]
    assert findings[0].subject == "build"
    assert_cured(findings[0])

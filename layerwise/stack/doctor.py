"""Would a lesson work here? Looks at the machine, then builds, pushes, pulls, runs and removes a tiny image.

`examine()` yields findings as they are made, and each that is not `ok` names its cure. The functions that judge
(`machine`, `engine_oddities`, `certificates`, …) take readings, so that tests can give them what cannot be staged.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import ssl
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader.errors import RegistryUnavailable
from grader.facts.build import buildx
from grader.facts.engine.info import OLDEST, EngineInfo, parse_version
from grader.facts.registry.client import Client
from grader.facts.supply.trivy_releases import is_compromised
from grader.lib.units import format_duration, format_size
from layerwise.errors import LabError
from layerwise.stack import engine, environment, paths, state, tools
from layerwise.stack.addresses import AUTH_PORT, REGISTRY_PORT, is_taken
from layerwise.stack.findings import Diagnosis, fail, ok, warn
from layerwise.stack.smoke_test import call, trial

GB = 1_000_000_000
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock that is right shows an earlier time than this."""

JUPYTER_PORT = 8888


def examine() -> Iterator[Diagnosis]:
    """All findings, in the order in which a person would look. Raises nothing for what is wrong: that is a finding."""
    home = paths.home()
    yield from course()
    yield machine(sys.platform, platform.machine(), _read("/proc/version"))
    yield writable(home.path)
    yield disk(home.path, shutil.disk_usage(paths.nearest(home.path)).free)
    yield from proxies(os.environ, _wsl_network())
    yield from certificates(os.environ)
    try:
        env, info = _engine(home)
    except LabError as problem:
        yield fail("engine", str(problem).split("; ")[0], _cure(problem))
        yield from _ports(up=False)
        return
    yield from engine_oddities(info)
    yield cgroups(info)
    yield memory(int(info.get("MemTotal") or 0))
    yield clock(datetime.now(UTC), str(info.get("SystemTime") or ""))
    yield from _tools(env)
    up = state.read(home).engine is not None
    yield from _ports(up)
    if up:
        yield from trial(env)
    else:
        yield fail("trial", "not done: an engine answers, but the lab is not up", "./lab up")


def course() -> Iterator[Diagnosis]:
    """A finding if the course is missing: only a checkout has lessons."""
    if not paths.is_checkout():
        yield fail("course", "only the grader is installed here", "in a clone of the repository, run: ./lab up")


def machine(system: str, architecture: str, kernel: str) -> Diagnosis:
    """The platform and its peculiarities. `kernel` is the text of /proc/version, or empty."""
    found = f"{system} on {architecture}"
    if system == "win32":
        return fail(
            "machine", found, "run the lab inside WSL2 (wsl --install -d Debian), from a folder of its Linux disk"
        )
    if "microsoft" in kernel.lower():
        if "WSL2" not in kernel and "microsoft-standard" not in kernel:
            return fail("machine", f"{found}, WSL1", "WSL1 runs no containers: wsl --set-version DISTRIBUTION 2")
        if str(paths.ROOT).startswith("/mnt/"):
            cure = "clone into your Linux home: builds from /mnt/c are many times slower and lose file modes"
            return warn("machine", f"{found}, WSL2, with the course on a Windows disk", cure)
        return ok("machine", f"{found}, WSL2")
    if architecture not in ("x86_64", "amd64", "arm64", "aarch64"):
        return warn("machine", found, "the course was tried on x86-64 only; lessons should work wherever Docker does")
    return ok("machine", found)


def writable(folder: Path) -> Diagnosis:
    """Whether the lab's folder can be made and written."""
    place = paths.nearest(folder)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x" * 4096)
            file.flush()
        return ok("lab folder", str(folder))
    except OSError as problem:
        return fail("lab folder", f"{place}: {problem.strerror}", "set LAYERWISE_HOME to a folder you can write to")


def disk(folder: Path, free: int) -> Diagnosis:
    """The free bytes in the folder where the lab keeps its images."""
    found = f"{format_size(free)} free at {folder}"
    cure = "free some space (docker builder prune helps), or set LAYERWISE_HOME to another disk"
    if free < 2 * GB:
        return fail("disk", found, cure)
    return warn("disk", found, cure) if free < 6 * GB else ok("disk", found)


def memory(total: int) -> Diagnosis:
    """The engine's memory, in bytes."""
    found = f"{format_size(total)} for the engine"
    cure = "give it 4 GB or more (Docker Desktop: Settings, Resources; Colima: colima start --memory 4)"
    if 0 < total < 1.5 * GB:
        return fail("memory", found, cure)
    return warn("memory", found, cure) if 0 < total < 3 * GB else ok("memory", found)


def clock(here: datetime, engine_time: str) -> Diagnosis:
    """This machine's clock, and how far the engine's is off: in a laptop's virtual machine it drifts during sleep."""
    if here < RELEASED:
        return fail(
            "clock",
            f"this machine's clock says {here:%Y-%m-%d %H:%M} UTC",
            "set the clock: certificates fail with a wrong one",
        )
    match = re.fullmatch(r"(.{19})(?:\.\d+)?(Z|[+-]\d\d:\d\d)", engine_time)
    if not match:
        return ok("clock", f"{here:%Y-%m-%d %H:%M} UTC; the engine does not tell its time")
    apart = abs((here - datetime.fromisoformat(match[1] + match[2])).total_seconds())
    if apart > 30:
        return warn(
            "clock",
            f"the engine's clock is {format_duration(apart)} off",
            "restart the engine (Docker Desktop: quit and start)",
        )
    return ok("clock", f"{here:%Y-%m-%d %H:%M} UTC, the engine agrees")


def proxies(environ: Mapping[str, str], wsl_network: str = "") -> Iterator[Diagnosis]:
    """Whether a proxy would come between docker and the registry on localhost. `wsl_network` is WSL2's networking mode,
    empty elsewhere: when it mirrors Windows's network, it may take over Windows's proxy too."""
    proxy = next(
        (environ[name] for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy") if environ.get(name)), ""
    )
    if not proxy:
        return
    skipped = {host.strip() for name in ("NO_PROXY", "no_proxy") for host in environ.get(name, "").split(",")}
    if skipped & {"*", "localhost", "127.0.0.1"}:
        yield ok("proxy", "set, with an exception for localhost")
    else:
        cure = "export NO_PROXY=localhost,127.0.0.1,::1"
        if wsl_network == "mirrored":
            cure += "; or, as Windows's proxy came with mirrored networking, autoProxy=false in .wslconfig"
        yield warn("proxy", "set, with no exception for localhost", cure)


def certificates(environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    """The private certificate bundles that the environment names: each must exist and hold certificates."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"):
        file = environ.get(name)
        if not file:
            continue
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(cafile=file)
            yield ok("certificates", f"{name}: {len(context.get_ca_certs())} authorities; base images trust them too")
        except (OSError, ssl.SSLError) as problem:
            why = getattr(problem, "strerror", None) or "holds no certificate"
            yield fail("certificates", f"{name} names {file}: {why}", f"correct the path, or unset {name}")


def engine_oddities(info: Mapping[str, Any]) -> Iterator[Diagnosis]:
    """The engine's kind and its peculiarities. `info` is its answer to /info."""
    told = EngineInfo.read(info)
    system, name = str(info.get("OperatingSystem") or ""), str(info.get("Name") or "")
    store = "containerd image store" if told.image_store == "containerd" else f"{told.image_store} store"
    kind = (
        "Docker Desktop" if "Docker Desktop" in system
        else "Colima" if name.startswith("colima")
        else "rootless Docker" if told.rootless
        else "Docker"
    )  # fmt: skip
    found = f"{kind} {told.version}, {store}, {told.architecture}"
    if told.release < OLDEST:
        yield fail("engine", found, "upgrade to 20.10 or later, or: ./lab up --engine embedded")
    elif told.os != "linux":
        yield fail("engine", f"{found}, Windows containers", "Docker Desktop: switch to Linux containers")
    else:
        yield ok("engine", found)
    if told.rootless:
        yield warn("engine", "rootless: uid 0 in a container is your own uid outside", "nothing to do")
    if str(info.get("Driver")) == "vfs":
        cure = "keep the engine's data on ext4 or xfs: vfs copies every layer whole"
        yield warn("engine", "storage driver vfs: slow, and it needs a lot of disk", cure)
    for text in info.get("Warnings") or []:
        if "insecure" in str(text).lower() or "without encryption" in str(text).lower():
            yield warn("engine", str(text)[:200], "let the engine listen on a socket, or protect it with TLS")


def cgroups(info: Mapping[str, Any]) -> Diagnosis:
    """Whether the memory, processors and processes of a container can be limited, as the grader does."""
    names = {"MemoryLimit": "memory", "CpuCfsQuota": "cpu", "PidsLimit": "pids"}
    missing = [word for key, word in names.items() if not info.get(key)]
    found = f"version {info.get('CgroupVersion') or '1'}, driver {info.get('CgroupDriver')}"
    if missing:
        cure = "enable these controllers (rootless: cgroup v2 with systemd delegation), or grade only what you trust"
        return warn("cgroups", f"{found}; no limit on {', '.join(missing)}", cure)
    return ok("cgroups", f"{found}; memory, cpu and pids can be limited")


def _tools(env: Mapping[str, str]) -> Iterator[Diagnosis]:
    """The command-line tools that a lesson calls. Before the lab is up, PATH may have a Trivy that must not run."""
    on_path = shutil.which("trivy", path=env.get("PATH"))
    stolen = on_path is not None and is_compromised(Path(on_path))
    if stolen:
        cure = "remove it, and change every secret it could read"
        yield fail("trivy", f"{on_path} is a release that an attacker published (CVE-2026-33634)", cure)
    wanted = [name for name in tools.COMMANDS if not (stolen and name == "trivy")]
    found = tools.versions(env, wanted)
    lessons = {"trivy": "lesson 07", "cosign": "lesson 08"}
    for name in wanted:
        version = found.get(name, "")
        if not version:
            make, who = (warn, f" ({lessons[name]} needs it)") if name in lessons else (fail, "")
            cure = tools.cure(name, sys.platform)
            yield make(name, f"not found, or it does not run{who}", f"{cure}, then run ./lab up")
        elif name == "buildx" and parse_version(version)[:2] < buildx.OLDEST:
            yield fail(name, version, "0.13 or later is needed: install a newer docker-buildx")
        else:
            origin = f", {tools.origin(env)}" if name == "trivy" else ""
            yield ok(name, f"{version}{origin}")


def _ports(up: bool) -> Iterator[Diagnosis]:
    """The registries' ports: a registry must answer there if the lab is up, and nobody if it is not."""
    for port, wanted in ((REGISTRY_PORT, 200), (AUTH_PORT, 401)):
        subject = f"port {port}"
        answer = _status(port)
        if up and answer == wanted:
            yield ok(subject, "the registry with logins answers" if wanted == 401 else "the registry answers")
        elif up and answer is None and not is_taken(port):
            yield fail(subject, "the registry does not answer", "./lab up starts it again")
        elif up:
            yield fail(subject, "something that is not the lab's registry answers", _port_cure(port))
        elif is_taken(port):
            yield fail(subject, "taken by something else", _port_cure(port))
        else:
            yield ok(subject, "free")

    if not up and is_taken(JUPYTER_PORT):
        yield warn(
            f"port {JUPYTER_PORT}", "taken by something else", f"choose another: ./lab up --port {JUPYTER_PORT + 1}"
        )


def _port_cure(port: int) -> str:
    if sys.platform == "darwin" and port == REGISTRY_PORT:
        return "turn off the AirPlay receiver (System Settings, General, AirDrop & Handoff)"
    return f"find it with: ss -ltnp 'sport = :{port}', and stop it"


def _engine(home: paths.Home) -> tuple[dict[str, str], dict[str, Any]]:
    """The environment of the lab's engine, or of the one that `lab up` would use, and its answer to /info.

    Raises LabError with the cure if no engine answers.
    """
    if state.read(home).engine is not None:
        env = environment.lab_env(home)
    else:
        found = engine.find(os.environ)
        if found is None:
            embedded = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get")
            cure = "./lab up brings one" if embedded else "install Docker: https://docs.docker.com/engine/install/"
            raise LabError(f"{engine.none_answers(os.environ)}; {cure}")
        env = environment.for_engine(home, state.EngineRecord("host", found[0].url, found[0].cert_path))
    status, output = call(["docker", "info", "--format", "{{json .}}"], env)
    start = output.find("{")
    try:
        info = json.loads(output[start:].splitlines()[0]) if start >= 0 else {}
    except ValueError:
        info = {}
    if status != 0 or info.get("ServerErrors") or not info.get("ServerVersion"):
        raise LabError(f"the engine at {env['DOCKER_HOST']} does not answer; ./lab up starts it again")
    return env, info


def _status(port: int) -> int | None:
    """The HTTP status that a registry at that port answers with, None if nothing answers."""
    try:
        return Client(f"localhost:{port}", "").ping(timeout=5.0).status
    except RegistryUnavailable:
        return None


def _wsl_network() -> str:
    """WSL2's networking mode, as its own tool says it (nat, mirrored, ...); empty elsewhere."""
    tool = shutil.which("wslinfo")
    status, output = call([tool, "--networking-mode"], os.environ) if tool else (1, "")
    return output.strip() if status == 0 else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _cure(problem: LabError) -> str:
    return str(problem).partition("; ")[2] or "./lab up"

"""Would a lesson work here? Looks at the machine, then really builds, pushes, pulls, runs and removes a tiny image.

`examine()` yields findings as they are made. Each that is not `ok` names its cure. A finding is made from readings that
a test can give (`machine`, `engine_oddities`, `certificates`, …), so that what cannot be staged is judged all the same.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import socket
import ssl
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grader.stolen import is_stolen
from grader.units import format_duration, format_size
from layerwise.errors import LabError
from layerwise.stack import engine, environment, paths, state, tools
from layerwise.stack.findings import Finding, fail, ok, warn
from layerwise.stack.trial import REGISTRY, call, http_status, trial

GB = 1_000_000_000
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock that is right shows an earlier time than this."""

REGISTRY_WITH_LOGIN = "localhost:5001"
JUPYTER_PORT = 8888


def examine() -> Iterator[Finding]:
    """All findings, in the order a person would look. Never raises for what it finds wrong."""
    home = paths.home()
    yield machine(sys.platform, platform.machine(), _read("/proc/version"))
    yield writable(home.path)
    yield disk(home.path, _free(home.path))
    yield from proxies(os.environ)
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
        yield fail(
            "trial", "an engine answers, but the lab is not up, so no image was built, pushed and run", "./lab up"
        )


def machine(system: str, architecture: str, kernel: str) -> Finding:
    """The platform, and what is peculiar to it. `kernel` is the text of /proc/version, or empty."""
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
        return warn("machine", found, "the course was tried on x86-64 only; lessons should work where Docker does")
    return ok("machine", found)


def writable(folder: Path) -> Finding:
    """Whether the lab's folder can be made and written to."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest) as file:
            file.write(b"x" * 4096)
            file.flush()
        return ok("lab folder", str(folder))
    except OSError as problem:
        return fail("lab folder", f"{nearest}: {problem.strerror}", "set LAYERWISE_HOME to a folder you can write to")


def disk(folder: Path, free: int) -> Finding:
    """Free bytes where the lab keeps its images."""
    found = f"{format_size(free)} free at {folder}"
    cure = "free some space (docker builder prune helps), or set LAYERWISE_HOME to another disk"
    if free < 2 * GB:
        return fail("disk", found, cure)
    return warn("disk", found, cure) if free < 6 * GB else ok("disk", found)


def memory(total: int) -> Finding:
    """Bytes of memory the engine has."""
    found = f"{format_size(total)} for the engine"
    cure = "give it 4 GB or more (Docker Desktop: Settings, Resources; Colima: colima start --memory 4)"
    if 0 < total < 1.5 * GB:
        return fail("memory", found, cure)
    return warn("memory", found, cure) if 0 < total < 3 * GB else ok("memory", found)


def clock(here: datetime, engine_time: str) -> Finding:
    """This machine's clock, and how far the engine's is from it: one in a laptop's virtual machine drifts in sleep."""
    if here < RELEASED:
        return fail("clock", f"it says {here:%Y-%m-%d %H:%M} UTC", "set the clock: certificates fail with a wrong one")
    match = re.fullmatch(r"(.{19})(?:\.\d+)?(Z|[+-]\d\d:\d\d)", engine_time)
    if not match:
        return ok("clock", f"{here:%Y-%m-%d %H:%M} UTC; the engine does not tell its own")
    apart = abs((here - datetime.fromisoformat(match[1] + match[2])).total_seconds())
    if apart > 30:
        return warn(
            "clock",
            f"the engine's is {format_duration(apart)} off",
            "restart the engine (Docker Desktop: quit and start)",
        )
    return ok("clock", f"{here:%Y-%m-%d %H:%M} UTC, the engine agrees")


def proxies(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Proxies that would come between docker and the registry on localhost."""
    proxy = next(
        (environ[name] for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy") if environ.get(name)), ""
    )
    if not proxy:
        return
    skipped = {host.strip() for name in ("NO_PROXY", "no_proxy") for host in environ.get(name, "").split(",")}
    if skipped & {"*", "localhost", "127.0.0.1"}:
        yield ok("proxy", "set, and localhost goes past it")
    else:
        yield warn("proxy", "set, and localhost is not excepted from it", "export NO_PROXY=localhost,127.0.0.1,::1")


def certificates(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Private certificate bundles that are named in the environment: each must be there and hold certificates."""
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


def engine_oddities(info: Mapping[str, Any]) -> Iterator[Finding]:
    """The engine's kind, and what is known to differ with it. `info` is its answer to /info."""
    version, system, name = (str(info.get(key) or "") for key in ("ServerVersion", "OperatingSystem", "Name"))
    drivers = {str(pair[0]): str(pair[1]) for pair in info.get("DriverStatus") or [] if len(pair) == 2}
    store = (
        "containerd image store" if "containerd" in drivers.get("driver-type", "") else f"{info.get('Driver')} store"
    )
    rootless = any("rootless" in str(option) for option in info.get("SecurityOptions") or [])
    kind = (
        "Docker Desktop" if "Docker Desktop" in system
        else "Colima" if name.startswith("colima")
        else "rootless Docker" if rootless
        else "Docker"
    )  # fmt: skip
    found = f"{kind} {version}, {store}, {info.get('Architecture')}"
    if engine.parse_version(version) < engine.OLDEST:
        yield fail("engine", found, "upgrade to 20.10 or later, or: ./lab up --engine embedded")
    elif info.get("OSType", "linux") != "linux":
        yield fail("engine", f"{found}, Windows containers", "Docker Desktop: switch to Linux containers")
    else:
        yield ok("engine", found)
    if rootless:
        yield warn(
            "engine", "rootless: uid 0 in a container is your own uid outside", "lesson 05 explains; nothing to do"
        )
    if str(info.get("Driver")) == "vfs":
        cure = "keep the engine's data on ext4 or xfs: vfs copies every layer whole"
        yield warn("engine", "storage driver vfs: slow, and it needs much disk", cure)
    for text in info.get("Warnings") or []:
        if "insecure" in str(text).lower() or "without encryption" in str(text).lower():
            yield warn("engine", str(text)[:200], "let the engine listen on a socket, or protect it with TLS")


def cgroups(info: Mapping[str, Any]) -> Finding:
    """Whether a container's memory, processors and processes can be limited, as the grader does."""
    names = {"MemoryLimit": "memory", "CpuCfsQuota": "cpu", "PidsLimit": "pids"}
    missing = [word for key, word in names.items() if not info.get(key)]
    found = f"version {info.get('CgroupVersion') or '1'}, driver {info.get('CgroupDriver')}"
    if missing:
        cure = "enable these controllers (rootless: cgroup v2 with systemd delegation), or grade only what you trust"
        return warn("cgroups", f"{found}; no limit on {', '.join(missing)}", cure)
    return ok("cgroups", f"{found}; memory, cpu and pids can be limited")


def _tools(env: Mapping[str, str]) -> Iterator[Finding]:
    """The command-line tools a lesson calls. Before the lab is up, a Trivy on PATH may be one that must not run."""
    on_path = shutil.which("trivy", path=env.get("PATH"))
    stolen = on_path is not None and is_stolen(Path(on_path))
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
            yield make(name, f"not found, or it does not run{who}", f"install {name}, then ./lab up")
        elif name == "buildx" and engine.parse_version(version)[:2] < tools.OLDEST_BUILDX:
            yield fail(name, version, "0.13 or later is needed: install a newer docker-buildx")
        else:
            yield ok(name, version)


def _ports(up: bool) -> Iterator[Finding]:
    """The registries' ports: answered by a registry when the lab is up, free when it is not."""
    for address, wanted in ((REGISTRY, 200), (REGISTRY_WITH_LOGIN, 401)):
        port = int(address.rpartition(":")[2])
        subject = f"port {port}"
        answer = http_status(f"http://{address}/v2/")
        if up and answer == wanted:
            yield ok(subject, "the registry with logins answers" if wanted == 401 else "the registry answers")
        elif up and answer is None and not _listening(port):
            yield fail(subject, "the registry does not answer", "./lab up starts it again")
        elif up:
            yield fail(subject, "something that is not the lab's registry answers", _port_cure(port))
        elif _listening(port):
            yield fail(subject, "taken by something else", _port_cure(port))
        else:
            yield ok(subject, "free")

    if not up and _listening(JUPYTER_PORT):
        yield warn(
            f"port {JUPYTER_PORT}", "taken by something else", f"choose another: ./lab up --port {JUPYTER_PORT + 1}"
        )


def _port_cure(port: int) -> str:
    if sys.platform == "darwin" and port == 5000:
        return "turn off the AirPlay receiver (System Settings, General, AirDrop & Handoff)"
    return f"find it with: ss -ltnp 'sport = :{port}', and stop it"


def _engine(home: paths.Home) -> tuple[dict[str, str], dict[str, Any]]:
    """The environment of the lab's engine, or of the one `lab up` would use, and its answer to /info."""
    if state.read(home).engine is not None:
        env = environment.lab_env(home)
    else:
        found = engine.find(os.environ)
        if found is None:
            embedded = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get")
            cure = "./lab up brings one" if embedded else "install Docker: https://docs.docker.com/engine/install/"
            raise LabError(f"none answers; {cure}")
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


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free(folder: Path) -> int:
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(nearest).free


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _cure(problem: LabError) -> str:
    return str(problem).partition("; ")[2] or "./lab up"

"""The engine that the lab brings along: Debian's dockerd in namespaces of its own, separate from the system.

Everything is in one folder, `Home.engine`: rootfs/, data/ (images, containers, volumes), run/ (socket, daemon.json)
and dockerd.log. The processes have a pid namespace and a mount namespace of their own: when the first process ends, no
other process and no mount is left. They are found by an environment variable that each of them was started with, not
by a file that may be out of date.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from grader.facts.engine.info import EngineInfo
from layerwise.errors import LabError
from layerwise.stack import engine, network, processes, state
from layerwise.stack.paths import Home

MARKER = "LAYERWISE_ENGINE"
SCRIPT = Path(__file__).with_name("embedded_engine.sh")
CGROUP = "layerwise"
START_SECONDS = 60
STOP_SECONDS = 40
LOG_BYTES = 5_000_000
LONGEST_SOCKET = 107
"""Bytes that the path of a Unix socket may have."""
KEPT = [
    {"keepStorage": "0", "filter": ["type=source.local", "unused-for=10m"]},
    {"keepStorage": "10GB", "all": True},
]
"""What stays in the build cache. A grading's copy of a folder is sent to the builder once and never again, and each one
that is kept makes containerd look longer for garbage, which it does whenever an image is removed."""
RESOLVER = "options timeout:2 attempts:5\n"
"""For the engine and its containers: five questions within 10 seconds, where the default is two. `npm ci` looks up
hundreds of names within seconds, and each question that the name server drops then costs 2 seconds instead of 5."""

PASSED_ON = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "all_proxy")
BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
GARBAGE = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""For dockerd and containerd: to collect garbage less often, within bounds. During the tests it was a sixth of their
work."""
SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


def socket_path(home: Home) -> Path:
    """The engine's socket."""
    return home.engine / "run" / "docker.sock"


def endpoint(home: Home) -> engine.Endpoint:
    """The engine's address."""
    return engine.Endpoint(f"unix://{socket_path(home)}", "the lab's own engine", chosen=True)


def record(home: Home) -> state.EngineRecord:
    """The engine as `lab up` remembers it."""
    return state.EngineRecord("embedded", endpoint(home).url)


def log_file(home: Home) -> Path:
    """The engine's log. When it grows past LOG_BYTES a new one begins, and the old one is kept next to it."""
    return home.engine / "dockerd.log"


def pids(home: Home) -> list[int]:
    """All processes of the engine."""
    return processes.with_environment(MARKER, str(home.engine))


def require_alone(home: Home) -> None:
    """Raise LabError if the engine of a lab in another folder runs in this process's network: there is room for one."""
    for pid, folder in processes.environment_values(MARKER):
        if folder != str(home.engine) and processes.shares_network(pid):
            lab = Path(folder).parent
            raise LabError(
                f"another lab is running, in {lab}; stop it with: LAYERWISE_HOME={shlex.quote(str(lab))} ./lab down"
            )


def answers(home: Home, timeout: int = engine.PROBE_SECONDS) -> EngineInfo | None:
    """What the engine says of itself, None if it does not answer."""
    if not socket_path(home).exists():
        return None
    try:
        return engine.probe(endpoint(home), timeout)
    except LabError:
        return None


def start(home: Home, current: state.State, say: Callable[[str], None]) -> EngineInfo:
    """Start the engine, unless it answers already, and wait until it does. Its root filesystem must be ready.

    What it will change on this machine is written to the state first, so that `stop` can undo it even after a kill.
    Raises LabError with the engine's own reason if it does not come up.
    """
    if len(os.fsencode(socket_path(home))) > LONGEST_SOCKET:
        raise LabError(f"the path {home.path} is too long for a socket; set LAYERWISE_HOME to a shorter one")
    base = home.engine / "rootfs"
    refresh(home)
    info = answers(home)
    if info:
        return info
    stop(home, current)
    backend = network.choose_backend(base)
    if not backend:
        raise LabError(
            "the kernel has no iptables NAT (nf_tables or legacy), which a Docker engine needs; use another machine"
        )
    network.clean_up_after_a_lost_engine(base, backend)
    subnet = network.choose_subnet(network.ROUTES.read_text(), current.network.get("subnet", ""))
    if not subnet:
        raise LabError(f"every subnet the engine could use is routed already: {', '.join(network.SUBNETS)}")
    current.network = {**network.before_start(base, backend), "subnet": subnet}
    state.write(home, current)
    for name in ("data", "run"):
        (home.engine / name).mkdir(exist_ok=True)
    try:
        network.make_bridge(base, subnet)
        config = configuration(subnet, network.default_mtu())
        (home.engine / "run" / "daemon.json").write_text(json.dumps(config, indent=2))
        launch(home, backend)
        return wait(home, say)
    except BaseException:
        stop(home, current)
        raise


def configuration(subnet: str, mtu: int) -> dict[str, object]:
    """The configuration of dockerd. Paths are those inside the root filesystem."""
    return {
        "data-root": "/var/lib/docker",
        "exec-root": "/run/docker",
        "pidfile": "/run/docker.pid",
        "hosts": ["unix:///run/layerwise/docker.sock"],
        "group": "root",  # the group named docker has another number on this machine
        "bridge": network.BRIDGE,
        "mtu": mtu,
        "default-address-pools": [{"base": subnet, "size": 24}],
        "cgroup-parent": f"/{CGROUP}",
        "features": {"containerd-snapshotter": True},
        "log-opts": {"max-size": "10m", "max-file": "2"},
        "builder": {"gc": {"enabled": True, "policy": KEPT}},
        "shutdown-timeout": 10,
    }


def refresh(home: Home) -> None:
    """Copy the machine's name servers and certificates into the root filesystem. A running engine sees the change, as
    when the machine joins another network. Raises LabError."""
    etc = home.engine / "rootfs" / "etc"
    resolved = Path("/run/systemd/resolve/resolv.conf")
    try:
        text = Path("/etc/resolv.conf").read_text(errors="replace")
        if "127.0.0.53" in text and resolved.is_file():
            text = resolved.read_text(errors="replace")
        _replace(etc / "resolv.conf", f"{text.rstrip()}\n{RESOLVER}".encode())
        chosen = next(
            (path for name in BUNDLES if (path := Path(os.environ.get(name) or "/none")).is_file()), SYSTEM_BUNDLE
        )
        if chosen.is_file():
            _replace(etc / "ssl" / "certs" / "ca-certificates.crt", chosen.read_bytes())
    except OSError as problem:
        raise LabError(f"cannot write to {etc}: {problem.strerror}") from None


def stop(home: Home, current: state.State, cgroup: str = CGROUP) -> bool:
    """Stop the engine, and undo what it changed on this machine (bridges, firewall rules, forwarding, control groups).

    It is asked to stop, and killed after STOP_SECONDS. Returns whether anything ran.
    """
    running = pids(home)
    first = [pid for pid in running if processes.namespace_pid(pid) == 1]
    processes.send(first, signal.SIGTERM)
    left = processes.wait_gone(running, STOP_SECONDS if first else 0)
    processes.send(left, signal.SIGKILL)
    stuck = processes.wait_gone(left, 10)
    if stuck:
        raise LabError(f"process {stuck[0]} of the engine cannot be ended (a disk that hangs?); see: dmesg | tail")
    if (home.engine / "rootfs").is_dir():
        network.clean(home.engine / "rootfs", home.engine / "data", current.network)
    if "backend" in current.network:
        current.network = {"subnet": current.network.get("subnet", "")}
        state.write(home, current)
    _remove_cgroups(cgroup)
    socket_path(home).unlink(missing_ok=True)
    return bool(running)


def _replace(path: Path, content: bytes) -> None:
    """Write in place, since the file may be mounted elsewhere, and only if it differs."""
    if path.is_symlink():
        path.unlink()
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)


def launch(home: Home, backend: str, *namespaces: str) -> subprocess.Popen[bytes]:
    """Start the engine's processes, and return the one above all others. `namespaces` are further ones it gets, as
    options of unshare(1)."""
    log = log_file(home)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    env |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", MARKER: str(home.engine), **GARBAGE}
    arguments = [str(home.engine / name) for name in ("rootfs", "data", "run")]
    with log.open("ab") as output:
        return subprocess.Popen(
            [
                *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL"),
                *namespaces,
                *("/bin/sh", str(SCRIPT), *arguments, backend),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            cwd="/",
            start_new_session=True,
        )


def wait(home: Home, say: Callable[[str], None]) -> EngineInfo:
    """Wait until the engine answers. Raises LabError with its own reason if it does not within START_SECONDS."""
    say("waiting for the engine to answer")
    deadline = time.monotonic() + START_SECONDS
    pause = 0.05
    while time.monotonic() < deadline:
        info = answers(home)
        if info:
            return info
        time.sleep(pause)
        pause = min(0.5, pause * 1.5)
        if not pids(home):
            break
    raise LabError(f"the engine did not come up: {_reason(home)}; its log: {log_file(home)}")


def _reason(home: Home) -> str:
    """The last complaint in the engine's log."""
    lines = log_file(home).read_text(errors="replace")[-20_000:].splitlines()
    for line in reversed(lines):
        if line.startswith("failed to start daemon") or "level=fatal" in line:
            return re.sub(r".*msg=", "", line)[:300]
    return lines[-1][:300] if lines else "it said nothing"


def _remove_cgroups(name: str) -> None:
    """Remove the engine's control groups, which stay behind empty."""
    top = Path("/sys/fs/cgroup")
    for parent in [top / name, *top.glob(f"*/{name}")]:
        for folder, _, _ in os.walk(parent, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                break

"""Engines for one test run, each in a network of its own.

Two engines in one network write firewall rules for each other's containers, so each of these has a network namespace,
with a line to this machine through which its containers reach the network. The lab's registries are at localhost:5000
and localhost:5001 in there too (`relay`), unless the design says otherwise. A program run by `Isolated.command` sees
the ports that the engine publishes. When an engine ends, everything of it is removed but its root filesystem.
"""

from __future__ import annotations

import ipaddress
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grader.lib import process
from layerwise.errors import LabError
from layerwise.stack import apt, embedded, lock, network, processes, relay, rootfs
from layerwise.stack.addresses import AUTH_PORT, REGISTRY_PORT
from layerwise.stack.paths import Home
from layerwise.stack.state import State

PACKAGES = ("docker.io", "iptables", "iproute2", "procps", "ca-certificates")
LINE = "layerwise-test"
"""This machine's end of the line; the other end is eth0. The name of an interface has at most 15 characters."""
CGROUP = "layerwise-test"
NOWHERE = "http://127.0.0.1:9"
"""A proxy where nobody listens: an engine that has to ask it reaches nothing."""


@dataclass(frozen=True)
class Design:
    """An engine to test on: `system` is what it is made of, `containerd` chooses the image store, and `mirrors` are
    addresses where it looks for images of Docker Hub first. The `ports` of this machine are at localhost in its network
    too. Without `hub` it reaches no registry but at localhost."""

    name: str
    system: rootfs.System
    containerd: bool = False
    mirrors: tuple[str, ...] = ()
    ports: tuple[int, ...] = (REGISTRY_PORT, AUTH_PORT)
    hub: bool = True


@dataclass(frozen=True)
class Isolated:
    """A running engine: its address for DOCKER_HOST, its version, and its network namespace."""

    host: str
    version: str
    namespace: Path

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` in the engine's network."""
        return ["nsenter", f"--net={self.namespace}", *argv]


def place(home: Home, design: Design) -> Home:
    """The folder of an engine: its root filesystem, kept for the next time, and its data while it runs."""
    return Home(home.path / "engines" / design.system.suite)


@contextmanager
def running(home: Home, design: Design, say: Callable[[str], None]) -> Iterator[Isolated]:
    """The engine, with no image and no cache, for as long as the block lasts. Its root filesystem is made the first
    time. Raises LabError, also if another process has it."""
    own = place(home, design)
    with lock.held(own, "test"):
        yield from _running(own, design, say)


def _running(own: Home, design: Design, say: Callable[[str], None]) -> Iterator[Isolated]:
    rootfs.require_possible(own)
    if not rootfs.is_ready(own):
        if missing := apt.missing_for_rootfs():
            apt.install(missing, say)
        rootfs.make(own, say, design.system)
    _remove(own)
    launched = None
    try:
        backend = network.choose_backend(own.engine / "rootfs")
        line, launched = _launch(own, design, backend)
        engine = _reach(own, backend, line, say)
        with relay.running(engine.namespace, design.ports):
            yield engine
    finally:
        _remove(own)
        if launched:
            launched.wait(timeout=10)


def _launch(own: Home, design: Design, backend: str) -> tuple[ipaddress.IPv4Network, subprocess.Popen[bytes]]:
    """Start the engine. Returns the subnet for a line to it, and its first process."""
    line, containers = _subnets(network.ROUTES.read_text())
    for name in ("data", "run"):
        (own.engine / name).mkdir()
    embedded.refresh(own)
    config = embedded.configuration(str(containers), network.default_mtu())
    del config["bridge"]  # its own, then: nobody else is in its network
    config |= {
        "bip": f"{next(containers.hosts())}/24",
        "cgroup-parent": f"/{CGROUP}",
        "features": {"containerd-snapshotter": design.containerd},
        "registry-mirrors": design.mirrors,
    }
    if not design.hub:
        config["proxies"] = {"http-proxy": NOWHERE, "https-proxy": NOWHERE, "no-proxy": "localhost,127.0.0.1"}
    (own.engine / "run" / "daemon.json").write_text(json.dumps(config, indent=2))
    return line, embedded.launch(own, backend, "--net")


def _reach(own: Home, backend: str, line: ipaddress.IPv4Network, say: Callable[[str], None]) -> Isolated:
    """Wait until the engine answers, and set up the line to it."""
    info = embedded.wait(own, say)
    first = next(pid for pid in embedded.pids(own) if processes.namespace_pid(pid) == 1)
    namespace = Path(f"/proc/{first}/ns/net")
    _connect(own.engine / "rootfs", backend, line, first)
    return Isolated(embedded.endpoint(own).url, info.version, namespace)


def _subnets(table: str) -> tuple[ipaddress.IPv4Network, ipaddress.IPv4Network]:
    """A subnet for the line and one for the containers, neither of which overlaps a route of this machine.

    Raises LabError if there are not two.
    """
    taken = [found for _, found in network.routes(table)]
    free = [
        subnet
        for subnet in map(ipaddress.IPv4Network, network.SUBNETS)
        if not any(subnet.overlaps(found) for found in taken)
    ]
    if len(free) < 2:
        raise LabError(f"too few free subnets for another engine; looked at {', '.join(network.SUBNETS)}")
    return free[0], free[1]


def _connect(base: Path, backend: str, subnet: ipaddress.IPv4Network, pid: int) -> None:
    """Set up the line into the network namespace of a process: addresses, a default route, and the firewall rules of
    this machine that let its traffic out. Raises LabError."""
    here, there = list(subnet.hosts())[:2]
    outside = ["chroot", str(base), "/usr/sbin/ip"]
    inside = ["nsenter", f"--target={pid}", "--net", *outside]
    # In its root filesystem and its view of processes, where it is number 1, but on this machine's network.
    between = ["nsenter", f"--target={pid}", "--mount", "--pid", "/usr/sbin/ip"]
    for argv in (
        [*between, "link", "add", LINE, "type", "veth", "peer", "name", "eth0", "netns", "1"],
        [*outside, "address", "add", f"{here}/30", "dev", LINE],
        [*outside, "link", "set", LINE, "mtu", str(network.default_mtu()), "up"],
        [*inside, "link", "set", "lo", "up"],
        [*inside, "address", "add", f"{there}/30", "dev", "eth0"],
        [*inside, "link", "set", "eth0", "mtu", str(network.default_mtu()), "up"],
        [*inside, "route", "add", "default", "via", str(here)],
    ):
        ended = process.run(argv, timeout=30)
        if ended.status != 0:
            why = ended.stderr.decode(errors="replace").strip()[:200]
            raise LabError(f"cannot set up a line to the engine ({' '.join(argv[-6:])}): {why}")
    firewall = network.Firewall(base, backend)
    rules = (
        ("-I", "FORWARD", "-i", LINE, "-j", "ACCEPT"),
        ("-I", "FORWARD", "-o", LINE, "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"),
        ("-t", "nat", "-I", "POSTROUTING", "-s", f"{here}/30", "!", "-o", LINE, "-j", "MASQUERADE"),
    )
    for rule in rules:
        if firewall.run(*rule)[0]:
            raise LabError(f"this machine's firewall refuses the rule: iptables {' '.join(rule)}")


def _remove(own: Home) -> None:
    """End the engine and remove what it left; also that of a run that was killed."""
    rootfs.sweep(own)
    embedded.stop(own, State(), CGROUP)
    base = own.engine / "rootfs"
    network.delete_link(base, LINE)
    firewall = network.Firewall(base, network.choose_backend(base))
    for table in ("filter", "nat"):
        for rule in network.removals(firewall.rules(table), {LINE}, "", shared=True):
            firewall.run("-t", table, *rule)
    for name in ("data", "run"):
        if (own.engine / name).exists():
            shutil.rmtree(own.engine / name)
